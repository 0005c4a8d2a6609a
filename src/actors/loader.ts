/** Brings actors and what belongs to them into a thread's memory: from memory first, from the store on a miss. */
import { load } from '../machines/advance.ts'
import { knows } from '../machines/catalog.ts'
import { type ActorKey, actorKey } from '../protocol/ids.ts'
import type { PlanRow } from '../protocol/plan.ts'
import { unpackSnapshot } from './codec.ts'
import { type Desk, emptyDesk } from './desk.ts'
import type { DirectiveFacts, Memory, Resident } from './memory.ts'
import type { AttemptRow, TaskRow } from './ports/rows.ts'
import type { LoadedActor, Store } from './ports/store.ts'
import { type RegistryTables, tablesOf } from './registry-tables.ts'
import { readKey } from '../protocol/ids.ts'

export class Loader {
  readonly #memory: Memory
  readonly #store: Store

  constructor(memory: Memory, store: Store) {
    this.#memory = memory
    this.#store = store
  }

  /** The actor, or null when there is none yet. */
  async actor(key: ActorKey): Promise<Resident | null> {
    await this.actors([key])
    return this.#memory.actors.get(key) ?? null
  }

  /** Loads those that are missing, in one query. */
  async actors(keys: readonly ActorKey[]): Promise<void> {
    const missing = keys.filter((key) => !this.#memory.actors.has(key))
    if (missing.length === 0) return
    for (const loaded of await this.#store.actors(missing)) this.#memory.actors.set(loaded.row.key, residentOf(loaded))
  }

  /** The directive's definition and what grows beside it, or null. */
  async directive(key: ActorKey): Promise<DirectiveFacts | null> {
    const known = this.#memory.directives.get(key)
    if (known !== undefined) return known
    const loaded = await this.#store.directive(key)
    if (loaded === null) return null
    const facts = { ...loaded, key, ...readKey(key) }
    this.#memory.directives.set(key, facts)
    return facts
  }

  async desk(key: ActorKey): Promise<Desk> {
    const known = this.#memory.desks.get(key)
    if (known !== undefined) return known
    const { ready, held, attempts } = await this.#store.desk(key)
    const desk: Desk = {
      ...emptyDesk(),
      ready: new Map(ready.map((row) => [row.actor, row])),
      held: new Map(held.map((row) => [row.id, row])),
      told: null,
      seen: held.reduce((most, row) => Math.max(most, row.number), 0),
    }
    for (const attempt of attempts) this.#memory.attempts.set(actorKey(attempt.owner, attempt.task), attempt)
    this.#memory.desks.set(key, desk)
    return desk
  }

  async registry(owner: string): Promise<RegistryTables> {
    const known = this.#memory.registries.get(owner)
    if (known !== undefined) return known
    const tables = tablesOf(await this.#store.registry(owner))
    this.#memory.registries.set(owner, tables)
    return tables
  }

  async task(owner: string, id: string): Promise<TaskRow | null> {
    const key = actorKey(owner, id)
    const known = this.#memory.tasks.get(key)
    if (known !== undefined) return known
    const [row] = await this.#store.tasks(owner, [id])
    if (row === undefined) return null
    this.#memory.tasks.set(key, row)
    return row
  }

  /** The open attempt of a task. Those of a directive are all in memory once its desk is. */
  async attempt(directive: ActorKey, owner: string, task: string): Promise<AttemptRow | null> {
    await this.desk(directive)
    return this.#memory.attempts.get(actorKey(owner, task)) ?? null
  }

  /** A step of a plan; null when the plan has no such index. */
  async planRow(hash: string, index: number): Promise<PlanRow | null> {
    const key = `${hash}/${index}`
    const known = this.#memory.plans.get(key)
    if (known !== undefined) return known
    await this.planRows(hash, index, 50)
    return this.#memory.plans.get(key) ?? null
  }

  async planRows(hash: string, from: number, count: number): Promise<readonly PlanRow[]> {
    const rows = await this.#store.planRows(hash, from, count)
    for (const row of rows) this.#memory.plans.set(`${hash}/${row.index}`, row)
    return rows
  }
}

/** A snapshot of a machine that this node does not know parks its actor until a node that knows it comes. */
const residentOf = ({ row, parked }: LoadedActor): Resident => {
  const { machine, machineVersion: version } = row
  const stored = { machine, version, ...unpackSnapshot(row.snapshot) }
  if (!knows(machine, version))
    return { row, live: null, parked: parked ?? `no machine ${machine} ${version} in this version of Writ` }
  return { row, live: load(stored), parked }
}
