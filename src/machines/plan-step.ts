/** Reads one step of a plan: every fault is added to a list, and what could be read is handed on. */
import { type Check, check, type Needs, needs } from '../protocol/directive.ts'
import { checkCountMax, nameCharsMax, textBytesMax } from '../protocol/limits.ts'
import type { PlanStep } from '../protocol/plan.ts'

/** A step whose dependencies are names still. `where` names it in faults. */
export interface RawStep {
  step: Omit<PlanStep, 'dependsOn'>
  needed: readonly string[]
  where: string
}

const encoder = new TextEncoder()

/** What is read of one step. */
class Reader {
  readonly where: string
  readonly #step: Readonly<Record<string, unknown>>
  readonly #faults: string[]

  constructor(step: Readonly<Record<string, unknown>>, where: string, faults: string[]) {
    this.#step = step
    this.where = where
    this.#faults = faults
  }

  fault(text: string): void {
    this.#faults.push(`${this.where}: ${text}`)
  }

  /** The value under the first of these keys that is there. */
  find(...keys: readonly string[]): unknown {
    const key = keys.find((each) => this.#step[each] !== undefined)
    return key === undefined ? undefined : this.#step[key]
  }

  text(...keys: readonly string[]): string {
    const value = this.find(...keys)
    if (typeof value !== 'string') {
      this.fault(value === undefined ? `"${keys[0]}" is missing` : `"${keys[0]}" is not a text`)
      return ''
    }
    if (value.length > textBytesMax / 3 && encoder.encode(value).length > textBytesMax)
      this.fault(`"${keys[0]}" is longer than ${textBytesMax} bytes`)
    return value
  }

  flag(...keys: readonly string[]): boolean | undefined {
    const value = this.find(...keys)
    if (value === undefined || typeof value === 'boolean') return value
    this.fault(`"${keys[0]}" is not true or false`)
    return undefined
  }

  names(...keys: readonly string[]): readonly string[] {
    const value = this.find(...keys)
    if (value === undefined) return []
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value
    this.fault(`"${keys[0]}" is not a list of step names (leave it out when there are none)`)
    return []
  }
}

/** Reads the step; `evaluate`: what holds for it unless it says otherwise. */
export const readStep = (step: unknown, index: number, evaluate: boolean, faults: string[]): RawStep => {
  const fields = typeof step === 'object' && step !== null && !Array.isArray(step) ? step : null
  if (fields === null) faults.push(`steps[${index}]: it is not an object`)
  const given = (fields ?? {}) as Readonly<Record<string, unknown>>
  const known = typeof given['name'] === 'string' && given['name'] !== '' ? ` (${shown(given['name'])})` : ''
  const reader = new Reader(given, `steps[${index}]${known}`, fields === null ? [] : faults)
  const name = nameIn(reader)
  const own = reader.flag('evaluate')
  const checks = checksIn(reader)
  if (checks.length > 0 && !(own ?? evaluate)) reader.fault('it has checks, but its evaluation is turned off')
  return {
    where: reader.where,
    needed: reader.names('depends_on', 'dependsOn'),
    step: {
      name,
      description: reader.text('description'),
      taskPlan: reader.text('task_plan', 'taskPlan'),
      checks,
      needs: needsIn(reader),
      ...(own === undefined ? {} : { evaluate: own }),
      requiresApproval: reader.flag('requires_approval', 'requiresApproval') ?? false,
    },
  }
}

const shown = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)

const nameIn = (reader: Reader): string => {
  const name = reader.text('name')
  if (name.trim() === '' && typeof reader.find('name') === 'string') reader.fault('"name" is empty')
  if (name.length > nameCharsMax) reader.fault(`"name" is longer than ${nameCharsMax} characters`)
  return name.trim() === '' ? '' : name
}

const checksIn = (reader: Reader): readonly Check[] => {
  const value = reader.find('checks')
  if (value === undefined) return []
  if (!Array.isArray(value)) {
    reader.fault('"checks" is not a list')
    return []
  }
  if (value.length > checkCountMax) reader.fault(`it has ${value.length} checks; at most ${checkCountMax} are possible`)
  return value.slice(0, checkCountMax).flatMap((each, at) => {
    const read = check.safeParse(each)
    if (read.success) return [read.data]
    for (const { path, message } of read.error.issues) reader.fault(`checks[${at}]${pathText(path)}: ${message}`)
    return []
  })
}

const needsIn = (reader: Reader): Needs => {
  const value = reader.find('needs')
  if (value === undefined) return {}
  const read = needs.safeParse(value)
  if (read.success) return read.data
  for (const { path, message } of read.error.issues) reader.fault(`needs${pathText(path)}: ${message}`)
  return {}
}

const pathText = (path: readonly PropertyKey[]): string => path.map((key) => `.${String(key)}`).join('')
