/** The beginnings of journals: how long they are, and how they are cut. */
import type { JournalRow } from '../actors/ports/rows.ts'
import type { JournalSpan } from '../actors/ports/store.ts'
import type { ActorKey } from '../protocol/ids.ts'
import { journalCutMin } from '../protocol/limits.ts'
import type { Connection } from './connection.ts'

export const readJournal = async (
  connection: Connection,
  key: ActorKey,
  after: number,
  limit: number,
): Promise<readonly JournalRow[]> =>
  connection.run(
    (sql) => sql<JournalRow[]>`
    select key, version, entries from writ.journal where key = ${key} and version > ${after} order by version limit ${limit}`,
  )

export const readJournalSpans = async (
  connection: Connection,
  shards: readonly number[],
  { before, after, limit }: { before: number; after: ActorKey | null; limit: number },
): Promise<{ spans: readonly JournalSpan[]; next: ActorKey | null }> => {
  const rows = await connection.run(
    (sql) => sql<(JournalSpan & { mine: boolean; version: number })[]>`
    select a.key, a.version, j.version as first, a.ended and a.since < ${before}::bigint as ended,
           a.shard = any(array(
             select value::smallint from jsonb_array_elements_text(${JSON.stringify(shards)}::text::jsonb))) as mine
    from (
      select * from writ.actors a where a.key > ${after ?? ''} order by a.key limit ${limit}
    ) a
    cross join lateral (select j.version from writ.journal j where j.key = a.key order by j.version limit 1) j
    order by a.key`,
  )
  const isLong = ({ version, first, ended }: (typeof rows)[number]): boolean =>
    version - first >= (ended ? 1 : journalCutMin)
  const spans = rows.filter((row) => row.mine && isLong(row)).map(({ key, first, ended }) => ({ key, first, ended }))
  return { spans, next: rows.length < limit ? null : (rows.at(-1)?.key ?? null) }
}

/** One statement: whoever reads the journal finds all of it, or the checkpoint with what comes after it. */
export const cutJournal = async (connection: Connection, { key, version, entries }: JournalRow): Promise<void> => {
  await connection.run(
    (sql) => sql`
    with begun as (
      update writ.journal set entries = ${Buffer.from(entries)} where key = ${key} and version = ${version} returning key
    )
    delete from writ.journal j using begun where j.key = begun.key and j.version < ${version}`,
  )
}
