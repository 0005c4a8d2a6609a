/** The query behind everything that says what waits for what: one statement, along the index of what has not ended. */
import type { ActorKey, ActorKind } from '../protocol/ids.ts'
import type { Role } from '../protocol/directive.ts'
import { namedMax } from '../protocol/waiting.ts'
import type { PendingQuery, Sql } from './connection.ts'
import { notRemoved } from './removal.ts'

/** A row of the query. */
export interface WaitColumns {
  owner: string
  id: string
  kind: ActorKind
  /** The directive's key; null for a registry. */
  directive: ActorKey | null
  status: string
  waiting: string | null
  reason: string | null
  parked: string | null
  /** Since when, ms since 1970. */
  at: number
  until: number | null
  /** The gate of the directive (its own, or of a step's) is shut; that directive is parked. */
  paused: boolean
  stopped: boolean
  /** The number of its open task. */
  task: number | null
  /** Of its open attempt; `pulled` by a script. */
  daemon: string | null
  pulled: boolean | null
  /** Of its task that waits for a slot; `manual`: also while its directive does not dispatch. `daemons`: who could do it. */
  role: Role | null
  labels: Record<string, string> | null
  executor: string | null
  manual: boolean | null
  daemons: string[] | null
  /** Keys of names: of the step itself; of those that it waits for, so many in all; of the one whose merge comes first; of the live ones of a directive. */
  step: string | null
  awaited: string[]
  awaitedCount: number | null
  merging: string | null
  live: string[]
}

export interface Wanted {
  owner: string
  /** A condition on `a`, a row of `writ.actors`. */
  where: PendingQuery
  /** A condition on `w`, a row of what waits: with `at`, `kind`, `parked` and `status`, and the `daemons` of what waits for a slot. */
  only?: PendingQuery
  /** Lines at most; all when unset. */
  limit?: number
}

/** Those that have ended, also by a node that wrote steps' `ended` as false. */
const over = (sql: Sql) =>
  sql`(a.ended or (a.kind = 'step' and a.status in ('passed', 'failed', 'cancelled', 'skipped')))`

/** What an actor's row is read for; parked ones (`f`) wait since they are. */
const actorColumns = (sql: Sql) => sql`
  a.key, a.owner, a.id, a.kind, a.directive, a.status, a.waiting, a.facts->>'reason' as reason,
  coalesce((a.facts->>'paused')::boolean, false) as paused, f.reason as parked,
  coalesce(f.at, case when a.status = 'held' then (a.facts->>'heldSince')::bigint end, a.since) as at`

/** Names of the steps whose actors are `sa`: found by generation and index in their ids. */
const nameOfActor = (sql: Sql) => sql`
  join writ.chains sc on sc.directive = sa.directive and sc.generation = substring(sa.id from '__([0-9]+)_[0-9]+$')::integer
  join writ.plan_steps ps on ps.hash = sc.hash and ps.index = substring(sa.id from '_([0-9]+)$')::integer`

/** Longest waiting first. A registry waits for nothing unless it is parked. Timers and deadlines of what is parked end nothing. */
export const waitRows = (sql: Sql, { owner, where, only = sql`true`, limit }: Wanted) => sql`
  with alive as (
    select ${actorColumns(sql)} from writ.actors a left join writ.faulted f on f.key = a.key
    where a.owner = ${owner} and ${where} and not ${over(sql)} and ${notRemoved(sql, sql`a.directive`)}
      and (a.kind <> 'registry' or f.key is not null)
    union all
    select ${actorColumns(sql)} from writ.faulted f join writ.actors a on a.key = f.key
    where f.key >= ${owner}::text || '/' and f.key < ${owner}::text || '0' and ${where} and ${over(sql)}
  ), waits as (
    select l.*, r.role, r.labels, r.executor, r.manual from alive l left join writ.ready r on r.actor = l.key
  ), wants as (
    select v.role, v.labels, v.executor, array(
      select d.name from writ.daemons d
      where d.owner = ${owner} and not d.draining and d.roles ? v.role and (v.executor is null or d.executors ? v.executor)
        and d.labels @> v.labels
      order by d.name limit ${namedMax}
    ) as daemons
    from (select distinct role, labels, executor from waits where role is not null) v
  ), page as (
    select w.* from (
      select waits.*, wants.daemons from waits
      left join wants on wants.role = waits.role and wants.labels = waits.labels and wants.executor is not distinct from waits.executor
    ) w
    where ${only} order by w.at, w.id ${limit === undefined ? sql`` : sql`limit ${limit}`}
  )
  select w.owner, w.id, w.kind, w.directive, w.status, w.waiting, w.reason, w.parked, w.at, w.role, w.labels, w.executor, w.manual,
         to_json(w.daemons) as daemons, case when w.parked is null then least(t.due, o.deadline) end as until,
         w.paused or coalesce((d.facts->>'paused')::boolean, false) as paused, df.key is not null as stopped,
         k.number as task, o.daemon, o.pulled, s.name as step, to_json(${awaitedNames(sql)}) as awaited,
         case when w.waiting like 'dependencies %' then cardinality(string_to_array(w.waiting, ', ')) end as "awaitedCount",
         ${mergingName(sql)} as merging, to_json(${liveNames(sql)}) as live
  from page w
  left join lateral (select min(t.due) as due from writ.timers t where t.key = w.key) t on true
  left join lateral (
    select x.daemon, x.deadline, x.inbox is not null as pulled from writ.attempts x
    where x.owner = w.owner and x.task >= w.id || '__t' and x.task < w.id || '__u' and x.directive = w.directive and x.closed_at is null
    order by x.opened_at desc limit 1
  ) o on true
  left join lateral (
    select x.number, x.ended_at from writ.tasks x
    where x.owner = w.owner and x.id >= w.id || '__t' and x.id < w.id || '__u'
    order by x.number desc limit 1
  ) k on k.ended_at is null
  left join writ.actors d on w.kind = 'step' and d.key = w.directive
  left join writ.faulted df on w.kind = 'step' and df.key = w.directive
  left join writ.chains c on w.kind = 'step' and c.directive = w.directive
    and c.generation = substring(w.id from '__([0-9]+)_[0-9]+$')::integer
  left join writ.plan_steps s on s.hash = c.hash and s.index = substring(w.id from '_([0-9]+)$')::integer
  order by w.at, w.id`

/** Its machine says which it waits for by their indexes: `dependencies 0, 2`. */
const awaitedNames = (sql: Sql) => sql`array(
  select ps.name from unnest(string_to_array(substr(w.waiting, 14), ', ')) with ordinality x(index, place)
  join writ.plan_steps ps on ps.hash = c.hash and ps.index = x.index::integer
  where w.waiting like 'dependencies %' order by x.place limit ${namedMax})`

/** One step of a directive is merged at a time. */
const mergingName = (sql: Sql) => sql`(
  select ps.name from writ.held h join writ.actors sa on sa.key = h.actor ${nameOfActor(sql)}
  where w.role = 'merger' and h.directive = w.directive and h.role = 'merger' and h.actor <> w.key limit 1)`

/** Those that a directive waits for: the ones that have begun. */
const liveNames = (sql: Sql) => sql`array(
  select ps.name from writ.actors sa ${nameOfActor(sql)}
  where w.kind = 'directive' and sa.owner = w.owner and sa.directive = w.directive and sa.kind = 'step' and not sa.ended
    and sa.status in ('running', 'evaluating', 'merging', 'rework', 'held')
  order by sa.key limit ${namedMax})`
