/**
 * A checkpoint in a journal: the state that all before it came to. It stands in the place of the entries of its version, and what came
 * before may go: fold, replay and verify begin with it (DESIGN 10).
 */
import { type Live, load, store, type Stored } from '../machines/advance.ts'
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

const origin = 'checkpoint'

export const isCheckpoint = (entry: Pick<JournalEntry, 'origin'>): boolean => entry.origin === origin

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
  return { message, timer: null, at: last.at, seed: '', origin, order: last.order }
}

export const readCheckpoint = ({ message }: JournalEntry): Checkpoint => message as Checkpoint

/** The state that it says. Throws when no machine of this build opens it. */
export const stateOf = (entry: JournalEntry): Live => {
  const { machine, version, value, context } = readCheckpoint(entry)
  return load({ machine, version, value, context })
}
