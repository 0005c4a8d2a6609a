/**
 * The task region: what an actor delegates to a daemon, as a nested part of the state that delegates it
 * (queued → starting → working → ended, with backoff and stopping). One shape for planning, work, evaluation and merging.
 */
import type { EventObject } from 'xstate'
import type { Role } from '../protocol/directive.ts'
import type { MergeResult } from '../protocol/task.ts'
import type { Closed, Purpose, TaskEnd } from './effect.ts'
import type { Given, TaskLimits } from './given.ts'
import type { PlanReading, Stamp, VerdictReading } from './message.ts'

/** The task that an actor has now. `nonce` and `grant` are empty while no attempt is open. */
export interface Task {
  purpose: Purpose
  number: number
  attempt: number
  nonce: string
  grant: string
  /** Failures of the means so far. */
  tries: number
}

/** How a task ended, for the rest of the same transition only: it is never stored. */
export interface Report {
  /** The task's number. */
  number: number
  status: TaskEnd
  reason: string
  commit: string | null
  verdict: VerdictReading | null
  merge: MergeResult | null
  plan: PlanReading | null
}

/** What every machine with a task region keeps. `given` and `report` are of the turn and never stored. */
export interface TaskContext {
  [key: string]: unknown
  given: Given<{ limits: TaskLimits }>
  report: Report | null
  task: Task | null
  /** Counted over the actor's life. */
  tasks: number
  attempts: number
}

type Of = { context: TaskContext; event: EventObject }

export const roleOf: Record<Purpose, Role> = {
  plan: 'planner',
  work: 'worker',
  evaluate: 'evaluator',
  merge: 'merger',
  prepare: 'merger',
  publish: 'merger',
  accept: 'evaluator',
}

const stampOf = (event: EventObject & Partial<Stamp>): Partial<Stamp> => event
const lostBy = (event: EventObject): string => ('why' in event && typeof event.why === 'string' ? event.why : '')
const isOpen = ({ context: { task }, event }: Of): boolean => {
  const { attempt, nonce } = stampOf(event)
  return task !== null && task.nonce !== '' && attempt === task.attempt && nonce === task.nonce
}
const isThisTask = ({ context: { task }, event }: Of): boolean =>
  task !== null && 'number' in event && event.number === task.number

/** The guards that the region names. */
export const taskGuards = {
  /** The report is of the open attempt. */
  isOpen,
  isMeans: (of: Of) => isOpen(of) && 'means' in of.event && of.event.means === true,
  isRefused: (of: Of) => isOpen(of) && ['refused', 'accept'].includes(lostBy(of.event)),
  isStalled: (of: Of) => isOpen(of) && lostBy(of.event) === 'stall',
  isThisTask,
  isThisPulled: (of: Of) => isThisTask(of) && 'manual' in of.event && of.event.manual === true,
  /** A person may take the task from the daemon that runs it. */
  mayTakeOver: (of: Of) => {
    const { manual, force } = of.event as { manual?: boolean; force?: boolean }
    return isThisTask(of) && (manual === true || force === true)
  },
  isThisGrant: ({ context: { task }, event }: Of) => task !== null && 'grant' in event && event.grant === task.grant,
  triesLeft: ({ context: { task, given } }: Of) => (task?.tries ?? 0) < given.settings.limits.backoff.length,
  endedAs: ({ context: { report } }: Of, { status }: { status: TaskEnd }) => report?.status === status,
}

/** The durable timers that the region names, in ms. */
export const taskDelays = {
  total: ({ context }: Of) => context.given.settings.limits.total,
  stopping: ({ context }: Of) => context.given.settings.limits.stopping,
  backoff: ({ context: { task, given } }: Of) => given.settings.limits.backoff[(task?.tries ?? 1) - 1] ?? 0,
}

const close = <const A extends Closed, const S extends boolean>(as: A, suspect: S) =>
  ({ type: 'close', params: { as, suspect } }) as const
const end = <const S extends TaskEnd>(status: S) => ({ type: 'end', params: { status } }) as const

/** What waits without an attempt may be ended by a person, or by completing its contract. */
const endsWaiting = {
  'task.end': { guard: 'isThisTask', target: 'ended', actions: 'endAsAsked' },
  'contract.complete': { guard: 'isThisTask', target: 'ended', actions: end('done') },
} as const

/**
 * What the open attempt answers to a grant and to its contract's completion, whatever else becomes of it. A daemon is asked
 * to finish and reports; a person's pull reports nothing more, so the task is done.
 */
const whileOpen = <const T extends string>(target: T) =>
  ({
    'task.granted': [{ guard: 'isThisGrant' }, { actions: 'giveBack' }],
    'contract.complete': [
      { guard: 'isThisPulled', target, actions: [close('done', false), end('done')] },
      { guard: 'isThisTask', actions: 'finish' },
    ],
  }) as const

/** Waits, a bounded time, until the open attempt has been told to stop and its daemon has reported. */
export const stoppingState = <const T extends string>(target: T) =>
  ({
    entry: 'stop',
    after: { stopping: { target, actions: [close('cancelled', true), end('cancelled')] } },
    on: {
      'task.granted': [{ guard: 'isThisGrant' }, { actions: 'giveBack' }],
      'task.done': { guard: 'isOpen', target, actions: [close('cancelled', false), end('cancelled')] },
      'task.failed': { guard: 'isOpen', target, actions: [close('cancelled', false), end('cancelled')] },
      'task.lost': { guard: 'isOpen', target, actions: [close('cancelled', true), end('cancelled')] },
      'task.end': { guard: 'isThisTask', actions: 'refuseStopping' },
    },
  }) as const

/** Waits, a bounded time, until the open attempt ends by itself; then it is told to stop. */
export const wrappingState = <const T extends string, const S extends string>(target: T, stopping: S) =>
  ({
    after: { stopping },
    on: {
      ...whileOpen(target),
      'task.done': { guard: 'isOpen', target, actions: [close('done', false), end('done')] },
      'task.failed': { guard: 'isOpen', target, actions: [close('failed', false), end('failed')] },
      'task.lost': { guard: 'isOpen', target, actions: ['stop', close('lost', true), end('cancelled')] },
      'task.end': [
        { guard: 'mayTakeOver', target, actions: ['stop', close('superseded', true), 'endAsAsked'] },
        { guard: 'isThisTask', actions: 'refuseRunning' },
      ],
    },
  }) as const

/** The region; the state that uses it adds `onDone`, with guards on how the task ended. Its id is the purpose. */
export const taskRegion = <const P extends Purpose>(purpose: P) =>
  ({
    id: purpose,
    initial: 'queued',
    entry: { type: 'newTask', params: { purpose } },
    states: {
      queued: { entry: 'ready', exit: 'unready', on: { 'task.granted': 'open', ...endsWaiting } },
      open: {
        initial: 'starting',
        entry: 'spawn',
        after: { total: { target: 'broken', actions: ['stop', close('timed_out', true)] } },
        on: {
          ...whileOpen('ended'),
          'task.done': { guard: 'isOpen', target: 'ended', actions: [close('done', false), end('done')] },
          'task.failed': [
            { guard: 'isMeans', target: 'broken', actions: close('failed', false) },
            { guard: 'isOpen', target: 'ended', actions: [close('failed', false), end('failed')] },
          ],
          'task.lost': [
            { guard: 'isRefused', target: 'queued', actions: ['stop', close('refused', true)] },
            { guard: 'isStalled', target: 'broken', actions: ['stop', close('timed_out', true)] },
            { guard: 'isOpen', target: 'broken', actions: close('lost', true) },
          ],
          'task.end': [
            { guard: 'mayTakeOver', target: 'ended', actions: ['stop', close('superseded', true), 'endAsAsked'] },
            { guard: 'isThisTask', actions: 'refuseRunning' },
          ],
        },
        states: {
          starting: { on: { 'task.accepted': { guard: 'isOpen', target: 'working' } } },
          working: {},
        },
      },
      broken: {
        always: [
          { guard: 'triesLeft', target: 'backoff', actions: 'countTry' },
          { target: 'ended', actions: end('failed') },
        ],
      },
      backoff: { after: { backoff: 'queued' }, on: endsWaiting },
      ended: { type: 'final' },
    },
  }) as const

/** The region of a machine that is told `cancel`, maybe more than once: it stops the task and ends as cancelled. */
export const stoppableRegion = <const P extends Purpose>(purpose: P) => {
  const region = taskRegion(purpose)
  const { queued, open, backoff } = region.states
  const cancel = { target: 'ended', actions: ['askStop', end('cancelled')] } as const
  const stopping = stoppingState('ended')
  return {
    ...region,
    states: {
      ...region.states,
      queued: { ...queued, on: { ...queued.on, cancel } },
      open: { ...open, on: { ...open.on, cancel: { target: 'stopping', actions: 'askStop' } } },
      backoff: { ...backoff, on: { ...backoff.on, cancel } },
      stopping: { ...stopping, on: { ...stopping.on, cancel: { actions: 'askStop' } } },
    },
  } as const
}
