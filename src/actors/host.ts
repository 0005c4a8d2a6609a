/** What the parts of a thread's engine share: its memory, the ports, the database's time as the thread knows it, and the log. */
import type { ActorKey } from '../protocol/ids.ts'
import type { Stamp } from '../machines/message.ts'
import type { Catalog } from '../machines/versions.ts'
import type { Order } from './draft.ts'
import type { Inspections } from './inspections.ts'
import type { Loader } from './loader.ts'
import type { Memory } from './memory.ts'
import type { Clock, Random } from './ports/clock.ts'
import type { Store } from './ports/store.ts'
import type { Wire } from './ports/wire.ts'
import type { PresenceView } from './presence.ts'

/** Where a thread says what it does. Fields first, then a sentence. */
export interface Log {
  info: (fields: object, text: string) => void
  warn: (fields: object, text: string) => void
  error: (fields: object, text: string) => void
}

/** Figures that a thread counts; read by the bench, the budget test and metrics. */
export interface Figures {
  commits: number
  actorRows: number
  rows: number
  units: number
  messageRows: number
  refusedCommits: number
  unknownCommits: number
}

export const noFigures = (): Figures => ({
  commits: 0,
  actorRows: 0,
  rows: 0,
  units: 0,
  messageRows: 0,
  refusedCommits: 0,
  unknownCommits: 0,
})

export interface Host {
  readonly memory: Memory
  readonly loader: Loader
  readonly store: Store
  readonly wire: Wire
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly figures: Figures
  /** The database's time, ms since 1970, never ahead of it by more than a clock's drift between two renewals. */
  now: () => number
  /** Acceptances that came with a spawn's reply and are stored with whatever the actor commits next. */
  readonly accepted: Map<ActorKey, Stamp>
  /** Messages in the mailbox by `<from> <to>` within this thread's shards: what is told in a cascade must not overtake them. */
  readonly waiting: Map<string, Set<number>>
  /** Those of them that are parked: they wait for a person. */
  readonly parkedAhead: Map<string, Set<number>>
  /** The pairs of messages that the commit in flight carries: they are in no mailbox yet. */
  readonly inFlight: Set<string>
  /** Shards whose mailboxes are not wholly known: rows may wait there that `waiting` does not name. */
  readonly doubted: Map<number, number>
  /** The next place in a shard's history. */
  order: (shard: number) => Order
  /** What this node can open. */
  readonly machines: Catalog
  /** Machines on which new actors may begin, as `name@version`. */
  written: () => readonly string[]
  /** Who watches what the actors take. */
  readonly inspections: Inspections
  /** What the beats say, by `<owner>/<daemon>`. */
  readonly presence: PresenceView
}
