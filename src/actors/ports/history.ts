/** The port to what actors are and were: for whoever looks inside. Only reads what was committed; nothing is decided by it. */
import type { Definition } from '../../protocol/directive.ts'
import type { ActorKey } from '../../protocol/ids.ts'
import type { Selection } from '../../protocol/inspection.ts'
import type { PlanRow } from '../../protocol/plan.ts'
import type { JournalRow } from './rows.ts'
import type { LoadedActor } from './store.ts'

/** What the settings of a directive's actors follow from. */
export interface DefinedDirective {
  definition: Definition
  readyPlan: { hash: string; steps: number } | null
}

/** A part of a list of actors. */
export interface ActorsPart {
  after: string
  including?: boolean
  ended?: boolean
  limit: number
}

/** What of an actor is not in its snapshot. Times in ms since 1970, by the clock of the database. */
export interface Surroundings {
  now: number
  /** Messages that wait for it. */
  mailbox: number
  timers: readonly { id: string; due: number }[]
}

export interface History {
  /**
   * Actors of the owner that match, by id, after this one (or it `including`); at most `limit`. `total`: all that match. What has
   * ended is among them when it is named by its id or its directive, or `ended` says so.
   */
  actors: (
    owner: string,
    selection: Selection,
    part: ActorsPart,
  ) => Promise<{ actors: readonly LoadedActor[]; total: number }>
  /** The actor, or null. */
  actor: (key: ActorKey) => Promise<LoadedActor | null>
  /** When a directive was removed (ms since 1970); null when it was not, or that is forgotten. */
  removedAt: (key: ActorKey) => Promise<number | null>
  /** Null when there is no such directive. */
  directive: (key: ActorKey) => Promise<DefinedDirective | null>
  /** A step of the directive's plan of that generation; null when there is none. */
  planRow: (directive: ActorKey, generation: number, index: number) => Promise<PlanRow | null>
  /** Steps of that plan from an index on, in order; none when there is no such chain. */
  planRows: (directive: ActorKey, generation: number, from: number, count: number) => Promise<readonly PlanRow[]>
  surroundings: (key: ActorKey) => Promise<Surroundings>
  /** Rows of the actor's journal after this version, in order; at most `limit`. */
  journal: (key: ActorKey, after: number, limit: number) => Promise<readonly JournalRow[]>
  /** Machines that are written now, as `name@version`. */
  written: () => Promise<readonly string[]>
  /** The threads whose lease runs. */
  threads: () => Promise<readonly string[]>
  close: () => Promise<void>
}
