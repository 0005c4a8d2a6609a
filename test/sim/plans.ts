/** Directives and plans by chance: DAGs of a few steps, and definitions that use what there is. */
import type { CreateDirective } from '../../src/protocol/commands.ts'
import { type Needs, roles } from '../../src/protocol/directive.ts'
import { needsBy } from './offers.ts'
import type { SimRandom } from './random.ts'

export interface SimStep {
  name: string
  description: string
  task_plan: string
  depends_on: string[]
  evaluate?: boolean
  requires_approval?: boolean
  needs?: Needs
}

/** What of its world a directive, and a plan, are drawn by. */
export interface Drawn {
  stepsMax: number
  /** It says how often failures of the means are tried again. */
  ownRetries: boolean
  eager: boolean
  lasting: boolean
  varied: boolean
}

/** A plan of 1 to `stepsMax` steps, each of which waits for some of those before it. */
export const planBy = (
  random: SimRandom,
  { stepsMax, varied }: Pick<Drawn, 'stepsMax' | 'varied'>,
): { steps: SimStep[] } => {
  const aside = random.aside()
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
    ...(varied && aside.chance(0.5) ? { needs: needsBy(aside) } : {}),
  }))
  return { steps }
}

/** An hour is more than a world has to heal; undefined: as long as in production. */
const long = { stallSeconds: [4, 20, undefined], totalSeconds: [3_600, undefined] }

/** Attempts stall and end after a short time, so that worlds are short; in those that last they only stall. */
const timesBy = (random: SimRandom, { lasting }: Drawn): CreateDirective['limits'] => {
  const aside = random.aside().fork()
  const short = {
    stallSeconds: random.pick([4, 20]) ?? 20,
    totalSeconds: random.pick([2, 6, 30, 90]) ?? 90,
  }
  return lasting ? { stallSeconds: aside.pick(long.stallSeconds), totalSeconds: aside.pick(long.totalSeconds) } : short
}

/** Where daemons differ, what tasks of some roles need, whichever step they are of. */
const needsOfRoles = (random: SimRandom): CreateDirective['needs'] =>
  Object.fromEntries(roles.filter(() => random.chance(0.25)).map((role) => [role, needsBy(random)]))

/** A directive as somebody submits it. */
export const directiveBy = (random: SimRandom, id: string, drawn: Drawn): CreateDirective => ({
  id,
  title: `The directive ${id}`,
  goal: 'to be done',
  limits: {
    ...(drawn.ownRetries ? { retries: random.aside().between(0, 2) } : {}),
    ...timesBy(random, drawn),
  },
  maxRework: random.between(0, 2),
  maxRegenerations: random.between(0, 2),
  evaluate: random.chance(0.8),
  autonomy: random.pick(['full', 'full', 'full', 'guarded', 'manual']) ?? 'full',
  onEvaluatorFailure: { retries: random.between(0, 2), then: random.pick(['pass', 'hold', 'fail']) ?? 'pass' },
  ...(random.chance(drawn.eager ? 0.8 : 0.3) ? { repository: 'https://example.org/repository.git' } : {}),
  ...(random.chance(drawn.eager ? 0.8 : 0.2) ? { checks: [{ name: 'all', run: 'true' }] } : {}),
  ...(random.chance(0.2)
    ? { holdTimeout: { seconds: 5, decision: random.pick(['approve', 'reject', 'cancel'] as const) ?? 'approve' } }
    : {}),
  ...(random.chance(0.7) ? { plan: planBy(random, drawn) } : {}),
  ...(drawn.varied ? { needs: needsOfRoles(random.aside()) } : {}),
})
