/** The spawn command of an attempt (R40), composed of rows alone: so it is the same when it is sent again after a move. */
import { planOf } from '../machines/prompts.ts'
import { type Check, isRepositoryUrl } from '../protocol/directive.ts'
import { addressOf, readTaskId, stepId, taskId } from '../protocol/ids.ts'
import { stallMs } from '../protocol/limits.ts'
import type { MergeOrder, Spawn } from '../protocol/task.ts'
import type { PlanRow } from '../protocol/plan.ts'
import type { Host } from './host.ts'
import type { DirectiveFacts } from './memory.ts'
import type { AttemptRow, TaskRow } from './ports/rows.ts'
import { needsOf, rowOf } from './task-rows.ts'

/** Null when the records that it is made of are gone. */
export const composeSpawn = async (host: Host, attempt: AttemptRow): Promise<Spawn | null> => {
  const directive = await host.loader.directive(attempt.directive)
  const task = await host.loader.task(attempt.owner, attempt.task)
  if (directive === null || task === null) return null
  const row = await rowOf(host, directive, task.step)
  const { definition } = directive
  const needs = needsOf(directive, task.role, row)
  const worksOnBranch = task.purpose === 'work' && definition.repository !== undefined
  return {
    task: taskPart(directive, task, attempt, row, await judgedBy(host, task)),
    contract: { id: task.contract, address: addressOf(task.owner, task.contract), name: task.contractName },
    directive: { id: directive.id, address: addressOf(directive.owner, directive.id), title: directive.title },
    step: stepPart(directive, row),
    owner: attempt.owner,
    grant: attempt.grant,
    executor: needs.executor ?? null,
    command: needs.command ?? null,
    checks: checksOf(directive, task, row),
    feedback: task.feedback === null ? null : { round: task.round, text: task.feedback },
    thresholds: definition.thresholds,
    repository: definition.repository ?? null,
    baseBranch: definition.baseBranch ?? null,
    targetBranch: worksOnBranch && row !== null ? branchOf(directive, row, attempt) : null,
    targetPath: pathOf(definition.repository),
    startCommit: attempt.startCommit,
    merge: mergeOf(directive, task, attempt),
    completionAction: worksOnBranch ? 'branch' : 'none',
    ...unsetParts,
    localOnly: task.localOnly,
    stallMs: definition.limits.stallSeconds === undefined ? stallMs : definition.limits.stallSeconds * 1000,
    totalMs: Math.max(1, attempt.deadline - attempt.openedAt),
  }
}

/** A repository that is named by its path on the daemon's host. */
const pathOf = (repository: string | undefined): string | null =>
  repository === undefined || isRepositoryUrl(repository) ? null : repository

/** Carried by the wire, unset by the rules (R40). */
const unsetParts = {
  continueFrom: null,
  copyFiles: null,
  resumeSession: null,
  history: null,
  patch: null,
  autoMergeLocal: false,
  sharedWorktreeOf: null,
} as const

/** The contract whose work an evaluator judges: of the step's last work before it. */
const judgedBy = async (host: Host, { owner, id, purpose, number }: TaskRow): Promise<string | null> => {
  const actor = readTaskId(id)?.actor
  if (purpose !== 'evaluate' || actor === undefined) return null
  for (let before = number - 1; before > 0; before--) {
    const task = await host.loader.task(owner, taskId(actor, before))
    if (task?.purpose === 'work') return task.contract
  }
  return null
}

const taskPart = (
  directive: DirectiveFacts,
  task: TaskRow,
  attempt: AttemptRow,
  row: PlanRow | null,
  work: string | null,
): Spawn['task'] => ({
  id: task.id,
  address: addressOf(task.owner, task.id),
  name: task.name,
  role: task.role,
  priority: task.priority,
  plan: planOf({ purpose: task.purpose, directive, task, step: row, commit: attempt.startCommit, work }),
  attempt: attempt.attempt,
  nonce: attempt.nonce,
  supervisor: task.supervisor,
  orchestrator: false,
  autonomous: true,
  parent: null,
  depth: 0,
})

const stepPart = ({ owner, id, chain }: DirectiveFacts, row: PlanRow | null): Spawn['step'] => {
  if (row === null || chain === null) return null
  const step = stepId(id, chain.generation, row.index)
  return { id: step, address: addressOf(owner, step), name: row.name, index: row.index }
}

const checksOf = ({ definition }: DirectiveFacts, { purpose }: TaskRow, row: PlanRow | null): Check[] => {
  if (purpose === 'accept') return [...definition.checks]
  return purpose === 'evaluate' && row !== null ? [...row.checks] : []
}

/** `writ/<directive>/<step>/<attempt>`: a late push lands on a branch that nobody merges. */
const branchOf = ({ id }: DirectiveFacts, { index }: PlanRow, { attempt }: AttemptRow): string =>
  `writ/${id}/${index}/${attempt}`

const mergeOf = (
  { id }: DirectiveFacts,
  { purpose }: TaskRow,
  { line, startCommit }: AttemptRow,
): MergeOrder | null => {
  const into = `writ/${id}/line`
  if (purpose === 'prepare') return { kind: 'prepare' }
  if (line === null) return null
  if (purpose === 'publish') return { kind: 'publish', line, into }
  return purpose === 'merge' && startCommit !== null ? { kind: 'merge', line, commit: startCommit, into } : null
}
