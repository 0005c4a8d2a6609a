/** The actions of the task region, typed for the machine that uses them. */
import type { EventObject } from 'xstate'
import { act, type Does } from './act.ts'
import type { Closed, Effect, Purpose, Start, TaskEnd } from './effect.ts'
import { type Report, roleOf, type Task, type TaskContext } from './task.ts'

/** What differs from machine to machine: what a task is to be told, and where its work starts. */
export interface Orders<C> {
  order: (context: C, purpose: Purpose) => { round: number; feedback: string | null; manual: boolean }
  start: (context: C, purpose: Purpose) => Start
}

type Fields = {
  reason?: string
  result?: string | null
  commit?: string | null
  verdict?: Report['verdict']
  merge?: Report['merge']
  plan?: Report['plan']
}
const fieldsOf = (event: EventObject & Fields): Fields => event

const reasons: Readonly<Record<string, string>> = {
  cancel: 'it was cancelled',
  command: 'superseded by what a person asked for',
  retry: 'superseded by a retry',
  rework: 'superseded: the acceptance checks send its work back',
  'step.unpassed': 'superseded: a step is to pass again',
  'step.failed': 'superseded: a step has failed',
}

/** Why, in words for people, when the event itself brings no reason. */
const reasonOf = (event: EventObject): string => {
  const known = reasons[event.type]
  if (known !== undefined) return known
  const { reason } = fieldsOf(event)
  if (reason !== undefined) return reason
  if (event.type.startsWith('xstate.after.total.')) return 'it took longer than its total time'
  return event.type.startsWith('xstate.after.stopping.') ? 'it was told to stop and did not answer in time' : ''
}

const isOpen = (task: Task | null): task is Task => task !== null && task.nonce !== ''
const attemptOf = ({ attempt, nonce, grant }: Task) => ({ attempt, nonce, grant })

/** Of what a report brings only what its role may say counts: an evaluator merges nothing, a worker judges nothing. */
const reportOf = (event: EventObject, { number, purpose }: Task, status: TaskEnd): Report => {
  const { commit = null, verdict = null, merge = null, plan = null } = fieldsOf(event)
  const role = roleOf[purpose]
  return {
    number,
    status,
    reason: reasonOf(event),
    commit: role === 'worker' ? commit : null,
    verdict: role === 'evaluator' ? verdict : null,
    merge: role === 'merger' ? merge : null,
    plan: role === 'planner' ? plan : null,
  }
}

const closedOf = (task: Task, event: EventObject, as: Closed, suspect: boolean): Effect => {
  const { result = null, commit = null } = fieldsOf(event)
  const { number, attempt, grant } = task
  return { kind: 'closed', number, attempt, grant, as, suspect, reason: reasonOf(event), result, commit }
}

const closing = (context: TaskContext, event: EventObject, as: Closed, suspect: boolean): Does<TaskContext> => {
  const { task } = context
  if (!isOpen(task)) return {}
  return { set: { task: { ...task, nonce: '', grant: '' } }, effects: [closedOf(task, event, as, suspect)] }
}

const ending = ({ task }: TaskContext, event: EventObject, status: TaskEnd): Does<TaskContext> => {
  if (task === null) return {}
  const report = reportOf(event, task, status)
  return {
    set: { task: null, report },
    effects: [{ kind: 'taskEnded', number: task.number, status, reason: report.reason }],
  }
}

/** Gives up the task at once, whatever it is doing. */
const superseding = ({ task }: TaskContext, event: EventObject): Does<TaskContext> => {
  if (task === null) return {}
  const stopped: Effect[] = isOpen(task)
    ? [{ kind: 'stop', ...attemptOf(task) }, closedOf(task, event, 'superseded', true)]
    : []
  const ended: Effect = { kind: 'taskEnded', number: task.number, status: 'cancelled', reason: reasonOf(event) }
  return { set: { task: null }, effects: [...stopped, ended] }
}

const waiting = ({ task }: TaskContext, manual: boolean): Does<TaskContext> => {
  if (task === null) return {}
  return { effects: [{ kind: 'ready', role: roleOf[task.purpose], number: task.number, manual }] }
}

const opening = (context: TaskContext, event: EventObject, start: Start): Does<TaskContext> => {
  const { task, attempts, given } = context
  if (task === null) return {}
  const attempt = attempts + 1
  const nonce = `${given.seed}-${attempt}`
  const grant = 'grant' in event && typeof event.grant === 'string' ? event.grant : ''
  const { purpose, number } = task
  const totalMs = given.settings.limits.total
  return {
    set: { attempts: attempt, task: { ...task, attempt, nonce, grant } },
    effects: [{ kind: 'spawn', role: roleOf[purpose], number, attempt, nonce, grant, start, totalMs }],
  }
}

/** The history says why a task takes longer than it should: a failure of the means, and which one of how many (R28). */
const tryingAgain = (task: Task, reason: string): Does<TaskContext> => {
  const tries = task.tries + 1
  const data = { task: task.number, role: roleOf[task.purpose], failures: tries, reason }
  const told: Effect = { kind: 'event', type: 'task_retry', severity: 'warn', source: 'system', data }
  return { set: { task: { ...task, tries } }, effects: [told] }
}

const order =
  (kind: 'stop' | 'finish') =>
  ({ task }: TaskContext): Does<TaskContext> =>
    isOpen(task) ? { effects: [{ kind, ...attemptOf(task) }] } : {}

const refusal = (text: string, hint: string): Does<TaskContext> => ({
  effects: [{ kind: 'refuse', code: 'REFUSED', text, hint }],
})

/** The region's actions for contexts of type C and events of type E. */
export const taskActions = <C extends TaskContext, E extends EventObject>({ order: orderOf, start }: Orders<C>) => {
  /** The region changes fields of TaskContext only, and every C has those as TaskContext has them. */
  const on = <P extends Record<string, unknown> | undefined = undefined>(
    how: (context: C, event: E, params: P) => Does<TaskContext>,
  ) => act<C, E, P>((context, event, params) => how(context, event, params) as Does<C>)
  return {
    newTask: on<{ purpose: Purpose }>((context, _, { purpose }) => {
      const number = context.tasks + 1
      const task: Task = { purpose, number, attempt: 0, nonce: '', grant: '', tries: 0 }
      const made: Effect = { kind: 'task', role: roleOf[purpose], number, purpose, ...orderOf(context, purpose) }
      return { set: { tasks: number, task }, effects: [made] }
    }),
    ready: on((context) => waiting(context, context.task !== null && orderOf(context, context.task.purpose).manual)),
    unready: on(() => ({ effects: [{ kind: 'unready' }] })),
    spawn: on((context, event) => opening(context, event, start(context, context.task?.purpose ?? 'work'))),
    stop: on(order('stop')),
    finish: on(order('finish')),
    close: on<{ as: Closed; suspect: boolean }>((context, event, { as, suspect }) =>
      closing(context, event, as, suspect),
    ),
    countTry: on(({ task }, event) => (task === null ? {} : tryingAgain(task, reasonOf(event)))),
    end: on<{ status: TaskEnd }>((context, event, { status }) => ending(context, event, status)),
    endAsAsked: on((context, event) => {
      const asked = 'outcome' in event && event.outcome === 'failed' ? 'failed' : 'done'
      return ending(context, event, asked)
    }),
    supersede: on(superseding),
    giveBack: on((_, event) => {
      const grant = 'grant' in event && typeof event.grant === 'string' ? event.grant : ''
      return { effects: [{ kind: 'giveBack', grant }] }
    }),
    refuseRunning: on(({ task }) =>
      refusal(
        `task ${task?.number ?? 0} is running on a daemon`,
        'use force to take it from the daemon, or let the daemon report',
      ),
    ),
    refuseStopping: on(({ task }) =>
      refusal(`task ${task?.number ?? 0} is being stopped`, 'wait until its daemon has reported'),
    ),
    refuseEnded: on((_, event) =>
      refusal(
        `task ${'number' in event ? String(event.number) : ''} is not open`,
        'only a task that waits or runs can be ended; look at the current one',
      ),
    ),
  }
}
