/** Brings actors and what belongs to them into a thread's memory: from memory first, from the store on a miss. */
import { load } from '../machines/advance.ts'
import { catalog } from '../machines/catalog.ts'
import type { Catalog } from '../machines/versions.ts'
import { type ActorKey, actorKey, directiveOf, readKey } from '../protocol/ids.ts'
import type { PlanRow } from '../protocol/plan.ts'
import { unpackSnapshot } from './codec.ts'
import { type Desk, emptyDesk } from './desk.ts'
import { attemptKey, type ClosedAttempt, type DirectiveFacts, type Memory, type Resident } from './memory.ts'
import type { AttemptRow, TaskRow } from './ports/rows.ts'
import type { LoadedActor, LoadedDesk, Store } from './ports/store.ts'
import { type RegistryTables, tablesOf } from './registry-tables.ts'

/** So many steps of a plan are read at once. */
const planPartRows = 50

export class Loader {
  readonly #memory: Memory
  readonly #store: Store
  readonly #machines: Catalog
  readonly #reads = new Map<string, Promise<unknown>>()

  constructor(memory: Memory, store: Store, machines: Catalog) {
    this.#memory = memory
    this.#store = store
    this.#machines = machines
  }

  /** The actor, or null when there is none yet. */
  async actor(key: ActorKey): Promise<Resident | null> {
    await this.actors([key])
    return this.#memory.actors.get(key) ?? null
  }

  /** Loads those that are missing, in one query. Only the loop asks for actors, so nothing else reads them meanwhile. */
  async actors(keys: readonly ActorKey[]): Promise<void> {
    const missing = keys.filter((key) => !this.#memory.actors.has(key) && !this.#isGone(key))
    if (missing.length === 0) return
    for (;;) {
      const { era } = this.#memory
      const loaded = await this.#store.actors(missing)
      if (era !== this.#memory.era) continue
      for (const each of loaded) this.#memory.actors.set(each.row.key, residentOf(each, this.#machines))
      return
    }
  }

  /** The directive's definition and what grows beside it, or null. */
  directive(key: ActorKey): Promise<DirectiveFacts | null> {
    if (this.#memory.gone.has(key)) return Promise.resolve(null)
    return this.#keep(this.#memory.directives, key, `directive ${key}`, async () => {
      const loaded = await this.#store.directive(key)
      // It may have gone while it was read.
      return loaded === null || this.#memory.gone.has(key) ? null : { ...loaded, key, ...readKey(key) }
    })
  }

  async desk(key: ActorKey): Promise<Desk> {
    let attempts: readonly AttemptRow[] = []
    const read = async (): Promise<Desk> => {
      const loaded = await this.#store.desk(key)
      attempts = loaded.attempts
      return deskOf(loaded)
    }
    const kept = (): void => {
      for (const attempt of attempts) this.#memory.attempts.set(actorKey(attempt.owner, attempt.task), attempt)
    }
    return (await this.#keep(this.#memory.desks, key, `desk ${key}`, read, kept)) ?? emptyDesk()
  }

  async registry(owner: string): Promise<RegistryTables> {
    const tables = await this.#keep(this.#memory.registries, owner, `registry ${owner}`, async () =>
      tablesOf(await this.#store.registry(owner)),
    )
    return tables ?? tablesOf({ daemons: [], needs: [], grants: [] })
  }

  /** The task, or null: also when its directive is removed, of which something may be stored still. */
  async task(owner: string, id: string): Promise<TaskRow | null> {
    const key = actorKey(owner, id)
    if ((await this.directive(actorKey(owner, directiveOf(id)))) === null) return null
    return this.#keep(
      this.#memory.tasks,
      key,
      `task ${key}`,
      async () => (await this.#store.tasks(owner, [id]))[0] ?? null,
    )
  }

  /** The open attempt of a task. Those of a directive are all in memory once its desk is. */
  async attempt(directive: ActorKey, owner: string, task: string): Promise<AttemptRow | null> {
    await this.desk(directive)
    return this.#memory.attempts.get(actorKey(owner, task)) ?? null
  }

  /** An attempt that is not open any more; null when there never was one. */
  closed(owner: string, task: string, attempt: number): Promise<ClosedAttempt | null> {
    const key = attemptKey({ owner, task, attempt })
    return this.#keep(this.#memory.closed, key, `attempt ${key}`, () => this.#store.attempt(owner, task, attempt))
  }

  /** The names of a contract's files, those among them that are not committed yet. */
  async fileNames(owner: string, contract: string): Promise<ReadonlySet<string>> {
    const key = actorKey(owner, contract)
    const names = await this.#keep(this.#memory.fileNames, key, `files of ${key}`, async () => {
      const files = await this.#store.files(owner, contract)
      return new Set(files.map(({ name }) => name))
    })
    return names ?? new Set()
  }

  #isGone(key: ActorKey): boolean {
    const { owner, id } = readKey(key)
    return this.#memory.gone.has(actorKey(owner, directiveOf(id)))
  }

  /**
   * From memory, else from the store: one read at a time per thing, so that a slow one never overwrites what a turn has
   * changed since; and none that began before memory was forgotten is kept after it. `kept`: called when it is.
   */
  #keep<K, V>(
    map: Map<K, V>,
    key: K,
    name: string,
    read: () => Promise<V | null>,
    kept?: () => void,
  ): Promise<V | null> {
    const known = map.get(key)
    if (known !== undefined) return Promise.resolve(known)
    const under = this.#reads.get(name)
    if (under !== undefined) return under as Promise<V | null>
    const reading = this.#read(map, key, read, kept).finally(() => this.#reads.delete(name))
    this.#reads.set(name, reading)
    return reading
  }

  async #read<K, V>(map: Map<K, V>, key: K, read: () => Promise<V | null>, kept?: () => void): Promise<V | null> {
    for (;;) {
      const { era } = this.#memory
      const value = await read()
      if (era !== this.#memory.era) continue
      if (value !== null && !map.has(key)) {
        map.set(key, value)
        kept?.()
      }
      return map.get(key) ?? null
    }
  }

  /**
   * A step of a plan; null when the plan has no such index. Those around it are read along, whichever way the plan is walked. Room
   * may be made before the caller goes on, so what was read is not looked up again.
   */
  async planRow(hash: string, index: number): Promise<PlanRow | null> {
    const known = this.#memory.plans.get(`${hash}/${index}`)
    if (known !== undefined) return known
    const rows = await this.planRows(hash, index - (index % planPartRows), planPartRows)
    return rows.find((row) => row.index === index) ?? null
  }

  async planRows(hash: string, from: number, count: number): Promise<readonly PlanRow[]> {
    const rows = await this.#store.planRows(hash, from, count)
    for (const row of rows) this.#memory.keepPlanRow(hash, row)
    return rows
  }
}

const deskOf = ({ ready, held }: LoadedDesk): Desk => ({
  ready: new Map(ready.map((row) => [row.actor, row])),
  held: new Map(held.map((row) => [row.id, row])),
  told: null,
  looks: new Set(),
  seen: held.reduce((most, row) => Math.max(most, row.number), 0),
})

/** A snapshot that cannot be opened parks its actor: one of an unknown machine until a node that knows it comes. */
export const residentOf = ({ row, parked }: LoadedActor, machines: Catalog = catalog): Resident => {
  const { machine, machineVersion: version } = row
  const closed = (why: string): Resident => ({ row, live: null, parked: parked ?? why })
  if (!machines.knows(machine, version))
    return { ...closed(`no machine ${machine} ${version} in this version of Writ`), isForeign: true }
  try {
    return { row, live: load({ machine, version, ...unpackSnapshot(row.snapshot) }, machines), parked }
  } catch (error) {
    return closed(`its snapshot cannot be opened: ${error instanceof Error ? error.message : String(error)}`)
  }
}
