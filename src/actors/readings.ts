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
import type { Host } from './host.ts'
import type { DirectiveFacts } from './memory.ts'
import type { TaskRow } from './ports/rows.ts'

/** Parses and stages a plan: what the machine gets is its hash, or its faults. */
export const planReading = async (host: Host, { definition }: DirectiveFacts, plan: unknown): Promise<PlanReading> => {
  const parsed = parsePlan(plan, { evaluate: definition.evaluate })
  if ('faults' in parsed) return { faults: parsed.faults }
  const rows = planRows(parsed.plan)
  const hash = createHash('sha256').update(JSON.stringify(rows)).digest('hex')
  await host.store.stage(hash, rows)
  return { hash, steps: rows.length }
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
  const read = readVerdict(json)
  if ('fault' in read) return { verdict: read }
  return { verdict: { verdict: read.verdict, rework: await reworkOf(host, task, read.verdict.steps) } }
}

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
