/** The parts of a composition that have been started, and how each is stopped: in the opposite order, each once. */
import { setTimeout as delay } from 'node:timers/promises'

interface Part {
  name: string
  stop: (force: boolean) => Promise<void> | void
}

/** How long a forced stop waits for all parts together, in ms. */
const forcedWithinMs = 10_000

export class Parts {
  readonly #parts: Part[] = []

  add(name: string, stop: Part['stop']): void {
    this.#parts.push({ name, stop })
  }

  /** Stops part by part; the first failure is thrown once all have had their turn. */
  async stop(): Promise<void> {
    const failures: unknown[] = []
    for (let part = this.#parts.at(-1); part !== undefined; part = this.#parts.at(-1)) {
      try {
        await part.stop(false)
      } catch (error) {
        failures.push(error)
      }
      this.#parts.splice(this.#parts.indexOf(part), 1)
    }
    if (failures.length > 0) throw failures[0]
  }

  /** Stops all that are left at once, also those that an ordinary `stop` is waiting for. Never throws, never hangs. */
  async force(): Promise<void> {
    const ends = this.#parts.toReversed().map(async ({ stop }) => stop(true))
    const patience = new AbortController()
    const tooLong = delay(forcedWithinMs, undefined, { signal: patience.signal }).catch(() => undefined)
    await Promise.race([Promise.allSettled(ends), tooLong])
    patience.abort()
  }
}
