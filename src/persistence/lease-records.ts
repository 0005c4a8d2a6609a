/** The threads that have a lease, with how many shards each holds: what the database has of the nodes, also of those that say nothing. */
import { fitting } from '../protocol/fitting.ts'
import type { Leases } from '../protocol/nodes.ts'
import type { Connection } from './connection.ts'
import { isoOf } from './pages.ts'

interface LeaseColumns {
  now: number
  newest: number
  thread: string
  node: string
  version: string | null
  schema: number | null
  since: number
  until: number
  leaving: boolean
  shards: number
}

export const listLeases = async (connection: Connection): Promise<Leases> => {
  const rows = await connection.run(
    (sql) => sql<LeaseColumns[]>`
    select writ.now() as now, (select max(version) from writ.migrations) as newest,
      t.thread, t.node, t.version, t.schema, t.leaving,
      (extract(epoch from t.since) * 1000)::bigint as since, (extract(epoch from t.expires) * 1000)::bigint as until,
      (select count(*) from writ.shards s where s.thread = t.thread and s.nonce = t.nonce) as shards
    from writ.threads t order by t.thread`,
  )
  const threads = rows.map(({ now: _now, newest: _newest, since, until, ...row }) => ({
    ...row,
    since: isoOf(since),
    until: isoOf(until),
  }))
  const [first] = rows
  return { time: isoOf(first?.now ?? 0), schema: first?.newest ?? 0, threads: fitting(threads) }
}
