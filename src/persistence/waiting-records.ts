/** What waits for what, as lists and views show it: lines of the one query (waiting-rows.ts). */
import { actorKey } from '../protocol/ids.ts'
import type { Page } from '../protocol/views.ts'
import type { WaitingQuery, WaitLine } from '../protocol/waiting.ts'
import type { Connection, PendingQuery, Sql } from './connection.ts'
import { checkDirective } from './known-directive.ts'
import { pageOf, placeOf } from './pages.ts'
import { waitLineOf } from './waiting-lines.ts'
import { type WaitColumns, type Wanted, waitRows } from './waiting-rows.ts'

/** Longest waiting first. Throws NOT_FOUND for a directive that is not there. */
export const listWaiting = async (
  connection: Connection,
  owner: string,
  query: WaitingQuery,
): Promise<Page<WaitLine>> => {
  const { directive, after, limit } = query
  const rows = await connection.run((sql) => {
    const where = directive === undefined ? sql`true` : sql`a.directive = ${actorKey(owner, directive)}`
    return sql<WaitColumns[]>`${waitRows(sql, { owner, where, only: conditions(sql, query), limit: limit + 1 })}`
  })
  if (directive !== undefined && rows.length === 0 && after === undefined)
    await checkDirective(connection, owner, directive)
  return pageOf(rows, limit, waitLineOf)
}

const conditions = (sql: Sql, { olderSeconds, kind, stuck, after }: WaitingQuery): PendingQuery => {
  const place = after === undefined ? null : placeOf(after)
  return sql`true
    ${olderSeconds === undefined ? sql`` : sql`and w.at <= (select writ.now()) - ${olderSeconds * 1000}::bigint`}
    ${kind === undefined ? sql`` : sql`and w.kind = ${kind}`}
    ${stuck ? sql`and (w.parked is not null or w.status = 'held' or (w.role is not null and cardinality(w.daemons) = 0))` : sql``}
    ${place === null ? sql`` : sql`and (w.at > ${place.at} or (w.at = ${place.at} and w.id > ${place.id}))`}`
}

/** The rows as JSON, for a view that is one statement. */
export const waitsJson = (sql: Sql, wanted: Wanted) => sql`(
  select coalesce(json_agg(to_json(q)), '[]') from (${waitRows(sql, wanted)}) q)`
