/**
 * A parked actor takes nothing, but what its daemon does comes to an end (DESIGN 8): the attempt is told to stop and is
 * closed in its stead, the grant goes back, and what the actor was told waits in its mailbox for the day that it is mended.
 */
import type { Message } from '../machines/message.ts'
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, actorKey, directiveOf, readKey, readStepId } from '../protocol/ids.ts'
import { messageId } from '../protocol/parked.ts'
import { askAttempt, closeAttempt } from './attempt.ts'
import type { Memory, Resident } from './memory.ts'
import type { AttemptRow } from './ports/rows.ts'
import type { FromRegistry } from './granting.ts'
import type { Turn } from './turn.ts'

export const parkedError = ({ row, isForeign, parked }: Resident): WritError =>
  new WritError('PARKED', `${row.kind} ${row.id} is parked: ${parked ?? 'its machine is unknown here'}`, {
    hint:
      isForeign === true
        ? 'it goes on by itself on a node that knows its machine: start one of the version of Writ that made it'
        : `once the reason is gone: writ directive mend ${directiveOf(row.id)}, or writ parked retry ${row.id} for it alone`,
  })

/** What it was told before comes first. That passes by itself; or it is parked, and waits for a person. */
export const waitsError = (to: ActorKey, parked: ReadonlySet<number> = new Set()): WritError => {
  const { id } = readKey(to)
  const [oldest] = parked
  if (oldest === undefined)
    return new WritError('BUSY', `what was told ${id} before is still under way`, { hint: 'ask again' })
  const message = messageId(id, oldest)
  return new WritError('PARKED', `what was told ${id} before is parked, as ${message}`, {
    hint: `writ parked show ${message} says why; once the reason is gone: writ parked retry ${message} (or drop it, where nobody would wait for it for ever), and ask again`,
  })
}

/** The fault is the actor's own, and not of whoever told it something. */
export class Faulty extends Error {
  override readonly name = 'Faulty'
  readonly actor: ActorKey
  /** Whether it brings its actor nearer to being parked. */
  counts = true

  constructor(actor: ActorKey, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.actor = actor
  }
}

/** Units from here on find it parked, as those after the commit do. */
export const park = async (turn: Turn, key: ActorKey, reason: string): Promise<void> => {
  const { memory, log } = turn.host
  const resident = memory.actors.get(key)
  if (resident === undefined || resident.parked !== null) return
  log.error({ actor: key, reason }, 'parked')
  turn.draft.faulted.push({ key, reason })
  turn.draft.shards.add(resident.row.shard)
  memory.set(memory.actors, key, { ...resident, parked: reason })
  memory.set(memory.parking, key, reason)
  const { owner, id } = readKey(key)
  turn.desks.add(actorKey(owner, directiveOf(id)))
  await stopParked(turn, key)
}

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

/**
 * A directive and its steps are parked no more, from the commit on: what waits for them is taken, in its order, and tried
 * again as often as at first; the desk asks for what was passed over.
 */
export const mendDirective = (turn: Turn, key: ActorKey): void => {
  turn.draft.mended.push(key)
  const look: FromRegistry = { type: 'desk.look' }
  turn.post(key, look, 'mend')
}

/** Of one actor, the same. */
export const unfaulted = (memory: Memory, key: ActorKey): void => {
  memory.era++
  const resident = memory.actors.get(key)
  if (resident?.live != null) goesOn(memory, resident)
}

/** But for what has parked it since: a commit that is yet to hold. */
const goesOn = (memory: Memory, resident: Resident): void => {
  const { key } = resident.row
  memory.actors.set(key, { ...resident, parked: memory.parking.get(key) ?? null })
}

/** The commit has held. What is being read meanwhile is read again: it may still say that they are parked. */
export const mended = (memory: Memory, key: ActorKey): void => {
  memory.era++
  for (const [actor, resident] of memory.actors) {
    const isOf = actor === key || resident.row.directive === key
    if (isOf && resident.parked !== null && resident.live !== null) goesOn(memory, resident)
  }
}
