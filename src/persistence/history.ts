/** The History port on Postgres: actors by selection, their journals, and what their settings follow from. Reads only. */
import type { ActorsPart, DefinedDirective, History, Surroundings } from '../actors/ports/history.ts'
import type { ActorRow } from '../actors/ports/rows.ts'
import type { LoadedActor } from '../actors/ports/store.ts'
import { type ActorKey, actorKey } from '../protocol/ids.ts'
import { globPattern, type Selection } from '../protocol/inspection.ts'
import type { PlanRow } from '../protocol/plan.ts'
import { loadActors, loadDirective } from './actors.ts'
import type { Connection, PendingQuery, Sql } from './connection.ts'
import { readJournal } from './journals.ts'
import { readPlanRows } from './plans.ts'
import { readRemovedAt } from './removal.ts'
import { openReading, type ReadingOptions } from './reading.ts'

/** Throws as openStore does. */
export const openHistory = async (options: ReadingOptions): Promise<History> => {
  const connection = await openReading(options, 'writ history')
  return {
    actors: (owner, selection, part) => listActors(connection, owner, selection, part),
    actor: async (key) => (await loadActors(connection, [key]))[0] ?? null,
    removedAt: (key) => readRemovedAt(connection, key),
    directive: (key) => loadDefined(connection, key),
    planRow: async (directive, generation, index) =>
      (await loadPlanRows(connection, directive, generation, index, 1))[0] ?? null,
    planRows: (directive, generation, from, count) => loadPlanRows(connection, directive, generation, from, count),
    surroundings: (key) => loadSurroundings(connection, key),
    journal: (key, after, limit) => readJournal(connection, key, after, limit),
    written: () => readWritten(connection),
    threads: () => liveThreads(connection),
    close: () => connection.close(),
  }
}

const listActors = async (
  connection: Connection,
  owner: string,
  selection: Selection,
  { after, including = false, ended = false, limit }: ActorsPart,
): Promise<{ actors: LoadedActor[]; total: number }> => {
  const from = actorKey(owner, after)
  const rows = await connection.run(
    (sql) => sql<(ActorRow & { parked: string | null; total: number })[]>`
    with selected as (select a.key from writ.actors a where ${selecting(sql, owner, selection, ended)})
    select a.key, a.shard, a.owner, a.id, a.kind, a.directive, a.version, a.machine, a.machine_version, a.snapshot,
           a.status, a.ended, a.waiting, a.since, a.facts, f.reason as parked,
           (select count(*)::integer from selected) as total
    from selected s join writ.actors a on a.key = s.key left join writ.faulted f on f.key = a.key
    where ${including ? sql`s.key >= ${from}` : sql`s.key > ${from}`}
    order by s.key
    limit ${limit}`,
  )
  return { actors: rows.map(({ parked, total: _, ...row }) => ({ row, parked })), total: rows[0]?.total ?? 0 }
}

/** Ids derived from one are one range of the key. What has ended counts only for whoever names it. */
const selecting = (sql: Sql, owner: string, { actor, directive, kind }: Selection, ended: boolean): PendingQuery => {
  const isExact = actor !== undefined && !/[*?]/.test(actor)
  const prefix = actor === undefined ? '' : (/^[^*?]*/.exec(actor)?.[0] ?? '')
  const root = directive === undefined ? null : actorKey(owner, directive)
  // A step that has ended is still a part of what goes on.
  const hasEnded = sql`exists (select from writ.actors d where d.key = a.directive and d.ended)`
  return sql`
    a.owner = ${owner} and a.key >= ${actorKey(owner, prefix)} and a.key < ${`${actorKey(owner, prefix)}~`}
    ${isExact ? sql`and a.key = ${actorKey(owner, actor)}` : sql``}
    ${actor === undefined || isExact ? sql`` : sql`and a.id ~ ${globPattern(actor).source}`}
    ${root === null ? sql`` : sql`and (a.key = ${root} or a.key > ${`${root}__`} and a.key < ${`${root}__~`})`}
    ${kind === undefined ? sql`` : sql`and a.kind = ${kind}`}
    ${ended || isExact || root !== null ? sql`` : sql`and not ${hasEnded}`}`
}

const loadDefined = async (connection: Connection, key: ActorKey): Promise<DefinedDirective | null> => {
  const loaded = await loadDirective(connection, key)
  return loaded === null ? null : { definition: loaded.definition, readyPlan: loaded.readyPlan }
}

const loadPlanRows = async (
  connection: Connection,
  directive: ActorKey,
  generation: number,
  from: number,
  count: number,
): Promise<readonly PlanRow[]> => {
  const [chain] = await connection.run(
    (sql) => sql<{ hash: string }[]>`
    select hash from writ.chains where directive = ${directive} and generation = ${generation}`,
  )
  return chain === undefined ? [] : readPlanRows(connection, chain.hash, from, count)
}

const loadSurroundings = async (connection: Connection, key: ActorKey): Promise<Surroundings> => {
  const [row] = await connection.run(
    (sql) => sql<[{ now: number; mailbox: number }]>`
    select writ.now() as now, (select count(*)::integer from writ.messages where "to" = ${key}) as mailbox`,
  )
  const timers = await connection.run(
    (sql) => sql<{ id: string; due: number }[]>`select id, due from writ.timers where key = ${key} order by due, id`,
  )
  return { ...row, timers }
}

const readWritten = async (connection: Connection): Promise<string[]> => {
  const rows = await connection.run((sql) => sql<{ machine: string }[]>`select writ.written_machines() as machine`)
  return rows.map(({ machine }) => machine)
}

const liveThreads = async (connection: Connection): Promise<string[]> => {
  const rows = await connection.run(
    (sql) =>
      sql<{ thread: string }[]>`select thread from writ.threads where expires > clock_timestamp() order by thread`,
  )
  return rows.map(({ thread }) => thread)
}
