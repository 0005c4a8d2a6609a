/**
 * A state that is whole in a journal. A checkpoint is what all before it came to: it stands in the place of the entries of its version,
 * and what came before may go: fold, replay and verify begin with it. A migration is what an actor of an older version of its
 * machine has become: it stands before what the actor took next (DESIGN 10, 12).
 */
import { type Live, load, store, type Stored } from '../machines/advance.ts'
import type { Catalog } from '../machines/versions.ts'
import type { JournalEntry } from './draft.ts'

/** Which version set a timer, and for when, ms since 1970. */
export interface SetTimer {
  version: number
  due: number
}

/** `events`: how many of each type the actor had told. */
export interface Checkpoint extends Stored {
  type: 'checkpoint'
  timers: Record<string, SetTimer>
  events: Record<string, number>
}

/** What an actor has become. */
export interface MigrationEntry extends Stored {
  type: 'migration'
}

type Entry = Pick<JournalEntry, 'origin'>
export const isCheckpoint = ({ origin }: Entry): boolean => origin === 'checkpoint'
export const isMigration = ({ origin }: Entry): boolean => origin === 'migration'

/** What a fold has come to, in the place of the last entry that it took. */
export const checkpointOf = (
  live: Live,
  { timers, events }: { timers: ReadonlyMap<string, SetTimer>; events: ReadonlyMap<string, number> },
  last: JournalEntry,
): JournalEntry => {
  const message: Checkpoint = {
    type: 'checkpoint',
    ...store(live),
    timers: Object.fromEntries(timers),
    events: Object.fromEntries(events),
  }
  return { message, timer: null, at: last.at, seed: '', origin: 'checkpoint', order: last.order }
}

export const readCheckpoint = ({ message }: JournalEntry): Checkpoint => message as Checkpoint

/** The state that a checkpoint or a migration says. Throws when no machine that is known opens it. */
export const stateOf = ({ message }: JournalEntry, machines: Catalog): Live => {
  const { machine, version, value, context } = message as Stored
  return load({ machine, version, value, context }, machines)
}
