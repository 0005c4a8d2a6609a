/** The fixed words of delegated work: what contracts and tasks are called, and what they are (R2, R3, R23, R24, R29). */
import { type Definition, priorityOf, type Role } from '../protocol/directive.ts'
import type { PlanRow } from '../protocol/plan.ts'
import type { Purpose } from './effect.ts'
import { roleOf } from './task.ts'

/** What a task is about: the directive, and its step, if it is a step's. */
export interface Subject {
  title: string
  definition: Definition
  step: PlanRow | null
}

export interface ContractText {
  name: string
  kind: 'simple' | 'monitoring'
  phase: 'plan'
  description: string
  /** Its work stays on the daemon: nothing of it is merged. */
  localOnly: boolean
}

export interface TaskText {
  name: string
  description: string
  role: Role
  priority: number
  /** Its end ends the contract; else it ends by exiting. */
  supervisor: boolean
}

/** R12. */
export const chainText = (title: string, generation: number, steps: number): { name: string; description: string } => ({
  name: `${title} - Chain`,
  description: `Chain ${generation} of "${title}", made from its plan: ${steps} ${steps === 1 ? 'step' : 'steps'}`,
})

const quoted = (text: string): string => `"${text}"`

export const contractOf = (purpose: Purpose, { title, definition, step }: Subject): ContractText => {
  const name = step?.name ?? title
  const simple = { kind: 'simple', phase: 'plan', localOnly: definition.repository === undefined } as const
  const local = { kind: 'simple', phase: 'plan', localOnly: true } as const
  const texts: Record<Purpose, ContractText> = {
    plan: { ...local, name: `${title} - Planning`, description: `Planning contract of the directive ${quoted(title)}` },
    work: { ...simple, name, description: step?.description ?? '' },
    evaluate: {
      ...local,
      kind: 'monitoring',
      name: `${name} - Monitor`,
      description: `Evaluation of the step ${quoted(name)}`,
    },
    merge: { ...simple, name: `${name} - Merge`, description: `Brings the step ${quoted(name)} into the line` },
    prepare: { ...simple, name: `${title} - Prepare`, description: `Finds the commit that the line begins with` },
    publish: { ...simple, name: `${title} - Publish`, description: `Publishes the line of ${quoted(title)}` },
    accept: {
      ...local,
      kind: 'monitoring',
      name: `${title} - Acceptance`,
      description: `Acceptance checks of the directive ${quoted(title)}`,
    },
  }
  return texts[purpose]
}

export const taskOf = (purpose: Purpose, { title, step }: Subject): TaskText => {
  const role = roleOf[purpose]
  const name = step?.name ?? title
  const texts: Record<Purpose, Pick<TaskText, 'name' | 'description'>> = {
    plan: {
      name: `${title} - Planner`,
      description: 'Plans the directive: submits a chain of steps that reaches its goal',
    },
    work: { name: `${name} Supervisor`, description: step?.description ?? '' },
    evaluate: { name: `${name} - Evaluator`, description: `Evaluates the work of the step ${quoted(name)}` },
    merge: { name: `${name} - Merger`, description: `Merges the work of the step ${quoted(name)} into the line` },
    prepare: {
      name: `${title} - Prepare`,
      description: 'Resolves the base branch to the commit that the line begins with',
    },
    publish: { name: `${title} - Publish`, description: 'Publishes the line as it is recorded' },
    accept: { name: `${title} - Acceptance`, description: 'Runs the acceptance checks on the line' },
  }
  const supervisor = purpose === 'plan' || purpose === 'work'
  return { ...texts[purpose], role, priority: priorityOf[role], supervisor }
}
