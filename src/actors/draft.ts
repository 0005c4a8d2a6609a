/**
 * The rows of one unit, or of one batch: what a commit will carry, netted as it grows (a task that waited and was granted
 * within the batch never was a row), and what goes out after it, in order.
 */
import type { ActorKey } from '../protocol/ids.ts'
import type {
  ActorRow,
  AttemptRow,
  ChainRow,
  Commit,
  DirectiveRow,
  EvaluationRow,
  EventRow,
  FileRow,
  HeldRow,
  LateRow,
  MessageRow,
  ReadyRow,
  TaskRow,
  TimerRow,
} from './ports/rows.ts'
import type { ParkedRow, UnparkedRow } from './ports/parked-rows.ts'
import type { DaemonRow, GrantRow, NeedRow } from './ports/registry-rows.ts'
import type { Seen } from './sighting.ts'
import { weightOf } from './weight.ts'

/** What leaves the thread once the commit has held. */
export type Outgoing =
  | { kind: 'event'; row: EventRow }
  | { kind: 'spawn'; attempt: AttemptRow }
  | { kind: 'order'; attempt: AttemptRow }
  | { kind: 'reply'; send: () => void }
  | { kind: 'call'; call: () => void }
  /** Somebody watches the actor. */
  | { kind: 'seen'; seen: Omit<Seen, 'place' | 'of'> }

/** One message that an actor consumed, as the journal keeps it. */
export interface JournalEntry {
  message: unknown
  timer: string | null
  at: number
  seed: string
  origin: string
  order: Order
  /** Of the first one: the machine on which the actor began, as `name@version`. It is absent in those from before there was a choice. */
  machine?: string
}

/**
 * Where it stands among all that happened in its shard: the holder's epoch, then a count over the holder's life. Orders the
 * journals of a directive and its steps into one history; within one commit too, where the time is the same.
 */
export type Order = readonly [epoch: number, place: number]

/** Of an actor's row, without what its snapshot holds. */
const actorBytes = 500

const timerKey = (key: ActorKey, id: string): string => `${key} ${id}`

export class Draft {
  readonly shards = new Set<number>()
  /** Actors that changed, with the version that this commit gives them; their rows are made when the batch is sealed. */
  readonly actors = new Map<ActorKey, number>()
  readonly journal = new Map<ActorKey, JournalEntry[]>()
  readonly directives: DirectiveRow[] = []
  readonly chains: ChainRow[] = []
  readonly consumed: number[] = []
  readonly messages: MessageRow[] = []
  /** Between whom those messages go, `<from> <to>`: nothing told later may overtake them. */
  readonly pairs = new Set<string>()
  readonly fired: { key: ActorKey; id: string; generation: number }[] = []
  readonly timers = new Map<string, TimerRow | { key: ActorKey; id: string; cancelled: true }>()
  readonly events: EventRow[] = []
  readonly tasks = new Map<string, TaskRow>()
  readonly attempts = new Map<string, AttemptRow>()
  readonly late: LateRow[] = []
  readonly evaluations: EvaluationRow[] = []
  /** A row to write, or null to delete it. `fresh`: it was not in the store before this draft, so deleting it is nothing. */
  readonly ready = new Map<ActorKey, { row: ReadyRow | null; fresh: boolean }>()
  readonly held = new Map<string, { directive: ActorKey; id: string; row: HeldRow | null }>()
  readonly daemons = new Map<string, DaemonRow | { owner: string; name: string; gone: true }>()
  readonly needs = new Map<ActorKey, NeedRow | null>()
  readonly grants = new Map<string, GrantRow | { owner: string; id: string; gone: true }>()
  readonly files = new Map<string, FileRow>()
  readonly replies = new Map<string, { owner: string; command: string; reply: object; at: number }>()
  readonly parked: ParkedRow[] = []
  readonly faulted: { key: ActorKey; reason: string }[] = []
  readonly unparked: UnparkedRow[] = []
  readonly unfaulted: ActorKey[] = []
  readonly mended: ActorKey[] = []
  readonly removed: { key: ActorKey; version: number }[] = []
  readonly outgoing: Outgoing[] = []
  /** Payload bytes so far, roughly: what the commit's limit is held against. */
  bytes = 0
  /** What its cascade has written so far, in bytes, roughly: before it is weighed as a whole. */
  grown = 0

  setTimer(row: TimerRow): void {
    this.timers.set(timerKey(row.key, row.id), row)
  }

  cancelTimer(key: ActorKey, id: string): void {
    this.timers.set(timerKey(key, id), { key, id, cancelled: true })
  }

  addReady(row: ReadyRow): void {
    const before = this.ready.get(row.actor)
    this.ready.set(row.actor, { row, fresh: before?.fresh ?? true })
  }

  dropReady(actor: ActorKey): void {
    const before = this.ready.get(actor)
    if (before?.fresh === true && before.row !== null) this.ready.delete(actor)
    else this.ready.set(actor, { row: null, fresh: false })
  }

  setHeld(directive: ActorKey, id: string, row: HeldRow | null): void {
    this.held.set(`${directive} ${id}`, { directive, id, row })
  }

  /** Whether there is anything to write. */
  get isEmpty(): boolean {
    return this.rowCount === 0
  }

  get rowCount(): number {
    const maps = [
      this.actors,
      this.timers,
      this.tasks,
      this.attempts,
      this.ready,
      this.held,
      this.daemons,
      this.needs,
      this.grants,
      this.replies,
      this.files,
    ]
    const lists = [
      this.directives,
      this.chains,
      this.consumed,
      this.messages,
      this.fired,
      this.events,
      this.late,
      this.evaluations,
      this.parked,
      this.faulted,
      this.unparked,
      this.unfaulted,
      this.mended,
      this.removed,
    ]
    return maps.reduce((sum, map) => sum + map.size, 0) + lists.reduce((sum, list) => sum + list.length, 0)
  }

  /** Finds out what its rows weigh, roughly. `contextOf`: what an actor's snapshot will hold. */
  weigh(contextOf: (key: ActorKey) => unknown): void {
    const written = [this.directives, this.chains, this.messages, this.events, this.late, this.evaluations, this.parked]
    const kept = [this.journal, this.tasks, this.attempts, this.replies, this.files, this.needs]
    this.bytes = 0
    for (const list of written) for (const row of list) this.bytes += weightOf(row)
    for (const map of kept) for (const row of map.values()) this.bytes += weightOf(row)
    for (const key of this.actors.keys()) this.bytes += actorBytes + weightOf(contextOf(key))
  }

  /** Takes another draft's rows on top of its own: the unit's, into its batch's. */
  take(other: Draft): void {
    for (const shard of other.shards) this.shards.add(shard)
    for (const pair of other.pairs) this.pairs.add(pair)
    for (const [key, entries] of other.journal) this.journal.set(key, [...(this.journal.get(key) ?? []), ...entries])
    for (const [key, { row, fresh }] of other.ready)
      if (row === null) this.dropReady(key)
      else this.addReadyAgain(row, fresh)
    copy(other.actors, this.actors)
    copy(other.timers, this.timers)
    copy(other.tasks, this.tasks)
    copy(other.attempts, this.attempts)
    copy(other.held, this.held)
    copy(other.daemons, this.daemons)
    copy(other.needs, this.needs)
    copy(other.grants, this.grants)
    copy(other.replies, this.replies)
    copy(other.files, this.files)
    this.takeLists(other)
    this.bytes += other.bytes
  }

  /** The commit that carries this. The versions are those of the batch: one per actor, whatever it consumed. */
  commit(
    epochs: ReadonlyMap<number, number>,
    rowOf: (key: ActorKey, version: number) => ActorRow,
    pack: (entries: readonly JournalEntry[]) => Uint8Array,
  ): Commit {
    const actors = [...this.actors].map(([key, version]) => rowOf(key, version))
    const timers = [...this.timers.values()]
    return {
      shards: [...this.shards].map((shard) => ({ shard, epoch: epochs.get(shard) ?? -1 })),
      actors,
      directives: this.directives,
      chains: this.chains,
      consumed: this.consumed,
      messages: this.messages,
      fired: this.fired,
      cancelledTimers: timers.flatMap((timer) => ('cancelled' in timer ? [{ key: timer.key, id: timer.id }] : [])),
      timers: timers.flatMap((timer) => ('cancelled' in timer ? [] : [timer])),
      journal: actors.flatMap(({ key, version }) => {
        const entries = this.journal.get(key)
        return entries === undefined ? [] : [{ key, version, entries: pack(entries) }]
      }),
      events: this.events,
      tasks: [...this.tasks.values()],
      attempts: [...this.attempts.values()],
      late: this.late,
      evaluations: this.evaluations,
      ...this.slots(),
      files: [...this.files.values()],
      replies: [...this.replies.values()],
      parked: this.parked,
      faulted: this.faulted,
      unparked: this.unparked,
      unfaulted: this.unfaulted,
      mended: this.mended,
      removed: this.removed,
    }
  }

  private slots(): Partial<Commit> {
    const ready = [...this.ready]
    const held = [...this.held.values()]
    const daemons = [...this.daemons.values()]
    const grants = [...this.grants.values()]
    const needs = [...this.needs]
    return {
      ready: ready.flatMap(([, { row }]) => (row === null ? [] : [row])),
      unready: ready.flatMap(([actor, { row }]) => (row === null ? [actor] : [])),
      held: held.flatMap(({ row }) => (row === null ? [] : [row])),
      unheld: held.flatMap(({ directive, id, row }) => (row === null ? [{ directive, id }] : [])),
      daemons: daemons.flatMap((row) => ('gone' in row ? [] : [row])),
      goneDaemons: daemons.flatMap((row) => ('gone' in row ? [{ owner: row.owner, name: row.name }] : [])),
      needs: needs.flatMap(([, row]) => (row === null ? [] : [row])),
      goneNeeds: needs.flatMap(([directive, row]) => (row === null ? [directive] : [])),
      grants: grants.flatMap((row) => ('gone' in row ? [] : [row])),
      goneGrants: grants.flatMap((row) => ('gone' in row ? [{ owner: row.owner, id: row.id }] : [])),
    }
  }

  private addReadyAgain(row: ReadyRow, fresh: boolean): void {
    const before = this.ready.get(row.actor)
    this.ready.set(row.actor, { row, fresh: before?.fresh ?? fresh })
  }

  private takeLists(other: Draft): void {
    this.directives.push(...other.directives)
    this.chains.push(...other.chains)
    this.consumed.push(...other.consumed)
    this.messages.push(...other.messages)
    this.fired.push(...other.fired)
    this.events.push(...other.events)
    this.late.push(...other.late)
    this.evaluations.push(...other.evaluations)
    this.parked.push(...other.parked)
    this.faulted.push(...other.faulted)
    this.unparked.push(...other.unparked)
    this.unfaulted.push(...other.unfaulted)
    this.mended.push(...other.mended)
    this.removed.push(...other.removed)
    this.outgoing.push(...other.outgoing)
  }
}

const copy = <K, V>(from: ReadonlyMap<K, V>, to: Map<K, V>): void => {
  for (const [key, value] of from) to.set(key, value)
}
