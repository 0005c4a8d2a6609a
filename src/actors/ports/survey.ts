/**
 * The port to all that is stored, at one moment, for whoever looks whether it agrees with itself. Rows as they are: nothing of
 * them is believed, and nothing is locked. Everything comes in parts, so that whoever looks keeps only one of them in memory.
 */
import type { Finding } from '../../protocol/findings.ts'
import type { ActorKey } from '../../protocol/ids.ts'
import type { PlanRow } from '../../protocol/plan.ts'
import type { DaemonRow, GrantRow, NeedRow } from './registry-rows.ts'
import type {
  ActorRow,
  AttemptRow,
  ChainRow,
  EvaluationRow,
  FileRow,
  HeldRow,
  JournalRow,
  ReadyRow,
  TaskRow,
  TimerRow,
} from './rows.ts'

/** An actor's row without its snapshot. */
export type ActorColumns = Omit<ActorRow, 'snapshot'>

/** `definition` is the text as it is stored. */
export interface DirectiveColumns {
  key: ActorKey
  title: string
  definition: string
  plan: string | null
  steps: number
  /** The number of the last event that was forgotten; 0: none was. */
  forgotten: number
}

/** What is stored of a plan: what it says of itself, and how many steps there are. */
export interface PlanColumns {
  hash: string
  steps: number
  complete: boolean
  rows: number
}

export type TaskColumns = Pick<
  TaskRow,
  | 'owner'
  | 'id'
  | 'contract'
  | 'actor'
  | 'directive'
  | 'step'
  | 'number'
  | 'role'
  | 'purpose'
  | 'status'
  | 'daemon'
  | 'attempt'
  | 'endedAt'
>

export type AttemptColumns = Omit<
  AttemptRow,
  'inbox' | 'startCommit' | 'line' | 'reason' | 'result' | 'commit' | 'asked' | 'reported'
>

/** A message in a mailbox; `body` is null when it is so large that it can be none of Writ's own. */
export interface MailColumns {
  id: number
  shard: number
  to: ActorKey
  from: string
  body: Uint8Array | null
}

/** What the settings of an actor follow from, as it is stored: a definition, and a step's own text. Null: it is not there. */
export interface DefinedColumns {
  key: ActorKey
  definition: string | null
  plan: string | null
  steps: number
  step: string | null
}

/** How many events of one type a step (null: the directive itself) has. */
export interface EventCount {
  step: number | null
  type: string
  count: number
}

/** Everything of a directive and its steps, but for snapshots and journals. */
export interface DirectivePart {
  directive: DirectiveColumns
  actors: readonly ActorColumns[]
  /** Keys of parked actors, and of those for which messages are parked. */
  faulted: readonly ActorKey[]
  parked: readonly { actor: ActorKey; from: string; body: Uint8Array | null }[]
  chains: readonly ChainRow[]
  plans: readonly PlanColumns[]
  timers: readonly TimerRow[]
  tasks: readonly TaskColumns[]
  attempts: readonly AttemptColumns[]
  evaluations: readonly Pick<EvaluationRow, 'step' | 'number' | 'task'>[]
  events: readonly EventCount[]
  lastEvent: number
  ready: readonly ReadyRow[]
  held: readonly HeldRow[]
  /** The registry's side. */
  grants: readonly GrantRow[]
  need: NeedRow | null
  /** To its actors, and from it to its registry. */
  mail: readonly MailColumns[]
}

/** A registry's actor with its tables. */
export interface RegistryPart {
  owner: string
  actor: ActorColumns | null
  daemons: readonly DaemonRow[]
  grants: readonly GrantRow[]
}

/** A step of a plan as it is stored: what lists and searches read of it, and its own text, as JSON. */
export interface PlanText {
  index: number
  name: string
  dependsOn: unknown
  step: string
}

/** A step of a plan by its place. */
export interface PlanStepKey {
  hash: string
  index: number
}

export interface Survey {
  /** `name@version` of the machines that live nodes know. */
  machines: readonly string[]
  /** How many directives and actors there are. */
  size: () => Promise<{ directives: number; actors: number }>
  /** Keys of directives behind `after`, in their order, with the steps that each has. */
  directives: (after: string, count: number) => Promise<readonly { key: ActorKey; steps: number }[]>
  parts: (keys: readonly ActorKey[]) => Promise<readonly DirectivePart[]>
  snapshots: (keys: readonly ActorKey[]) => Promise<ReadonlyMap<ActorKey, Uint8Array>>
  /** The journals of these actors, each in the order of its versions. */
  journals: (keys: readonly ActorKey[], take: (row: JournalRow) => void) => Promise<void>
  /** Steps of plans; those that are not there, or cannot be read, are left out. */
  planRows: (steps: readonly PlanStepKey[]) => Promise<readonly (PlanStepKey & { row: PlanRow })[]>
  /** The steps of a plan from this index on, in their order. */
  planTexts: (hash: string, from: number, count: number) => Promise<readonly PlanText[]>
  registries: () => Promise<readonly RegistryPart[]>
  /** Files of contracts of these directives whose contents are not what their hashes say. */
  badContents: (keys: readonly ActorKey[]) => Promise<readonly FileRow[]>
  /** What statements alone can find out, over all tables, a kind at a time. */
  crossChecks: (take: (found: readonly Finding[]) => void) => Promise<void>
  /** Actors behind `after` with their snapshots, in the order of their keys; only those that have not ended, or all. */
  actors: (after: string, count: number, all: boolean) => Promise<readonly ActorRow[]>
  timers: (keys: readonly ActorKey[]) => Promise<readonly TimerRow[]>
  mail: (keys: readonly ActorKey[]) => Promise<readonly MailColumns[]>
  /** By the keys of actors. */
  defined: (keys: readonly ActorKey[]) => Promise<readonly DefinedColumns[]>
  /** The first row of each actor's journal. */
  beginnings: (keys: readonly ActorKey[]) => Promise<readonly JournalRow[]>
}
