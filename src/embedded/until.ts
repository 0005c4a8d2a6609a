/** Waiting for a condition of the world outside (a process that ends, a server that answers) that nobody announces. */
import { setTimeout as delay } from 'node:timers/promises'

export interface Patience {
  withinMs: number
  everyMs?: number
  /** When this resolves, there is nothing to wait for any more. */
  unless?: Promise<unknown>
}

/** Calls `look` again and again until it gives something; undefined when the time is over, or `unless` came first. */
export async function until<T>(
  look: () => T | undefined | Promise<T | undefined>,
  { withinMs, everyMs = 20, unless }: Patience,
): Promise<T | undefined> {
  const deadline = performance.now() + withinMs
  const hopeless = new AbortController()
  void unless?.then(() => hopeless.abort())
  while (!hopeless.signal.aborted) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() >= deadline) return undefined
    await delay(everyMs)
  }
  return undefined
}
