/** Effects become rows of the draft, letters to actors of the same shard, and what goes out after the commit. */
import { chainText } from '../machines/contracts.ts'
import type { Effect } from '../machines/effect.ts'
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, actorKey, directiveOf, readKey, readStepId, taskId } from '../protocol/ids.ts'
import { closeAttempt, openAttempt, orderAttempt } from './attempt.ts'
import type { DirectiveFacts } from './memory.ts'
import type { Origin } from './origin.ts'
import { release } from './settle.ts'
import { putTask, readyRowOf, taskRowOf } from './task-rows.ts'
import { tell, tellSlice } from './telling.ts'
import type { Turn } from './turn.ts'

type Of<K extends Effect['kind']> = Extract<Effect, { kind: K }>

export const apply = async (turn: Turn, key: ActorKey, effect: Effect): Promise<void> => {
  const { owner, id } = readKey(key)
  if (effect.kind === 'refuse') return refuse(turn, key, effect)
  const directive = await turn.host.loader.directive(actorKey(owner, directiveOf(id)))
  if (directive === null) throw new WritError('INTERNAL', `${key} has no directive`)
  return applyOf(turn, { key, owner, id, step: readStepId(id)?.index ?? null, directive }, effect)
}

const applyOf = async (turn: Turn, origin: Origin, effect: Exclude<Effect, { kind: 'refuse' }>): Promise<void> => {
  switch (effect.kind) {
    case 'task':
      return makeTask(turn, origin, effect)
    case 'ready':
      return makeReady(turn, origin, effect)
    case 'unready':
      return makeUnready(turn, origin)
    case 'spawn':
      return openAttempt(turn, origin, effect)
    case 'stop':
      return orderAttempt(turn, origin, 'cancel', effect)
    case 'finish':
      return orderAttempt(turn, origin, 'finish', effect)
    case 'closed':
      return closeAttempt(turn, origin, effect)
    case 'giveBack':
      return release(turn, origin.directive.key, effect.grant, false)
    case 'taskEnded':
      return endTask(turn, origin, effect)
    case 'tell':
      return tell(turn, origin, effect)
    case 'slice':
      return tellSlice(turn, origin, effect)
    case 'chain':
      return makeChain(turn, origin, effect)
    case 'event':
      return record(turn, origin, effect)
    case 'evaluation':
      return keepEvaluation(turn, origin, effect)
  }
}

const makeTask = async (turn: Turn, origin: Origin, effect: Of<'task'>): Promise<void> =>
  putTask(turn, await taskRowOf(turn.host, origin, effect))

/** The desk is put in place of itself, so that the unit can be undone. */
const makeReady = async (
  turn: Turn,
  { key, directive, owner, id, step }: Origin,
  effect: Of<'ready'>,
): Promise<void> => {
  const task = await turn.host.loader.task(owner, taskId(id, effect.number))
  if (task === null) throw new WritError('INTERNAL', `${key} waits for a slot without a task`)
  const desk = await turn.host.loader.desk(directive.key)
  const row = await readyRowOf(turn.host, directive, task, step)
  // A task that waits again is nobody's; one that has ended keeps the name of the daemon that had it last.
  if (task.daemon !== null) putTask(turn, { ...task, daemon: null })
  turn.host.memory.set(desk.ready, key, row)
  turn.draft.addReady(row)
  turn.desks.add(directive.key)
}

const makeUnready = async (turn: Turn, { key, directive }: Origin): Promise<void> => {
  const desk = await turn.host.loader.desk(directive.key)
  if (!desk.ready.has(key)) return
  turn.host.memory.delete(desk.ready, key)
  turn.draft.dropReady(key)
  turn.desks.add(directive.key)
}

const endTask = async (turn: Turn, { owner, id }: Origin, effect: Of<'taskEnded'>): Promise<void> => {
  const task = await turn.host.loader.task(owner, taskId(id, effect.number))
  if (task === null) return
  putTask(turn, { ...task, status: effect.status, reason: effect.reason, endedAt: turn.host.now() })
}

const makeChain = (turn: Turn, { directive }: Origin, { generation, hash, steps }: Of<'chain'>): void => {
  const at = turn.host.now()
  const { name: title, description } = chainText(directive.title, generation, steps)
  turn.draft.chains.push({ directive: directive.key, generation, title, description, hash, steps, at })
  setFacts(turn, directive.key, { chain: { generation, hash, steps } })
}

/** Changes what is known beside a directive's definition. */
export const setFacts = (turn: Turn, key: ActorKey, change: Partial<DirectiveFacts>): void => {
  const { memory } = turn.host
  const facts = memory.directives.get(key)
  if (facts !== undefined) memory.set(memory.directives, key, { ...facts, ...change })
}

const record = (turn: Turn, { key }: Origin, effect: Of<'event'>): void => recordFor(turn, key, effect)

/** Into the history of the actor's directive, which is loaded already. */
export const recordFor = (turn: Turn, key: ActorKey, effect: Omit<Of<'event'>, 'kind'>): void => {
  const { owner, id } = readKey(key)
  const directive = actorKey(owner, directiveOf(id))
  const step = readStepId(id)?.index ?? null
  const facts = turn.host.memory.directives.get(directive)
  if (facts === undefined) return
  const sequence = facts.events + 1
  setFacts(turn, directive, { events: sequence })
  const { type, severity, source, data } = effect
  const generation = facts.chain?.generation ?? null
  const row = { directive, sequence, type, severity, source, data, generation, step, at: turn.host.now() }
  turn.draft.events.push(row)
  turn.draft.outgoing.push({ kind: 'event', row })
}

const keepEvaluation = (
  turn: Turn,
  { directive, step }: Origin,
  { number, task, verdict, by }: Of<'evaluation'>,
): void => {
  turn.draft.evaluations.push({
    directive: directive.key,
    step,
    number,
    task,
    type: step === null ? 'acceptance' : 'monitoring',
    evaluator: by,
    verdict,
    at: turn.host.now(),
  })
}

const refuse = async (turn: Turn, key: ActorKey, { code, text, hint, faults, steps }: Of<'refuse'>): Promise<void> => {
  const names = steps === undefined ? '' : await namesOf(turn, key, steps)
  const more = { ...(hint === undefined ? {} : { hint }), ...(faults === undefined ? {} : { faults }) }
  turn.refuse(new WritError(code, names === '' ? text : `${text}: ${names}`, more))
}

const namesOf = async (turn: Turn, key: ActorKey, steps: readonly number[]): Promise<string> => {
  const { owner, id } = readKey(key)
  const chain = (await turn.host.loader.directive(actorKey(owner, directiveOf(id))))?.chain
  if (chain === null || chain === undefined) return ''
  const rows = await Promise.all(steps.map((step) => turn.host.loader.planRow(chain.hash, step)))
  return rows.map((row, at) => row?.name ?? `step ${steps[at]}`).join(', ')
}
