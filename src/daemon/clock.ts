/** Time as the daemon's client sees it: real in a daemon, simulated in the simulator. */

/** A timer that was set. */
export interface Alarm {
  cancel: () => void
}

export interface DaemonClock {
  /** In ms, and never set back: for waits and ages. */
  monotonic: () => number
  /** Calls once, after at least `ms`. */
  after: (ms: number, call: () => void) => Alarm
  /** The time of day in ms since 1970: for records. */
  now: () => number
}

export const realClock: DaemonClock = {
  monotonic: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return { cancel: () => clearTimeout(timer) }
  },
  now: () => Date.now(),
}

/** Resolves after so many ms, and at once when one of the signals is aborted. */
export const pause = (clock: DaemonClock, ms: number, ...signals: readonly AbortSignal[]): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      alarm.cancel()
      for (const signal of signals) signal.removeEventListener('abort', end)
      resolve()
    }
    const alarm = clock.after(ms, end)
    for (const signal of signals) signal.addEventListener('abort', end, { once: true })
    if (signals.some(({ aborted }) => aborted)) end()
  })

/** Waits until it is done, but no longer than so many ms. */
export const within = async (clock: DaemonClock, ms: number, doing: Promise<unknown>): Promise<void> => {
  const over = new AbortController()
  await Promise.race([doing, pause(clock, ms, over.signal)]).finally(() => over.abort())
}
