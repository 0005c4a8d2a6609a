/** Directives that are to go, and those that are gone (migrations/0011_removal.sql). */
import type { EndedPart, EndedPage } from '../actors/ports/store.ts'
import { type ActorKey, actorKey, readKey, registryId } from '../protocol/ids.ts'
import { clearedRowsAtOnce, goneKeptMs } from '../protocol/limits.ts'
import type { Connection, PendingQuery, Sql } from './connection.ts'

/** Of a directive that was removed something may be stored still: nobody sees it. */
export const notRemoved = (sql: Sql, directive: PendingQuery) =>
  sql`not exists (select from writ.removed gone where gone.key = ${directive})`

/** When it was removed; null when it was not, or that is forgotten. */
export const readRemovedAt = async (connection: Connection, key: ActorKey): Promise<number | null> => {
  const [row] = await connection.run((sql) => sql<{ at: number }[]>`select at from writ.removed where key = ${key}`)
  return row?.at ?? null
}

/** Directives by their age: only those are looked at that were made before the time that is asked about. */
export const readEnded = async (
  connection: Connection,
  shards: readonly number[],
  { before, after, limit }: EndedPart,
): Promise<EndedPage> => {
  const rows = await connection.run(
    (sql) => sql<{ key: ActorKey; at: number; mine: boolean }[]>`
    select d.key, d.at, coalesce(a.ended and a.since < ${before}::bigint and a.shard = any(array(
             select value::smallint from jsonb_array_elements_text(${JSON.stringify(shards)}::text::jsonb))), false) as mine
    from (
      select d.key, d.at from writ.directives d
      where d.at < ${before}::bigint and (d.at, d.key) > (${after?.at ?? 0}::bigint, ${after?.key ?? ''}::text)
      order by d.at, d.key limit ${limit}
    ) d
    left join writ.actors a on a.key = d.key
    order by d.at, d.key`,
  )
  const last = rows.at(-1)
  const next = rows.length < limit || last === undefined ? null : { at: last.at, key: last.key }
  return { keys: rows.filter(({ mine }) => mine).map(({ key }) => key), next }
}

/** Whether nothing is on its way to a directive or its steps, or from it to its registry, which knows nothing of it any more. */
export const readSettled = async (connection: Connection, key: ActorKey): Promise<boolean> => {
  const { owner } = readKey(key)
  const [row] = await connection.run(
    (sql) => sql<[{ settled: boolean }]>`
    select not (
      exists (select from writ.needs n where n.owner = ${owner} and n.directive = ${key})
      or exists (select from writ.grants g where g.owner = ${owner} and g.directive = ${key})
      or exists (select from writ.messages m where m."to" = ${key})
      or exists (select from writ.messages m where m."to" >= ${`${key}__`} and m."to" < ${`${key}_\``})
      or exists (select from writ.messages m where m."to" = ${actorKey(owner, registryId)} and m."from" = ${key})
    ) as settled`,
  )
  return row.settled
}

/** Whether there may be more. */
export const clearRemoved = async (connection: Connection): Promise<boolean> => {
  const [row] = await connection.run((sql) => sql<[{ more: boolean }]>`select writ.clear(${clearedRowsAtOnce}) as more`)
  return row.more
}

/** Forgets which directives were removed long ago: their ids may be used again. Whether there is more. */
export const forgetRemoved = async (connection: Connection): Promise<boolean> => {
  const forgotten = await connection.run(
    (sql) => sql`
    delete from writ.removed where ctid = any(array(
      select ctid from writ.removed where cleared and at < (select writ.now()) - ${goneKeptMs}::bigint
      order by at limit ${clearedRowsAtOnce} for update skip locked))`,
  )
  return forgotten.count === clearedRowsAtOnce
}
