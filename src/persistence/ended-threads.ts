/** What is counted for a thread that has ended: by a connection of its own, which is gone again with the answer. */
import { commitDeadlineMs } from '../protocol/limits.ts'
import { Connection } from './connection.ts'
import { callFailure } from './failures.ts'
import { countTry } from './mailbox.ts'

/** A try of the message that the thread was at; answers with the count so far, 0 when it is not there. Throws as a store's calls do. */
export const countEnded = async (
  url: string,
  log: (line: string) => void,
  message: number,
  reason: string,
): Promise<number> => {
  const connection = new Connection({
    ...{ url, log, max: 1, deadlineMs: commitDeadlineMs },
    applicationName: 'writ ended thread',
    translate: callFailure(url),
  })
  try {
    return await countTry(connection, message, reason)
  } finally {
    await connection.close()
  }
}
