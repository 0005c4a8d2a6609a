/** A plan after it was parsed: names are resolved to indexes, and every fault has been found (R9 to R11). */
import type { Check, Needs } from './directive.ts'

export interface PlanStep {
  name: string
  description: string
  taskPlan: string
  /** Indexes of the steps that this one waits for. */
  dependsOn: readonly number[]
  checks: readonly Check[]
  needs: Needs
  /** Unset: as the directive says. */
  evaluate?: boolean
  requiresApproval: boolean
}

export interface Plan {
  steps: readonly PlanStep[]
}

/** A staged step as the store keeps it: with the steps that wait for it. */
export interface PlanRow extends PlanStep {
  index: number
  dependents: readonly number[]
}
