/** Reads of actors: snapshots, and what a directive carries for life. */
import type { ActorRow } from '../actors/ports/rows.ts'
import type { LoadedActor, LoadedDirective } from '../actors/ports/store.ts'
import type { Definition } from '../protocol/directive.ts'
import type { ActorKey } from '../protocol/ids.ts'
import type { Connection } from './connection.ts'

export const loadActors = async (connection: Connection, keys: readonly ActorKey[]): Promise<LoadedActor[]> => {
  if (keys.length === 0) return []
  const rows = await connection.run(
    (sql) => sql<(ActorRow & { parked: string | null })[]>`
    select a.key, a.shard, a.owner, a.id, a.kind, a.directive, a.version, a.machine, a.machine_version, a.snapshot,
           a.status, a.ended, a.waiting, a.since, a.facts, f.reason as parked
    from writ.actors a left join writ.faulted f on f.key = a.key
    where a.key = any(array(select jsonb_array_elements_text(${JSON.stringify(keys)}::text::jsonb)))`,
  )
  return rows.map(({ parked, ...row }) => ({ row, parked }))
}

interface DirectiveColumns {
  title: string
  definition: string
  content: string
  plan: string | null
  steps: number
  at: number
  generation: number | null
  hash: string | null
  chainSteps: number | null
  events: number | null
}

export const loadDirective = async (connection: Connection, key: ActorKey): Promise<LoadedDirective | null> => {
  const [row] = await connection.run(
    (sql) => sql<DirectiveColumns[]>`
    select d.title, d.definition, d.content, d.plan, d.steps, d.at, c.generation, c.hash, c.steps as chain_steps,
           (select max(e.sequence) from writ.events e where e.directive = d.key) as events
    from writ.directives d
    left join lateral (select * from writ.chains c where c.directive = d.key order by c.generation desc limit 1) c on true
    where d.key = ${key}`,
  )
  return row === undefined ? null : loaded(row)
}

const loaded = (row: DirectiveColumns): LoadedDirective => {
  const { generation, hash, chainSteps } = row
  const definition: Definition = JSON.parse(row.definition)
  return {
    definition,
    title: row.title,
    content: row.content,
    readyPlan: row.plan === null ? null : { hash: row.plan, steps: row.steps },
    chain: generation === null || hash === null || chainSteps === null ? null : { generation, hash, steps: chainSteps },
    events: row.events ?? 0,
    createdAt: row.at,
  }
}

/** Owners whose registries live in these shards. */
export const loadRegistries = async (connection: Connection, shards: readonly number[]): Promise<string[]> => {
  const rows = await connection.run(
    (sql) => sql<{ owner: string }[]>`
    select owner from writ.actors
    where kind = 'registry' and shard = any(array(select value::smallint from jsonb_array_elements_text(${JSON.stringify(shards)}::text::jsonb)))
    order by owner`,
  )
  return rows.map((row) => row.owner)
}
