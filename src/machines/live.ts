/** What people and the engine see of an actor's state: its status, what it waits for, and its open attempt. */
import type { AnyMachineSnapshot, StateValue } from 'xstate'
import type { Role } from '../protocol/directive.ts'
import type { DirectiveContext } from './directive-context.ts'
import type { StepContext } from './step-context.ts'
import { roleOf, type Task, type TaskContext } from './task.ts'

/** An actor's state in memory. Opaque: only this folder looks into it. */
export interface Live {
  readonly snapshot: AnyMachineSnapshot
}

/** What a task region is doing. `wrapping`: a planner that has submitted its plan and still runs. */
export type Phase = 'queued' | 'starting' | 'working' | 'backoff' | 'stopping' | 'wrapping'

export interface OpenAttempt {
  role: Role
  number: number
  attempt: number
  nonce: string
  grant: string
  /** Its spawn has not been accepted yet. */
  starting: boolean
}

const statuses: ReadonlySet<string> = new Set(
  (
    'draft planning active checking completed failing failed cancelling cancelled ' +
    'pending running evaluating merging passed rework skipped held settling granting'
  ).split(' '),
)
const phases: ReadonlySet<string> = new Set(['queued', 'starting', 'working', 'backoff', 'stopping', 'wrapping'])
const isPhase = (name: string): name is Phase => phases.has(name)

const leavesOf = (value: StateValue): string[] =>
  typeof value === 'string'
    ? [value]
    : Object.values(value).flatMap((part) => (part === undefined ? [] : leavesOf(part)))

const taskOf = ({ snapshot }: Live): Task | null => (snapshot.context as Partial<TaskContext>).task ?? null

/** The status that people see; it comes from tags, never from names of nested states. */
export const statusOf = ({ snapshot }: Live): string => {
  for (const tag of snapshot.tags) if (statuses.has(tag)) return tag
  return ''
}

/** A directive that is completed, failed or cancelled. */
export const hasEnded = ({ snapshot }: Live): boolean => snapshot.hasTag('ended')

/** That of a directive that has ended short of what was wanted, or is about to: its steps are told to stop. */
export const isEnding = (status: string): boolean => ['failing', 'cancelling', 'failed', 'cancelled'].includes(status)

/** What a step ends as, until a person takes it up again. */
const endedSteps: ReadonlySet<string> = new Set(['passed', 'failed', 'cancelled', 'skipped'])

/** Whether it waits for nothing any more: a directive that has ended, or a step. */
export const isOver = (live: Live): boolean =>
  hasEnded(live) || (live.snapshot.machine.id === 'step' && endedSteps.has(statusOf(live)))

/** A directive's gate is shut. */
export const isPaused = ({ snapshot }: Live): boolean => snapshot.hasTag('paused')

/** Whether a directive's tasks may be given to daemons now (those of a manual evaluation always may). */
export const mayDispatch = (live: Live): boolean =>
  !isPaused(live) && ['planning', 'active', 'checking'].includes(statusOf(live))

/** What the actor's task region is doing; null when it has no task. */
export const phase = (live: Live): Phase | null => leavesOf(live.snapshot.value as StateValue).find(isPhase) ?? null

/** The open attempt of the actor's task, or null. */
export const openAttempt = (live: Live): OpenAttempt | null => {
  const task = taskOf(live)
  if (task === null || task.nonce === '') return null
  const { purpose, number, attempt, nonce, grant } = task
  return { role: roleOf[purpose], number, attempt, nonce, grant, starting: phase(live) === 'starting' }
}

/** The durable timers that the state waits for: the delayed transitions of its active nodes, each of which leaves its node. */
export const timersOf = ({ snapshot }: Live): string[] =>
  [...new Set(snapshot._nodes.flatMap((node) => node.after.map(({ eventType }) => eventType)))].toSorted((a, b) =>
    a < b ? -1 : 1,
  )

const taskWait = (live: Live): string | null => {
  const task = taskOf(live)
  if (task === null) return null
  const role = roleOf[task.purpose]
  const words: Record<Phase, string> = {
    queued: `a slot for ${/^[aeiou]/.test(role) ? 'an' : 'a'} ${role}`,
    starting: `a daemon to accept attempt ${task.attempt}`,
    working: `the ${role}, attempt ${task.attempt}`,
    backoff: `backoff after try ${task.tries}`,
    stopping: `attempt ${task.attempt} to stop`,
    wrapping: 'the planner to end',
  }
  const at = phase(live)
  return at === null ? null : words[at]
}

const stepWait = (live: Live): string | null => {
  const { waitsFor, held } = live.snapshot.context as StepContext
  const status = statusOf(live)
  if (status === 'held') return `a person: ${held?.why ?? ''}`
  if (status !== 'pending' && status !== 'rework') return null
  return waitsFor.length === 0 ? 'its dispatch' : `dependencies ${waitsFor.join(', ')}`
}

const directiveWait = (live: Live): string | null => {
  const { chain, passed, told, stopped } = live.snapshot.context as DirectiveContext
  const status = statusOf(live)
  if (status === 'draft') return 'a person: start'
  if (status === 'active') return `${(chain?.steps ?? 0) - passed} of ${chain?.steps ?? 0} steps`
  return status === 'failing' || status === 'cancelling' ? `${Math.max(0, told - stopped)} steps to stop` : null
}

/** What the actor waits for, in words for people; null when it has ended, or waits for whatever comes. */
export const waitingFor = (live: Live): string | null => {
  if (hasEnded(live)) return null
  if (isPaused(live)) return 'a person: resume'
  const task = taskWait(live)
  if (task !== null) return task
  if (live.snapshot.machine.id === 'step') return stepWait(live)
  return live.snapshot.machine.id === 'directive' ? directiveWait(live) : null
}
