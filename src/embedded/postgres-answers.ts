/** Readiness by a real query: a Postgres that accepts connections may still be starting up or in recovery. */
import postgres from 'postgres'
import { WritError } from '../protocol/errors.ts'
import type { Exit } from './server.ts'
import { until } from './until.ts'

/** Transient while it starts: not listening yet, starting up, recovering, or a connection cut in the middle. */
const transient = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  '57P03',
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
])

/**
 * Waits until the server at `url` answers a query and has the database of that url, which is made when it lacks;
 * gives the server's version, or undefined when it ended or did not answer `withinMs`.
 */
export function postgresAnswers(
  url: string,
  database: string,
  exited: Promise<Exit>,
  withinMs: number,
): Promise<string | undefined> {
  return until(() => ask(url, database), { withinMs, everyMs: 25, unless: exited })
}

async function ask(url: string, database: string): Promise<string | undefined> {
  const sql = postgres(url, { database: 'postgres', max: 1, connect_timeout: 5, onnotice: () => undefined })
  try {
    const rows = await sql<{ version: string; made: boolean }[]>`
      select current_setting('server_version') as version,
             exists (select from pg_database where datname = ${database}) as made`
    const row = rows[0]
    if (row?.made === false) await sql`create database ${sql(database)}`
    return row?.version.split(' ')[0]
  } catch (cause) {
    const { code } = cause as { code?: string }
    if (code !== undefined && transient.has(code)) return undefined
    throw new WritError('UNREACHABLE', `Postgres runs, but does not answer a query: ${String(cause)}`, { cause })
  } finally {
    await sql.end({ timeout: 1 })
  }
}
