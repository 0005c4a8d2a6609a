/**
 * What a thread knows of the actors in its shards: the committed state, with what the batch that is being formed and the
 * one in flight changed on top. The thread is the only writer of its shards, so nothing here goes stale while it holds
 * them; when a commit fails, all of it is forgotten and read again. One unit of a batch can be undone alone.
 */
import type { Live } from '../machines/advance.ts'
import { type ActorKey, directiveKeyOf, readKey, shardOf } from '../protocol/ids.ts'
import type { PlanRow } from '../protocol/plan.ts'
import type { Desk } from './desk.ts'
import type { ActorRow, AttemptRow, TaskRow } from './ports/rows.ts'
import type { LoadedDirective } from './ports/store.ts'
import type { RegistryTables } from './registry-tables.ts'

/** An actor in memory. Never changed in place: a turn puts another in its stead. */
export interface Resident {
  row: ActorRow
  /** Null: no machine here opens its snapshot; the actor is parked. */
  live: Live | null
  parked: string | null
  /** Its machine is not known here, and may be elsewhere. */
  isForeign?: boolean
}

/** A directive's definition with what grows beside it. Replaced, never changed in place. */
export interface DirectiveFacts extends LoadedDirective {
  key: ActorKey
  owner: string
  id: string
}

/** By which attempts are told apart for ever: `<owner>/<task id> <attempt>`. */
export const attemptKey = ({ owner, task, attempt }: Pick<AttemptRow, 'owner' | 'task' | 'attempt'>): string =>
  `${owner}/${task} ${attempt}`

/** Who an attempt was of, and what it reported. */
export type ClosedAttempt = Pick<AttemptRow, 'nonce' | 'daemon' | 'session' | 'reported'>

/** What counts as one more thing that is kept, in characters of text. */
const entryChars = 4096

/** What a turn may change so that it can be taken back. */
interface Table<K, V> {
  has: (key: K) => boolean
  get: (key: K) => V | undefined
  set: (key: K, value: V) => unknown
  delete: (key: K) => unknown
}

export class Memory {
  readonly actors = new Map<ActorKey, Resident>()
  readonly directives = new Map<ActorKey, DirectiveFacts>()
  readonly desks = new Map<ActorKey, Desk>()
  readonly registries = new Map<string, RegistryTables>()
  /** Rows of tasks and open attempts by `<owner>/<task id>`. */
  readonly tasks = new Map<string, TaskRow>()
  readonly attempts = new Map<string, AttemptRow>()
  /** Of attempts that were closed here, by `<owner>/<task id> <attempt>`: what a report that comes late is held against. */
  readonly closed = new Map<string, ClosedAttempt>()
  /** Directives that a commit removes which is under way: the store does not say so yet. */
  readonly gone = new Map<ActorKey, true>()
  /** Whom a commit parks that has not held yet, and why. */
  readonly parking = new Map<ActorKey, string>()
  /** The names of contracts' files, by `<owner>/<contract id>`: of those that were put into since they were read. */
  readonly fileNames = new Map<ActorKey, ReadonlySet<string>>()
  /** Replies to commands that may not be in the store yet, by `<owner>/<command>`. */
  readonly replies = new Map<string, object>()
  /** Plan rows by `<hash>/<index>`: they never change, so they outlive a failed commit. */
  readonly plans = new Map<string, PlanRow>()
  #planChars = 0
  /** Counts the times that memory was forgotten: what was read before is not to be kept after. */
  era = 0
  #undo: (() => void)[] = []

  /** Writes so that the present unit can take it back. */
  set<K, V>(map: Table<K, V>, key: K, value: V): void {
    this.#remember(map, key)
    map.set(key, value)
  }

  delete<K, V>(map: Table<K, V>, key: K): void {
    this.#remember(map, key)
    map.delete(key)
  }

  /** From here on, `undo` takes back everything that was set. */
  mark(): void {
    this.#undo = []
  }

  undo(): void {
    for (const take of this.#undo.reverse()) take()
    this.#undo = []
  }

  /** Forgets what may be wrong after a failed commit. */
  forget(): void {
    this.era++
    for (const map of [
      this.actors,
      this.directives,
      this.desks,
      this.registries,
      this.tasks,
      this.attempts,
      this.closed,
      this.fileNames,
      this.gone,
      this.parking,
      this.replies,
    ])
      map.clear()
    this.#undo = []
  }

  /** Forgets a directive with its steps, and that it ever was: nothing of it is read from the store any more. */
  remove(directive: ActorKey): void {
    const isOf = (key: string): boolean => key === directive || key.startsWith(`${directive}__`)
    for (const map of this.#ofDirectives()) for (const key of map.keys()) if (isOf(key)) this.delete(map, key)
    this.set(this.gone, directive, true)
  }

  /** The commit has held: from now on the store says so, and what was read before does not count. */
  removed(directives: readonly ActorKey[]): void {
    if (directives.length === 0) return
    this.era++
    const gone = new Set(directives)
    // A read that was under way as they went may have brought some of it back.
    for (const map of this.#ofDirectives())
      for (const key of map.keys()) if (gone.has(directiveKeyOf(key as ActorKey))) map.delete(key)
    for (const directive of gone) this.gone.delete(directive)
  }

  #ofDirectives(): Map<string, unknown>[] {
    return [this.actors, this.directives, this.desks, this.tasks, this.closed, this.fileNames]
  }

  /** How much is kept: actors and rows, each some hundred bytes to a few KiB. A desk is kept of what is not there, too. */
  get size(): number {
    const kept = [this.actors, this.directives, this.desks, this.tasks, this.closed, this.fileNames, this.plans]
    return kept.reduce((sum, { size }) => sum + size, Math.floor(this.#planChars / entryChars))
  }

  /** Machines of actors that are not known here, as `name@version`, by the shards of those; as far as they are kept. */
  get foreignMachines(): ReadonlyMap<number, ReadonlySet<string>> {
    const foreign = new Map<number, Set<string>>()
    for (const { isForeign, row } of this.actors.values()) {
      if (isForeign !== true) continue
      const { shard, machine, machineVersion } = row
      foreign.set(shard, (foreign.get(shard) ?? new Set()).add(`${machine}@${machineVersion}`))
    }
    return foreign
  }

  /** A plan's texts may be a thousand times as long as any other row's: they count by their length. */
  keepPlanRow(hash: string, row: PlanRow): void {
    const key = `${hash}/${row.index}`
    if (!this.plans.has(key)) this.#planChars += row.description.length + row.taskPlan.length
    this.plans.set(key, row)
  }

  /** Makes room: what `busy` shards have is kept, for it may not be committed yet. */
  trim(held: readonly number[], busy: ReadonlySet<number>): void {
    this.plans.clear()
    this.#planChars = 0
    this.forgetShards(new Set(held.filter((shard) => !busy.has(shard))))
  }

  /** Forgets what belongs to shards that were given up. */
  forgetShards(shards: ReadonlySet<number>): void {
    this.era++
    const gone = (key: ActorKey): boolean => {
      const { owner, id } = readKey(key)
      return shards.has(shardOf(owner, id))
    }
    for (const map of [
      this.actors,
      this.directives,
      this.desks,
      this.tasks,
      this.attempts,
      this.closed,
      this.fileNames,
      this.gone,
      this.parking,
    ])
      for (const key of map.keys()) if (gone(key as ActorKey)) map.delete(key as never)
    for (const owner of this.registries.keys())
      if (shards.has(shardOf(owner, '__registry'))) this.registries.delete(owner)
  }

  #remember<K, V>(map: Table<K, V>, key: K): void {
    const had = map.has(key)
    const before = map.get(key)
    this.#undo.push(() => {
      if (had) map.set(key, before as V)
      else map.delete(key)
    })
  }
}
