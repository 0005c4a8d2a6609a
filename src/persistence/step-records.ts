/** One step with what it is to do, its evaluations, and its tasks with their attempts. */
import type { EvaluationRow } from '../actors/ports/rows.ts'
import { actorKey, readStepId, taskId } from '../protocol/ids.ts'
import type { PlanRow } from '../protocol/plan.ts'
import type { DirectiveStatus, EvaluationView, StepView } from '../protocol/views.ts'
import type { Connection } from './connection.ts'
import { isoOf } from './pages.ts'
import { stepLinesOf, stepsJson, type StepColumns } from './step-lines.ts'
import { waitLineOf } from './waiting-lines.ts'
import { waitsJson } from './waiting-records.ts'
import type { WaitColumns } from './waiting-rows.ts'
import {
  type AttemptColumns,
  attemptsOf,
  type FileColumns,
  filesOf,
  type TaskColumns,
  taskViewOf,
} from './task-records.ts'

interface Columns {
  id: string
  owner: string
  at: number
  status: DirectiveStatus
  ended: boolean
  since: number
  paused: boolean
  waits: WaitColumns[]
  definition: string
  chain: { generation: number; at: number }
  stepName: string
  step: string
  stepRows: StepColumns[]
  evaluations: EvaluationRow[]
  taskRows: (TaskColumns & { attempts: AttemptColumns[]; files: FileColumns[] })[]
}

/** Of any generation; null when there is no such step. */
export const showStep = async (connection: Connection, owner: string, id: string): Promise<StepView | null> => {
  const named = readStepId(id)
  if (named === null) return null
  const [key, { directive, generation, index }] = [actorKey(owner, id), named]
  const [row] = await connection.run((sql) => {
    // Itself and the steps that it waits for, whose names and statuses its line tells.
    const near = sql`and (s.index = step.index or s.index in (
      select value::integer from jsonb_array_elements_text(step.depends_on)))`
    return sql<Columns[]>`
    select d.id, d.owner, d.at, a.status, a.ended, a.since, d.definition,
           coalesce((a.facts->>'paused')::boolean, false) as paused, ${waitsJson(sql, { owner, where: sql`a.key = ${key}` })} as waits,
           step.name as step_name, step.step,
           json_build_object('generation', c.generation, 'at', c.at) as chain, ${stepsJson(sql, near)} as step_rows,
           (select coalesce(json_agg(to_json(e) order by e.number), '[]') from writ.evaluations e
            where e.directive = d.key and coalesce(e.step, -1) = ${index}) as evaluations,
           (select coalesce(json_agg(json_build_object(
              'owner', t.owner, 'id', t.id, 'contract', t.contract, 'actor', t.actor, 'directive', t.directive, 'step', t.step,
              'name', t.name, 'role', t.role, 'purpose', t.purpose, 'priority', t.priority, 'status', t.status,
              'reason', t.reason, 'round', t.round, 'daemon', t.daemon, 'attempt', t.attempt, 'at', t.at,
              'endedAt', t.ended_at, 'supervisor', t.supervisor, 'localOnly', t.local_only, 'repository', t.repository,
              'feedback', t.feedback, 'manual', t.manual, 'contractName', t.contract_name, 'contractKind', t.contract_kind,
              'phase', t.phase, 'description', t.description, 'attempts', ${attemptsOf(sql)}, 'files', ${filesOf(sql)})
              order by t.number), '[]')
            from writ.tasks t
            where t.owner = d.owner and t.id >= ${id}::text || '__t' and t.id < ${id}::text || '__u' and t.actor = ${key}) as task_rows
    from writ.directives d
    join writ.actors a on a.key = d.key
    join writ.chains c on c.directive = d.key and c.generation = ${generation}
    join writ.plan_steps step on step.hash = c.hash and step.index = ${index}
    where d.key = ${actorKey(owner, directive)}`
  })
  return row === undefined ? null : viewOf(row, id, index)
}

const viewOf = (row: Columns, id: string, index: number): StepView | null => {
  const waits = new Map(row.waits.map((each) => [each.id, waitLineOf(each)]))
  const line = stepLinesOf(row.stepRows, { ...row, waits }).find((step) => step.index === index)
  if (line === undefined) return null
  const plan: PlanRow = JSON.parse(row.step)
  const { evaluate = true }: { evaluate?: boolean } = JSON.parse(row.definition)
  const facts = row.stepRows.find((step) => step.index === index)?.facts
  return {
    ...line,
    directive: row.id,
    description: plan.description,
    taskPlan: plan.taskPlan,
    checks: plan.checks,
    needs: plan.needs,
    evaluate: plan.evaluate ?? evaluate,
    requiresApproval: plan.requiresApproval,
    commit: facts?.commit ?? null,
    evaluations: row.evaluations.map((evaluation) => evaluationOf(id, evaluation)),
    tasks: row.taskRows.map((task) => taskViewOf({ ...task, stepName: row.stepName })),
  }
}

const evaluationOf = (id: string, { number, type, evaluator, task, verdict, at }: EvaluationRow): EvaluationView => ({
  number,
  type,
  evaluator,
  task: taskId(id, task),
  verdict,
  time: isoOf(at),
})
