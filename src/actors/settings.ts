/** The settings that machines are given: they follow from a definition (and a step's plan) and never change. */
import type { DirectiveSettings, StepSettings, TaskLimits } from '../machines/given.ts'
import type { Definition } from '../protocol/directive.ts'
import { meansBackoffMs, stoppingMs, totalMs } from '../protocol/limits.ts'
import type { PlanRow } from '../protocol/plan.ts'
import type { DirectiveFacts } from './memory.ts'

/** As many waits as tries; the longest one goes on. */
const backoffOf = (retries: number): number[] =>
  Array.from({ length: retries }, (_, at) => meansBackoffMs[at] ?? meansBackoffMs.at(-1) ?? 0)

const limitsOf = ({ limits }: Definition): TaskLimits => ({
  total: limits.totalSeconds === undefined ? totalMs : limits.totalSeconds * 1000,
  stopping: stoppingMs,
  backoff: backoffOf(limits.retries ?? meansBackoffMs.length),
})

/** What of a directive the settings follow from. */
export type Defined = Pick<DirectiveFacts, 'definition' | 'readyPlan'>

export const directiveSettings = ({ definition, readyPlan }: Defined): DirectiveSettings => ({
  limits: limitsOf(definition),
  maxRegenerations: definition.maxRegenerations,
  hasRepository: definition.repository !== undefined,
  hasChecks: definition.checks.length > 0,
  acceptRetries: definition.onEvaluatorFailure.retries,
  readyPlan,
})

export const stepSettings = ({ definition }: Defined, row: PlanRow): StepSettings => ({
  limits: limitsOf(definition),
  index: row.index,
  name: row.name,
  dependsOn: row.dependsOn,
  hasDependents: row.dependents.length > 0,
  evaluate: row.evaluate ?? definition.evaluate,
  requiresApproval: row.requiresApproval,
  merges: definition.repository !== undefined,
  maxRework: definition.maxRework,
  thresholds: definition.thresholds,
  autonomy: definition.autonomy,
  onEvaluatorFailure: definition.onEvaluatorFailure,
  hold:
    definition.holdTimeout === undefined
      ? null
      : { ms: definition.holdTimeout.seconds * 1000, decision: definition.holdTimeout.decision },
})
