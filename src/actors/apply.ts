/** Effects become rows of the draft, letters to actors of the same shard, and what goes out after the commit. */
import { chainText } from '../machines/contracts.ts'
import type { Effect } from '../machines/effect.ts'
import type { Message } from '../machines/message.ts'
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, actorKey, directiveOf, readKey, readStepId, stepId, taskId } from '../protocol/ids.ts'
import { sliceBytesMax, sliceSteps } from '../protocol/limits.ts'
import { closeAttempt, openAttempt, orderAttempt } from './attempt.ts'
import type { DirectiveFacts } from './memory.ts'
import type { Origin } from './origin.ts'
import { release } from './settle.ts'
import { putTask, readyRowOf, taskRowOf } from './task-rows.ts'
import type { Turn } from './turn.ts'
import { weightOf } from './weight.ts'

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
      return slice(turn, origin, effect)
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

const tell = async (turn: Turn, origin: Origin, { to, message }: Of<'tell'>): Promise<void> => {
  const { key, directive, step } = origin
  if (to === 'directive') return turn.tell(directive.key, message, key)
  if (to !== 'dependents') return tellStep(turn, origin, to.step, message)
  if (step === null || directive.chain === null) return
  const row = await turn.host.loader.planRow(directive.chain.hash, step)
  for (const dependent of row?.dependents ?? []) tellStep(turn, origin, dependent, message)
}

const tellStep = (turn: Turn, { key, owner, directive }: Origin, index: number, message: Message): void => {
  if (directive.chain === null) return
  turn.tell(actorKey(owner, stepId(directive.id, directive.chain.generation, index)), message, key)
}

/** Tells a slice of the steps; more than one slice is never in one commit, so that no plan makes a giant one. */
const slice = async (turn: Turn, origin: Origin, { from, create, message }: Of<'slice'>): Promise<void> => {
  const { key, owner, directive } = origin
  const { chain } = directive
  if (chain === null) return
  const { indexes, end } = create
    ? await rootsOf(turn, chain, from)
    : await livingOf(turn, owner, directive, from, Math.min(from + sliceSteps, chain.steps))
  for (const index of indexes) tellStep(turn, origin, index, message)
  const done: Message = { type: 'slice.done', told: indexes.length, next: end < chain.steps ? end : null }
  if (done.next === null) turn.tell(key, done, key)
  else turn.post(key, done, key)
}

/** Which steps are told, and where the next slice begins. */
interface Slice {
  indexes: number[]
  end: number
}

/** Their texts go into the commit with them: a slice of long ones is shorter. */
const rootsOf = async (turn: Turn, { hash, steps }: { hash: string; steps: number }, from: number): Promise<Slice> => {
  const rows = await turn.host.loader.planRows(hash, from, sliceSteps)
  const indexes: number[] = []
  let bytes = 0
  for (const row of rows) {
    if (row.dependsOn.length > 0) continue
    bytes += weightOf(row)
    if (bytes > sliceBytesMax && indexes.length > 0) return { indexes, end: row.index }
    indexes.push(row.index)
  }
  return { indexes, end: Math.min(from + sliceSteps, steps) }
}

const livingOf = async (
  turn: Turn,
  owner: string,
  { id, chain }: DirectiveFacts,
  from: number,
  end: number,
): Promise<Slice> => {
  const indexes = Array.from({ length: end - from }, (_, at) => from + at)
  const keyOf = (index: number): ActorKey => actorKey(owner, stepId(id, chain?.generation ?? 0, index))
  await turn.host.loader.actors(indexes.map(keyOf))
  return { indexes: indexes.filter((index) => turn.host.memory.actors.has(keyOf(index))), end }
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

const record = (turn: Turn, { key, step }: Origin, effect: Of<'event'>): void => {
  const { owner, id } = readKey(key)
  const directive = actorKey(owner, directiveOf(id))
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
