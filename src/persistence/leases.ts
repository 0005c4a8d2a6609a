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
