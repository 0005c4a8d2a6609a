/** A database of a test's own on the server of the run (servers.ts). */
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { inject } from 'vitest'

export interface FreshDatabase {
  url: string
  /** Removes it, cutting whatever is still connected. */
  drop(): Promise<void>
}

/** Creates an empty, uniquely named database. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = inject('databaseUrl')
  const name = `test_${randomBytes(8).toString('hex')}`
  await onServer(server, (sql) => sql`create database ${sql(name)} template template0`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: () => onServer(server, (sql) => sql`drop database if exists ${sql(name)} with (force)`),
  }
}

async function onServer(url: string, run: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    await run(sql)
  } finally {
    await sql.end()
  }
}
