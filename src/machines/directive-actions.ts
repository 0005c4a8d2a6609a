/** What the directive's chart names as actions: changes of its memory, and the effects that go with them. */
import { act, type Does } from './act.ts'
import {
  acceptReading,
  cancelOf,
  type DirectiveContext,
  type DirectiveEvent,
  failedListMax,
  nextTelling,
  planIn,
  sliceOf,
} from './directive-context.ts'
import { hints, refuse, retryRefusal, stepRefusal } from './directive-refusals.ts'
import { textBytesMax } from '../protocol/limits.ts'
import type { DirectiveStatus } from '../protocol/views.ts'
import type { Effect, Severity } from './effect.ts'
import { feedbackOf } from './step-context.ts'

const on = <P extends Record<string, unknown> | undefined = undefined>(
  how: (context: DirectiveContext, event: DirectiveEvent, params: P) => Does<DirectiveContext>,
) => act<DirectiveContext, DirectiveEvent, P>(how)

const history = (type: string, severity: Severity, data: Record<string, unknown>): Effect => ({
  kind: 'event',
  type,
  severity,
  source: 'system',
  data,
})

const byPerson = (type: string): Effect => ({ kind: 'event', type, severity: 'info', source: 'user', data: {} })

const acceptingPlan = (context: DirectiveContext, event: DirectiveEvent): Does<DirectiveContext> => {
  const brought = event.type === 'plan' ? event.plan : context.report?.plan
  // One that comes with its plan is started, or taken up again, with it.
  const isOwn = event.type === 'start' || event.type === 'retry'
  const plan = isOwn ? context.given.settings.readyPlan : planIn(brought)
  if (plan === null) return {}
  const { hash, steps } = plan
  const generation = context.generations + 1
  return {
    set: {
      chain: { generation, hash, steps },
      generations: generation,
      passed: 0,
      cursors: { ...context.cursors, roots: 0 },
    },
    effects: [{ kind: 'chain', generation, hash, steps }],
  }
}

/** Why planning ended without a plan. */
const planMissing = ({ report }: DirectiveContext): string => {
  const faults =
    report?.plan !== null && report?.plan !== undefined && 'faults' in report.plan ? report.plan.faults : []
  return faults.length === 0
    ? 'the planner ended without submitting a plan'
    : `the planner's plan has faults: ${faults.join('; ')}`
}

/** Every step that is sent back carries the feedback: all of them together are no larger than one text may be. */
const feedbackCharsMin = 500
const shortened = (text: string, chars: number): string =>
  text.length <= chars ? text : `${text.slice(0, chars)}\n(The rest is in the verdict on the whole directive.)`

const sendingBack = (context: DirectiveContext): Does<DirectiveContext> => {
  const { chain } = context
  const reading = acceptReading(context)
  if (reading === null || chain === null) return {}
  const { verdict, rework } = reading
  const named = [...new Set(rework)].filter((index) => index >= 0 && index < chain.steps)
  const indexes = named.length === 0 ? [chain.steps - 1] : named
  const told = feedbackOf(verdict) ?? verdict.summaryFeedback
  const said = told === '' ? 'The acceptance checks of the whole directive did not pass.' : told
  const feedback = shortened(said, Math.max(feedbackCharsMin, Math.floor(textBytesMax / indexes.length)))
  return {
    set: { owed: indexes.length, acceptTries: 0 },
    effects: [
      history('acceptance_failed', 'warn', { summaryFeedback: verdict.summaryFeedback, steps: indexes }),
      ...indexes.map((step): Effect => ({ kind: 'tell', to: { step }, message: { type: 'rework', feedback } })),
    ],
  }
}

const acceptFault = ({ report }: DirectiveContext): string => {
  if (report?.status !== 'done') return report?.reason ?? ''
  return report.verdict !== null && 'fault' in report.verdict ? report.verdict.fault : 'the evaluator left no verdict'
}

const mergeFault = ({ report }: DirectiveContext): string =>
  report === null || report.reason === '' ? 'the merger gave no result' : report.reason

/** Of plans and the line. */
const planActions = {
  acceptPlan: on(acceptingPlan),
  refusePlan: on((_, event) => {
    const faults = event.type === 'plan' && 'faults' in event.plan ? event.plan.faults : []
    const hint = 'mend every fault that is listed and submit the plan again'
    return { effects: [{ kind: 'refuse', code: 'BAD_PLAN', text: 'the plan has faults', hint, faults }] }
  }),
  regenerate: on((context) => {
    const regenerations = context.regenerations + 1
    const { maxRegenerations } = context.given.settings
    const data = { attempt: regenerations, maxRegenerations, reason: planMissing(context) }
    return { set: { regenerations }, effects: [history('planning_retry', 'warn', data)] }
  }),
  giveUpPlanning: on((context) => {
    const { regenerations, given } = context
    const reason = planMissing(context)
    const data = { attempts: regenerations, maxRegenerations: given.settings.maxRegenerations, reason }
    return { set: { reason }, effects: [history('planning_failed', 'error', data)] }
  }),
  failPlanner: on(({ report }) => ({ set: { reason: `the planner failed: ${report?.reason ?? ''}` } })),
  dropTask: on(({ task }) => ({
    set: { task: null },
    effects:
      task === null
        ? []
        : [{ kind: 'taskEnded', number: task.number, status: 'cancelled', reason: 'not needed any more' }],
  })),
  keepLine: on(({ report }) => (report?.merge?.kind === 'prepared' ? { set: { line: report.merge.line } } : {})),
  failPrepare: on((context) => ({ set: { reason: `the line could not be prepared: ${mergeFault(context)}` } })),
  failPublish: on((context) => {
    const foreign = context.report?.merge?.kind === 'foreign' ? context.report.merge.commits : null
    if (foreign === null) return { set: { reason: `the line could not be published: ${mergeFault(context)}` } }
    const reason = "the line's branch has commits that the directive never recorded"
    return { set: { reason }, effects: [history('publish_foreign', 'error', { commits: foreign, reason })] }
  }),
}

const answersMoves = (event: DirectiveEvent): boolean => event.type === 'step.passed' && event.answers === true

/** Tells the step that the line is another one than it has merged onto. */
const movingLine = (event: DirectiveEvent): Effect[] => {
  if (!('index' in event)) return []
  const counted = answersMoves(event) ? ({ counted: true } as const) : {}
  return [{ kind: 'tell', to: { step: event.index }, message: { type: 'line.moved', ...counted } }]
}

const cancelling = (event: DirectiveEvent, recount: number | undefined): Effect[] =>
  'index' in event ? [{ kind: 'tell', to: { step: event.index }, message: cancelOf(recount) }] : []

/** Of counts and slices. */
const chainActions = {
  countPassed: on(({ passed, line }, event) =>
    event.type === 'step.passed' ? { set: { passed: passed + 1, line: event.merged?.line ?? line } } : {},
  ),
  takeBackPassed: on(({ passed, owed }, event) => {
    const { sentBack = true, before = false } = event.type === 'step.unpassed' ? event : {}
    return { set: { passed: Math.max(0, passed - (before ? 0 : 1)), owed: Math.max(0, owed - (sentBack ? 1 : 0)) } }
  }),
  countFailed: on(({ failed, failures }, event) => {
    if (event.type !== 'step.failed' || failed.includes(event.index)) return {}
    const listed = failed.length < failedListMax ? [...failed, event.index] : failed
    return { set: { failed: listed, failures: failures + 1 } }
  }),
  failStep: on((_, event) =>
    event.type === 'step.failed' ? { set: { reason: `step ${event.name} failed: ${event.reason}` } } : {},
  ),
  /** It counts until the step, which may have left passed already, says that it does not. */
  mergeAgain: on(({ passed, owed }, event) => ({
    set: answersMoves(event) ? { passed: passed + 1, owed: owed + 1 } : {},
    effects: movingLine(event),
  })),
  /** While ending: merged too late, so it has not passed after all, and stops like the others. */
  stopLate: on(({ told, passed, recount }, event) => ({
    set: { told: told + 1, ...(answersMoves(event) ? { passed: passed + 1 } : {}) },
    effects: [...movingLine(event), ...cancelling(event, recount)],
  })),
  /** While ending, or ended: a step that came to life after the others were told to stop. */
  stopReady: on(({ told, recount }, event) => ({ set: { told: told + 1 }, effects: cancelling(event, recount) })),
  dispatchStep: on((_, event) => ({
    effects: 'index' in event ? [{ kind: 'tell', to: { step: event.index }, message: { type: 'dispatch' } }] : [],
  })),
  missReady: on(() => ({ set: { missed: true } })),
  tellSlice: on((context) => {
    const next = nextTelling(context)
    if (next === null) return {}
    const missed = context.missed && !(next.what === 'wake' && context.cursors.wake === null)
    return { set: { slice: next.what, missed }, effects: [sliceOf(next.what, next.from)] }
  }),
  sliceDone: on(({ slice, cursors, told, alive }, event) => {
    if (event.type !== 'slice.done' || slice === null) return {}
    const counts = slice === 'cancel' ? { told: told + event.told, alive: alive + event.told } : {}
    return { set: { slice: null, cursors: { ...cursors, [slice]: event.next }, ...counts } }
  }),
  noteSkipped: on(({ chain, alive, skippedTold = false }) => {
    const steps = (chain?.steps ?? 0) - alive
    return { effects: steps > 0 && !skippedTold ? [history('steps_skipped', 'info', { steps })] : [] }
  }),
  keepSkipped: on(() => ({ set: { skippedTold: true } })),
  beginCancelling: on(({ cursors }) => ({ set: { alive: 0, cursors: { ...cursors, cancel: 0 } } })),
  tellCancel: on(({ cursors, recount }) => ({
    set: { slice: 'cancel' },
    effects: [sliceOf('cancel', cursors.cancel ?? 0, recount)],
  })),
  forgetOwed: on(() => ({ set: { owed: 0 } })),
  countStopped: on(({ stopped, recount }, event) =>
    event.type === 'step.stopped' && event.recount === recount ? { set: { stopped: stopped + 1 } } : {},
  ),
  /** What was dropped may have been a word that is counted: only what is told, and answered, from now on is. */
  countAnew: on(({ recount = 0 }) => ({ set: { told: 0, stopped: 0, recount: recount + 1, slice: null } })),
  /** A failure that is counted and not listed keeps single steps from being retried: whoever has failed is not known (R50). */
  noteDropped: on(({ failures, cursors }, event) => {
    if (event.type !== 'message.dropped') return {}
    const { needed, failed = false, root = false } = event
    return {
      set: {
        ...(needed ? { unheard: true } : {}),
        ...(failed ? { failures: failures + 1 } : {}),
        // All roots are dispatched anew, should it be retried: those that are there take no harm.
        ...(root ? { cursors: { ...cursors, roots: 0 } } : {}),
      },
    }
  }),
  beginRetry: on(({ cursors, chain, skippedTold }) => ({
    set: {
      ...(skippedTold === undefined ? {} : { skippedTold: false }),
      failed: [],
      failures: 0,
      reason: null,
      owed: 0,
      missed: false,
      acceptTries: 0,
      regenerations: 0,
      cursors: { ...cursors, wake: null, cancel: null, retry: chain === null ? null : 0 },
    },
  })),
}

/** Of acceptance, and of what people ask. */
const steeringActions = {
  record: on((context) => {
    const reading = acceptReading(context)
    if (reading === null) return {}
    const { verdict } = reading
    const number = context.evaluations + 1
    return {
      set: { evaluations: number },
      effects: [{ kind: 'evaluation', number, task: context.report?.number ?? 0, verdict, by: 'automated' }],
    }
  }),
  sendBack: on(sendingBack),
  countAcceptTry: on((context) => ({
    set: { acceptTries: context.acceptTries + 1 },
    effects: [history('acceptance_retry', 'warn', { attempt: context.acceptTries + 1, reason: acceptFault(context) })],
  })),
  failAccept: on((context) => ({ set: { reason: `the acceptance checks gave no verdict: ${acceptFault(context)}` } })),
  tellStep: on<{ live: boolean }>((_, event, { live }) => {
    if (event.type !== 'step.command') return {}
    const to = { step: event.index }
    if (event.verb === 'reject')
      return { effects: [{ kind: 'tell', to, message: { type: 'command', verb: 'reject', text: event.text, live } }] }
    return { effects: [{ kind: 'tell', to, message: { type: 'command', verb: event.verb, live } }] }
  }),
  refuseStep: on<{ status: DirectiveStatus }>((context, event, { status }) => stepRefusal(context, event, status)),
  refuseRetry: on(retryRefusal),
  refuseUnheard: on(() =>
    refuse(
      'a message was dropped that the directive or a step of it would need to go on',
      'its history says which one (message_dropped); what is left to do goes into a new directive',
    ),
  ),
  notePaused: on(() => ({ effects: [byPerson('directive_paused')] })),
  noteResumed: on(() => ({ effects: [byPerson('directive_resumed')] })),
  refuse: on<{ status: DirectiveStatus }>((_, event, { status }) =>
    refuse(`the directive is ${status}: ${event.type} is not possible`, hints[event.type] ?? 'look at its status'),
  ),
}

/** Everything of a directive that is not the task region's. */
export const directiveActions = { ...planActions, ...chainActions, ...steeringActions }
