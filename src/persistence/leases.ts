/** Leases of threads and their shards (migrations/0002_leases.sql, 0010_sharing.sql). Idempotent: each may be called again after a failure. */
import type { HeldShard, Renewal, ThreadIdentity } from '../actors/ports/store.ts'
import { version } from '../protocol/version.ts'
import type { Connection } from './connection.ts'

export interface LeaseTerms {
  leaseMs: number
  /** The newest schema that this build knows. */
  schema: number
}

export const join = async (connection: Connection, who: ThreadIdentity, terms: LeaseTerms): Promise<Renewal> => {
  const thread = JSON.stringify(who)
  const [row] = await connection.run(
    (sql) => sql<[{ renewal: Renewal }]>`
    select writ.join_looking(${thread}::text::jsonb, ${terms.leaseMs}, ${terms.schema}) as renewal`,
  )
  await connection.run(
    (sql) => sql`
    update writ.threads set version = ${version}, schema = ${terms.schema}
    where thread = ${who.thread} and nonce = ${who.nonce}`,
  )
  return row.renewal
}

/** A renewal that takes a third of the lease has lost its worth: the next one had better have a fresh connection. */
export const renew = async (connection: Connection, who: ThreadIdentity, terms: LeaseTerms): Promise<Renewal> => {
  const [row] = await connection.run(
    (sql) => sql<[{ renewal: Renewal }]>`
      select writ.renew_looking(${who.thread}, ${who.nonce}, ${terms.leaseMs}) as renewal`,
    Math.min(connection.deadlineMs, terms.leaseMs / 3),
  )
  return row.renewal
}

export const claim = async (connection: Connection, who: ThreadIdentity, count: number): Promise<HeldShard[]> => {
  const [row] = await connection.run(
    (sql) => sql<[{ taken: HeldShard[] }]>`
    select writ.claim(${who.thread}, ${who.nonce}, ${count}) as taken`,
  )
  return row.taken
}

export const reclaim = async (
  connection: Connection,
  who: ThreadIdentity,
  shards: readonly number[],
): Promise<HeldShard[]> => {
  const [row] = await connection.run(
    (sql) => sql<[{ held: HeldShard[] }]>`
    select writ.reclaim(${who.thread}, ${who.nonce}, ${JSON.stringify(shards)}::text::jsonb) as held`,
  )
  return row.held
}

export const release = async (
  connection: Connection,
  who: ThreadIdentity,
  shards: readonly number[],
): Promise<void> => {
  await connection.run(
    (sql) => sql`select writ.release(${who.thread}, ${who.nonce}, ${JSON.stringify(shards)}::text::jsonb)`,
  )
}

export const knowing = async (
  connection: Connection,
  who: ThreadIdentity,
  machines: readonly string[],
): Promise<string | null> => {
  const wanted = JSON.stringify([...new Set([...who.machines, ...machines])])
  const [row] = await connection.run(
    (sql) => sql<{ thread: string }[]>`
    select t.thread from writ.threads t
    where t.expires > clock_timestamp() and not t.leaving and t.thread <> ${who.thread}
      and t.machines @> ${wanted}::text::jsonb
    order by (select count(*) from writ.shards s where s.thread = t.thread and s.nonce = t.nonce), t.thread limit 1`,
  )
  return row?.thread ?? null
}

/** As writ.release, and their epochs go on when the other one takes them up: it is told of them by their nonce alone. */
export const hand = async (
  connection: Connection,
  who: ThreadIdentity,
  shards: readonly number[],
  to: string,
): Promise<void> => {
  await connection.run(
    (sql) => sql`
    with other as (
      select t.thread, t.nonce from writ.threads t
      where t.thread = ${to} and t.expires > clock_timestamp() and not t.leaving
    ), held as (
      select s.shard from writ.shards s
      where s.shard in (select value::smallint from jsonb_array_elements_text(${JSON.stringify(shards)}::text::jsonb))
        and s.thread = ${who.thread} and s.nonce = ${who.nonce}
      order by s.shard
      for update
    )
    update writ.shards s set thread = (select thread from other), nonce = (select nonce from other)
    from held where s.shard = held.shard`,
  )
}

export const drain = async (connection: Connection, who: ThreadIdentity): Promise<Renewal> => {
  const [row] = await connection.run(
    (sql) =>
      sql<
        [{ renewal: Renewal }]
      >`select writ.drain(${who.thread}, ${who.nonce}) || jsonb_build_object('incarnation', writ.incarnation()) as renewal`,
  )
  return row.renewal
}

export const leave = async (connection: Connection, who: ThreadIdentity): Promise<void> => {
  await connection.run((sql) => sql`select writ.leave(${who.thread}, ${who.nonce})`)
}
