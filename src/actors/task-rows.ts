/** The records of delegated work: a contract with its task as the rules word them, and what the task needs of a daemon. */
import type { Effect } from '../machines/effect.ts'
import { contractOf, taskOf } from '../machines/contracts.ts'
import { type Needs, priorityOf, type Role } from '../protocol/directive.ts'
import { actorKey, contractId, taskId } from '../protocol/ids.ts'
import { needsTogether } from '../protocol/needs.ts'
import type { PlanRow } from '../protocol/plan.ts'
import type { Origin } from './origin.ts'
import type { Host } from './host.ts'
import type { DirectiveFacts } from './memory.ts'
import type { ReadyRow, TaskRow } from './ports/rows.ts'
import type { Turn } from './turn.ts'
import { weightOf } from './weight.ts'

/** The plan's row of a step; null for a directive's own work. */
export const rowOf = async (host: Host, { chain }: DirectiveFacts, step: number | null): Promise<PlanRow | null> =>
  step === null || chain === null ? null : host.loader.planRow(chain.hash, step)

export const taskRowOf = async (
  host: Host,
  origin: Origin,
  effect: Extract<Effect, { kind: 'task' }>,
): Promise<TaskRow> => {
  const { key, owner, id, step, directive } = origin
  const row = await rowOf(host, directive, step)
  const subject = { title: directive.title, definition: directive.definition, step: row }
  const contract = contractOf(effect.purpose, subject)
  const task = taskOf(effect.purpose, subject)
  const { number, role, purpose, round, feedback, manual } = effect
  return {
    owner,
    id: taskId(id, number),
    contract: contractId(id, number),
    actor: key,
    directive: directive.key,
    step,
    number,
    role,
    purpose,
    supervisor: task.supervisor,
    name: task.name,
    contractName: contract.name,
    contractKind: contract.kind,
    phase: contract.phase,
    description: contract.description,
    localOnly: contract.localOnly,
    repository: directive.definition.repository ?? null,
    round,
    feedback,
    manual,
    priority: priorityOf[role],
    status: 'pending',
    reason: '',
    daemon: null,
    attempt: null,
    version: 0,
    at: host.now(),
    endedAt: null,
  }
}

/** `row`: of the step whose task it is; null for a directive's own. */
export const needsOf = ({ definition }: DirectiveFacts, role: Role, row: PlanRow | null): Needs =>
  needsTogether(role, definition.needs[role] ?? {}, row?.needs ?? null)

export const readyRowOf = async (
  host: Host,
  directive: DirectiveFacts,
  task: TaskRow,
  step: number | null,
): Promise<ReadyRow> => {
  const { labels = {}, executor = null } = needsOf(directive, task.role, await rowOf(host, directive, step))
  const { actor, number, role, priority, manual, purpose, round } = task
  const begun = step !== null && (purpose !== 'work' || round > 1)
  return { directive: directive.key, actor, number, role, priority, since: task.at, manual, labels, executor, begun }
}

/** Every change of a task's row counts its version up (R44). */
export const putTask = (turn: Turn, row: TaskRow): void => {
  const key = actorKey(row.owner, row.id)
  const next = { ...row, version: row.version + 1 }
  turn.host.memory.set(turn.host.memory.tasks, key, next)
  turn.draft.tasks.set(key, next)
  turn.draft.grown += weightOf(next)
}
