/** Whom an actor tells: letters to its directive, to its dependents, or to many steps slice by slice, so that no plan makes a giant commit. */
import { isEnding, statusOf } from '../machines/advance.ts'
import type { Effect } from '../machines/effect.ts'
import type { Message } from '../machines/message.ts'
import { type ActorKey, actorKey, directiveOf, readKey, readStepId, stepId } from '../protocol/ids.ts'
import { sliceBytesMax, sliceSteps } from '../protocol/limits.ts'
import type { PlanRow } from '../protocol/plan.ts'
import type { DirectiveFacts } from './memory.ts'
import type { Origin } from './origin.ts'
import type { Turn } from './turn.ts'
import { weightOf } from './weight.ts'

type Of<K extends Effect['kind']> = Extract<Effect, { kind: K }>
type Chain = NonNullable<DirectiveFacts['chain']>

export const tell = async (turn: Turn, origin: Origin, { to, message }: Of<'tell'>): Promise<void> => {
  const { key, directive, step } = origin
  if (to === 'directive') return turn.tell(directive.key, message, key)
  if (to !== 'dependents') return tellStep(turn, origin, to.step, message)
  if (step !== null) await tellDependents(turn, origin, step, message, 0)
}

/** From a step to itself: what its dependents are told is told to the next of them, from this place of their list on. */
export interface Relay {
  type: 'relay'
  message: Message
  from: number
}

/** A relay's slice, and the next relay, if there is more. */
export const takeRelay = async (turn: Turn, key: ActorKey, { message, from }: Relay): Promise<void> => {
  const { owner, id } = readKey(key)
  turn.took()
  const directive = await turn.host.loader.directive(actorKey(owner, directiveOf(id)))
  const step = readStepId(id)?.index ?? null
  if (directive === null || step === null) return
  await tellDependents(turn, { key, owner, id, step, directive }, step, message, from)
}

/**
 * A slice of the list, and a relay for the rest. All relays of a step lie in one mailbox, in their order, and go through the
 * list in the same slices: so none catches up with the one before it, and each dependent hears all in the order told.
 */
const tellDependents = async (
  turn: Turn,
  origin: Origin,
  step: number,
  message: Message,
  from: number,
): Promise<void> => {
  const { key, directive } = origin
  const { chain } = directive
  const row = chain === null ? null : await turn.host.loader.planRow(chain.hash, step)
  const dependents = row?.dependents ?? []
  const next = from + sliceSteps
  for (const dependent of dependents.slice(from, next)) tellStep(turn, origin, dependent, message)
  const relay: Relay = { type: 'relay', message, from: next }
  if (next < dependents.length) turn.post(key, relay, key)
}

const tellStep = (turn: Turn, { key, owner, directive }: Origin, index: number, message: Message): void => {
  const { chain } = directive
  if (chain !== null) turn.tell(keyOf(owner, directive.id, chain, index), message, key)
}

const keyOf = (owner: string, directive: string, { generation }: Chain, index: number): ActorKey =>
  actorKey(owner, stepId(directive, generation, index))

/** Tells a slice of the steps; more than one slice is never in one commit. */
export const tellSlice = async (turn: Turn, origin: Origin, { from, create, message }: Of<'slice'>): Promise<void> => {
  const { key, directive } = origin
  const { chain } = directive
  if (chain === null) return
  const { indexes, end } = create ? await rootsOf(turn, chain, from) : await livingOf(turn, origin, chain, from)
  for (const index of indexes) tellStep(turn, origin, index, message)
  const count = 'recount' in message ? { recount: message.recount } : {}
  const done: Message = { type: 'slice.done', told: indexes.length, next: end < chain.steps ? end : null, ...count }
  if (done.next === null) turn.tell(key, done, key)
  else turn.post(key, done, key)
}

/** Which steps are told, and where the next slice begins. */
interface Slice {
  indexes: number[]
  end: number
}

/** What a step brings into the commit that tells it something. */
interface Weighed {
  index: number
  bytes: number
}

/** As many as one commit takes, and at least one. */
const sliceOf = (steps: readonly Weighed[], end: number): Slice => {
  const indexes: number[] = []
  let sum = 0
  for (const { index, bytes } of steps) {
    sum += bytes
    if (sum > sliceBytesMax && indexes.length > 0) return { indexes, end: index }
    indexes.push(index)
  }
  return { indexes, end }
}

const endOf = ({ steps }: Chain, from: number): number => Math.min(from + sliceSteps, steps)

/** Their texts go into the commit with them: a slice of long ones is shorter. */
const rootsOf = async (turn: Turn, chain: Chain, from: number): Promise<Slice> => {
  const rows = await turn.host.loader.planRows(chain.hash, from, sliceSteps)
  const roots = rows.filter(({ dependsOn }) => dependsOn.length === 0)
  return sliceOf(
    roots.map((row) => ({ index: row.index, bytes: weightOf(row) })),
    endOf(chain, from),
  )
}

/** A step writes its snapshot, and may write its task's row, which has the texts of the plan. */
const livingOf = async (turn: Turn, { owner, directive }: Origin, chain: Chain, from: number): Promise<Slice> => {
  const { loader, memory } = turn.host
  const rows = await loader.planRows(chain.hash, from, sliceSteps)
  const stepKey = ({ index }: PlanRow): ActorKey => keyOf(owner, directive.id, chain, index)
  await loader.actors(rows.map(stepKey))
  const living = rows.flatMap((row): Weighed[] => {
    const resident = memory.actors.get(stepKey(row))
    if (resident === undefined) return []
    return [{ index: row.index, bytes: weightOf(resident.live?.snapshot.context) + weightOf(row) }]
  })
  return sliceOf(living, endOf(chain, from))
}

/**
 * What brings a step to life may have been parked until its directive had told all that lived to stop: that hears of one more, and
 * tells it so as well.
 */
export const stopLate = async (turn: Turn, step: ActorKey, { key }: DirectiveFacts): Promise<void> => {
  const directive = await turn.host.loader.actor(key)
  const index = readStepId(readKey(step).id)?.index
  if (directive === null || index === undefined) return
  // One whose machine is not known here hears of it on a node that knows it.
  const status = directive.live === null ? directive.row.status : statusOf(directive.live)
  if (isEnding(status)) turn.tell(key, { type: 'step.ready', index }, step)
}
