/** Replies to commands, and the end of what is kept for a day. */
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
const plansPerCall = 5

/**
 * What has outlived its day: replies, sequences of the stream, plans that nothing came to use. Not one that a message names which still
 * waits or is parked: it is taken once its actor is mended, however late and at whichever try. (Messages have a plan's hash under the
 * key `hash`: one look finds the few that matter.) A bounded part per call; whether there is more.
 */
export const tidy = async (connection: Connection): Promise<boolean> => {
  const replies = await connection.run(
    (sql) => sql`
    delete from writ.replies where ctid = any(array(
      select ctid from writ.replies where at < (select writ.now()) - ${replyKeptMs}::bigint
      order by at limit ${rowsPerCall} for update skip locked))`,
  )
  const ingress = await connection.run(
    (sql) => sql`
    delete from writ.ingress where ctid = any(array(
      select ctid from writ.ingress where at < (select writ.now()) - ${replyKeptMs}::bigint
      order by at limit ${rowsPerCall} for update skip locked))`,
  )
  const plans = await connection.run(
    (sql) => sql<{ plans: number }[]>`
    with waiting as materialized (
      select m.body from writ.messages m where position('hash'::bytea in m.body) > 0
      union all
      select k.body from writ.parked k where position('hash'::bytea in k.body) > 0
    ), unused as (
      delete from writ.plans where hash = any(array(
        select hash from writ.plans p where p.at < (select writ.now()) - ${replyKeptMs}::bigint
          and not exists (select from writ.chains c where c.hash = p.hash)
          and not exists (select from writ.directives d where d.plan = p.hash)
          and not exists (select from waiting w where position(convert_to(p.hash, 'UTF8') in w.body) > 0)
        order by p.at limit ${plansPerCall} for update skip locked))
      returning hash
    ), steps as (
      delete from writ.plan_steps where hash = any(array(select hash from unused))
    )
    select count(*)::integer as plans from unused`,
  )
  return [replies.count, ingress.count].includes(rowsPerCall) || plans[0]?.plans === plansPerCall
}
