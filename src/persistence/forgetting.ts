/** What is forgotten of directives that are there: events that have outlived their time. */
import type { EventPlace } from '../actors/ports/store.ts'
import { clearedRowsAtOnce } from '../protocol/limits.ts'
import type { Connection } from './connection.ts'

/**
 * Looks at a part of the events before a time, along their times, and deletes them with what came before them in their directives,
 * but for the last of each. Holders' clocks differ by a little, so numbers may be in another order than times.
 */
export const forgetEvents = async (
  connection: Connection,
  before: number,
  after: EventPlace | null,
): Promise<EventPlace | null> => {
  const rows = await connection.run(
    (sql) => sql<EventPlace[]>`
    with page as materialized (
      select e.at, e.directive, e.sequence from writ.events e
      where e.at < ${before}::bigint and e.at >= ${after?.at ?? 0}::bigint
        and (e.at, e.directive, e.sequence) > (${after?.at ?? 0}::bigint, ${after?.directive ?? ''}::text, ${after?.sequence ?? 0}::bigint)
      order by e.at, e.directive, e.sequence limit ${clearedRowsAtOnce}
    ), upto as materialized (
      select p.directive, least(max(p.sequence), (
               select l.sequence - 1 from writ.events l where l.directive = p.directive order by l.sequence desc limit 1)) as sequence
      from page p group by p.directive
    ), gone as (
      delete from writ.events e using upto u where e.directive = u.directive and e.sequence <= u.sequence
    ), told as (
      update writ.directives d set forgotten = u.sequence from upto u where d.key = u.directive and d.forgotten < u.sequence
    )
    select at, directive, sequence from page order by at, directive, sequence`,
  )
  return rows.length < clearedRowsAtOnce ? null : (rows.at(-1) ?? null)
}
