/**
 * Whole directives, several at a time: for each table one statement, that finds what belongs to a directive by its key or by
 * the range of ids that derive from it (`<id>__…`, in the order of bytes).
 */
import type { FileRow } from '../actors/ports/rows.ts'
import type { DirectiveColumns, DirectivePart } from '../actors/ports/survey.ts'
import { type ActorKey, readKey, registryId } from '../protocol/ids.ts'
import { payloadBytesMax } from '../protocol/limits.ts'
import type { PendingQuery } from './connection.ts'
import type { Reading } from './survey.ts'

/** The list of the part's directives, one of the table that is asked for, and which rows are a directive's. */
interface Ask {
  columns: PendingQuery
  table: PendingQuery
  on: readonly PendingQuery[]
}

/** What comes after every id that begins with `__`, in the order of bytes. */
const rangeEnd = '_`'

type Of<K extends keyof DirectivePart> = DirectivePart[K] extends readonly (infer T)[] ? T : never
type Rows<T> = (T & { of: ActorKey })[]

/** In the order of `keys`; those that are not there are left out. */
export const readParts = async (sql: Reading, keys: readonly ActorKey[]): Promise<DirectivePart[]> => {
  const list = JSON.stringify(keys.map((key) => ({ key, ...readKey(key) })))
  const from = sql`jsonb_to_recordset(${list}::text::jsonb) as d(key text, owner text, id text)`
  const read = async <T>({ columns, table, on }: Ask): Promise<(of: ActorKey) => T[]> => {
    const selects = on.map((where) => sql`select ${columns} from ${table} where ${where}`)
    const union = selects.reduce((all, each) => sql`${all} union all ${each}`)
    return byDirective(await sql<Rows<T>>`select d.key as "of", r.* from ${from} cross join lateral (${union}) r`)
  }
  const directives = await read<DirectiveColumns>({
    columns: sql`t.key, t.title, t.definition, t.plan, t.steps, t.forgotten`,
    table: sql`writ.directives t`,
    on: [sql`t.key = d.key`],
  })
  const rest = await readRest(sql, read)
  return keys.flatMap((key) => directives(key).map((directive) => ({ directive, ...rest(key) })))
}

const byDirective = <T>(rows: Rows<T>): ((of: ActorKey) => T[]) => {
  const groups = new Map<ActorKey, T[]>()
  for (const { of, ...row } of rows) {
    const group = groups.get(of)
    // Without the name of the directive that it was found by, a row is a T again.
    if (group === undefined) groups.set(of, [row as T])
    else group.push(row as T)
  }
  return (of) => groups.get(of) ?? []
}

type Read = <T>(ask: Ask) => Promise<(of: ActorKey) => T[]>

const readRest = async (sql: Reading, read: Read): Promise<(key: ActorKey) => Omit<DirectivePart, 'directive'>> => {
  const work = await readWork(sql, read)
  const slots = await readSlots(sql, read)
  const mail = await readMailOf(sql, read)
  return (key) => ({ ...work(key), ...slots(key), ...mail(key) })
}

/** Of the directive itself and of its steps, by a column that has keys, or ids beside an owner. */
const ofKeys = (sql: Reading, column: string): PendingQuery[] => [
  sql`t.${sql(column)} = d.key`,
  sql`t.${sql(column)} >= d.key || '__' and t.${sql(column)} < d.key || ${rangeEnd}::text`,
]
/** `offset 0` keeps the planner from joining by the owner alone, who may have everything. */
const ofIds = (sql: Reading, column: string): PendingQuery[] => [
  sql`t.owner = d.owner and t.${sql(column)} >= d.id || '__' and t.${sql(column)} < d.id || ${rangeEnd}::text offset 0`,
]
const ofDirective = (sql: Reading): PendingQuery[] => [sql`t.directive = d.key`]

const readWork = async (sql: Reading, read: Read) => {
  const actors = await read<Of<'actors'>>({
    columns: sql`t.key, t.shard, t.owner, t.id, t.kind, t.directive, t.version, t.machine, t.machine_version, t.status, t.ended,
      t.waiting, t.since, t.facts`,
    table: sql`writ.actors t`,
    on: ofKeys(sql, 'key'),
  })
  const chains = await read<Of<'chains'>>({
    columns: sql`t.directive, t.generation, t.title, t.description, t.hash, t.steps, t.at`,
    table: sql`writ.chains t`,
    on: ofDirective(sql),
  })
  const plans = await read<Of<'plans'>>({
    columns: sql`t.hash, t.steps, t.complete, (select count(*) from writ.plan_steps s where s.hash = t.hash) as rows`,
    table: sql`writ.plans t`,
    on: [
      sql`t.hash = any(array(select c.hash from writ.chains c where c.directive = d.key
                             union select o.plan from writ.directives o where o.key = d.key))`,
    ],
  })
  const timers = await read<Of<'timers'>>({
    columns: sql`t.key, t.id, t.shard, t.due, t.generation`,
    table: sql`writ.timers t`,
    on: ofKeys(sql, 'key'),
  })
  const tasks = await read<Of<'tasks'>>({
    columns: sql`t.owner, t.id, t.contract, t.actor, t.directive, t.step, t.number, t.role, t.purpose, t.status, t.daemon,
      t.attempt, t.ended_at`,
    table: sql`writ.tasks t`,
    on: ofIds(sql, 'id'),
  })
  const attempts = await read<Of<'attempts'>>({
    columns: sql`t.owner, t.task, t.attempt, t.actor, t.directive, t.shard, t.role, t.number, t.nonce, t."grant", t.daemon,
      t.session, t.accepted, t.opened_at, t.deadline, t.closed_at, t.closed`,
    table: sql`writ.attempts t`,
    on: ofIds(sql, 'task'),
  })
  const evaluations = await read<Of<'evaluations'>>({
    columns: sql`t.step, t.number, t.task`,
    table: sql`writ.evaluations t`,
    on: ofDirective(sql),
  })
  const events = await read<Of<'events'> & { last: number }>({
    columns: sql`t.step, t.type, count(*) as count, max(t.sequence) as last`,
    table: sql`writ.events t`,
    on: [sql`t.directive = d.key group by t.step, t.type`],
  })
  return (key: ActorKey) => ({
    actors: actors(key),
    chains: chains(key),
    plans: plans(key),
    timers: timers(key),
    tasks: tasks(key),
    attempts: attempts(key),
    evaluations: evaluations(key),
    events: events(key),
    lastEvent: events(key).reduce((most, { last }) => Math.max(most, last), 0),
  })
}

const readSlots = async (sql: Reading, read: Read) => {
  const ready = await read<Of<'ready'>>({ columns: sql`t.*`, table: sql`writ.ready t`, on: ofDirective(sql) })
  const held = await read<Of<'held'>>({ columns: sql`t.*`, table: sql`writ.held t`, on: ofDirective(sql) })
  const grants = await read<Of<'grants'>>({ columns: sql`t.*`, table: sql`writ.grants t`, on: ofDirective(sql) })
  const needs = await read<NonNullable<DirectivePart['need']>>({
    columns: sql`t.*`,
    table: sql`writ.needs t`,
    on: [sql`t.owner = d.owner and t.directive = d.key`],
  })
  return (key: ActorKey) => ({
    ready: ready(key),
    held: held(key),
    grants: grants(key),
    need: needs(key)[0] ?? null,
  })
}

const readMailOf = async (sql: Reading, read: Read) => {
  const body = sql`case when octet_length(t.body) <= ${payloadBytesMax * 2} then t.body end as body`
  const mail = await read<Of<'mail'>>({
    columns: sql`t.id, t.shard, t."to", t."from", ${body}`,
    table: sql`writ.messages t`,
    on: [...ofKeys(sql, 'to'), sql`t."to" = d.owner || ${`/${registryId}`} and t."from" = d.key`],
  })
  const faulted = await read<{ key: ActorKey }>({
    columns: sql`t.key`,
    table: sql`writ.faulted t`,
    on: ofKeys(sql, 'key'),
  })
  const parked = await read<Of<'parked'>>({
    columns: sql`t.actor, t."from", ${body}`,
    table: sql`writ.parked t`,
    on: [...ofKeys(sql, 'actor'), sql`t.actor = d.owner || ${`/${registryId}`} and t."from" = d.key`],
  })
  return (key: ActorKey) => ({
    mail: mail(key),
    faulted: faulted(key).map((row) => row.key),
    parked: parked(key),
  })
}

/** The content is compared where it lies: only its hash is of interest. What is not there at all is found by statement. */
export const readBadContents = (sql: Reading, keys: readonly ActorKey[]): Promise<readonly FileRow[]> =>
  sql<FileRow[]>`
    select f.owner, f.contract, f.name, f.hash, f.bytes, f.at
    from jsonb_to_recordset(${JSON.stringify(keys.map((key) => readKey(key)))}::text::jsonb) as d(owner text, id text)
    join writ.files f on f.owner = d.owner and f.contract >= d.id || '__' and f.contract < d.id || ${rangeEnd}::text
    join writ.blobs b on b.hash = f.hash
    where encode(sha256(b.bytes), 'hex') <> f.hash
    order by f.owner, f.contract, f.name`
