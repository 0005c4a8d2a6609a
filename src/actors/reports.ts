/** What daemons report of attempts: counted only for the open attempt and its own session; everything gets its receipt. */
import type { Message } from '../machines/message.ts'
import { actorKey, directiveOf, readTaskId } from '../protocol/ids.ts'
import type { Receipt, Report } from '../protocol/task.ts'
import { putAttempt } from './attempt.ts'
import { contentHash } from './content-hash.ts'
import { attemptKey } from './memory.ts'
import type { AttemptRow, Reported } from './ports/rows.ts'
import { verdictReading } from './readings.ts'
import type { Turn } from './turn.ts'

export type Ending = 'done' | 'failed'

const receipt = (counted: boolean): Receipt => ({ received: true, counted })

/** What a report and an attempt are told apart by. */
type Stamped = Pick<AttemptRow, 'attempt' | 'nonce' | 'session'>

/**
 * Forged and repeated reports change nothing; one that comes late is kept beside its attempt (R43). The receipt says whether
 * the report counted, and says so again when it is asked for again.
 */
export const takeReport = async <V extends Ending>(
  turn: Turn,
  owner: string,
  task: string,
  daemon: string,
  verb: V,
  report: Report[V],
): Promise<Receipt> => {
  const read = readTaskId(task)
  if (read?.kind !== 'task') return receipt(false)
  const directive = actorKey(owner, directiveOf(read.actor))
  const attempt = await turn.host.loader.attempt(directive, owner, task)
  if (attempt?.attempt !== report.attempt) return takeLate(turn, owner, task, daemon, verb, report)
  if (!isFrom(attempt, daemon, report)) return receipt(false)
  turn.tell(attempt.actor, await messageOf(turn, attempt, verb, report), `daemon ${daemon}`)
  await turn.run()
  const closed = turn.draft.attempts.get(attemptKey(attempt)) ?? attempt
  const reported: Reported = { verb, digest: digestOf(verb, report), counted: true, at: turn.host.now() }
  if (closed.closedAt !== null) putAttempt(turn, { ...closed, reported: JSON.stringify(reported) })
  return receipt(true)
}

const takeLate = async <V extends Ending>(
  turn: Turn,
  owner: string,
  task: string,
  daemon: string,
  verb: V,
  report: Report[V],
): Promise<Receipt> => {
  const of = { owner, task, attempt: report.attempt }
  const closed = await turn.host.loader.closed(owner, task, report.attempt)
  if (closed === null || !isFrom({ ...closed, attempt: report.attempt }, daemon, report)) return receipt(false)
  if (closed.reported !== null) {
    const said: Reported = JSON.parse(closed.reported)
    return receipt(said.counted && said.digest === digestOf(verb, report))
  }
  const { result, commit, reason } = report as Partial<Report['done'] & Report['failed']>
  const brought = { ...(result && { result }), ...(commit && { commit }), ...(reason && { reason }) }
  const digest = digestOf(verb, report)
  const reported = JSON.stringify({ verb, digest, counted: false, at: turn.host.now(), ...brought } satisfies Reported)
  turn.host.memory.set(turn.host.memory.closed, attemptKey(of), { ...closed, reported })
  turn.draft.late.push({ ...of, reported })
  return receipt(false)
}

const digestOf = (verb: Ending, report: object): string => contentHash([verb, report])

const isFrom = (attempt: Stamped & { daemon: string }, daemon: string, report: Stamped): boolean =>
  attempt.attempt === report.attempt &&
  attempt.nonce === report.nonce &&
  attempt.daemon === daemon &&
  attempt.session === report.session

const messageOf = async (turn: Turn, attempt: AttemptRow, verb: Ending, report: Report[Ending]): Promise<Message> => {
  const stamp = { attempt: attempt.attempt, nonce: attempt.nonce }
  if (verb === 'failed') {
    const { reason, means } = report as Report['failed']
    // Of an attempt that was told to stop, ending is not a fault of the work.
    return { type: 'task.failed', ...stamp, reason, means: means || attempt.asked === 'cancel' }
  }
  const { result, commit, verdict, merge } = report as Report['done']
  const task = await turn.host.loader.task(attempt.owner, attempt.task)
  const reading = task === null ? {} : await verdictReading(turn.host, task, verdict)
  return {
    type: 'task.done',
    ...stamp,
    result: result ?? null,
    commit: commit ?? null,
    ...reading,
    ...(merge === undefined ? {} : { merge }),
  }
}
