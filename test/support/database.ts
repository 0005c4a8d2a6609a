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

/** Restores a copy in the place of the database that it was made of, cutting whatever is connected to either. */
export async function restoreOver(url: string, copy: string): Promise<void> {
  const server = inject('databaseUrl')
  const [name, from] = [nameIn(url), nameIn(copy)]
  await onServer(server, async (sql) => {
    await sql.unsafe(`alter database ${name} with allow_connections false`)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname in ${sql([name, from])}`
    await sql.unsafe(`drop database ${name} with (force)`)
    await sql.unsafe(`alter database ${from} rename to ${name}`)
  })
}

/** A copy of a database that nobody is connected to, as a dump of this moment would make it. */
export async function copyOf(url: string): Promise<FreshDatabase> {
  const server = inject('databaseUrl')
  const name = `${nameIn(url)}_copy`
  await onServer(server, (sql) => sql.unsafe(`create database ${name} template ${nameIn(url)}`))
  const copy = new URL(url)
  copy.pathname = `/${name}`
  return {
    url: copy.href,
    drop: () => onServer(server, (sql) => sql`drop database if exists ${sql(name)} with (force)`),
  }
}

const nameIn = (url: string): string => new URL(url).pathname.slice(1)

async function onServer(url: string, run: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    await run(sql)
  } finally {
    await sql.end()
  }
}
