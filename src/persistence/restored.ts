/** A database that was restored from an earlier copy, by a person's word (migrations/0012_restored.sql). */
import { requestDeadlineMs } from '../protocol/limits.ts'
import { Connection } from './connection.ts'
import { onceFailure } from './failures.ts'

/** Takes the shards from everybody; answers with the incarnation that it is from now on. Throws UNREACHABLE and UNAUTHORIZED. */
export const takeForRestored = async (url: string): Promise<string> => {
  const connection = new Connection({
    url,
    max: 1,
    applicationName: 'writ database',
    deadlineMs: requestDeadlineMs,
    translate: onceFailure(url),
    log: () => undefined,
  })
  try {
    const [row] = await connection.run((sql) => sql<[{ incarnation: string }]>`select writ.restored() as incarnation`)
    return row.incarnation
  } finally {
    await connection.close()
  }
}
