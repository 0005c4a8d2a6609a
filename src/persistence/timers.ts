/** Durable timers, by the database's clock alone. Those of faulted actors wait until they are mended. */
import type { StoredTimer } from '../actors/ports/rows.ts'
import type { Connection } from './connection.ts'

export const readDueTimers = (
  connection: Connection,
  shards: readonly number[],
  limit: number,
): Promise<StoredTimer[]> =>
  connection.run(
    (sql) => sql<StoredTimer[]>`
    select t.key, t.shard, t.id, t.due, t.generation
    from jsonb_array_elements_text(${JSON.stringify(shards)}::text::jsonb) s(shard)
    cross join lateral (
      select * from writ.timers t
      where t.shard = s.shard::smallint and t.due <= (select writ.now())
        and not exists (select from writ.faulted f where f.key = t.key)
      order by t.due
      limit ${limit}
    ) t
    order by t.due, t.key, t.id
    limit ${limit}`,
  )

export const readNextTimer = async (connection: Connection, shards: readonly number[]): Promise<number | null> => {
  const [row] = await connection.run(
    (sql) => sql<[{ due: number | null }]>`
    select min(t.due) as due
    from jsonb_array_elements_text(${JSON.stringify(shards)}::text::jsonb) s(shard)
    cross join lateral (
      select t.due from writ.timers t
      where t.shard = s.shard::smallint and not exists (select from writ.faulted f where f.key = t.key)
      order by t.due
      limit 1
    ) t`,
  )
  return row.due
}
