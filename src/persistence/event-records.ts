/** A directive's history. */
import type { EventLine, EventsQuery } from '../protocol/commands.ts'
import { WritError } from '../protocol/errors.ts'
import { fitting } from '../protocol/fitting.ts'
import { actorKey, type ActorKey, readKey, stepId } from '../protocol/ids.ts'
import type { EventPage, EventsPage } from '../protocol/event-views.ts'
import type { Connection } from './connection.ts'
import { isoOf, sinceOf } from './pages.ts'

interface EventColumns extends Pick<EventLine, 'type' | 'severity' | 'source' | 'data'> {
  sequence: number
  generation: number | null
  step: number | null
  at: number
}

/** Lines after that number; null when there is no such directive. */
export const listEvents = async (
  connection: Connection,
  owner: string,
  directive: string,
  after: number,
  limit: number,
): Promise<EventPage | null> => {
  const rows = await connection.run(
    (sql) => sql<(EventColumns | { sequence: null })[]>`
    select e.sequence, e.type, e.severity, e.source, e.data, e.generation, e.step, e.at
    from writ.directives d left join writ.events e on e.directive = d.key and e.sequence > ${after}
    where d.key = ${actorKey(owner, directive)}
    order by e.sequence
    limit ${limit + 1}`,
  )
  if (rows.length === 0) return null
  const lines = rows.flatMap((row) => (row.sequence === null ? [] : [lineOf(directive, row)]))
  const shown = fitting(lines.slice(0, limit))
  return { lines: shown, next: lines.length > shown.length ? (shown.at(-1)?.number ?? null) : null }
}

/** Of all directives, in the order of time. Only that range of the table is read, whoever's events lie in it. */
export const listAllEvents = async (
  connection: Connection,
  owner: string,
  { since, after, limit }: EventsQuery,
): Promise<EventsPage> => {
  const place = after === undefined ? null : placeOf(after)
  const from = since === undefined ? null : Math.max(sinceOf(since), place?.at ?? 0)
  const rows = await connection.run((sql) => {
    const beyond = sql`(e.at, e.directive, e.sequence) > (${place?.at ?? 0}, ${actorKey(owner, place?.id ?? '')}, ${place?.sequence ?? 0})`
    return sql<(EventColumns & { directive: ActorKey | null; now: number })[]>`
    select n.now, e.directive, e.sequence, e.type, e.severity, e.source, e.data, e.generation, e.step, e.at
    from (select writ.now() as now) n left join lateral (
      select * from writ.events e
      where ${from !== null} and e.at >= ${from ?? 0}::bigint and left(e.directive, length(${owner}::text) + 1) = ${owner}::text || '/'
        ${place === null ? sql`` : sql`and ${beyond}`}
      order by e.at, e.directive, e.sequence limit ${limit + 1}
    ) e on true
    order by e.at, e.directive, e.sequence`
  })
  const told = rows.flatMap((row) => (row.directive === null ? [] : [{ ...row, directive: row.directive }]))
  const lines = fitting(told.slice(0, limit).map((row) => lineOf(readKey(row.directive).id, row)))
  const last = told[lines.length - 1]
  const next =
    told.length > lines.length && last !== undefined
      ? `${last.at}.${readKey(last.directive).id}.${last.sequence}`
      : null
  return { lines, next, asOf: isoOf(rows[0]?.now ?? 0) }
}

/** What `after` says; throws BAD_INPUT. */
const placeOf = (after: string): { at: number; id: string; sequence: number } => {
  const [, at, id, sequence] = /^(\d{1,15})\.([A-Za-z0-9_-]+)\.(\d{1,15})$/.exec(after) ?? []
  if (at !== undefined && id !== undefined) return { at: Number(at), id, sequence: Number(sequence) }
  throw new WritError('BAD_INPUT', `after ${JSON.stringify(after.slice(0, 80))} is not the place of a line`, {
    hint: 'give the `next` of the page before, as it is',
  })
}

const lineOf = (directive: string, row: EventColumns): EventLine => ({
  number: row.sequence,
  directive,
  type: row.type,
  severity: row.severity,
  source: row.source,
  time: isoOf(row.at),
  chain: row.generation,
  step: row.step === null || row.generation === null ? null : stepId(directive, row.generation, row.step),
  data: row.data,
})
