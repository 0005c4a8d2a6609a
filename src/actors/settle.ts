/**
 * A directive's desk at the end of a unit: free grants are spent on the most urgent tasks that fit, what is left over goes
 * back to the registry, and the registry is told when something lacks that it does not know of.
 */
import { hasEnded, mayDispatch } from '../machines/advance.ts'
import { actorKey, type ActorKey, readKey, registryId } from '../protocol/ids.ts'
import { askedLines, choose, type Desk, freeGrants, lacks, mustTell, toldOf } from './desk.ts'
import type { FromRegistry } from './granting.ts'
import type { Memory, Resident } from './memory.ts'
import type { ReadyRow } from './ports/rows.ts'
import type { Turn } from './turn.ts'

/** Who tells a task that it has a slot. Never put off: the slot is spent in the same commit, or goes back. */
export const fromDesk = 'desk'

/** What directives tell their registry. */
export type ToRegistry =
  /** There is a directive of this owner: its registry is to be there (DESIGN 8). */
  | { type: 'open'; directive: ActorKey }
  | { type: 'need'; directive: ActorKey; lines: ReturnType<typeof askedLines>; seen: number }
  | { type: 'release'; directive: ActorKey; grants: { id: string; suspect: boolean; unspent: boolean }[] }
  | { type: 'holding'; directive: ActorKey; unknown: string[] }

export const settle = async (turn: Turn, directive: ActorKey): Promise<void> => {
  const resident = await turn.host.loader.actor(directive)
  const desk = await turn.host.loader.desk(directive)
  const may = mayBegin(turn.host.memory, resident)
  const chosen = choose(desk, may)
  if (chosen !== null && turn.gives === 'none') return lookAlone(turn, directive)
  if (chosen !== null) {
    const given = await grant(turn, directive, chosen.row, chosen.held.id)
    if (given && turn.gives === 'one') turn.gives = 'none'
    turn.desks.add(directive)
    return
  }
  const spare = freeGrants(desk)
  for (const held of spare) await release(turn, directive, held.id, false)
  tellNeed(turn, directive, desk, lacks(desk, may))
  if (desk.ready.size === 0) return
  const { actors } = turn.host.memory
  const foreign = [directive, ...desk.ready.keys()].filter((key) => actors.get(key)?.live === null)
  for (const key of foreign) await lookLater(turn, directive, key)
}

/** What the store may refuse to one of its tasks is then refused to that task alone. */
const lookAlone = (turn: Turn, directive: ActorKey): void => {
  const look: FromRegistry = { type: 'desk.look', alone: true }
  turn.post(directive, look, fromDesk)
}

const tellNeed = (turn: Turn, directive: ActorKey, desk: Desk, lines: ReturnType<typeof lacks>): void => {
  if (!mustTell(desk, lines)) return
  const { owner } = readKey(directive)
  const need: ToRegistry = { type: 'need', directive, lines: askedLines(lines), seen: desk.seen }
  turn.post(actorKey(owner, registryId), need, directive)
  const { memory } = turn.host
  memory.set(memory.desks, directive, { ...desk, told: toldOf(lines) })
}

/**
 * What cannot be opened here is not asked for. Whoever knows its machine finds this in its mailbox one day, where it waits until then,
 * and looks at the desk again: so it is left there once.
 */
const lookLater = async (turn: Turn, directive: ActorKey, key: ActorKey): Promise<void> => {
  const { memory, loader } = turn.host
  if (memory.actors.get(key)?.live !== null) return
  const desk = await loader.desk(directive)
  if (desk.looks.has(key)) return
  memory.set(memory.desks, directive, { ...desk, looks: new Set([...desk.looks, key]) })
  const look: FromRegistry = { type: 'desk.look' }
  turn.post(key, look, fromDesk)
}

/**
 * A manual evaluation may run on a directive that has ended; all else only while it plans, is active or checks, and its gate
 * is open. A parked actor begins nothing.
 */
const mayBegin = (memory: Memory, resident: Resident | null): ((row: ReadyRow) => boolean) => {
  const live = resident?.live ?? null
  if (live === null || resident?.parked !== null) return () => false
  const dispatches = mayDispatch(live)
  const ended = hasEnded(live)
  const isParked = ({ actor }: ReadyRow): boolean => memory.actors.get(actor)?.parked != null
  return (row) => (dispatches || (row.manual && ended)) && !isParked(row)
}

/** False: it is parked. A task that does not take what it waited for waits no more: it would be offered again for ever. */
const grant = async (turn: Turn, directive: ActorKey, row: ReadyRow, held: string): Promise<boolean> => {
  const { memory, loader, log } = turn.host
  // Known to be parked from now on: it is passed over until it is mended.
  if ((await loader.actor(row.actor))?.parked != null) {
    await lookLater(turn, directive, row.actor)
    return false
  }
  const desk = await loader.desk(directive)
  memory.delete(desk.ready, row.actor)
  turn.draft.dropReady(row.actor)
  turn.tell(row.actor, { type: 'task.granted', grant: held }, fromDesk)
  await turn.drain()
  // It was at fault: it waits for its slot still, for the day that it is mended.
  if (memory.actors.get(row.actor)?.parked != null) {
    memory.set(desk.ready, row.actor, row)
    turn.draft.addReady(row)
  }
  const after = desk.held.get(held)
  if (after?.actor === null) log.warn({ actor: row.actor, held }, 'a granted task did not begin')
  return true
}

/** The grant goes back to the registry. */
export const release = async (turn: Turn, directive: ActorKey, id: string, suspect: boolean): Promise<void> => {
  const desk = await turn.host.loader.desk(directive)
  const held = desk.held.get(id)
  if (held === undefined) return
  turn.host.memory.delete(desk.held, id)
  turn.draft.setHeld(directive, id, null)
  const { owner } = readKey(directive)
  const message: ToRegistry = { type: 'release', directive, grants: [{ id, suspect, unspent: held.reuses === 0 }] }
  turn.post(actorKey(owner, registryId), message, directive)
}
