/** Ctrl-C and its like, counted: the first asks to stop in order, the second to stop at once. */

const asked = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What is thrown through a command that a person has interrupted. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted')
    this.name = 'Interrupted'
  }
}

const endNow = (): never => process.exit(130)

/** How many listen at this moment. */
let listeners = 0

/** Before a command listens itself, and once it does no more: the exit code is the same at every moment. */
export const endOnSignals = (): void => {
  for (const signal of asked) {
    process.on(signal, () => {
      tell(signal)
      if (listeners === 0) endNow()
    })
  }
}

/** `npm start` hears a signal too, and hands on only what did not come here by itself. */
const tell = (signal: NodeJS.Signals): void => {
  process.send?.({ signal }, undefined, undefined, () => undefined)
}

/** Calls `take` with 1, 2, … as signals come; the returned function stops listening. */
export const onSignals = (take: (count: number) => void): (() => void) => {
  let count = 0
  const heard = (): void => take(++count)
  listeners++
  for (const signal of asked) process.on(signal, heard)
  return () => {
    listeners--
    for (const signal of asked) process.off(signal, heard)
  }
}

/** Runs something with a signal that is aborted at the first Ctrl-C; at the second, `force` is called. */
export const interruptible = async <T>(
  run: (signal: AbortSignal) => Promise<T>,
  force: () => void = endNow,
): Promise<T> => {
  const controller = new AbortController()
  const dispose = onSignals((count) => (count === 1 ? controller.abort() : force()))
  try {
    return await run(controller.signal)
  } finally {
    dispose()
  }
}

/** Resolves at the first Ctrl-C. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })

/** Throws Interrupted at the first Ctrl-C: what is under way may take its time to give up, and a person does not wait for that. */
export const interrupted = async (signal: AbortSignal): Promise<never> => {
  await aborted(signal)
  throw new Interrupted()
}
