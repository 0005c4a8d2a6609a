/** Steps of a chain as one line each: from the actor's row where there is one, else from what its directive is. */
import { addressOf, stepId } from '../protocol/ids.ts'
import type { DirectiveStatus, StepFacts, StepLine, StepStatus } from '../protocol/views.ts'
import { namedMax, type WaitLine } from '../protocol/waiting.ts'
import type { PendingQuery, Sql } from './connection.ts'
import { isoOf } from './pages.ts'
import { nameOfKey } from './plans.ts'
import { stepsWords } from './waiting-lines.ts'

export interface StepColumns {
  index: number
  /** The key of its name (plans.ts). */
  name: string
  dependsOn: number[]
  /** Null for a step that nothing was ever told to. */
  status: StepStatus | null
  ended: boolean | null
  waiting: string | null
  since: number | null
  facts: StepFacts | null
  parked: string | null
  attempt: number | null
  task: string | null
  daemon: string | null
}

/** The steps of the chain `c` of the directive `d`. Ids derived from the directive's are one range of each index. */
export const stepsJson = (sql: Sql, only: PendingQuery = sql``) => sql`(
  select coalesce(json_agg(json_build_object(
    'index', s.index, 'name', s.name, 'dependsOn', s.depends_on, 'status', sa.status, 'ended', sa.ended, 'waiting', sa.waiting,
    'since', sa.since, 'facts', sa.facts, 'parked', sf.reason, 'attempt', tried.attempt, 'task', open.id,
    'daemon', open.daemon) order by s.index), '[]')
  from writ.plan_steps s
  left join writ.actors sa on sa.key = d.key || '__' || c.generation || '_' || s.index
  left join writ.faulted sf on sf.key = sa.key
  left join (
    select x.actor, max(x.attempt) as attempt from writ.attempts x
    where x.owner = d.owner and x.task >= d.id || '__' and x.task < d.id || '_\`' group by x.actor
  ) tried on tried.actor = sa.key
  left join (
    select distinct on (x.actor) x.actor, x.id, x.daemon from writ.tasks x
    where x.owner = d.owner and x.id >= d.id || '__' and x.id < d.id || '_\`' and x.ended_at is null
    order by x.actor, x.number desc
  ) open on open.actor = sa.key
  where s.hash = c.hash ${only})`

/** What the lines need to know of the directive. */
export interface StepsOf {
  owner: string
  id: string
  status: DirectiveStatus
  ended: boolean
  at: number
  since: number
  chain: { generation: number; at: number } | null
  paused: boolean
  /** By the actor's id. */
  waits: ReadonlyMap<string, WaitLine>
}

export const stepLinesOf = (rows: readonly StepColumns[], directive: StepsOf): StepLine[] => {
  const names = new Map(rows.map((row) => [row.index, nameOfKey(row.name)]))
  const passed = new Set(rows.flatMap((row) => (row.status === 'passed' ? [row.index] : [])))
  return rows.map((row) => stepLineOf(row, directive, names, passed))
}

const stepLineOf = (
  row: StepColumns,
  directive: StepsOf,
  names: ReadonlyMap<number, string>,
  passed: ReadonlySet<number>,
): StepLine => {
  const id = stepId(directive.id, directive.chain?.generation ?? 0, row.index)
  const facts = row.facts ?? {}
  const awaited = row.dependsOn.filter((index) => !passed.has(index)).map((index) => names.get(index) ?? '')
  return {
    id,
    address: addressOf(directive.owner, id),
    index: row.index,
    name: names.get(row.index) ?? '',
    attempt: row.attempt ?? 0,
    round: facts.round ?? 1,
    score: facts.score ?? null,
    level: facts.level ?? null,
    unevaluated: facts.unevaluated ?? false,
    parked: row.parked,
    reason: facts.reason ?? null,
    dependsOn: row.dependsOn.map((index) => names.get(index) ?? ''),
    task: row.task === null ? null : addressOf(directive.owner, row.task),
    daemon: row.daemon,
    ...standing(row, directive, awaited, directive.waits.get(id) ?? null),
  }
}

type Standing = Pick<StepLine, 'status' | 'waiting' | 'since' | 'until' | 'by'>

/** Its status, what it waits for, since and until when. One that never began has ended as skipped with its directive (R49). */
const standing = (
  row: StepColumns,
  directive: StepsOf,
  awaited: readonly string[],
  wait: WaitLine | null,
): Standing => {
  if (row.status === null) return unbegun(directive, awaited)
  if (row.status === 'pending' && directive.ended)
    return { ...nothing, status: 'skipped', since: isoOf(row.since ?? directive.since) }
  const heldSince = row.status === 'held' ? row.facts?.heldSince : null
  const since = isoOf(heldSince ?? row.since ?? directive.chain?.at ?? directive.at)
  if (wait === null) return { ...nothing, status: row.status, since }
  return {
    status: row.status,
    waiting: row.parked === null && row.waiting !== null ? wait.waiting : row.waiting,
    since,
    until: wait.until,
    by: wait.by,
  }
}

const nothing = { waiting: null, until: null, by: null }

/** A step that nothing was ever told to is no actor yet: its directive counts it among those that are to come. */
const unbegun = (directive: StepsOf, awaited: readonly string[]): Standing => {
  if (directive.ended) return { ...nothing, status: 'skipped', since: isoOf(directive.since) }
  const since = isoOf(directive.chain?.at ?? directive.at)
  if (awaited.length > 0) {
    const by = { who: 'steps', names: awaited.slice(0, namedMax) } as const
    return { status: 'pending', waiting: stepsWords(awaited, awaited.length), since, until: null, by }
  }
  const by = directive.paused
    ? ({ who: 'person', names: [] } as const)
    : ({ who: 'directive', names: [directive.id] } as const)
  return { status: 'pending', waiting: 'its turn to begin', since, until: null, by }
}
