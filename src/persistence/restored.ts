/** A database that was restored from an earlier copy, by a person's word (migrations/0012_restored.sql). */
import { WritError } from '../protocol/errors.ts'
import { requestDeadlineMs } from '../protocol/limits.ts'
import { Connection } from './connection.ts'
import { onceFailure, place } from './failures.ts'
import { checkVersion, schemaVersion } from './server-check.ts'

/** Throws REFUSED for a database in which Writ has never been, and UNREACHABLE, UNAUTHORIZED and OLD_SERVER. Changes nothing. */
export const checkIsWrits = (url: string): Promise<void> =>
  connected(url, async (connection) => {
    await checkVersion(connection, url)
    if ((await schemaVersion(connection)) > 0) return
    throw new WritError('REFUSED', `the ${place(url)} has no schema of Writ: nothing was restored there`, {
      hint: 'is this the database that the copy was restored into?',
    })
  })

/** Takes the shards from everybody; answers with the incarnation that it is from now on. Throws UNREACHABLE and UNAUTHORIZED. */
export const takeForRestored = (url: string): Promise<string> =>
  connected(url, async (connection) => {
    const [row] = await connection.run((sql) => sql<[{ incarnation: string }]>`select writ.restored() as incarnation`)
    return row.incarnation
  })

const connected = async <T>(url: string, ask: (connection: Connection) => Promise<T>): Promise<T> => {
  const connection = new Connection({
    url,
    max: 1,
    applicationName: 'writ database',
    deadlineMs: requestDeadlineMs,
    translate: onceFailure(url),
    log: () => undefined,
  })
  try {
    return await ask(connection)
  } finally {
    await connection.close()
  }
}
