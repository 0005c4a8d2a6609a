/** Daemons as the registry's tables have them. */
import type { ListQuery } from '../protocol/commands.ts'
import { fitting } from '../protocol/fitting.ts'
import type { DaemonLine, Page } from '../protocol/views.ts'
import type { Connection, Sql } from './connection.ts'
import { containing, isoOf, sinceOf } from './pages.ts'

export interface DaemonColumns extends Omit<DaemonLine, 'since' | 'asOf'> {
  at: number
  now: number
}

/** Of a row `d` of `writ.daemons`. */
export const daemonColumns = (sql: Sql) => sql`
  d.name, d.session, d.roles, d.executors, d.labels, d.slots, d.draining, d.inbox is not null as pull, d.at,
  (select count(*) from writ.grants g where g.owner = d.owner and g.daemon = d.name and g.session = d.session) as granted,
  (select count(*) from writ.tasks t
   where t.owner = d.owner and t.ended_at is null and t.daemon = d.name and t.status in ('starting', 'running')) as running,
  writ.now() as now`

export const daemonLineOf = ({ at, now, ...row }: DaemonColumns): DaemonLine => ({
  ...row,
  since: isoOf(at),
  asOf: isoOf(now),
})

/** By name. `state`: draining or ready. */
export const listDaemons = async (
  connection: Connection,
  owner: string,
  { state, text, since, after, limit }: ListQuery,
): Promise<Page<DaemonLine>> => {
  const rows = await connection.run(
    (sql) => sql<DaemonColumns[]>`
    select ${daemonColumns(sql)}
    from writ.daemons d
    where d.owner = ${owner} and d.at >= ${sinceOf(since)} and d.name > ${after ?? ''} and d.name ilike ${containing(text)}
      and (${state ?? null}::text is null or ${state ?? ''} = case when d.draining then 'draining' else 'ready' end)
    order by d.name
    limit ${limit + 1}`,
  )
  const lines = fitting(rows.slice(0, limit).map(daemonLineOf))
  return { lines, next: rows.length > lines.length ? (lines.at(-1)?.name ?? null) : null }
}
