/** File contents by their SHA-256, and the files of contracts. */
import type { Connection } from './connection.ts'

export const putBlob = async (connection: Connection, hash: string, bytes: Uint8Array): Promise<void> => {
  await connection.run(
    (sql) => sql`
    insert into writ.blobs (hash, bytes) values (${hash}, ${Buffer.from(bytes)}) on conflict (hash) do nothing`,
  )
}

export const readBlob = async (connection: Connection, hash: string): Promise<Uint8Array | null> => {
  const [row] = await connection.run(
    (sql) => sql<{ bytes: Uint8Array }[]>`
    select bytes from writ.blobs where hash = ${hash}`,
  )
  return row?.bytes ?? null
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
