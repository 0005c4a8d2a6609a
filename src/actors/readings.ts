/**
 * What must be read before a message can be given to a machine: verdicts and plans, inline or in the contract's files
 * (R13, R30, R33), with names resolved to indexes. Files never change under a name's hash, so reading them outside of the
 * transition is safe; the reading itself is journaled with the message.
 */
import { createHash } from 'node:crypto'
import { chooseFile, findJson } from '../machines/elements.ts'
import type { PlanReading, VerdictReading } from '../machines/message.ts'
import { parsePlan, planRows } from '../machines/plan.ts'
import { readVerdict } from '../machines/verdict.ts'
import { fitting, jsonBytes } from '../protocol/fitting.ts'
import { faultCharsMax, faultsBytesMax, jsonDepthMax, textBytesMax } from '../protocol/limits.ts'
import type { Host } from './host.ts'
import type { DirectiveFacts } from './memory.ts'
import type { TaskRow } from './ports/rows.ts'

/** Parses and stages a plan: what the machine gets is its hash, or its faults. */
export const planReading = async (host: Host, { definition }: DirectiveFacts, plan: unknown): Promise<PlanReading> => {
  const parsed = parsePlan(plan, { evaluate: definition.evaluate })
  if ('faults' in parsed) return { faults: toldOf(parsed.faults) }
  const rows = planRows(parsed.plan)
  const hash = createHash('sha256').update(JSON.stringify(rows)).digest('hex')
  await host.store.stage(hash, rows)
  return { hash, steps: rows.length }
}

/** A fault quotes what it is about, and a file may have names as long as itself: the history keeps no more than this of it. */
const toldOf = (faults: readonly string[]): string[] => {
  const short = faults.map((fault) => (fault.length > faultCharsMax ? `${fault.slice(0, faultCharsMax)}…` : fault))
  const told = fitting(short, { room: faultsBytesMax })
  return told.length === short.length ? told : [...told, `… and ${short.length - told.length} more faults`]
}

/** What an evaluator's or planner's end says; nothing for the other purposes. */
export const verdictReading = async (
  host: Host,
  task: TaskRow,
  inline: unknown,
): Promise<{ verdict?: VerdictReading; plan?: PlanReading }> => {
  if (task.role === 'planner') return planInFiles(host, task)
  if (task.role !== 'evaluator') return {}
  const json = inline ?? (await jsonInFiles(host, task))
  if (json === null || json === undefined) return { verdict: { fault: 'the evaluator left no verdict' } }
  const read = verdictOf(json)
  if ('fault' in read) return { verdict: read }
  return { verdict: { verdict: read.verdict, rework: await reworkOf(host, task, read.verdict.steps) } }
}

/** What no commit could take is no verdict, wherever it comes from: the wire holds its messages to these limits, files are larger. */
const verdictOf = (given: unknown): ReturnType<typeof readVerdict> => {
  const json = typeof given === 'string' ? findJson(given) : given
  if (isDeeper(json, jsonDepthMax)) return { fault: `the verdict is nested deeper than ${jsonDepthMax} levels` }
  const read = readVerdict(json)
  const bytes = jsonBytes(read)
  return bytes <= textBytesMax
    ? read
    : { fault: `the verdict has ${bytes} bytes; at most ${textBytesMax} are possible` }
}

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1)))

const reworkOf = async (host: Host, task: TaskRow, names: readonly string[]): Promise<number[]> => {
  const chain = (await host.loader.directive(task.directive))?.chain
  if (names.length === 0 || chain === null || chain === undefined) return []
  return [...(await host.store.stepIndexes(chain.hash, names)).values()].toSorted((a, b) => a - b)
}

const planInFiles = async (host: Host, task: TaskRow): Promise<{ plan?: PlanReading }> => {
  const json = await jsonInFiles(host, task)
  const directive = await host.loader.directive(task.directive)
  return json === null || directive === null ? {} : { plan: await planReading(host, directive, json) }
}

const jsonInFiles = async (host: Host, { owner, contract }: TaskRow): Promise<unknown> => {
  const files = await host.store.files(owner, contract)
  const name = chooseFile(files.map((file) => file.name))
  const file = files.find((each) => each.name === name)
  if (file === undefined) return null
  const bytes = await host.store.blob(file.hash)
  return bytes === null ? null : findJson(new TextDecoder().decode(bytes))
}
