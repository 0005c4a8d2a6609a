/** What may be done over again only so often (R18, R28, R33, R37): no actor's memory shows more of it than its directive allows. */
import type { DirectiveContext } from '../../src/machines/directive-context.ts'
import type { DirectiveSettings, StepSettings } from '../../src/machines/given.ts'
import type { Live } from '../../src/machines/advance.ts'
import type { StepContext } from '../../src/machines/step-context.ts'
import { type ActorKey, kindOf, readKey } from '../../src/protocol/ids.ts'
import { memoryOf } from './later-machines.ts'

interface Spent {
  what: string
  count: number
  max: number
}

const ofStep = ({ rework, round, evaluatorTries }: StepContext, settings: StepSettings): Spent[] => [
  { what: 'reworks', count: rework, max: settings.maxRework },
  // Each is a round of its own; those that a person asks for are rounds as well, and no reworks.
  { what: 'reworks', count: rework, max: round - 1 },
  { what: 'evaluations without a verdict', count: evaluatorTries, max: settings.onEvaluatorFailure.retries },
]

const ofDirective = (
  { regenerations, acceptTries }: DirectiveContext,
  { maxRegenerations, acceptRetries }: DirectiveSettings,
): Spent[] => [
  { what: 'regenerations', count: regenerations, max: maxRegenerations },
  { what: 'acceptance checks without a verdict', count: acceptTries, max: acceptRetries },
]

/** `settings`: as they are laid into each turn; what an actor has just become has none yet. */
export const checkBudgets = (
  key: ActorKey,
  live: Live,
  settings: unknown,
  wrong: (rule: string, what: string) => void,
): void => {
  const kind = kindOf(readKey(key).id)
  if (kind === 'registry') return
  const context = memoryOf(live)
  const { task } = context as StepContext | DirectiveContext
  const { backoff } = (settings as StepSettings | DirectiveSettings).limits
  const tries = { what: 'failures of the means', count: task?.tries ?? 0, max: backoff.length }
  const own =
    kind === 'step'
      ? ofStep(context as StepContext, settings as StepSettings)
      : ofDirective(context as DirectiveContext, settings as DirectiveSettings)
  // A memory without the figure is wrong as well.
  for (const { what, count, max } of [tries, ...own])
    if (!(count <= max)) wrong('11', `${key} counts ${count} ${what}, and may have ${max}`)
}
