/**
 * The port to the truth. What `commit` took is durable and all of it is there; what it refused left no trace. Everything
 * that decides anything reads through the holder's own memory or this port, never from a replica. The simulator's store and
 * Postgres keep the same contract (test/contract/store.contract.ts).
 */
import type { Definition } from '../../protocol/directive.ts'
import type { ActorKey } from '../../protocol/ids.ts'
import type { PlanRow } from '../../protocol/plan.ts'
import type {
  ActorRow,
  Commit,
  Committed,
  HeldRow,
  JournalRow,
  ReadyRow,
  AttemptRow,
  TaskRow,
  StoredMessage,
  StoredTimer,
} from './rows.ts'
import type { ParkedAhead, StoppedMessage } from './parked-rows.ts'
import type { GrantRow, DaemonRow, NeedRow } from './registry-rows.ts'

/** A thread as the store knows it. `nonce` is new at every start, so that no two ever commit under one epoch. */
export interface ThreadIdentity {
  thread: string
  /** New at every start of a node: threads of another node with the same home are its predecessor's. */
  node: string
  nonce: string
  /** A node on its own locked data folder names it: its predecessor on that folder is fenced at once. */
  home: string | null
  /** `name@version` of every machine that this node can open (DESIGN 12, machine versions). */
  machines: readonly string[]
}

export interface HeldShard {
  shard: number
  epoch: number
}

/** The answer to a renewal. */
export interface Renewal {
  /** The database's clock, ms since 1970. */
  now: number
  /** How many threads share the shards: those whose lease runs and that are not leaving. */
  live: number
  /** How many shards are this thread's share: those of all threads are all shards, and differ by one at most. */
  share: number
  /** What is written now: of each machine, as `name@version`, the highest version that every live node declares. */
  machines: readonly string[]
  /** What the store says this thread holds. A shard that is missing here was taken by another. */
  held: readonly HeldShard[]
  /** Another one once the database was restored from an earlier copy: what was known of it before is not true any more. */
  incarnation: string
}

/** The engine's view of an actor in the store. */
export interface LoadedActor {
  row: ActorRow
  /** Why the actor is parked, or null. */
  parked: string | null
}

/** The definition of a directive and what belongs to it for life. */
export interface LoadedDirective {
  definition: Definition
  title: string
  /** Hash of the content as it was submitted: creating again is compared by it (R53). */
  content: string
  /** The staged plan that it came with. */
  readyPlan: { hash: string; steps: number } | null
  /** The current chain, or null. */
  chain: { generation: number; hash: string; steps: number } | null
  /** Highest sequence of its history. */
  events: number
  createdAt: number
}

/** What a directive's desk begins with after a move: its waiting tasks, the grants that it holds, what it last told the registry. */
export interface LoadedDesk {
  ready: readonly ReadyRow[]
  held: readonly HeldRow[]
  attempts: readonly AttemptRow[]
}

/** A registry's tables. */
export interface LoadedRegistry {
  daemons: readonly DaemonRow[]
  needs: readonly NeedRow[]
  grants: readonly GrantRow[]
}

/** Where a walk through the directives stands: those are ordered by when they were made. */
export interface DirectivePlace {
  at: number
  key: ActorKey
}

/** Where a walk through the events of all directives stands: those are ordered by their times. */
export interface EventPlace {
  at: number
  directive: ActorKey
  sequence: number
}

/** An actor whose journal may be cut: how it begins. */
export interface JournalSpan {
  key: ActorKey
  /** The first version that is in it. */
  first: number
  /** The actor has ended, before the time that was asked about. */
  ended: boolean
}

/** A part of a walk through the directives: those that ended `before` a time (ms since 1970), `after` a place; `limit` are looked at. */
export interface EndedPart {
  before: number
  after: DirectivePlace | null
  limit: number
}

/** Those that were found, and where the walk goes on; null at its end. */
export interface EndedPage {
  keys: readonly ActorKey[]
  next: DirectivePlace | null
}

/** A part of a content: from which byte on, and at most how many. */
export interface BlobPart {
  from: number
  count: number
}

export interface Store {
  /** Makes the thread's lease (of `leaseMs`); fences older threads of the same home. Throws SCHEMA_NEWER, or REFUSED when live nodes write machines that this one does not know. */
  join: (thread: ThreadIdentity) => Promise<Renewal>
  /** Extends the lease. Throws FENCED when it is gone, or over while live nodes write machines that this one does not know. */
  renew: (thread: ThreadIdentity) => Promise<Renewal>
  /** Takes up to `count` shards that nobody holds or whose holder's lease is over; each with a new epoch. */
  claim: (thread: ThreadIdentity, count: number) => Promise<readonly HeldShard[]>
  /** New epochs for shards that this thread holds (after an unknown result): a commit under the old ones can no longer arrive. */
  reclaim: (thread: ThreadIdentity, shards: readonly number[]) => Promise<readonly HeldShard[]>
  release: (thread: ThreadIdentity, shards: readonly number[]) => Promise<void>
  /** Another thread whose lease runs and that stays, and knows these machines and all that this one does: the one that holds least; or null. */
  knowing: (thread: ThreadIdentity, machines: readonly string[]) => Promise<string | null>
  /** Gives held shards to another thread, which finds them at its next renewal; they are free when its lease is over, or it leaves. */
  hand: (thread: ThreadIdentity, shards: readonly number[], to: string) => Promise<void>
  /** From now on the thread has no share: others have it, and take what it gives up. Throws FENCED when the lease is gone. */
  drain: (thread: ThreadIdentity) => Promise<Renewal>
  leave: (thread: ThreadIdentity) => Promise<void>

  /**
   * All or nothing. Throws FENCED (a shard is not this thread's under that epoch any more), CONFLICT (a version, a message
   * or a timer is not as the commit supposes), BAD_INPUT (the database refuses the content, or a key that is written once is
   * there already: a definite refusal that bisecting can narrow down), UNKNOWN_RESULT (no word within `commitDeadlineMs`, the
   * connection broke, or the server failed for reasons of its own: nobody's content is to blame).
   */
  commit: (thread: ThreadIdentity, commit: Commit) => Promise<Committed>

  actors: (keys: readonly ActorKey[]) => Promise<readonly LoadedActor[]>
  directive: (key: ActorKey) => Promise<LoadedDirective | null>
  desk: (key: ActorKey) => Promise<LoadedDesk>
  registry: (owner: string) => Promise<LoadedRegistry>
  tasks: (owner: string, ids: readonly string[]) => Promise<readonly TaskRow[]>
  /** Staged or visible steps of a plan, by index. */
  planRows: (hash: string, from: number, count: number) => Promise<readonly PlanRow[]>
  /** Stages a plan under its hash; the same again is nothing. What no chain came to use is dropped after a day. */
  stage: (hash: string, rows: readonly PlanRow[]) => Promise<void>
  /** Indexes of the plan's steps by name; names that are not there are left out. */
  stepIndexes: (hash: string, names: readonly string[]) => Promise<ReadonlyMap<string, number>>

  /**
   * Messages of these shards, oldest first. Those to faulted actors wait and are left out, but for what registries tell desks; and so
   * are those that are later than a parked one from the same actor to the same.
   */
  mailbox: (shards: readonly number[], limit: number) => Promise<readonly StoredMessage[]>
  /** Parked messages that actors of these shards were told by actors, none of them a registry: later ones wait behind them. */
  parkedAhead: (shards: readonly number[]) => Promise<readonly ParkedAhead[]>
  /** A message that is parked, or that a parked actor failed at; or null. */
  stopped: (owner: string, message: number) => Promise<StoppedMessage | null>
  /** Timers of these shards that are due by the database's clock, earliest first; those of faulted actors are left out, here and below. */
  dueTimers: (shards: readonly number[], limit: number) => Promise<readonly StoredTimer[]>
  /** When the next timer of these shards is due (ms since 1970), or null. */
  nextTimer: (shards: readonly number[]) => Promise<number | null>
  /** Attempts that are open in these shards: whose spawns are sent again and whose daemons are watched. */
  openAttempts: (shards: readonly number[]) => Promise<readonly AttemptRow[]>
  /** An attempt, open or closed, or null. */
  attempt: (owner: string, task: string, attempt: number) => Promise<AttemptRow | null>
  /** Owners whose registries live in these shards. */
  registries: (shards: readonly number[]) => Promise<readonly string[]>

  /** Writes a message from the stream into the mailbox; false when that sequence was there already, or the mailbox is full (TOO_LARGE is thrown then). */
  enqueue: (message: {
    incarnation: string
    sequence: number
    to: ActorKey
    shard: number
    body: Uint8Array
  }) => Promise<boolean>
  /** Counts a failed try of a message outside of the commit that fails; answers with the count so far, 0 when it is not there. */
  countTry: (message: number, reason: string) => Promise<number>
  /** The reply that was given to this command of this owner within the last day, or null. */
  reply: (owner: string, command: string) => Promise<{ reply: object } | null>

  /** File contents, in chunks under their SHA-256, outside the turn. What no file refers to is dropped a day after it was put, or after the last file that did. */
  putBlob: (hash: string, bytes: Uint8Array) => Promise<void>
  blob: (hash: string, part?: BlobPart) => Promise<Uint8Array | null>
  /** Files of a contract in listing order (by name). */
  files: (owner: string, contract: string) => Promise<readonly { name: string; hash: string; bytes: number }[]>

  /** Directives of these shards that have ended before a time: what is looked at is bounded, however many there are. */
  ended: (shards: readonly number[], part: EndedPart) => Promise<EndedPage>
  /** Whether nothing is on its way to or from a directive, and its registry knows nothing of it. */
  settled: (key: ActorKey) => Promise<boolean>
  /** When a directive was removed (ms since 1970); null when it was not, or that is forgotten. */
  removedAt: (key: ActorKey) => Promise<number | null>
  /** Deletes a bounded part of the events before a time, but for the last of each directive. Where it goes on, or null at the end. */
  forgetEvents: (before: number, after: EventPlace | null) => Promise<EventPlace | null>
  /**
   * Actors of these shards whose journals are long, or that ended before a time and have more than one version in them: a part of
   * a walk through all actors, by their keys; where it goes on, or null at the end.
   */
  journalSpans: (
    shards: readonly number[],
    part: { before: number; after: ActorKey | null; limit: number },
  ) => Promise<{ spans: readonly JournalSpan[]; next: ActorKey | null }>
  /** Rows of the actor's journal after this version, in order; at most `limit`. */
  journal: (key: ActorKey, after: number, limit: number) => Promise<readonly JournalRow[]>
  /** This row takes the place of the one of its version, and all before it go; nothing where that version is not there. */
  cut: (row: JournalRow) => Promise<void>
  /** Deletes a bounded part of what is left of removed directives; whether there is more. */
  clear: () => Promise<boolean>
  /** Deletes what has outlived its time: replies, staged plans, stream sequences, contents that no file refers to. Bounded work per call; whether there is more. */
  tidy: () => Promise<boolean>
  close: () => Promise<void>
}
