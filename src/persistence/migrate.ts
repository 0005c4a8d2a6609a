/**
 * Brings a database to this build's schema. Any number of nodes may do so at once: one works, under an advisory lock of its
 * session, and the others find the work done. Each migration is one transaction together with the record of it; in a database
 * that has none they are one together, so that a schema of somebody else's gets nothing of ours beside it.
 */
import { WritError } from '../protocol/errors.ts'
import { Connection } from './connection.ts'
import { onceFailure, place } from './failures.ts'
import type { Migration } from './migrations.ts'
import { appliedIn, checkVersion, missingAfter } from './server-check.ts'

export interface MigrateOptions {
  url: string
  log: (line: string) => void
  /** How long another node's migration, and each own one, may take, in ms. */
  deadlineMs?: number
  /** Only a database in which Writ is already: where it is not, nothing is made. */
  join?: boolean
}

/** Any number will do, as long as nobody else locks it: `writ` in ASCII. */
const lockKey = 0x77726974
/** A migration that cannot have its tables soon gives up, rather than have every commit queue behind it. */
const lockTimeoutMs = 5000

/**
 * Throws SCHEMA_NEWER, OLD_SERVER, UNREACHABLE, UNAUTHORIZED, REFUSED for a server that only reads and for one that has nothing to
 * join, TIMED_OUT, and CONFLICT when a migration that was applied, or what is there in place of them, is not ours.
 */
export const migrate = async ({ url, log, deadlineMs = 60_000, join = false }: MigrateOptions): Promise<void> => {
  const connection = new Connection({
    url,
    log,
    deadlineMs,
    max: 1,
    applicationName: 'writ migrate',
    translate: onceFailure(url),
    session: { lock_timeout: String(deadlineMs) },
  })
  try {
    await checkVersion(connection, url)
    await connection.run((sql) => sql`select pg_advisory_lock(${lockKey}::bigint)`)
    const applied = await appliedIn(connection)
    if (join && applied.length === 0) throw nothingToJoin(url)
    const missing = missingAfter(applied, url)
    const transactions = applied.length === 0 ? [missing] : [[], ...missing.map((one) => [one])]
    for (const some of transactions) {
      await connection.run((sql) => sql.unsafe([bootstrap, ...some.map(statements)].join('\n')).simple())
      for (const { name } of some) log(`the schema is at ${name}`)
    }
  } finally {
    await connection.close()
  }
}

const bootstrap = `create schema if not exists writ;
   create table if not exists writ.migrations (
     version integer primary key, name text not null, hash text not null, at timestamptz not null default now());`

const nothingToJoin = (url: string): WritError =>
  new WritError('REFUSED', `there is nothing to join: the ${place(url)} has no schema of Writ`, {
    hint: 'name the database of the nodes that run, or start the first node there with `writ up`, without --join',
  })

/** One simple query is one transaction. The record's primary key keeps out whoever lost the lock with its session. */
const statements = ({ version, name, text, hash }: Migration): string =>
  `set local lock_timeout = ${lockTimeoutMs};
   insert into writ.migrations (version, name, hash) values (${version}, '${name}', '${hash}');
   ${text}`
