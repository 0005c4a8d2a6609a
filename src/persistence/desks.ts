/** Reads of work: a directive's desk, a registry's tables, tasks and open attempts. */
import type { AttemptRow, HeldRow, ReadyRow, TaskRow } from '../actors/ports/rows.ts'
import type { DaemonRow, GrantRow, NeedRow } from '../actors/ports/registry-rows.ts'
import type { LoadedDesk, LoadedRegistry } from '../actors/ports/store.ts'
import type { ActorKey } from '../protocol/ids.ts'
import type { Connection } from './connection.ts'

export const loadDesk = async (connection: Connection, key: ActorKey): Promise<LoadedDesk> => {
  const [ready, held, attempts] = await Promise.all([
    connection.run(
      (sql) => sql<ReadyRow[]>`
      select * from writ.ready where directive = ${key} order by priority desc, since, actor`,
    ),
    connection.run((sql) => sql<HeldRow[]>`select * from writ.held where directive = ${key} order by number`),
    connection.run(
      (sql) => sql<AttemptRow[]>`
      select * from writ.attempts where directive = ${key} and closed_at is null order by owner, task, attempt`,
    ),
  ])
  return { ready, held, attempts }
}

export const loadRegistry = async (connection: Connection, owner: string): Promise<LoadedRegistry> => {
  const [daemons, needs, grants] = await Promise.all([
    connection.run((sql) => sql<DaemonRow[]>`select * from writ.daemons where owner = ${owner} order by name`),
    connection.run((sql) => sql<NeedRow[]>`select * from writ.needs where owner = ${owner} order by directive`),
    connection.run((sql) => sql<GrantRow[]>`select * from writ.grants where owner = ${owner} order by id`),
  ])
  return { daemons, needs, grants }
}

export const loadTasks = (connection: Connection, owner: string, ids: readonly string[]): Promise<TaskRow[]> =>
  connection.run(
    (sql) => sql<TaskRow[]>`
    select * from writ.tasks
    where owner = ${owner} and id = any(array(select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb)))
    order by id`,
  )

export const loadAttempt = async (
  connection: Connection,
  owner: string,
  task: string,
  attempt: number,
): Promise<AttemptRow | null> => {
  const [row] = await connection.run(
    (sql) => sql<AttemptRow[]>`
    select * from writ.attempts where owner = ${owner} and task = ${task} and attempt = ${attempt}`,
  )
  return row ?? null
}

export const loadOpenAttempts = (connection: Connection, shards: readonly number[]): Promise<AttemptRow[]> =>
  connection.run(
    (sql) => sql<AttemptRow[]>`
    select a.*
    from jsonb_array_elements_text(${JSON.stringify(shards)}::text::jsonb) s(shard)
    cross join lateral (select * from writ.attempts a where a.shard = s.shard::smallint and a.closed_at is null) a
    order by a.owner, a.task, a.attempt`,
  )
