/** A connection for those that only read what was committed, beside the ones that the engine decides by. */
import { requestDeadlineMs } from '../protocol/limits.ts'
import { Connection } from './connection.ts'
import { callFailure } from './failures.ts'
import { checkServer } from './server-check.ts'

export interface ReadingOptions {
  url: string
  log?: (line: string) => void
  applicationName?: string
}

/** `name`: what `pg_stat_activity` shows where the options say nothing. Throws as openStore does. */
export const openReading = async ({ url, log, applicationName }: ReadingOptions, name: string): Promise<Connection> => {
  const connection = new Connection({
    url,
    log: log ?? (() => undefined),
    applicationName: applicationName ?? name,
    max: 2,
    deadlineMs: requestDeadlineMs,
    translate: callFailure(url),
    // People may ask for what no index was made for.
    session: { enable_seqscan: 'on', enable_bitmapscan: 'on' },
  })
  try {
    await checkServer(connection, url)
  } catch (error) {
    await connection.close()
    throw error
  }
  return connection
}
