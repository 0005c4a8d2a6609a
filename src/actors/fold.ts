/**
 * What an actor was by its own history: its journal, taken through the machines again entry by entry (DESIGN 10). Replay,
 * `writ verify` and the simulator fold with this code. It reads nothing and changes nothing.
 */
import { type Advance, advance, begin, fire, type Live, same, store } from '../machines/advance.ts'
import { catalog } from '../machines/catalog.ts'
import type { Message } from '../machines/message.ts'
import { takenUp } from '../machines/migrate.ts'
import type { Catalog } from '../machines/versions.ts'
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, kindOf, readKey } from '../protocol/ids.ts'
import { packSnapshot, unpackSnapshot } from './codec.ts'
import { isCheckpoint, isMigration, stateOf } from './checkpoint.ts'
import type { JournalEntry } from './draft.ts'

/** What a journal is folded with. */
export interface FoldedWith {
  /** As the turn gave them; they follow from the definition and never change. */
  settings: unknown
  /** Those of this build when left out. */
  machines?: Catalog | undefined
}

/**
 * The state after one more entry. Throws INTERNAL when the journal does not begin at its beginning or with a checkpoint, or with a
 * machine that is not known, and what the machine throws.
 */
export const foldEntry = (
  key: ActorKey,
  live: Live | null,
  entry: JournalEntry,
  { settings, machines = catalog }: FoldedWith,
): Advance => {
  const { message, timer, at, seed, origin, machine } = entry
  if (isCheckpoint(entry)) return { live: stateOf(entry, machines), effects: [], timers: [], changed: true }
  const given = { at, seed, settings }
  const kind = kindOf(readKey(key).id)
  if (origin === 'begin') return begin(kind, given, [nameOf(machines, machine ?? `${kind}@1`)], machines)
  if (live === null) throw new WritError('INTERNAL', `the journal of ${key} does not begin at its beginning`)
  if (isMigration(entry)) return takenUp(live, stateOf(entry, machines), given)
  return message === null ? fire(live, timer ?? '', given) : advance(live, message as Message, given)
}

/** The name itself; throws when no machine has it: another version would make something else of the journal. */
const nameOf = (machines: Catalog, name: string): string => {
  machines.machineNamed(name)
  return name
}

/** Whether a state is stored as these bytes, whatever the order of its fields. */
export const isStoredAs = (live: Live, snapshot: Uint8Array): boolean => {
  const { value, context } = store(live)
  const packed = packSnapshot(value, context)
  return Buffer.compare(packed, snapshot) === 0 || same(unpackSnapshot(packed), unpackSnapshot(snapshot))
}
