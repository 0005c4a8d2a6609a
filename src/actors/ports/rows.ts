/** What one commit is made of: rows by table, as the turn writes and reads them. Times are ms since 1970, by the database's clock. */
import type { ParkedRow, UnparkedRow } from './parked-rows.ts'
import type { Definition, Role } from '../../protocol/directive.ts'
import type { ActorKey, ActorKind } from '../../protocol/ids.ts'
import type { Verdict } from '../../protocol/verdict.ts'
import type { DaemonRow, GrantRow, NeedRow } from './registry-rows.ts'
import type { Closed, Purpose, Severity, Source, TaskEnd } from '../../machines/effect.ts'

/** A snapshot with what lists and searches read of it. `version` counts the commits that changed the actor, from 1. */
export interface ActorRow {
  key: ActorKey
  shard: number
  owner: string
  id: string
  kind: ActorKind
  /** The directive's key (for a step, and for a directive its own); null for a registry. */
  directive: ActorKey | null
  version: number
  machine: string
  machineVersion: string
  /** MessagePack of `{value, context}`. */
  snapshot: Uint8Array
  status: string
  ended: boolean
  /** What it waits for, in words, and since when. */
  waiting: string | null
  since: number
  /** Figures for lists: counts of a directive, score and rounds of a step. */
  facts: Record<string, unknown>
}

/** Written once, with the directive's first snapshot. */
export interface DirectiveRow {
  key: ActorKey
  owner: string
  id: string
  title: string
  definition: Definition
  content: string
  plan: string | null
  steps: number
  at: number
}

export interface ChainRow {
  directive: ActorKey
  generation: number
  title: string
  description: string
  hash: string
  steps: number
  at: number
}

/** A message row: to an actor of another shard, or one that was put off. */
export interface MessageRow {
  to: ActorKey
  shard: number
  from: string
  /** MessagePack of the message. */
  body: Uint8Array
}

export interface StoredMessage extends MessageRow {
  id: number
  tries: number
  /** Why the last of them failed, where one did. */
  reason?: string | null
}

/** A durable timer. `generation`: the actor's version that set it. */
export interface TimerRow {
  key: ActorKey
  shard: number
  id: string
  due: number
  generation: number
}
export type StoredTimer = TimerRow

/** The messages that an actor consumed in this commit, packed: what took it from `version - 1` to `version`. */
export interface JournalRow {
  key: ActorKey
  version: number
  /** MessagePack of `[{message | timer, at, seed, origin, order}, …]`. */
  entries: Uint8Array
}

export interface EventRow {
  directive: ActorKey
  sequence: number
  type: string
  severity: Severity
  source: Source
  data: Record<string, unknown>
  generation: number | null
  step: number | null
  at: number
}

/** A contract with its task: one of each per piece of delegated work, linked both ways by their number. */
export interface TaskRow {
  owner: string
  id: string
  contract: string
  actor: ActorKey
  directive: ActorKey
  step: number | null
  number: number
  role: Role
  purpose: Purpose
  supervisor: boolean
  name: string
  contractName: string
  contractKind: string
  phase: string
  description: string
  localOnly: boolean
  repository: string | null
  /** The rework's round and the feedback that heads its plan (R25). */
  round: number
  feedback: string | null
  manual: boolean
  priority: number
  status: 'pending' | 'starting' | 'running' | TaskEnd
  reason: string
  daemon: string | null
  attempt: number | null
  /** Counted up with every update, so that one based on an older version is refused (R44). */
  version: number
  at: number
  endedAt: number | null
}

export interface AttemptRow {
  owner: string
  task: string
  attempt: number
  actor: ActorKey
  directive: ActorKey
  shard: number
  role: Role
  number: number
  nonce: string
  grant: string
  daemon: string
  session: string
  /** A `pull`'s inbox: the spawn goes there, only the total limit holds. */
  inbox: string | null
  /** What the work starts from, as it was sent. */
  startCommit: string | null
  line: string | null
  accepted: boolean
  openedAt: number
  deadline: number
  closedAt: number | null
  closed: Closed | null
  reason: string
  result: string | null
  commit: string | null
  /** What its daemon was told: it is told again until the attempt is closed. A cancel replaces a finish. */
  asked: 'cancel' | 'finish' | null
  /** JSON of a Reported: what its daemon said of its end, the first time. */
  reported: string | null
}

/** The report of an attempt's end, as it is kept. One that did not count says itself what it brought (R43). */
export interface Reported {
  verb: 'done' | 'failed'
  /** Of the whole report: the same again has the same receipt. */
  digest: string
  counted: boolean
  at: number
  result?: string
  reason?: string
  commit?: string
}

/** A report about an attempt that was closed already. */
export interface LateRow {
  owner: string
  task: string
  attempt: number
  reported: string
}

export interface EvaluationRow {
  directive: ActorKey
  step: number | null
  number: number
  /** The contract's number that judged. */
  task: number
  type: 'monitoring' | 'acceptance'
  evaluator: 'automated' | 'manual'
  verdict: Verdict
  at: number
}

/** A directive's task that waits for a slot. */
export interface ReadyRow {
  directive: ActorKey
  actor: ActorKey
  number: number
  role: Role
  priority: number
  since: number
  manual: boolean
  labels: Record<string, string>
  executor: string | null
  /** Whether its step had begun before: such work goes first. */
  begun: boolean
}

/** A grant as the directive holds it. `task` uses it, or it is about to be released. */
export interface HeldRow {
  directive: ActorKey
  id: string
  number: number
  daemon: string
  session: string
  roles: readonly Role[]
  executors: readonly string[]
  labels: Record<string, string>
  inbox: string | null
  reuses: number
  recalled: boolean
  actor: ActorKey | null
  task: number | null
  role: Role | null
}

export interface FileRow {
  owner: string
  contract: string
  name: string
  hash: string
  bytes: number
  at: number
}

/**
 * One commit. Lists left out are empty, and none has two rows with the same key (BAD_INPUT). Rows replace those with the same
 * key, but for what is written once: directives, chains, journal, events, evaluations.
 */
export interface Commit {
  /** Every shard that it touches, with the epoch under which the thread holds it. */
  shards: readonly { shard: number; epoch: number }[]
  /** Each with version = the stored one + 1 (1: a new actor); anything else is CONFLICT. */
  actors?: readonly ActorRow[]
  directives?: readonly DirectiveRow[]
  chains?: readonly ChainRow[]
  /** Mailbox rows that were consumed: each must still be there. */
  consumed?: readonly number[]
  messages?: readonly MessageRow[]
  /** Timers that fired: each must still be there with this generation. */
  fired?: readonly { key: ActorKey; id: string; generation: number }[]
  cancelledTimers?: readonly { key: ActorKey; id: string }[]
  timers?: readonly TimerRow[]
  journal?: readonly JournalRow[]
  events?: readonly EventRow[]
  /** Each with a higher version than the stored one; anything else is CONFLICT (R44). */
  tasks?: readonly TaskRow[]
  attempts?: readonly AttemptRow[]
  late?: readonly LateRow[]
  evaluations?: readonly EvaluationRow[]
  ready?: readonly ReadyRow[]
  /** Waiting tasks that wait no more, by actor. */
  unready?: readonly ActorKey[]
  held?: readonly HeldRow[]
  unheld?: readonly { directive: ActorKey; id: string }[]
  daemons?: readonly DaemonRow[]
  goneDaemons?: readonly { owner: string; name: string }[]
  needs?: readonly NeedRow[]
  goneNeeds?: readonly ActorKey[]
  grants?: readonly GrantRow[]
  goneGrants?: readonly { owner: string; id: string }[]
  files?: readonly FileRow[]
  /** Replies to commands, kept for a day; where one is there already, that one stays. */
  replies?: readonly { owner: string; command: string; reply: object; at: number }[]
  /** Messages to park: they leave the mailbox and are kept for a person; their actor may be marked faulted. */
  parked?: readonly ParkedRow[]
  faulted?: readonly { key: ActorKey; reason: string }[]
  /** Each must be parked. */
  unparked?: readonly UnparkedRow[]
  /** Actors that are faulted no more; what waits for them is as if it had never been tried. */
  unfaulted?: readonly ActorKey[]
  /** Directives that are faulted no more, nor are their steps; their parked messages are in the mailboxes again, each at its place. */
  mended?: readonly ActorKey[]
  /** Directives that go, each still at this version; anything else is CONFLICT. From then on neither it nor its steps are there. */
  removed?: readonly { key: ActorKey; version: number }[]
}

export interface Committed {
  /** Ids of the message rows, in the order of `messages`. */
  messages: readonly number[]
}
