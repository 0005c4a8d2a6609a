/**
 * Delivers reports until the receipt is there: a holder that is away, moves or restarts costs time, never an outcome.
 * An error that speaks of the report itself (the attempt is not open, the input is refused) is final like a receipt.
 */
import type { Code } from '../protocol/errors.ts'
import { WritError } from '../protocol/errors.ts'
import type { AttemptRecord, Outcome } from './attempts.ts'
import { failed } from './attempts.ts'
import type { DaemonClock } from './clock.ts'
import { pause } from './clock.ts'
import type { Log } from './log.ts'
import type { Wire } from './wire.ts'

/** Between two tries, in ms. */
const [backoffMinMs, backoffMaxMs] = [200, 5000]
/** Progress is reported at most this often, in ms. */
const progressMs = 5000

const final: ReadonlySet<Code> = new Set<Code>(['STALE', 'NOT_FOUND', 'REFUSED', 'CONFLICT'])
const malformed: ReadonlySet<Code> = new Set<Code>(['BAD_INPUT', 'TOO_LARGE'])

export interface Reports {
  /** Resolves with what became of the outcome; rejects only when `stopped` was aborted first. */
  deliver: (record: AttemptRecord, outcome: Outcome) => Promise<NonNullable<AttemptRecord['receipt']>>
  /** Says that an attempt gets on, unless that was said just now. Lost ones are not repeated. Answers as `ask` does. */
  progress: (record: AttemptRecord, text?: string) => Promise<boolean>
  /** Whether an attempt is still wanted. No answer is a yes. */
  ask: (record: AttemptRecord) => Promise<boolean>
}

export const openReports = (wire: Wire, clock: DaemonClock, log: Log, stopped: AbortSignal): Reports => {
  const progressed = new WeakMap<AttemptRecord, number>()
  const send = async (record: AttemptRecord, { verb, body }: Outcome) => {
    const { attempt, nonce, session } = record
    const receipt = await wire.report(record.address, verb, { attempt, nonce, session, ...body })
    return receipt.counted ? ('counted' as const) : ('stale' as const)
  }
  const deliver = async (record: AttemptRecord, outcome: Outcome): Promise<NonNullable<AttemptRecord['receipt']>> => {
    for (let waitMs = backoffMinMs; ; waitMs = Math.min(backoffMaxMs, 2 * waitMs)) {
      try {
        return await send(record, outcome)
      } catch (error) {
        const code = error instanceof WritError ? error.code : 'INTERNAL'
        log.warn(
          { task: record.task, attempt: record.attempt, verb: outcome.verb, code, error: String(error) },
          'a report has no receipt',
        )
        if (final.has(code)) return code === 'STALE' || code === 'NOT_FOUND' ? 'stale' : 'refused'
        if (malformed.has(code) && outcome.verb === 'done') {
          return deliver(record, failed(`its report was refused: ${String(error)}`, false))
        }
        if (malformed.has(code)) return 'refused'
        await pause(clock, waitMs, stopped)
        stopped.throwIfAborted()
      }
    }
  }
  const isWanted = async (record: AttemptRecord, verb: 'accepted' | 'progress', more: object): Promise<boolean> => {
    const { task, address, attempt, nonce, session } = record
    try {
      return (await wire.report(address, verb, { attempt, nonce, session, ...more })).counted
    } catch (error) {
      log.debug({ task, attempt, error: String(error) }, `a report of ${verb} was lost`)
      return true
    }
  }
  const progress = async (record: AttemptRecord, text?: string): Promise<boolean> => {
    const now = clock.monotonic()
    if (now - (progressed.get(record) ?? -progressMs) < progressMs) return true
    progressed.set(record, now)
    return isWanted(record, 'progress', text === undefined ? {} : { text: text.slice(0, 4096) })
  }
  return { deliver, progress, ask: (record) => isWanted(record, 'accepted', {}) }
}
