/** Whether a server and its schema are ones that this build can work with. */
import { WritError } from '../protocol/errors.ts'
import { requestDeadlineMs } from '../protocol/limits.ts'
import type { Connection } from './connection.ts'
import { foreignSchema, place } from './failures.ts'
import { migrations, type Migration } from './migrations.ts'

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

type Applied = Pick<Migration, 'version' | 'name' | 'hash'>

/** The migrations that the database has, in their order. */
export const appliedIn = async (connection: Connection): Promise<readonly Applied[]> => {
  if (!(await hasMigrations(connection))) return []
  return connection.run((sql) => sql<Applied[]>`select version, name, hash from writ.migrations order by version`)
}

/** The migrations that it lacks. Throws SCHEMA_NEWER, and CONFLICT when one that it has is not ours. */
export const missingAfter = (applied: readonly Applied[], url: string): readonly Migration[] => {
  const ours = migrations()
  checkNotNewer(applied.at(-1)?.version ?? 0, ours.length, url)
  for (const { version, name, hash } of applied) {
    if (ours[version - 1]?.hash === hash) continue
    throw new WritError('CONFLICT', `migration ${name} of the ${place(url)} is not the one that this version carries`, {
      hint: 'a released migration never changes; was this database made by an unreleased version?',
    })
  }
  return ours.slice(applied.length)
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
  const applied = await appliedIn(connection)
  const missing = missingAfter(applied, url)
  if (missing.length === 0) return applied.length
  if (applied.length === 0) throw (await hasRelations(connection)) ? foreignSchema(url) : noSchema(url)
  throw new WritError(
    'REFUSED',
    `the ${place(url)} has schema number ${applied.length}, ${applied.length + missing.length} is needed`,
    { hint: 'migrate it first: `writ up` does' },
  )
}

/** Somebody else's, where none of our migrations is. */
const hasRelations = async (connection: Connection): Promise<boolean> => {
  const [found] = await connection.run(
    (sql) => sql<[{ there: boolean }]>`
    select exists (select from pg_class where relnamespace = to_regnamespace('writ')) as there`,
  )
  return found.there
}

const noSchema = (url: string): WritError =>
  new WritError('REFUSED', `the ${place(url)} has no schema of Writ`, {
    hint: 'is this the database of your nodes? The first `writ up` on it makes the schema',
  })
