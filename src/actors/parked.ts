/**
 * A parked actor takes nothing, but what its daemon does comes to an end (DESIGN 8): the attempt is told to stop and is
 * closed in its stead, the grant goes back, and what the actor was told waits in its mailbox for the day that it is mended.
 */
import type { Message } from '../machines/message.ts'
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, actorKey, directiveOf, readKey, readStepId } from '../protocol/ids.ts'
import { askAttempt, closeAttempt } from './attempt.ts'
import type { Memory, Resident } from './memory.ts'
import type { AttemptRow } from './ports/rows.ts'
import type { Turn } from './turn.ts'

export const parkedError = ({ row, parked }: Resident): WritError =>
  new WritError('PARKED', `${row.kind} ${row.id} is parked: ${parked ?? 'its machine is unknown here'}`, {
    hint: `once the reason is gone: writ directive mend ${directiveOf(row.id)}`,
  })

const openOf = async (turn: Turn, key: ActorKey): Promise<AttemptRow | undefined> => {
  const { owner, id } = readKey(key)
  await turn.host.loader.desk(actorKey(owner, directiveOf(id)))
  return [...turn.host.memory.attempts.values()].find(({ actor }) => actor === key)
}

/** Its daemon is told to stop what it does for it. */
export const stopParked = async (turn: Turn, key: ActorKey): Promise<void> => {
  const attempt = await openOf(turn, key)
  if (attempt !== undefined && attempt.asked !== 'cancel') askAttempt(turn, attempt, 'cancel')
}

const closedAs = { 'task.done': 'done', 'task.failed': 'failed', 'task.lost': 'lost' } as const

/** What the message would have made the actor do with its open attempt. The actor itself does the rest when it is mended. */
export const closeForParked = async (turn: Turn, key: ActorKey, message: Message): Promise<void> => {
  if (message.type !== 'task.done' && message.type !== 'task.failed' && message.type !== 'task.lost') return
  const attempt = await openOf(turn, key)
  const directive = attempt === undefined ? null : await turn.host.loader.directive(attempt.directive)
  if (attempt?.attempt !== message.attempt || attempt.nonce !== message.nonce || directive === null) return
  const { owner, id } = readKey(key)
  await closeAttempt(
    turn,
    { key, owner, id, step: readStepId(id)?.index ?? null, directive },
    {
      kind: 'closed',
      number: attempt.number,
      attempt: attempt.attempt,
      grant: attempt.grant,
      as: closedAs[message.type],
      suspect: message.type === 'task.lost',
      reason: 'reason' in message ? message.reason : '',
      result: message.type === 'task.done' ? message.result : null,
      commit: message.type === 'task.done' ? message.commit : null,
    },
  )
}

/** A directive and its steps are parked no more: what waits for them is taken, and tried again as often as at first. */
export const mendDirective = (turn: Turn, key: ActorKey): void => {
  const { memory } = turn.host
  for (const [actor, resident] of mendable(memory, key)) memory.set(memory.actors, actor, resident)
  turn.draft.mended.push(key)
}

/** The commit has held: what was read of the directive's steps while it was under way may still say that they are parked. */
export const mended = (memory: Memory, key: ActorKey): void => {
  for (const [actor, resident] of mendable(memory, key)) memory.actors.set(actor, resident)
}

const mendable = ({ actors }: Memory, key: ActorKey): [ActorKey, Resident][] =>
  [...actors].flatMap(([actor, resident]): [ActorKey, Resident][] => {
    const isOf = actor === key || resident.row.directive === key
    return isOf && resident.parked !== null && resident.live !== null ? [[actor, { ...resident, parked: null }]] : []
  })
