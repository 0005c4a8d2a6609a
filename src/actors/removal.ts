/** A directive that has ended goes, with its steps and all that is stored of them; and what is said of one that is gone. */
import { hasEnded, statusOf } from '../machines/advance.ts'
import { isPaused } from '../machines/live.ts'
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, actorKey, addressOf, directiveOf, readKey } from '../protocol/ids.ts'
import { isoTime } from '../protocol/time.ts'
import type { Resident } from './memory.ts'
import { parkedError } from './parked.ts'
import type { Store } from './ports/store.ts'
import type { Turn } from './turn.ts'

/** Answers with how it stood. Throws NOT_FOUND, GONE, PARKED, REFUSED for one that goes on, and BUSY while something of it is under way. */
export const removeDirective = async (turn: Turn, owner: string, id: string): Promise<object> => {
  const key = actorKey(owner, id)
  const { memory, loader, store } = turn.host
  const resident = await loader.actor(key)
  if (resident === null) throw await missing(store, 'directive', key)
  if (resident.live === null || resident.parked !== null) throw parkedError(resident)
  const [status, paused] = [statusOf(resident.live), isPaused(resident.live)]
  if (!hasEnded(resident.live) && status !== 'draft')
    throw new WritError('REFUSED', `the directive ${id} is ${status}: only what has ended is deleted`, {
      hint: `writ directive cancel ${id} ends it`,
    })
  if (await isUnderWay(turn, resident))
    throw new WritError('BUSY', `something of the directive ${id} is still under way`, { hint: 'ask again' })
  turn.draft.shards.add(resident.row.shard)
  turn.draft.removed.push({ key, version: resident.row.version })
  memory.remove(key)
  return { directive: { id, address: addressOf(owner, id), status, paused } }
}

/** What a daemon still does for it, slots on their way back, messages: all of it comes to an end by itself. */
const isUnderWay = async (turn: Turn, { row: { key } }: Resident): Promise<boolean> => {
  const { loader, memory, store, waiting, inFlight } = turn.host
  const { ready, held } = await loader.desk(key)
  const isOf = (actor: string): boolean => actor === key || actor.startsWith(`${key}__`)
  const isTold = [...waiting.keys(), ...inFlight].some((pair) => pair.split(' ').some(isOf))
  const isOpen = [...memory.attempts.values()].some(({ directive }) => directive === key)
  return turn.hasChanged(key) || ready.size > 0 || held.size > 0 || isOpen || isTold || !(await store.settled(key))
}

/** What to say of something that is not there: whether it was, too. */
export const missing = async (
  store: Pick<Store, 'removedAt'>,
  what: string,
  key: ActorKey,
  hint = 'writ directive list shows what there is',
): Promise<WritError> => {
  const { owner, id } = readKey(key)
  const directive = directiveOf(id)
  const at = await store.removedAt(actorKey(owner, directive))
  if (at === null) return new WritError('NOT_FOUND', `there is no ${what} ${id}`, { hint })
  const of = what === 'directive' ? '' : `, with the ${what} ${id}`
  return new WritError('GONE', `the directive ${directive} was deleted at ${isoTime(at)}${of}`, {
    hint: 'writ directive list shows what there is',
  })
}
