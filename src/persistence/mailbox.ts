/** The mailbox beside the commit: reading what is due, taking in what the stream brought, counting failed tries. */
import type { ParkedAhead } from '../actors/ports/parked-rows.ts'
import type { StoredMessage } from '../actors/ports/rows.ts'
import type { Store } from '../actors/ports/store.ts'
import { type ActorKey, registryId, shardOfKey } from '../protocol/ids.ts'
import { parkedAheadMax } from '../protocol/limits.ts'
import type { Connection, Sql } from './connection.ts'
import { displayable } from './displayable.ts'

/** What a registry tells a directive is for its desk, which works on while the directive itself is parked. */
const ofRegistry = `/${registryId}`

/** Of what is parked, that which an actor told another, neither of them a registry. */
const areTold = (sql: Sql) => sql`
  position('/' in k."from") > 0 and right(k."from", ${ofRegistry.length}) <> ${ofRegistry}
  and right(k.actor, ${ofRegistry.length}) <> ${ofRegistry} and k.message is not null`

/** The shard of an actor is not stored with what it was told. */
export const readParkedAhead = async (connection: Connection, shards: readonly number[]): Promise<ParkedAhead[]> => {
  const rows = await connection.run(
    (sql) => sql<ParkedAhead[]>`
    select k.message as id, k.actor as "to", k."from" from writ.parked k where ${areTold(sql)}
    order by k.message limit ${parkedAheadMax}`,
  )
  return rows.filter(({ to }) => shards.includes(shardOfKey(to)))
}

/** Oldest first over all of the shards. Per shard the index is read in order, so dead rows of other shards cost nothing. */
export const readMailbox = (
  connection: Connection,
  shards: readonly number[],
  limit: number,
): Promise<StoredMessage[]> =>
  connection.run(
    (sql) => sql<StoredMessage[]>`
    select m.id, m.shard, m."to", m."from", m.body, m.tries, m.reason
    from jsonb_array_elements_text(${JSON.stringify(shards)}::text::jsonb) s(shard)
    cross join lateral (
      select * from writ.messages m
      where m.shard = s.shard::smallint
        and (right(m."from", ${ofRegistry.length}) = ${ofRegistry} or not exists (select from writ.faulted f where f.key = m."to"))
        and not exists (
          select from writ.parked k
          where k.actor = m."to" and k."from" = m."from" and k.message < m.id and ${areTold(sql)}
        )
      order by m.id
      limit ${limit}
    ) m
    order by m.id
    limit ${limit}`,
  )

/** Of how many messages to one actor a count of its mailbox is spared at most. */
const sparedMax = 1000
const knownActorsMax = 10_000

/**
 * Takes messages of the stream in, each once. The cap of an actor's mailbox is looked at where it can matter: a count gives
 * room for so many more, at most 1,000, and only when those are used up is it counted again. So other nodes that take in
 * at the same time can exceed the cap by that much each, and a flood costs no count per message.
 */
export const openIngress = (connection: Connection, capacity: number): Store['enqueue'] => {
  const room = new Map<ActorKey, number>()
  const remember = (to: ActorKey, left: number): void => {
    room.delete(to)
    if (left > 0) room.set(to, left)
    const [oldest] = room.keys()
    if (room.size > knownActorsMax && oldest !== undefined) room.delete(oldest)
  }
  return async ({ incarnation, sequence, to, shard, body }) => {
    const known = room.get(to)
    const limit = known === undefined ? capacity : null
    const [row] = await connection.run(
      (sql) => sql<[{ room: number | null }]>`
      select writ.enqueue(${incarnation}, ${sequence}, ${shard}, ${to}, ${Buffer.from(body)}, ${limit}) as room`,
    )
    if (row.room === null) return false
    remember(to, known === undefined ? Math.min(row.room, sparedMax) : known - 1)
    return true
  }
}

/** Answers with the count so far; 0 when the message is not there any more. */
export const countTry = async (connection: Connection, message: number, reason: string): Promise<number> => {
  const [row] = await connection.run(
    (sql) => sql<{ tries: number }[]>`
    update writ.messages set tries = tries + 1, reason = ${displayable(reason)} where id = ${message} returning tries`,
  )
  return row?.tries ?? 0
}
