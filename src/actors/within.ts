/** Waits for something, but no longer than so many ms: it goes on by itself then. Rejects as it does. */
import type { Clock } from './ports/clock.ts'

export const within = (clock: Clock, ms: number, doing: Promise<unknown>): Promise<void> =>
  new Promise((resolve, reject) => {
    const alarm = clock.after(ms, resolve)
    doing
      .finally(() => alarm.cancel())
      .then(() => resolve())
      .catch(reject)
  })
