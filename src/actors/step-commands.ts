/** A person steers a step: by its own address, or by its name within its directive. The directive decides. */
import type { DirectiveMessage } from '../machines/message.ts'
import { WritError } from '../protocol/errors.ts'
import { actorKey, readStepId } from '../protocol/ids.ts'
import { mustBeThere, tellDirective } from './commands.ts'
import type { Host } from './host.ts'
import type { DirectiveFacts } from './memory.ts'
import { missing } from './removal.ts'
import type { Turn } from './turn.ts'

type Verb = 'evaluate' | 'approve' | 'retry' | 'cancel' | 'reject'

/** A person steers a step, through its directive. */
export const steerStep = async (turn: Turn, owner: string, step: string, verb: Verb, text: string): Promise<object> => {
  const read = readStepId(step)
  const facts = read === null ? null : await turn.host.loader.directive(actorKey(owner, read.directive))
  if (read === null || facts === null) throw await missing(turn.host.store, 'step', actorKey(owner, step), stepsHint)
  if (facts.chain?.generation !== read.generation || read.index >= facts.chain.steps) throw noStep(step)
  const { index } = read
  return tellDirective(turn, owner, read.directive, await stepCommand(turn.host, facts, index, verb, text))
}

const stepCommand = async (
  host: Host,
  facts: DirectiveFacts,
  index: number,
  verb: Verb,
  text: string,
): Promise<DirectiveMessage> => {
  if (verb === 'reject') return { type: 'step.command', index, verb, text }
  if (verb !== 'retry') return { type: 'step.command', index, verb }
  return { type: 'step.command', index, verb, covers: await dependentsOf(host, facts, index) }
}

/** A step with all that wait for it, directly or not (R50). */
const dependentsOf = async (host: Host, { chain }: DirectiveFacts, index: number): Promise<number[]> => {
  const covered = new Set([index])
  for (const each of covered)
    for (const dependent of (chain === null ? null : await host.loader.planRow(chain.hash, each))?.dependents ?? [])
      covered.add(dependent)
  return [...covered]
}

const stepsHint = 'writ directive show lists the steps of a directive'

const noStep = (step: string): WritError => new WritError('NOT_FOUND', `there is no step ${step}`, { hint: stepsHint })

/** A step named by its name or id (R38). */
export const evaluateStep = async (turn: Turn, owner: string, id: string, step: string): Promise<object> => {
  const facts = await turn.host.loader.directive(await mustBeThere(turn, owner, id))
  const { chain } = facts ?? {}
  if (chain === null || chain === undefined)
    throw new WritError('REFUSED', `the directive ${id} has no plan yet`, {
      hint: 'evaluate a step once the directive is active',
    })
  const read = readStepId(step)
  const isOfChain = read?.directive === id && read.generation === chain.generation
  const index = isOfChain ? read.index : (await turn.host.store.stepIndexes(chain.hash, [step])).get(step)
  if (index === undefined || index >= chain.steps)
    throw new WritError('NOT_FOUND', `the plan of ${id} has no step ${JSON.stringify(step)}`)
  return tellDirective(turn, owner, id, { type: 'step.command', index, verb: 'evaluate' })
}
