/** Directives in lists and whole: with every step of the current chain, those that never began among them. */
import type { ListQuery } from '../protocol/commands.ts'
import type { Definition } from '../protocol/directive.ts'
import { actorKey, addressOf } from '../protocol/ids.ts'
import {
  type ChainView,
  type DirectiveFacts,
  type DirectiveLine,
  type DirectiveStatus,
  type DirectiveView,
  endedStatuses,
  type Page,
  type StepCounts,
  type StepLine,
} from '../protocol/views.ts'
import type { Connection } from './connection.ts'
import { containing, isoOf, pageOf, placeOf, sinceOf } from './pages.ts'
import { slotNeeds, withNeeds, type SlotNeeds } from './slot-needs.ts'
import { stepLinesOf, stepsJson, type StepColumns } from './step-lines.ts'
import { taskLineOf, type TaskColumns } from './task-records.ts'
import { waitLineOf } from './waiting-lines.ts'
import { waitsJson } from './waiting-records.ts'
import type { WaitColumns } from './waiting-rows.ts'

interface LineColumns {
  id: string
  owner: string
  title: string
  at: number
  status: DirectiveStatus
  ended: boolean
  waiting: string | null
  needs: SlotNeeds
  since: number
  facts: DirectiveFacts
  parked: string | null
  steps: number
}

/** Newest first. `state`: a status, or `open` for those that have not ended. */
export const listDirectives = async (
  connection: Connection,
  owner: string,
  { state, text, since, after, limit }: ListQuery,
): Promise<Page<DirectiveLine>> => {
  const { at, id } = placeOf(after)
  const live = state !== undefined && !endedStatuses.has(state)
  const rows = await connection.run(
    (sql) => sql<LineColumns[]>`
    select d.id, d.owner, d.title, d.at, a.status, a.ended, a.waiting, ${slotNeeds(sql, sql`a.key`)} as needs, a.since, a.facts,
           f.reason as parked,
           coalesce((select c.steps from writ.chains c where c.directive = d.key order by c.generation desc limit 1), d.steps) as steps
    from writ.directives d
    join writ.actors a on a.key = d.key
    left join writ.faulted f on f.key = d.key
    where d.owner = ${owner} and d.at >= ${sinceOf(since)} and (d.at < ${at} or (d.at = ${at} and d.id > ${id}))
      and (d.title ilike ${containing(text)} or d.id ilike ${containing(text)})
      ${live ? sql`and a.owner = d.owner and a.kind = 'directive' and not a.ended` : sql``}
      ${state === undefined || state === 'open' ? sql`` : sql`and a.status = ${state}`}
    order by d.at desc, d.id
    limit ${limit + 1}`,
  )
  return pageOf(rows, limit, lineOf)
}

const lineOf = (row: LineColumns): DirectiveLine => ({
  id: row.id,
  address: addressOf(row.owner, row.id),
  owner: row.owner,
  title: row.title,
  status: row.status,
  paused: row.facts.paused ?? false,
  parked: row.parked,
  waiting: row.ended ? null : withNeeds(row.waiting, row.needs),
  since: isoOf(row.since),
  steps: row.steps,
  passed: row.facts.passed ?? 0,
  failed: row.facts.failed ?? 0,
  created: isoOf(row.at),
})

interface ViewColumns extends Omit<LineColumns, 'steps' | 'needs'> {
  definition: string
  chain: (Omit<ChainView, 'created'> & { at: number }) | null
  steps: number
  stepRows: StepColumns[]
  taskRows: TaskColumns[]
  waits: WaitColumns[]
  events: number
}

export const showDirective = async (
  connection: Connection,
  owner: string,
  id: string,
): Promise<DirectiveView | null> => {
  const key = actorKey(owner, id)
  const [row] = await connection.run(
    (sql) => sql<ViewColumns[]>`
    select d.id, d.owner, d.title, d.at, d.definition, d.steps, a.status, a.ended, a.waiting, a.since, a.facts,
           f.reason as parked, ${waitsJson(sql, { owner, where: sql`a.directive = ${key}` })} as waits, to_json(c) as chain,
           case when c.hash is null then '[]' else ${stepsJson(sql)} end as step_rows,
           (select coalesce(max(e.sequence), 0) from writ.events e where e.directive = d.key) as events,
           (select coalesce(json_agg(json_build_object(
              'owner', t.owner, 'id', t.id, 'contract', t.contract, 'actor', t.actor, 'directive', t.directive, 'step', t.step, 'name', t.name,
              'role', t.role, 'purpose', t.purpose, 'priority', t.priority, 'status', t.status, 'reason', t.reason,
              'round', t.round, 'daemon', t.daemon, 'attempt', t.attempt, 'at', t.at, 'endedAt', t.ended_at)
              order by t.number), '[]')
            from writ.tasks t
            where t.owner = d.owner and t.id >= d.id || '__t' and t.id < d.id || '__u' and t.actor = d.key) as task_rows
    from writ.directives d
    join writ.actors a on a.key = d.key
    left join writ.faulted f on f.key = d.key
    left join lateral (
      select generation, title, description, hash, steps, at from writ.chains c
      where c.directive = d.key order by c.generation desc limit 1
    ) c on true
    where d.key = ${key}`,
  )
  return row === undefined ? null : viewOf(row)
}

const viewOf = (row: ViewColumns): DirectiveView => {
  const { chain, facts } = row
  const definition: Definition = JSON.parse(row.definition)
  const waits = new Map(row.waits.map((each) => [each.id, waitLineOf(each)]))
  const own = waits.get(row.id) ?? null
  const stepList = stepLinesOf(row.stepRows, { ...row, paused: facts.paused ?? false, waits })
  const counts = countsOf(stepList)
  return {
    ...lineOf({ ...row, needs: own?.needs ?? null, steps: chain?.steps ?? row.steps }),
    until: own?.until ?? null,
    by: own?.by ?? null,
    passed: counts.passed,
    failed: counts.failed,
    definition,
    reason: facts.reason ?? null,
    line: facts.line ?? null,
    regenerations: facts.regenerations ?? 0,
    counts,
    orchestrator: orchestratorOf(row),
    chain: chain === null ? null : chainOf(chain),
    stepList,
    nextStep: null,
    tasks: row.taskRows.map(taskLineOf),
    events: row.events,
  }
}

const orchestratorOf = ({ owner, taskRows }: ViewColumns): string | null => {
  const planner = taskRows.findLast(({ purpose }) => purpose === 'plan')
  return planner === undefined ? null : addressOf(owner, planner.contract)
}

const chainOf = ({ at, ...chain }: Omit<ChainView, 'created'> & { at: number }): ChainView => ({
  ...chain,
  created: isoOf(at),
})

const countsOf = (steps: readonly StepLine[]): StepCounts => {
  const counts: StepCounts = {
    pending: 0,
    running: 0,
    evaluating: 0,
    merging: 0,
    passed: 0,
    rework: 0,
    held: 0,
    failed: 0,
    skipped: 0,
    cancelled: 0,
  }
  for (const { status } of steps) counts[status] += 1
  return counts
}
