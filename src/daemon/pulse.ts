/**
 * The pulse of an attempt: says that it gets on, and asks now and then whether it is still wanted, for an order to end it
 * may have been lost on the way. One that is not is cancelled.
 */
import { attemptAskMs } from '../protocol/limits.ts'
import type { AttemptRecord } from './attempts.ts'
import type { DaemonClock } from './clock.ts'
import type { Ending } from './ending.ts'
import type { Reports } from './reports.ts'

export interface Pulse {
  /** There was output, or the task said something. */
  progress: (text?: string) => void
  stop: () => void
}

export const openPulse = (record: AttemptRecord, reports: Reports, clock: DaemonClock, ending: Ending): Pulse => {
  const heed = (wanted: boolean): void => {
    if (!wanted) ending.end('cancel')
  }
  const askLater = () =>
    clock.after(attemptAskMs, () => {
      asking = askLater()
      void reports.ask(record).then(heed)
    })
  let asking = askLater()
  return {
    progress: (text) => void reports.progress(record, text).then(heed),
    stop: () => asking.cancel(),
  }
}
