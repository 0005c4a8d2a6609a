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

/**
 * Drops contents that no file refers to and that were not put for a day: of uploads that were never finished, and of files
 * that were replaced. A bounded part per call; whether there is more. What is put again in the meantime stays: the row's lock makes one wait for the other.
 */
export const tidyBlobs = async (connection: Connection): Promise<boolean> => {
  const blobs = await connection.run(
    (sql) => sql`
    delete from writ.blobs where hash = any(array(
      select hash from writ.blobs b where b.at < (select writ.now()) - ${uploadKeptMs}::bigint
        and not exists (select from writ.files f where f.hash = b.hash)
      order by b.at limit ${blobsPerCall} for update skip locked))`,
  )
  return blobs.count === blobsPerCall
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
