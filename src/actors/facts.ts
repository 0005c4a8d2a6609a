/** What the records show of a machine's memory: the columns that lists and searches read, and the figures that spawns need. */
import type { DirectiveContext } from '../machines/directive-context.ts'
import type { StepContext } from '../machines/step-context.ts'
import { isPaused, type Live } from '../machines/live.ts'
import type { DirectiveFacts as Figures, StepFacts } from '../protocol/views.ts'
import type { Resident } from './memory.ts'

const directiveContext = (resident: Resident | null): DirectiveContext | null =>
  resident?.live == null || resident.row.kind !== 'directive'
    ? null
    : (resident.live.snapshot.context as DirectiveContext)

const stepContext = (resident: Resident | null): StepContext | null =>
  resident?.live == null || resident.row.kind !== 'step' ? null : (resident.live.snapshot.context as StepContext)

/** The directive's line as it is recorded, or null before there is one. */
export const lineOf = (directive: Resident | null): string | null => directiveContext(directive)?.line ?? null

/** The commit of a step's last work. */
export const commitOf = (step: Resident | null): string | null => stepContext(step)?.commit ?? null

export const factsOf = (resident: Resident): Record<string, unknown> => {
  const step = stepContext(resident)
  if (step !== null) return { ...stepFacts(step) }
  const directive = directiveContext(resident)
  return directive === null || resident.live === null ? {} : { ...directiveFacts(resident.live, directive) }
}

const stepFacts = ({ round, score, level, unevaluated, commit, reason, held }: StepContext): StepFacts => ({
  round,
  score,
  level,
  unevaluated,
  commit,
  reason,
  heldSince: held?.since ?? null,
})

const directiveFacts = (live: Live, context: DirectiveContext): Figures => ({
  steps: context.chain?.steps ?? 0,
  passed: context.passed,
  failed: context.failures,
  paused: isPaused(live),
  regenerations: context.regenerations,
  line: context.line,
  reason: context.reason,
})
