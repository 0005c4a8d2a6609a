/** What daemons report of attempts: counted only for the open attempt and its own session; everything gets its receipt. */
import type { Message } from '../machines/message.ts'
import { actorKey, directiveOf, readTaskId } from '../protocol/ids.ts'
import type { Receipt, Report } from '../protocol/task.ts'
import type { AttemptRow } from './ports/rows.ts'
import { verdictReading } from './readings.ts'
import type { Turn } from './turn.ts'

export type Ending = 'done' | 'failed'

const receipt = (counted: boolean): Receipt => ({ received: true, counted })

/** Late, forged and repeated reports change nothing (R43); the receipt says that they do not count. */
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
  if (attempt === null || !isFrom(attempt, daemon, report)) return receipt(false)
  turn.tell(attempt.actor, await messageOf(turn, attempt, verb, report), `daemon ${daemon}`)
  await turn.run()
  return receipt(true)
}

const isFrom = (
  attempt: AttemptRow,
  daemon: string,
  report: { attempt: number; nonce: string; session: string },
): boolean =>
  attempt.attempt === report.attempt &&
  attempt.nonce === report.nonce &&
  attempt.daemon === daemon &&
  attempt.session === report.session

const messageOf = async (turn: Turn, attempt: AttemptRow, verb: Ending, report: Report[Ending]): Promise<Message> => {
  const stamp = { attempt: attempt.attempt, nonce: attempt.nonce }
  if (verb === 'failed') {
    const { reason, means } = report as Report['failed']
    return { type: 'task.failed', ...stamp, reason, means }
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
