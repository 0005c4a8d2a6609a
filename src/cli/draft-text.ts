/** What `writ run --dry-run` prints: what would be sent, and the plan as a tree when the file brings one. */
import { roles, type DirectiveInput, type Needs } from '../protocol/directive.ts'
import { WritError } from '../protocol/errors.ts'
import { oneLine, type Terminal } from './terminal.ts'
import { treeOf } from './tree.ts'

interface Outline {
  name: string
  description: string
  dependsOn: readonly string[]
}

/** Every line. Throws BAD_INPUT for a plan that cannot be drawn; all else about it is for the node to judge. */
export const draftLines = (input: DirectiveInput, { paint }: Pick<Terminal, 'paint'>): string[] => {
  const { title, repository, checks = [], evaluate = true, plan } = input
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

const planText = (plan: unknown, paint: Terminal['paint']): string[] => {
  if (plan === undefined) return ['The plan is made by a planner task.']
  const steps = outlineOf(plan)
  const width = Math.max(0, ...treeOf(steps).map(({ lead, step }) => lead.length + step.name.length))
  return treeOf(steps).map(({ lead, step, also }) => {
    const name = oneLine(step.name)
    const after = also.length === 0 ? '' : ` (also after ${also.join(', ')})`
    return `${paint.dim(lead)}${name}${' '.repeat(Math.max(2, width - lead.length - name.length + 2))}${paint.dim(oneLine(step.description) + after)}`
  })
}

const outlineOf = (plan: unknown): Outline[] => {
  const parsed: unknown = typeof plan === 'string' ? fromText(plan) : plan
  const steps: unknown = isObject(parsed) ? parsed['steps'] : undefined
  if (!Array.isArray(steps) || steps.length === 0) throw badPlan(['plan.steps: is missing, or has no steps'])
  const outlines = steps.map(outlineStep)
  const names = new Set(outlines.map(({ name }) => name))
  const faults = outlines.flatMap(({ name, dependsOn }) =>
    dependsOn
      .filter((other) => !names.has(other))
      .map((other) => `step ${name}: depends on ${other}, which is no step`),
  )
  if (faults.length > 0) throw badPlan(faults)
  return outlines
}

const outlineStep = (step: unknown, index: number): Outline => {
  const fields = isObject(step) ? step : {}
  const dependsOn: unknown = fields['depends_on'] ?? fields['dependsOn'] ?? []
  return {
    name: typeof fields['name'] === 'string' ? fields['name'] : `(step ${index + 1} without a name)`,
    description: typeof fields['description'] === 'string' ? fields['description'] : '',
    dependsOn: Array.isArray(dependsOn) ? dependsOn.map(String) : [],
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const fromText = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new WritError('BAD_INPUT', 'the plan is text that is not JSON', { cause })
  }
}

const badPlan = (faults: string[]): WritError =>
  new WritError('BAD_INPUT', `the plan has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}`, { faults })
