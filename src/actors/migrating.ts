/** An actor of an older version of its machine becomes one of the activated version, as the first thing of its turn (DESIGN 12). */
import type { Advance, Live } from '../machines/advance.ts'
import type { Given } from '../machines/given.ts'
import { migrated, takenUp } from '../machines/migrate.ts'
import type { ActorKey } from '../protocol/ids.ts'
import { stateOf, type MigrationEntry } from './checkpoint.ts'
import type { JournalEntry } from './draft.ts'
import type { Host } from './host.ts'
import { Faulty } from './parked.ts'

export interface Migrating {
  result: Advance
  entry: Omit<JournalEntry, 'order'>
}

/** Null: it stays what it is. Throws Faulty: what a migration throws is the actor's own. */
export const migrating = (
  { machines, written }: Pick<Host, 'machines' | 'written'>,
  key: ActorKey,
  live: Live,
  given: Given<unknown>,
): Migrating | null => {
  try {
    const after = migrated(live, written(), machines)
    if (after === null) return null
    const message: MigrationEntry = { type: 'migration', ...after }
    const entry = { message, timer: null, at: given.at, seed: given.seed, origin: 'migration' }
    return { result: takenUp(live, stateOf({ ...entry, order: [0, 0] }, machines), given), entry }
  } catch (error) {
    throw new Faulty(key, error)
  }
}
