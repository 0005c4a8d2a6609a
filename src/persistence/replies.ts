/** Replies to commands, and numbers of the stream: both are kept for a day. */
import { replyKeptMs } from '../protocol/limits.ts'
import type { Connection } from './connection.ts'

export const readReply = async (
  connection: Connection,
  owner: string,
  command: string,
): Promise<{ reply: object } | null> => {
  const [row] = await connection.run(
    (sql) => sql<{ reply: string }[]>`
    select reply from writ.replies
    where owner = ${owner} and command = ${command} and at >= writ.now() - ${replyKeptMs}::bigint`,
  )
  if (row === undefined) return null
  const reply: object = JSON.parse(row.reply)
  return { reply }
}

const rowsPerCall = 5000

/** Drops a bounded part of the replies that have outlived their day; whether there is more. */
export const tidyReplies = async (connection: Connection): Promise<boolean> => {
  const gone = await connection.run(
    (sql) => sql`
    delete from writ.replies where ctid = any(array(
      select ctid from writ.replies where at < (select writ.now()) - ${replyKeptMs}::bigint
      order by at limit ${rowsPerCall} for update skip locked))`,
  )
  return gone.count === rowsPerCall
}

/** Of the numbers of the stream, likewise. */
export const tidyIngress = async (connection: Connection): Promise<boolean> => {
  const gone = await connection.run(
    (sql) => sql`
    delete from writ.ingress where ctid = any(array(
      select ctid from writ.ingress where at < (select writ.now()) - ${replyKeptMs}::bigint
      order by at limit ${rowsPerCall} for update skip locked))`,
  )
  return gone.count === rowsPerCall
}
