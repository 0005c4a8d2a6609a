/**
 * What the turn lays into a machine's context before each transition and takes out again before the snapshot is stored:
 * the stamp of the message, and the settings, which follow from the definition and never change.
 */

/** Durations in ms. */
export interface TaskLimits {
  total: number
  stopping: number
  /** The wait before each further try after a failure of the means: as many tries as entries. */
  backoff: readonly number[]
}

export interface DirectiveSettings {
  limits: TaskLimits
  maxRegenerations: number
  /** It has a repository: a line is prepared, merged into and published. */
  hasRepository: boolean
  hasChecks: boolean
  acceptRetries: number
  /** The plan came with the directive: no planner. */
  readyPlan: { hash: string; steps: number } | null
}

export interface StepSettings {
  limits: TaskLimits
  index: number
  name: string
  dependsOn: readonly number[]
  hasDependents: boolean
  evaluate: boolean
  requiresApproval: boolean
  merges: boolean
  maxRework: number
  thresholds: { green: number; yellow: number }
  autonomy: 'full' | 'guarded' | 'manual'
  onEvaluatorFailure: { retries: number; then: 'pass' | 'hold' | 'fail' }
  hold: { ms: number; decision: 'approve' | 'reject' | 'cancel' } | null
}

/** `at`: the database's time in ms since 1970. `seed`: a token of the message's own; nonces derive from it. Both are journaled. */
export interface Given<S> {
  at: number
  seed: string
  settings: S
}
