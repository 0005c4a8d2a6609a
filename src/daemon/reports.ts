/**
 * Delivers reports until the receipt is there: a holder that is away, moves or restarts costs time, never an outcome.
 * An error that speaks of the report itself (the attempt is not open, the input is refused) is final like a receipt.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Code } from '../protocol/errors.ts'
import { WritError } from '../protocol/errors.ts'
import type { AttemptRecord, Outcome } from './attempts.ts'
import { failed } from './attempts.ts'
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
  /** Says that an attempt gets on, unless that was said just now. Lost ones are not repeated. */
  progress: (record: AttemptRecord, text?: string) => void
}

export const openReports = (wire: Wire, log: Log, stopped: AbortSignal): Reports => {
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
        await sleep(waitMs, undefined, { signal: stopped })
      }
    }
  }
  const progress = (record: AttemptRecord, text?: string): void => {
    if (Date.now() - (progressed.get(record) ?? 0) < progressMs) return
    progressed.set(record, Date.now())
    const { attempt, nonce, session } = record
    const body = { attempt, nonce, session, ...(text === undefined ? {} : { text: text.slice(0, 4096) }) }
    wire.report(record.address, 'progress', body).catch((error: unknown) => {
      log.debug({ task: record.task, attempt, error: String(error) }, 'a report of progress was lost')
    })
  }
  return { deliver, progress }
}
