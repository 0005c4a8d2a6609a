/** Whether a server and its schema are ones that this build can work with. */
import { WritError } from '../protocol/errors.ts'
import { requestDeadlineMs } from '../protocol/limits.ts'
import type { Connection } from './connection.ts'
import { place } from './failures.ts'
import { migrations } from './migrations.ts'

const oldestMajor = 14

/**
 * Throws OLD_SERVER, or REFUSED for a database whose encoding cannot hold every text. The first question to a server: one
 * that does not answer it soon is not there, however long what comes after may take.
 */
export const checkVersion = async (connection: Connection, url: string): Promise<void> => {
  const [row] = await connection.run(
    (sql) => sql<[{ version: number; text: string; encoding: string }]>`
    select current_setting('server_version_num')::integer as version, current_setting('server_version') as text,
           current_setting('server_encoding') as encoding`,
    Math.min(connection.deadlineMs, requestDeadlineMs),
  )
  if (row.version < oldestMajor * 10_000)
    throw new WritError('OLD_SERVER', `the ${place(url)} is Postgres ${row.text}`, {
      hint: `Postgres ${oldestMajor} or newer is needed`,
    })
  if (row.encoding !== 'UTF8')
    throw new WritError('REFUSED', `the ${place(url)} has the encoding ${row.encoding}`, {
      hint: "make it with: create database … encoding 'UTF8' template template0",
    })
}

/** Whether the table of migrations is there: looking for it makes nothing, and fails nowhere. */
export const hasMigrations = async (connection: Connection): Promise<boolean> => {
  const [table] = await connection.run(
    (sql) => sql<[{ there: boolean }]>`
    select to_regclass('writ.migrations') is not null as there`,
  )
  return table.there
}

/** The newest migration that the database has; 0 when it has none. */
export const schemaVersion = async (connection: Connection): Promise<number> => {
  if (!(await hasMigrations(connection))) return 0
  const [row] = await connection.run(
    (sql) => sql<[{ version: number | null }]>`
    select max(version) as version from writ.migrations`,
  )
  return row.version ?? 0
}

/** Throws SCHEMA_NEWER. */
export const checkNotNewer = (found: number, known: number, url: string): void => {
  if (found <= known) return
  throw new WritError(
    'SCHEMA_NEWER',
    `the schema of the ${place(url)} is number ${found}; this version knows ${known}`,
    {
      hint: 'run the version of Writ that made it, or a newer one',
    },
  )
}

/** For a store that is opened: the server, and a schema that is exactly this build's. Returns its number. */
export const checkServer = async (connection: Connection, url: string): Promise<number> => {
  await checkVersion(connection, url)
  const [found, known] = [await schemaVersion(connection), migrations().length]
  checkNotNewer(found, known, url)
  if (found === known) return known
  throw new WritError('REFUSED', `the ${place(url)} has schema number ${found}, ${known} is needed`, {
    hint: 'migrate it first: `writ up` does',
  })
}
