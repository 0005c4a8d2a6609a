/** What is parked, as it is stored: messages that left their mailboxes, actors with the message that each failed at, actors of machines that no node knows. */
import type { ParkedRecord } from '../actors/ports/reader.ts'
import type { StoppedMessage } from '../actors/ports/parked-rows.ts'
import { type ActorKey, addressOf, kindOf, readKey, registryId } from '../protocol/ids.ts'
import { messageId, type ParkedQuery, readMessageId } from '../protocol/parked.ts'
import type { Page } from '../protocol/views.ts'
import type { Connection, PendingQuery, Sql } from './connection.ts'
import { checkDirective } from './known-directive.ts'
import { isoOf, pageOf, placeOf } from './pages.ts'
import { nameOfKey } from './plans.ts'

/** As much of a message's body as a list needs: its type comes first. In bytes. */
const headBytes = 200

interface Columns {
  /** Since when, ms since 1970. */
  at: number
  /** Of the line. */
  id: string
  key: ActorKey
  /** Whether the line is the actor's own. */
  own: boolean
  /** Its machine is not known to the node that holds its shard: nothing that is done to the actor has it go on. */
  unknown: boolean
  message: number | null
  from: string | null
  body: Uint8Array | null
  bytes: number | null
  reason: string
  tries: number | null
  mailbox: number
  step: string | null
}

/** Longest first. Throws NOT_FOUND for a directive that is not there, and of which nothing is parked. */
export const listParked = async (
  connection: Connection,
  owner: string,
  { directive, after, limit }: ParkedQuery,
): Promise<Page<ParkedRecord>> => {
  const place = after === undefined ? null : placeOf(after)
  const rows = await connection.run((sql) => {
    const only = sql`
      ${directive === undefined ? sql`true` : sql`split_part(x.key, '__', 1) = ${`${owner}/${directive}`}`}
      and ${place === null ? sql`true` : sql`(x.at, x.id collate "C") > (${place.at}, ${place.id} collate "C")`}`
    return sql<Columns[]>`${parkedRows(sql, owner, { only, limit: limit + 1, bodyBytes: headBytes })}`
  })
  // The message that was to make a directive may be parked itself.
  if (directive !== undefined && rows.length === 0 && after === undefined)
    await checkDirective(connection, owner, directive)
  return pageOf(rows, limit, recordOf)
}

export const showParked = async (connection: Connection, owner: string, id: string): Promise<ParkedRecord | null> => {
  const message = readMessageId(id)?.message
  const rows = await connection.run((sql) => {
    const only =
      message === undefined ? sql`x.own and x.key = ${`${owner}/${id}`}` : sql`x.message = ${message}::bigint`
    return sql<Columns[]>`${parkedRows(sql, owner, { only, limit: 1, bodyBytes: null })}`
  })
  const [row] = rows
  if (row === undefined) return null
  const record = recordOf(row)
  if (message === undefined) return record
  // The message at which an actor is parked has an id of its own, beside its actor's line.
  return record.message === id ? { ...record, id, kind: 'message' } : null
}

/** A message that is parked, or that a parked actor failed at. */
export const loadStopped = async (
  connection: Connection,
  owner: string,
  message: number,
): Promise<StoppedMessage | null> => {
  const [row] = await connection.run(
    (sql) => sql<StoppedMessage[]>`
    select k.actor, k."from", k.body, k.tries, k.reason, false as waits from writ.parked k
    where k.message = ${message}::bigint and ${isOwners(sql, owner, sql`k.actor`)}
    union all
    select m."to", m."from", m.body, m.tries, f.reason, true from writ.messages m join writ.faulted f on f.key = m."to"
    where m.id = ${message}::bigint and ${isOwners(sql, owner, sql`m."to"`)}`,
  )
  return row ?? null
}

const isOwners = (sql: Sql, owner: string, key: PendingQuery) =>
  sql`${key} >= ${`${owner}/`} and ${key} < ${`${owner}0`}`

interface Wanted {
  /** A condition on `x`, a row with `at`, `id`, `key`, `own` and `message`. */
  only: PendingQuery
  limit: number
  /** Of each body; null: all of it. */
  bodyBytes: number | null
}

const messageIdOf = (sql: Sql, key: PendingQuery, message: PendingQuery) => sql`
  case when right(${key}, ${registryId.length + 1}) = ${`/${registryId}`} then ${registryId}
       else split_part(substr(${key}, strpos(${key}, '/') + 1), '__', 1) end || '__m' || ${message}`

/** Of an actor `a` whose shard is held as `h` says. It goes on once a node that knows its machine holds its shard. */
const whyUnknown = (sql: Sql) => sql`
  coalesce(
    (select 'its node ' || coalesce(h.node, '(none)') || ' does not know the machine ' || a.machine || ' '
       || a.machine_version || ', and ' || k.nodes || ' does: it goes on once that holds shard ' || a.shard
     from knowing k where k.machine = a.machine || '@' || a.machine_version),
    'no node that runs knows the machine ' || a.machine || ' ' || a.machine_version)`

const parkedRows = (sql: Sql, owner: string, { only, limit, bodyBytes }: Wanted) => sql`
  with live as (
    select t.*, array(select jsonb_array_elements_text(t.machines)) as names
    from writ.threads t where t.expires > clock_timestamp()
  ), knowing as (
    select n.machine, string_agg(distinct l.node || coalesce(' (' || l.version || ')', ''), ', ') as nodes
    from live l, unnest(l.names) n(machine) group by n.machine
  ), held as (
    select s.shard, l.node, l.names as machines
    from writ.shards s join live l on l.thread = s.thread and l.nonce = s.nonce
  ), stopped as (
    select k.at, ${messageIdOf(sql, sql`k.actor`, sql`k.message`)} as id, k.actor as key, false as own, false as unknown,
           k.message, k."from", k.body, k.reason, k.tries
    from writ.parked k where ${isOwners(sql, owner, sql`k.actor`)} and k.message is not null
    union all
    select f.at, substr(f.key, strpos(f.key, '/') + 1), f.key, true, false, m.id, m."from", m.body, f.reason, m.tries
    from writ.faulted f left join lateral (
      select * from writ.messages m where m."to" = f.key and m.tries > 0 order by m.id limit 1
    ) m on true
    where ${isOwners(sql, owner, sql`f.key`)}
    union all
    select a.since, a.id, a.key, true, true, null, null, null, ${whyUnknown(sql)}, null
    from writ.actors a left join held h on h.shard = a.shard
    where a.owner = ${owner} and not a.ended and not exists (select from writ.faulted f where f.key = a.key)
      and a.machine || '@' || a.machine_version <> all (
        coalesce(h.machines, array(select machine from knowing)))
  ), page as (
    select * from stopped x where ${only} order by x.at, x.id collate "C" limit ${limit}
  )
  select x.at, x.id, x.key, x.own, x.unknown, x.message, x."from", octet_length(x.body) as bytes, x.reason, x.tries,
         ${bodyBytes === null ? sql`x.body` : sql`substring(x.body from 1 for ${bodyBytes})`} as body,
         case when x.own then (select count(*) from writ.messages m where m."to" = x.key) else 0 end::integer as mailbox,
         ps.name as step
  from page x
  left join writ.chains c on c.directive = split_part(x.key, '__', 1)
    and c.generation = substring(x.key from '__([0-9]+)_[0-9]+$')::integer
  left join writ.plan_steps ps on ps.hash = c.hash and ps.index = substring(x.key from '__[0-9]+_([0-9]+)$')::integer
  order by x.at, x.id collate "C"`

const recordOf = (row: Columns): ParkedRecord => {
  const { owner, id: actor } = readKey(row.key)
  const kind = kindOf(actor)
  const from = row.from?.startsWith(`${owner}/`) === true ? row.from.slice(owner.length + 1) : row.from
  return {
    id: row.id,
    kind: row.own ? kind : 'message',
    actor: { id: actor, address: addressOf(owner, actor), kind },
    directive: kind === 'registry' ? null : (actor.split('__', 1)[0] ?? actor),
    step: row.step === null ? null : nameOfKey(row.step),
    message: row.message === null ? null : messageId(actor, row.message),
    from,
    body: row.body,
    bytes: row.bytes,
    reason: row.reason,
    since: isoOf(row.at),
    tries: row.tries,
    mailbox: row.mailbox,
    next: row.unknown ? 'writ node list' : row.own ? `writ parked retry ${row.id}` : `writ parked show ${row.id}`,
  }
}
