/** What the checks look at of an actor's state: small, so that those of all steps of a large plan fit into memory. */
import { hasEnded, isPaused, type Live, mayDispatch, type OpenAttempt, openAttempt } from '../machines/advance.ts'
import type { DirectiveContext } from '../machines/directive-context.ts'
import { type Phase, phase, statusOf, timersOf } from '../machines/live.ts'
import type { StepContext } from '../machines/step-context.ts'
import type { Task } from '../machines/task.ts'
import type { History, SetTimer } from './history.ts'

type OfStep = Pick<StepContext, 'waitsFor' | 'stops' | 'manual'>
type OfDirective = Pick<
  DirectiveContext,
  'chain' | 'generations' | 'passed' | 'told' | 'stopped' | 'slice' | 'cursors' | 'missed'
> & { unheard: boolean }

export interface State {
  status: string
  ended: boolean
  paused: boolean
  mayDispatch: boolean
  phase: Phase | null
  task: Task | null
  open: OpenAttempt | null
  timers: readonly string[]
  /** Counted over its life. */
  tasks: number
  attempts: number
  evaluations: number
  step: OfStep | null
  directive: OfDirective | null
  /** What its history says, when it was folded: its timers, and its events by type. */
  folded: { timers: ReadonlyMap<string, SetTimer>; events: ReadonlyMap<string, number> } | null
}

export const stateOf = (live: Live, history: History | null): State => {
  const context = live.snapshot.context as Partial<StepContext & DirectiveContext>
  const { task = null, tasks = 0, attempts = 0, evaluations = 0 } = context
  const machine = live.snapshot.machine.id
  return {
    status: statusOf(live),
    ended: hasEnded(live),
    paused: isPaused(live),
    mayDispatch: mayDispatch(live),
    phase: phase(live),
    task,
    open: openAttempt(live),
    timers: timersOf(live),
    tasks,
    attempts,
    evaluations,
    step: machine === 'step' ? ofStep(context as StepContext) : null,
    directive: machine === 'directive' ? ofDirective(context as DirectiveContext) : null,
    folded: history === null ? null : { timers: history.timers, events: history.events },
  }
}

const ofStep = ({ waitsFor, stops, manual }: StepContext): OfStep => ({ waitsFor, stops, manual })

const ofDirective = (context: DirectiveContext): OfDirective => {
  const { chain, generations, passed, told, stopped, slice, cursors, missed, unheard = false } = context
  return { chain, generations, passed, told, stopped, slice, cursors, missed, unheard }
}
