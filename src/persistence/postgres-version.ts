/** What a Postgres says about itself, whoever runs it. */
import postgres from 'postgres'
import { onceFailure } from './failures.ts'

const connectSeconds = 5

export interface PostgresVersion {
  /** As `18.4`. */
  version: string
  encoding: string
  /** Of the database, on the server's disk. */
  bytes: number
}

/** Asks the server of this URL once. Throws UNREACHABLE, or what it says no with (UNAUTHORIZED, REFUSED), without the URL's password. */
export const askPostgres = async (url: string): Promise<PostgresVersion> => {
  const sql = postgres(url, { max: 1, connect_timeout: connectSeconds, onnotice: () => undefined })
  try {
    const [row] = await sql<[{ version: string; encoding: string; bytes: string }]>`
      select current_setting('server_version') as version, current_setting('server_encoding') as encoding,
             pg_database_size(current_database()) as bytes`
    return { version: row.version.split(' ')[0] ?? row.version, encoding: row.encoding, bytes: Number(row.bytes) }
  } catch (cause) {
    throw onceFailure(url)(cause)
  } finally {
    await sql.end({ timeout: 1 })
  }
}
