/**
 * The pure step: the only caller of XState. It lays the stamp and the settings into the context, lets the machine take one
 * message, and hands back what it asks of the world as data: effects and timers, in order.
 */
import { type AnyMachineSnapshot, type AnyStateMachine, createActor, createMachine, type StateValue } from 'xstate'
import { WritError } from '../protocol/errors.ts'
import type { ActorKind } from '../protocol/ids.ts'
import { catalog } from './catalog.ts'
import type { Effect, TimerCommand } from './effect.ts'
import type { Given } from './given.ts'
import { type Live, statusOf } from './live.ts'
import type { Message } from './message.ts'
import type { Catalog } from './versions.ts'

export * from './live.ts'

/** An actor's state as it is stored: plain JSON, without what the turn lays in. */
export interface Stored {
  machine: string
  version: string
  value: StateValue
  context: Record<string, unknown>
}

/** What came of a message. `changed`: the state is another one, and is to be stored. */
export interface Advance {
  live: Live
  effects: Effect[]
  timers: TimerCommand[]
  changed: boolean
}

interface Action {
  type: string
  params?: unknown
}

/** What is of the turn in a context: laid in before each transition, never stored. */
const ofTheTurn: ReadonlySet<string> = new Set(['given', 'report'])

let actions: Action[] = []
const nothing = (): void => {}
/** One scope for all machines and the life of the thread: none of them looks at `self`, so an idle actor serves as it. */
const self = createActor(createMachine({}))
const scope = {
  self,
  system: self.system,
  id: self.id,
  sessionId: self.sessionId,
  logger: nothing,
  defer: nothing,
  emit: nothing,
  stopChild: nothing,
  actionExecutor: (action: Action): void => void actions.push(action),
}

/** The first state of a new actor, on a version that is activated; its entry asks for effects and timers as any message does. */
export const begin = (
  kind: ActorKind,
  given: Given<unknown>,
  written: readonly string[] = [],
  machines: Catalog = catalog,
): Advance => {
  const machine = machines.machineToBegin(kind, written)
  actions = []
  const snapshot = machine.getInitialSnapshot(scope, { given }) as AnyMachineSnapshot
  if (snapshot.status === 'error') throw failure(machine, 'its first state', snapshot.error)
  return { live: { snapshot }, ...sorted(machine), changed: true }
}

/** Lets the actor take a message. Throws BAD_INPUT for a type that only XState itself may use. */
export const advance = (live: Live, message: Message, given: Given<unknown>): Advance => {
  if (typeof message.type === 'string' && !message.type.startsWith('xstate.')) return take(live, message, given)
  throw new WritError('BAD_INPUT', `a message of type ${JSON.stringify(message.type)} is not for a machine`, {
    hint: 'types that begin with "xstate." are internal',
  })
}

/** Fires a durable timer that is due. One that the state does not wait for (any more) changes nothing. */
export const fire = (live: Live, timerId: string, given: Given<unknown>): Advance => {
  if (!timerId.startsWith('xstate.after.'))
    throw new WritError('BAD_INPUT', `${JSON.stringify(timerId)} is not a durable timer`, {
      hint: 'a timer is fired by the id that it was set with',
    })
  return take(live, { type: timerId }, given)
}

/** The form to store. */
export const store = ({ snapshot }: Live): Stored => {
  const machine = snapshot.machine as AnyStateMachine
  const context = Object.entries(snapshot.context as Record<string, unknown>).filter(([key]) => !ofTheTurn.has(key))
  return {
    machine: machine.id,
    version: machine.version ?? '',
    value: snapshot.value as StateValue,
    context: Object.fromEntries(context),
  }
}

/** The machine of a state, as `name@version`. */
export const machineNameOf = ({ snapshot: { machine } }: Live): string => `${machine.id}@${machine.version ?? ''}`

/** Opens a stored state. Throws INTERNAL when its machine is not known here. */
export const load = ({ machine, version, value, context }: Stored, machines: Catalog = catalog): Live => {
  const resolved = machines.machineOf(machine, version).resolveState({ value, context: { ...context, report: null } })
  return { snapshot: resolved as AnyMachineSnapshot }
}

/** The state with what is of the turn laid in. */
export const laidIn = ({ snapshot }: Live, given: Given<unknown>): AnyMachineSnapshot =>
  ({ ...snapshot, context: { ...snapshot.context, given, report: null } }) as AnyMachineSnapshot

const take = (live: Live, event: { type: string }, given: Given<unknown>): Advance => {
  const machine = live.snapshot.machine as AnyStateMachine
  const before = laidIn(live, given)
  actions = []
  const snapshot = machine.transition(before, event, scope) as AnyMachineSnapshot
  if (snapshot.status !== 'active') throw failure(machine, `the message ${event.type}`, snapshot.error)
  const outcome = sorted(machine)
  if (!differ(live.snapshot, snapshot)) return { live, ...outcome, changed: false }
  const next = { snapshot }
  return { live: next, ...withHistory(live, next, outcome), changed: true }
}

const failure = (machine: AnyStateMachine, what: string, cause: unknown): WritError =>
  new WritError('INTERNAL', `the machine ${machine.id} failed at ${what}`, { cause })

/** Sorts what a transition asked for. An `xstate.raise` without a delay was done inside the transition already. */
const sorted = (machine: AnyStateMachine): { effects: Effect[]; timers: TimerCommand[] } => {
  const effects: Effect[] = []
  const timers: TimerCommand[] = []
  for (const { type, params } of actions) {
    if (type === 'effect') effects.push(params as Effect)
    else if (type === 'xstate.cancel') timers.push({ do: 'cancel', id: (params as { sendId: string }).sendId })
    else if (type === 'xstate.raise') timers.push(...timerIn(machine, params as { id?: string; delay?: number }))
    else throw failure(machine, `the action ${type}`, 'a machine may only do "effect"')
  }
  return { effects, timers }
}

const timerIn = (machine: AnyStateMachine, { id, delay }: { id?: string; delay?: number }): TimerCommand[] => {
  if (delay === undefined) return []
  if (id !== undefined && Number.isFinite(delay) && delay >= 0) return [{ do: 'set', id, delay: Math.ceil(delay) }]
  throw failure(machine, `the timer ${String(id)}`, `a delay of ${delay} ms`)
}

/** Whether a state is worth storing anew: another state value, or a field of the context that was replaced. */
const differ = (before: AnyMachineSnapshot, after: AnyMachineSnapshot): boolean => {
  if (!same(before.value, after.value)) return true
  const was = before.context as Record<string, unknown>
  const is = after.context as Record<string, unknown>
  return Object.keys(is).some((key) => !ofTheTurn.has(key) && !same(was[key], is[key]))
}

/** State values and contexts are small plain JSON. */
export const same = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const keys = Object.keys(left)
  if (keys.length !== Object.keys(right).length) return false
  return keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]))
}

/** Every change of status leaves this event (R47), after those of the machine itself. */
export const withHistory = (
  before: Live,
  after: Live,
  { effects, timers }: { effects: Effect[]; timers: TimerCommand[] },
): { effects: Effect[]; timers: TimerCommand[] } => {
  const [from, to] = [statusOf(before), statusOf(after)]
  const { id } = after.snapshot.machine as AnyStateMachine
  if (from === to || id === 'registry') return { effects, timers }
  const type = `${id}_${to}`
  const data = { from, to, ...whyOf(after, to) }
  const severity = to === 'failed' ? 'error' : 'info'
  return { effects: [...effects, { kind: 'event', type, severity, source: 'system', data }], timers }
}

const whyOf = ({ snapshot }: Live, status: string): { reason?: string } => {
  const { reason, held } = snapshot.context as { reason?: string | null; held?: { why: string } | null }
  const why = status === 'held' ? held?.why : status === 'failed' || status === 'failing' ? reason : null
  return why === null || why === undefined ? {} : { reason: why }
}
