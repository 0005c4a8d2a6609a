/** File contents by their SHA-256, and the files of contracts. */
import type { BlobPart } from '../actors/ports/store.ts'
import { fileBytesMax, uploadKeptMs } from '../protocol/limits.ts'
import type { Connection } from './connection.ts'

export const putBlob = async (connection: Connection, hash: string, bytes: Uint8Array): Promise<void> => {
  await connection.run(
    (sql) => sql`
    insert into writ.blobs (hash, bytes, at) values (${hash}, ${Buffer.from(bytes)}, writ.now())
    on conflict (hash) do update set at = excluded.at`,
  )
}

/** All of it, or a part: only that is read from the server. */
export const readBlob = async (
  connection: Connection,
  hash: string,
  part: BlobPart = { from: 0, count: fileBytesMax },
): Promise<Uint8Array | null> => {
  const [row] = await connection.run(
    (sql) => sql<{ bytes: Uint8Array }[]>`
    select substring(bytes from ${part.from + 1}::integer for ${part.count}::integer) as bytes from writ.blobs where hash = ${hash}`,
  )
  return row?.bytes ?? null
}

const blobsPerCall = 1000

/** Where a walk through the contents stands: those are ordered by when they were put last, or referred to (migrations/0019_tidying.sql). */
export interface BlobPlace {
  at: number
  hash: string
}

/**
 * Drops contents that no file refers to, a day after they were put or a file referred to them: of uploads that were never finished,
 * and of files that were replaced or went. Looks at a bounded part of those behind a place; where it goes on, or null at the end. What is put again in the
 * meantime stays: it is not as old as it was.
 */
export const tidyBlobs = async (connection: Connection, after: BlobPlace | null): Promise<BlobPlace | null> => {
  const rows = await connection.run(
    (sql) => sql<BlobPlace[]>`
    with page as materialized (
      select b.at, b.hash from writ.blobs b
      where b.at < (select writ.now()) - ${uploadKeptMs}::bigint and b.at >= ${after?.at ?? 0}::bigint
        and (b.at, b.hash) > (${after?.at ?? 0}::bigint, ${after?.hash ?? ''}::text)
      order by b.at, b.hash limit ${blobsPerCall}
    ), gone as (
      delete from writ.blobs b using page p
      where b.hash = p.hash and b.at = p.at and not exists (select from writ.files f where f.hash = p.hash)
    )
    select at, hash from page order by at, hash`,
  )
  return rows.length < blobsPerCall ? null : (rows.at(-1) ?? null)
}

export const readFiles = async (
  connection: Connection,
  owner: string,
  contract: string,
): Promise<{ name: string; hash: string; bytes: number }[]> => {
  const rows = await connection.run(
    (sql) => sql<{ name: string; hash: string; bytes: number }[]>`
    select name, hash, bytes from writ.files where owner = ${owner} and contract = ${contract} order by name`,
  )
  return [...rows]
}
