/** Directives and plans by chance: DAGs of a few steps, and definitions that use what there is. */
import type { CreateDirective } from '../../src/protocol/commands.ts'
import type { SimRandom } from './random.ts'

export interface SimStep {
  name: string
  description: string
  task_plan: string
  depends_on: string[]
  evaluate?: boolean
  requires_approval?: boolean
}

/** A plan of 1 to `stepsMax` steps, each of which waits for some of those before it. */
export const planBy = (random: SimRandom, stepsMax: number): { steps: SimStep[] } => {
  const count = random.between(1, stepsMax)
  const density = random.pick([0, 0.15, 0.4, 1]) ?? 0
  const names = Array.from({ length: count }, (_, at) => `s${at}`)
  const steps = names.map((name, at): SimStep => ({
    name,
    description: `step ${at}`,
    task_plan: `do ${name}`,
    depends_on: names.slice(Math.max(0, at - 3), at).filter(() => random.chance(density)),
    ...(random.chance(0.1) ? { evaluate: false } : {}),
    ...(random.chance(0.05) ? { requires_approval: true } : {}),
  }))
  return { steps }
}

/**
 * A directive as somebody submits it. Its attempts stall and end after a short time, so that worlds are short. `ownRetries`: it
 * says how often failures of the means are tried again.
 */
export const directiveBy = (
  random: SimRandom,
  id: string,
  { stepsMax, ownRetries, eager }: { stepsMax: number; ownRetries: boolean; eager: boolean },
): CreateDirective => ({
  id,
  title: `The directive ${id}`,
  goal: 'to be done',
  limits: {
    ...(ownRetries ? { retries: random.aside().between(0, 2) } : {}),
    stallSeconds: random.pick([4, 20]) ?? 20,
    totalSeconds: random.pick([2, 6, 30, 90]) ?? 90,
  },
  maxRework: random.between(0, 2),
  maxRegenerations: random.between(0, 2),
  evaluate: random.chance(0.8),
  autonomy: random.pick(['full', 'full', 'full', 'guarded', 'manual']) ?? 'full',
  onEvaluatorFailure: { retries: random.between(0, 2), then: random.pick(['pass', 'hold', 'fail']) ?? 'pass' },
  ...(random.chance(eager ? 0.8 : 0.3) ? { repository: 'https://example.org/repository.git' } : {}),
  ...(random.chance(eager ? 0.8 : 0.2) ? { checks: [{ name: 'all', run: 'true' }] } : {}),
  ...(random.chance(0.2)
    ? { holdTimeout: { seconds: 5, decision: random.pick(['approve', 'reject', 'cancel'] as const) ?? 'approve' } }
    : {}),
  ...(random.chance(0.7) ? { plan: planBy(random, stepsMax) } : {}),
})
