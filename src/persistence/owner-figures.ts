/** What there is of one owner, counted in one statement: each part by an index of that owner's rows, so that others cost nothing. */
import { type ActorKey, readKey } from '../protocol/ids.ts'
import { countedEndsMax, shownDaemonsMax } from '../protocol/limits.ts'
import type { CountedFigures, NeedFigures } from '../protocol/figures.ts'
import type { DirectiveStatus } from '../protocol/views.ts'
import type { Connection, Sql } from './connection.ts'
import { daemonColumns, type DaemonColumns, daemonLineOf } from './daemon-records.ts'
import { isoOf } from './pages.ts'

type Counts = Partial<Record<DirectiveStatus, number>>

interface FigureColumns {
  now: number
  open: Counts
  ended: Counts
  parked: number
  messages: number
  oldest: { to: ActorKey; at: number } | null
  daemons: { count: number; pulls: number; draining: number; slots: number }
  daemonRows: readonly DaemonColumns[]
  running: number
  grants: { open: number; recalled: number }
  needs: readonly (Omit<NeedFigures, 'since'> & { since: number })[]
}

export const countOwner = async (connection: Connection, owner: string): Promise<CountedFigures> => {
  const [row] = await connection.run((sql) => figuresOf(sql, owner))
  const { now, open, ended, parked, messages, oldest, running, grants, needs } = row
  return {
    time: isoOf(now),
    directives: { open, ended, of: countedEndsMax, parked },
    mailbox: { messages, oldest: oldest === null ? null : { to: readKey(oldest.to).id, since: isoOf(oldest.at) } },
    daemons: { ...row.daemons, running },
    daemonLines: row.daemonRows.map(daemonLineOf),
    grants,
    needs: needs.map(({ since, ...need }) => ({ ...need, since: isoOf(since) })),
  }
}

/** Keys of an owner's actors, `<owner>/…`, are one range of each index: `0` is what comes after `/`. */
const figuresOf = (sql: Sql, owner: string) => {
  const from = `${owner}/`
  const to = `${owner}0`
  return sql<[FigureColumns]>`
  select writ.now() as now,
    (select coalesce(json_object_agg(s.status, s.count), '{}') from (
       select a.status, count(*) as count from writ.actors a
       where a.owner = ${owner} and a.kind = 'directive' and not a.ended group by a.status) s) as open,
    (select coalesce(json_object_agg(s.status, s.count), '{}') from (
       select a.status, count(*) as count
       from (select d.key from writ.directives d where d.owner = ${owner} order by d.at desc, d.id limit ${countedEndsMax}) d
       join writ.actors a on a.key = d.key and a.ended
       group by a.status) s) as ended,
    (select count(*) from writ.faulted f where f.key >= ${from} and f.key < ${to}) as parked,
    (select count(*) from writ.messages m where m."to" >= ${from} and m."to" < ${to}) as messages,
    (select json_build_object('to', m."to", 'at', (extract(epoch from m.came) * 1000)::bigint) from writ.messages m
     where m."to" >= ${from} and m."to" < ${to} order by m.came, m.id limit 1) as oldest,
    (select json_build_object('count', count(*), 'pulls', count(d.inbox), 'draining', count(*) filter (where d.draining),
       'slots', coalesce(sum(d.slots), 0)) from writ.daemons d where d.owner = ${owner}) as daemons,
    (select coalesce(json_agg(row_to_json(l)), '[]') from (
       select ${daemonColumns(sql)} from writ.daemons d
       where d.owner = ${owner} order by granted desc, d.name limit ${shownDaemonsMax}) l) as daemon_rows,
    (select count(*) from writ.tasks t
     where t.owner = ${owner} and t.ended_at is null and t.status in ('starting', 'running')) as running,
    (select json_build_object('open', count(*), 'recalled', count(*) filter (where g.recalled))
     from writ.grants g where g.owner = ${owner}) as grants,
    (select coalesce(json_agg(json_build_object('role', n.role, 'tasks', n.tasks, 'since', n.since) order by n.role), '[]') from (
       select r.role, sum(r.tasks)::bigint as tasks, min(r.since) as since from (
         select r.directive, r.role, count(*) as tasks, min(r.since) as since from writ.ready r
         where r.directive >= ${from} and r.directive < ${to} and not r.manual group by r.directive, r.role) r
       join writ.actors d on d.key = r.directive left join writ.faulted f on f.key = r.directive
       where f.key is null and not coalesce((d.facts->>'paused')::boolean, false)
       group by r.role) n) as needs`
}
