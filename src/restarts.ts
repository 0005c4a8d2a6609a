/** Whether a thread that has ended is started again, and when: one that ends again and again takes its node with it. */
import { codes, WritError } from './protocol/errors.ts'
import { threadEndsMax, threadRestartMaxMs, threadRestartMs, threadSettledMs } from './protocol/limits.ts'

export interface End {
  /** Which of the node's threads. */
  index: number
  /** How long it had worked, in ms; 0 when it did not come to that. */
  workedMs: number
  /** Why it could not start, or was refused; null when it just ended. */
  error: unknown
  /** It ended at a message, of which a try is counted: there are only so many of these. */
  isCounted?: boolean
}

export class Restarts {
  /** Ends in a row of each thread, none of which had worked for long; and how many of them speak against its node. */
  readonly #ends = new Map<number, { ends: number; faults: number }>()

  /** How many ms to wait before the next start. Throws when there is to be none: why the node cannot go on. */
  after({ index, workedMs, error, isCounted = false }: End): number {
    const before = workedMs >= threadSettledMs ? undefined : this.#ends.get(index)
    const isPassing = error instanceof WritError && codes[error.code].retry
    if (error instanceof WritError && !isPassing && error.code !== 'INTERNAL') throw error
    // A server that is away is waited for, however long; and a message at which threads end is parked in the end.
    const isFault = !isPassing && !isCounted
    const ends = (before?.ends ?? 0) + 1
    const faults = (before?.faults ?? 0) + Number(isFault)
    this.#ends.set(index, { ends, faults })
    if (isFault && faults > threadEndsMax) throw tooMany(faults, error)
    return Math.min(threadRestartMaxMs, threadRestartMs * 2 ** (ends - 1))
  }
}

const tooMany = (ends: number, cause: unknown): WritError =>
  new WritError(
    'INTERNAL',
    `a thread has ended ${ends} times in a row, and never worked for ${threadSettledMs / 1000} s: the node ends`,
    { hint: 'the log says why it ended each time; what the node held is taken over by others', cause },
  )
