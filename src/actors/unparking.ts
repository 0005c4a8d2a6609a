/**
 * A person decides about what is parked: it is tried again, or a message is dropped. Whoever would wait for what a dropped
 * message said is told, or the drop is refused: nothing waits for what cannot come.
 */
import { hasEnded, isEnding, type Live, statusOf } from '../machines/advance.ts'
import type { Message } from '../machines/message.ts'
import { WritError } from '../protocol/errors.ts'
import {
  type ActorKey,
  actorKey,
  addressOf,
  directiveKeyOf,
  kindOf,
  readKey,
  registryId,
  shardOfKey,
} from '../protocol/ids.ts'
import { droppedEvent, messageId, readMessageId, type Unpark, type Unparked } from '../protocol/parked.ts'
import { recordFor } from './apply.ts'
import { takeFromRegistry } from './desk-mail.ts'
import { type FromRegistry, post } from './granting.ts'
import { isInOrder } from './in-order.ts'
import { parkedError } from './parked.ts'
import { readBody, typeOf } from './parked-views.ts'
import type { Resident } from './memory.ts'
import type { StoppedMessage } from './ports/parked-rows.ts'
import type { ToRegistry } from './settle.ts'
import type { Turn } from './turn.ts'

/** In the turn of the shard of what it is about. Throws NOT_FOUND, PARKED, REFUSED. */
export const unpark = async (turn: Turn, owner: string, { id, why, by }: Unpark): Promise<Unparked> => {
  const read = readMessageId(id)
  if (read === null && why === null) return retryActor(turn, actorKey(owner, id))
  if (read === null && (await turn.host.loader.actor(actorKey(owner, id)))?.parked == null) throw noParked(id)
  if (read === null)
    throw new WritError('BAD_INPUT', `${id} is an actor, and only a message can be dropped`, {
      hint: `writ parked show ${id} names the message that it failed at`,
    })
  const stopped = await turn.host.store.stopped(owner, read.message)
  if (stopped === null || messageId(readKey(stopped.actor).id, read.message) !== id) throw noParked(id)
  const one = { ...stopped, id, message: read.message }
  if (why !== null) return drop(turn, one, { why, by })
  return one.waits ? retryActor(turn, one.actor) : retryMessage(turn, one)
}

interface Stopped extends StoppedMessage {
  id: string
  message: number
}

export const noParked = (id: string): WritError =>
  new WritError('NOT_FOUND', `nothing that is called ${id} is parked`, { hint: 'writ parked list shows what is' })

const answer = (id: string, actor: ActorKey, told: string): Unparked => {
  const key = readKey(actor)
  return { parked: { id }, actor: { id: key.id, address: addressOf(key.owner, key.id) }, told }
}

/** What waits for it is taken, in its order; its desk asks for what was passed over. */
const retryActor = async (turn: Turn, key: ActorKey): Promise<Unparked> => {
  const { id } = readKey(key)
  const resident = await turn.host.loader.actor(key)
  if (resident?.parked == null) throw noParked(id)
  goOn(turn, resident)
  return answer(id, key, `${id} takes what waits for it`)
}

const goOn = (turn: Turn, resident: Resident): void => {
  const { key, shard, kind } = resident.row
  // One whose machine is unknown comes back by itself, on a node that knows it.
  if (resident.live === null) throw parkedError(resident)
  turn.draft.unfaulted.push(key)
  turn.draft.shards.add(shard)
  const look: FromRegistry = { type: 'desk.look' }
  if (kind !== 'registry') turn.post(directiveKeyOf(key), look, 'mend')
}

const leave = (turn: Turn, { actor, message }: Stopped, back: boolean): void => {
  const shard = shardOfKey(actor)
  turn.draft.shards.add(shard)
  turn.draft.unparked.push({ message, actor, shard, back })
}

/** It goes back to its place; what is said anew instead is not taken any more. */
const retryMessage = (turn: Turn, one: Stopped): Unparked => {
  if (isOutdated(one)) return askAnew(turn, one)
  leave(turn, one, true)
  return answer(one.id, one.actor, `it is in the mailbox of ${readKey(one.actor).id} again, at its place`)
}

/** What a directive lacks and holds it may have told its registry anew since: an old word must not win over that, nor change what it was told of. */
const isOutdated = ({ actor, body }: Stopped): boolean =>
  kindOf(readKey(actor).id) === 'registry' && ['need', 'release', 'holding'].includes(typeOf(readBody(body)) ?? '')

const askAnew = (turn: Turn, one: Stopped): Unparked => {
  leave(turn, one, false)
  audit(turn, one)
  const look: FromRegistry = { type: 'desk.look', anew: true }
  turn.post(one.from as ActorKey, look, 'mend')
  return answer(one.id, one.actor, `${shown(one)} tells the registry anew what it needs`)
}

interface Reason {
  why: string
  by: string | null
}

const drop = async (turn: Turn, one: Stopped, { why, by }: Reason): Promise<Unparked> => {
  const told = await tellOfDrop(turn, one)
  if (one.waits) {
    turn.draft.shards.add(shardOfKey(one.actor))
    turn.draft.consumed.push(one.message)
  } else leave(turn, one, false)
  const { id: to } = readKey(one.actor)
  const data = { message: one.id, type: typeOf(readBody(one.body)), from: shown(one), to, reason: one.reason, why, by }
  if (kindOf(to) === 'registry') await askAgain(turn, one, data)
  else {
    await turn.host.loader.directive(directiveKeyOf(one.actor))
    recordFor(turn, one.actor, { type: droppedEvent, severity: 'warn', source: 'user', data })
  }
  return answer(one.id, one.actor, told)
}

const shown = ({ actor, from }: Stopped): string => {
  const { owner } = readKey(actor)
  return from.startsWith(`${owner}/`) ? from.slice(owner.length + 1) : from
}

/** What only tells how things stand, is said again before long, or has nobody who waits for it. */
const harmless: ReadonlySet<string> = new Set(['published', 'task.accepted', 'grant.recall', 'daemon.back'])
/** What its desk does of a message that is dropped: it answers, tells anew, and gives a slot back. */
const ofDesk: ReadonlySet<string> = new Set(['grant', 'grant.audit', 'desk.look'])
const endings: ReadonlySet<string> = new Set(['task.done', 'task.failed', 'task.lost'])
type Ending = Extract<Message, { type: 'task.done' | 'task.failed' | 'task.lost' }>

/** Answers with who was told what. Throws REFUSED where nobody can be told in its stead. */
const tellOfDrop = async (turn: Turn, one: Stopped): Promise<string> => {
  const { actor, from } = one
  const { id } = readKey(actor)
  const message = readBody(one.body)
  const type = typeOf(message) ?? ''
  if (id === registryId) return `${shown(one)} tells the registry anew what it needs`
  if (harmless.has(type)) return 'nobody waits for it'
  if (endings.has(type)) {
    const { attempt, nonce } = message as Ending
    const lost: Message = {
      type: 'task.lost',
      attempt,
      nonce,
      why: 'daemon',
      reason: `${type} was dropped by a person`,
    }
    turn.post(actor, lost, from)
    return `${id} is told that its attempt ${attempt} is lost${one.waits ? ', once it is retried' : ''}`
  }
  if (ofDesk.has(type)) {
    const told = message as FromRegistry
    if (type === 'desk.look') await notLeft(turn, actor)
    await takeFromRegistry(turn, directiveKeyOf(actor), told.type === 'grant' ? { ...told, late: true } : told)
    await turn.run()
    return type === 'grant'
      ? 'the slot goes back to the registry'
      : `${id} has told the registry what it needs and holds`
  }
  const directive = await turn.host.loader.actor(directiveKeyOf(actor))
  if (directive !== null && (directive.live === null ? directive.row.ended : isOverOrEnding(directive.live)))
    return tellDirective(turn, one, type)
  throw new WritError(
    'REFUSED',
    `${id} would wait for ever for what ${type || 'a message that cannot be read'} tells it`,
    {
      hint: `writ parked retry ${one.id} once the reason is gone; a message to a directive that was cancelled can be dropped`,
    },
  )
}

/** A look that its desk had left for whoever knows its machine is gone: the desk leaves another one. */
const notLeft = async (turn: Turn, actor: ActorKey): Promise<void> => {
  const { memory, loader } = turn.host
  const directive = directiveKeyOf(actor)
  const desk = await loader.desk(directive)
  const looks = new Set([...desk.looks].filter((key) => key !== actor))
  memory.set(memory.desks, directive, { ...desk, looks })
}

/** Once all is told to stop, what is parked holds up only that. */
const isOverOrEnding = (live: Live): boolean => hasEnded(live) || isEnding(statusOf(live))

/** What actors of a directive tell each other that a retry does without: it says it anew, or takes up whatever they are. */
const saidAnew: ReadonlySet<string> = new Set(
  'cancel step.stopped slice.done step.ready step.failed dispatch retry rework'.split(' '),
)

/**
 * It counts what its steps answer to being told to stop: it tells them anew, for that may have been among what was dropped. One that is
 * parked itself cannot hear of it, and might be retried before it does: then nothing is dropped (PARKED), but what it failed at: without
 * that it goes on, and hears of it first.
 */
const tellDirective = async (turn: Turn, one: Stopped, type: string): Promise<string> => {
  const { actor, from } = one
  const key = directiveKeyOf(actor)
  const { id } = readKey(key)
  if (!isInOrder(from, actor)) return `${id} has ended, or is about to, and waits for nothing`
  const goesOn = one.waits && one.tries > 0 && actor === key
  if (goesOn) await goOnNow(turn, key)
  const needed = !saidAnew.has(type)
  const failed = type === 'step.failed' && { failed: true as const }
  const root = type === 'dispatch' && (await turn.host.loader.actor(actor)) === null && { root: true as const }
  turn.tell(key, { type: 'message.dropped', needed, ...failed, ...root }, from)
  await turn.run()
  const told = `${id} ${goesOn ? 'goes on without it: it ' : ''}has ended, or asks its steps to stop anew`
  return needed ? `${told}; a retry would need it, so there can be none` : told
}

const goOnNow = async (turn: Turn, key: ActorKey): Promise<void> => {
  const resident = await turn.host.loader.actor(key)
  if (resident?.parked == null) return
  goOn(turn, resident)
  turn.wake(key)
}

/** The registry keeps no history: the directive that told it writes down what became of that, and asks for its slots anew. */
const askAgain = async (turn: Turn, one: Stopped, dropped: Record<string, unknown>): Promise<void> => {
  const { from } = one
  if (!from.includes('/') || (await turn.host.store.directive(from as ActorKey)) === null) return
  audit(turn, one)
  const look: FromRegistry = { type: 'desk.look', dropped }
  turn.post(from as ActorKey, look, 'mend')
}

/** Of the slots that it gave back, or said that it does not hold, it is asked anew, before what it needs: those would count as on their way to it. */
const audit = (turn: Turn, { actor, from, body }: Stopped): void => {
  const message = readBody(body)
  const type = typeOf(message)
  const grants =
    type === 'release'
      ? (message as Extract<ToRegistry, { type: 'release' }>).grants.map(({ id }) => id)
      : type === 'holding'
        ? (message as Extract<ToRegistry, { type: 'holding' }>).unknown
        : []
  if (grants.length > 0) post(turn, readKey(actor).owner, from as ActorKey, { type: 'grant.audit', grants })
}
