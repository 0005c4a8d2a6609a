/** Reads a plan (R9 to R11): names become indexes, and every fault is found at once, so that it can be mended at once. */
import { stepCountMax } from '../protocol/limits.ts'
import type { Plan, PlanRow, PlanStep } from '../protocol/plan.ts'
import { jsonBreaksAt } from './json-place.ts'
import { cyclesIn } from './plan-cycles.ts'
import { type RawStep, readStep } from './plan-step.ts'

/** The most faults that are told; a plan with more has one cause. */
const faultCountMax = 1000

export interface PlanOptions {
  /** The directive's steps are evaluated (R29). */
  evaluate?: boolean
}

export type ParsedPlan = { plan: Plan } | { faults: string[] }

/** `input`: the plan as an object, or as JSON text. */
export const parsePlan = (input: unknown, options: PlanOptions = {}): ParsedPlan => {
  const read = typeof input === 'string' ? jsonIn(input) : { json: input }
  if ('fault' in read) return { faults: [read.fault] }
  const list = stepsIn(read.json)
  if ('fault' in list) return { faults: [list.fault] }
  const faults: string[] = []
  const raw = list.steps.map((step, index) => readStep(step, index, options.evaluate ?? true, faults))
  const indexes = indexesOf(raw, faults)
  const steps = raw.map((step, index) => resolved(step, index, indexes, faults))
  faults.push(...cyclesIn(steps))
  if (faults.length > 0) return { faults: capped(faults) }
  return { plan: { steps } }
}

/** The rows that are staged: each step with the steps that wait for it. */
export const planRows = ({ steps }: Plan): PlanRow[] => {
  const dependents: number[][] = steps.map(() => [])
  for (const [index, { dependsOn }] of steps.entries()) for (const on of dependsOn) dependents[on]?.push(index)
  return steps.map((step, index) => ({ ...step, index, dependents: dependents[index] ?? [] }))
}

const jsonIn = (text: string): { json: unknown } | { fault: string } => {
  try {
    return { json: JSON.parse(text) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { fault: `the plan is not JSON: ${why.slice(0, 200)} (${placeOf(text, jsonBreaksAt(text))})` }
  }
}

const placeOf = (text: string, at: number): string => {
  const before = text.slice(0, at).split('\n')
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`
}

const stepsIn = (json: unknown): { steps: readonly unknown[] } | { fault: string } => {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return { fault: 'the plan is not an object; it is to be {"steps": [...]}' }
  const steps = 'steps' in json ? json.steps : undefined
  if (!Array.isArray(steps)) return { fault: '"steps" is missing or is not a list' }
  if (steps.length === 0) return { fault: '"steps" is empty: a plan has at least one step' }
  if (steps.length > stepCountMax)
    return { fault: `the plan has ${steps.length} steps; at most ${stepCountMax} are possible` }
  return { steps }
}

const indexesOf = (raw: readonly RawStep[], faults: string[]): ReadonlyMap<string, number> => {
  const indexes = new Map<string, number>()
  for (const [index, { step }] of raw.entries()) {
    const { name } = step
    const first = name === '' ? undefined : indexes.get(name)
    if (first === undefined) indexes.set(name, index)
    else faults.push(`steps[${index}]: the name ${JSON.stringify(name)} is that of steps[${first}] already`)
  }
  return indexes
}

const resolved = (
  { step, needed, where }: RawStep,
  index: number,
  indexes: ReadonlyMap<string, number>,
  faults: string[],
): PlanStep => {
  const dependsOn: number[] = []
  for (const name of new Set(needed)) {
    const on = indexes.get(name)
    if (on === undefined) faults.push(`${where}: it depends on ${JSON.stringify(name)}, and no step has that name`)
    else if (on === index || name === step.name) faults.push(`${where}: it depends on itself`)
    else dependsOn.push(on)
  }
  return { ...step, dependsOn }
}

const capped = (faults: readonly string[]): string[] =>
  faults.length <= faultCountMax
    ? [...faults]
    : [...faults.slice(0, faultCountMax), `… and ${faults.length - faultCountMax} more faults`]
