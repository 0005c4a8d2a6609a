/** What `writ run --dry-run` prints: what would be sent, and the plan as a tree when the file brings one. */
import { roles, type Needs } from '../protocol/directive.ts'
import type { Plan } from '../protocol/plan.ts'
import type { DirectiveFile } from './directive-file.ts'
import { oneLine, type Terminal } from './terminal.ts'
import { treeOf } from './tree.ts'
import { widthOf } from './width.ts'

/** Every line. */
export const draftLines = (
  { input, plan }: Pick<DirectiveFile, 'input' | 'plan'>,
  { paint }: Pick<Terminal, 'paint'>,
): string[] => {
  const { title, repository, checks = [], evaluate = true } = input
  const facts: [string, string | undefined][] = [
    ['repository', repository],
    ['acceptance', checks.length === 0 ? undefined : checks.map(({ name }) => name).join(' · ')],
    ['evaluation', evaluate ? undefined : 'none: done is passed'],
    ...roles.map((role): [string, string | undefined] => [role, needText(input.needs?.[role])]),
  ]
  const told = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`  ${paint.dim(name.padEnd(10))}  ${oneLine(value)}`],
  )
  return [paint.bold(oneLine(title)), ...told, '', ...planText(plan, paint)]
}

const needText = (need: Needs | undefined): string | undefined => {
  if (need === undefined) return undefined
  const { executor, command, labels } = need
  const parts = [
    executor,
    command?.join(' '),
    labels &&
      Object.entries(labels)
        .map((pair) => pair.join('='))
        .join(' '),
  ]
  return parts.filter((part) => part !== undefined && part !== '').join(', ')
}

const planText = (plan: Plan | null, paint: Terminal['paint']): string[] => {
  if (plan === null) return ['The plan is made by a planner task.']
  const steps = plan.steps.map((step) => ({
    ...step,
    dependsOn: step.dependsOn.map((on) => plan.steps[on]?.name ?? ''),
  }))
  const width = Math.max(0, ...treeOf(steps).map(({ lead, step }) => lead.length + widthOf(oneLine(step.name))))
  return treeOf(steps).map(({ lead, step, also }) => {
    const name = oneLine(step.name)
    const after = also.length === 0 ? '' : ` (also after ${also.join(', ')})`
    return `${paint.dim(lead)}${name}${' '.repeat(Math.max(2, width - lead.length - widthOf(name) + 2))}${paint.dim(oneLine(step.description) + after)}`
  })
}
