/** What the step's chart names as actions: changes of its memory, and the effects that go with them. */
import { act, type Does } from './act.ts'
import type { Effect } from './effect.ts'
import type { Message } from './message.ts'
import { faultOf, feedbackOf, isQuiet, levelOf, type StepContext, type StepEvent, verdictOf } from './step-context.ts'
import { stepGuards } from './step-guards.ts'
import type { StepStatus } from '../protocol/views.ts'

const on = <P extends Record<string, unknown> | undefined = undefined>(
  how: (context: StepContext, event: StepEvent, params: P) => Does<StepContext>,
) => act<StepContext, StepEvent, P>(how)

const indexOf = ({ given }: StepContext): number => given.settings.index
const tellDirective = (message: Message): Effect => ({ kind: 'tell', to: 'directive', message })
const tellDependents = ({ given }: StepContext, message: Message): Effect[] =>
  given.settings.hasDependents ? [{ kind: 'tell', to: 'dependents', message }] : []
const failure = ({ given: { settings }, reason }: StepContext): Message => ({
  type: 'step.failed',
  index: settings.index,
  name: settings.name,
  reason: reason ?? '',
})
const withdrawn = (context: StepContext): Effect[] =>
  tellDependents(context, { type: 'dependency.withdrawn', index: indexOf(context) })
const unpassed = (context: StepContext, sentBack: boolean): Effect[] => [
  tellDirective({ type: 'step.unpassed', index: indexOf(context), sentBack }),
  ...withdrawn(context),
]
const answerOf = (context: StepContext): Effect[] => [
  tellDirective({ type: 'step.unpassed', index: indexOf(context), sentBack: true, before: true }),
]
const warn = (type: string, data: Record<string, unknown>): Effect => ({
  kind: 'event',
  type,
  severity: 'warn',
  source: 'system',
  data,
})

const recording = (context: StepContext): Does<StepContext> => {
  const verdict = verdictOf(context)
  if (verdict === null) return {}
  const { passed, overallScore, confidenceLevel, summaryFeedback } = verdict
  const number = context.evaluations + 1
  const type = passed ? 'step_evaluation_passed' : 'step_evaluation_failed'
  const data = { passed, overallScore, confidenceLevel, summaryFeedback }
  return {
    set: {
      evaluations: number,
      score: overallScore,
      level: levelOf(verdict, context.given.settings.thresholds),
      unevaluated: false,
      evaluatorTries: 0,
      flagged: false,
    },
    effects: [
      {
        kind: 'evaluation',
        number,
        task: context.report?.number ?? 0,
        verdict,
        by: context.manual === null ? 'automated' : 'manual',
      },
      { kind: 'event', type, severity: 'info', source: 'system', data },
    ],
  }
}

const beginningManual = (context: StepContext, event: StepEvent, from: StepStatus): Does<StepContext> => {
  const live = event.type === 'command' && event.live
  const taken = from === 'passed' && live ? unpassed(context, false) : []
  return {
    set: { manual: { from, live }, dependentsBegun: false, evaluatorTries: 0 },
    effects: [
      { kind: 'event', type: 'manual_evaluation_triggered', severity: 'info', source: 'user', data: { from } },
      ...taken,
    ],
  }
}

const announcingPassed = (context: StepContext): Does<StepContext> => {
  if (isQuiet(context)) return {}
  const merge = context.report?.merge
  const merged = merge?.kind === 'merged' ? { base: merge.base, line: merge.line } : null
  const index = indexOf(context)
  return {
    effects: [
      tellDirective({ type: 'step.passed', index, merged, ...(merged === null ? {} : { answers: true }) }),
      ...tellDependents(context, { type: 'dependency.passed', index }),
    ],
  }
}

const conflict = ({ report }: StepContext): Does<StepContext> => {
  const files = report?.merge?.kind === 'conflict' ? report.merge.files : []
  const feedback = [
    'The work conflicts with what other steps have brought into the line in the meantime.',
    'Start from the line as it is now and make the change again. Files in conflict:',
    ...files.map((file) => `- ${file}`),
  ].join('\n')
  return { set: { feedback, fromLine: true }, effects: [warn('step_merge_conflict', { files })] }
}

const holdingMerge = ({ report, given }: StepContext): Does<StepContext> => {
  const foreign = report?.merge?.kind === 'foreign' ? report.merge.commits : null
  const why =
    foreign === null
      ? `its work could not be merged (${report?.reason === undefined || report.reason === '' ? 'the merger gave no result' : report.reason})`
      : `the line's branch has commits that the directive never recorded (${foreign.join(', ')})`
  return { set: { held: { why, since: given.at } } }
}

const refusing = ({ given, worked }: StepContext, event: StepEvent, status: StepStatus): Does<StepContext> => {
  const verb = event.type === 'command' ? event.verb : event.type
  const name = `step ${JSON.stringify(given.settings.name)}`
  const [text, hint] =
    verb === 'evaluate' && !worked
      ? [`${name} was never executed`, 'a step can be evaluated once it has been dispatched']
      : [`${name} is ${status}: ${verb} is not possible`, hints[verb] ?? 'look at its status']
  return { effects: [{ kind: 'refuse', code: 'REFUSED', text, hint }] }
}

const hints: Readonly<Record<string, string>> = {
  evaluate: 'its directive is ending; evaluate the step once it has ended',
  approve: 'only a held step can be approved',
  reject: 'a step can be rejected while it is held, or after a new evaluation flagged it',
  retry: 'only a held step can be retried by itself; retry a failed one once its directive has failed',
  cancel: 'only a held step can be cancelled by itself; else cancel the directive',
}

/** Answers to an earlier count are owed no more, and an earlier count asks for none. */
const askingStop = ({ stops, recount }: StepContext, event: StepEvent): Does<StepContext> => {
  const asked = event.type === 'cancel' ? event.recount : undefined
  if (asked === recount) return { set: { stops: stops + 1 } }
  return asked === undefined || asked < (recount ?? 0) ? {} : { set: { stops: 1, recount: asked } }
}

const stoppedOf = (context: StepContext): Message => {
  const { recount } = context
  return { type: 'step.stopped', index: indexOf(context), ...(recount === undefined ? {} : { recount }) }
}

/** Reworks from here on, and what they are told. */
const roundActions = {
  takeFeedback: on((_, event) => ({ set: { feedback: 'feedback' in event ? event.feedback : null } })),
  takeRejection: on(({ round }, event) => {
    const text = event.type === 'command' && event.verb === 'reject' ? event.text : 'nobody decided in time'
    return { set: { feedback: text, round: round + 1, flagged: false } }
  }),
  takeVerdict: on((context) => {
    const verdict = verdictOf(context)
    return { set: { feedback: verdict === null ? null : feedbackOf(verdict) } }
  }),
  /** No work of this step follows, unless something new is said of it; its last round's task has the text. */
  forgetFeedback: on(() => ({ set: { feedback: null } })),
  countRework: on(({ rework, round }) => ({ set: { rework: rework + 1, round: round + 1, flagged: false } })),
  freshen: on(() => ({
    set: { round: 1, rework: 0, feedback: null, fromLine: true, evaluatorTries: 0, reason: null, flagged: false },
  })),
  takeCommit: on(({ report }) => {
    const made = report?.commit ?? null
    const work = report?.number ?? null
    const brought = made === null ? {} : { commit: made, inLine: false }
    return {
      set: { ...brought, work, fromLine: false, score: null, level: null, unevaluated: false, evaluatorTries: 0 },
    }
  }),
  noteConflict: on(conflict),
}

const evaluationActions = {
  record: on(recording),
  beginManual: on<{ from: StepStatus }>((context, event, { from }) => beginningManual(context, event, from)),
  forgetManual: on(() => ({ set: { manual: null } })),
  countEvaluatorTry: on((context) => ({
    set: { evaluatorTries: context.evaluatorTries + 1 },
    effects: [warn('monitoring_retry', { attempt: context.evaluatorTries + 1, reason: faultOf(context) })],
  })),
  failOpen: on((context) => {
    const type = context.report?.status === 'failed' ? 'monitoring_failed_open' : 'monitoring_parse_failed_open'
    return { set: { unevaluated: true }, effects: [warn(type, { reason: faultOf(context) })] }
  }),
  noteNoVerdict: on((context) => ({
    effects: [warn('manual_evaluation_without_verdict', { reason: faultOf(context) })],
  })),
  flag: on((context) => ({
    set: { flagged: true },
    effects: [
      warn('step_evaluation_flagged', {
        step: context.given.settings.name,
        reason: 'evaluated as not passed after steps that depend on it had begun; reject it to have it done again',
      }),
    ],
  })),
  noteBegun: on(() => ({ set: { dependentsBegun: true } })),
}

const holdActions = {
  holdForApproval: on(({ given }) => ({ set: { held: { why: 'approval', since: given.at } } })),
  holdForVerdict: on((context) => ({
    set: { held: { why: `there is no verdict (${faultOf(context)})`, since: context.given.at } },
  })),
  holdForMerge: on(holdingMerge),
  release: on(() => ({ set: { held: null } })),
}

const failActions = {
  failWork: on(({ report }) => ({ set: { reason: report?.reason ?? '' } })),
  failVerdict: on(({ rework, feedback }) => ({
    set: {
      reason: `not passed, and its ${rework} reworks are used up${feedback === null ? '' : `: ${feedback}`}`,
    },
  })),
  failWithoutVerdict: on((context) => ({ set: { reason: `there is no verdict (${faultOf(context)})` } })),
  failHeld: on(({ held }) => ({ set: { reason: `cancelled while it was held: ${held?.why ?? ''}` } })),
}

/** Everything of a step that is not the task region's. */
export const stepActions = {
  ...roundActions,
  ...evaluationActions,
  ...holdActions,
  ...failActions,
  begin: on(() => ({ set: { worked: true, reason: null } })),
  /** Only when fresh work begins: until then a person may still want the last work evaluated. */
  forgetWork: on(() => ({ set: { commit: null, inLine: false } })),
  countDependency: on(({ waitsFor }, event) => ({
    set: 'index' in event ? { waitsFor: waitsFor.filter((index) => index !== event.index) } : {},
  })),
  waitAgain: on(({ waitsFor }, event) => ({
    set:
      'index' in event && !waitsFor.includes(event.index)
        ? { waitsFor: [...waitsFor, event.index].sort((a, b) => a - b) }
        : {},
  })),
  answerBegun: on((context, event) => ({
    effects:
      'index' in event
        ? [
            {
              kind: 'tell',
              to: { step: event.index },
              message: { type: 'dependent.begun', index: indexOf(context) },
            },
          ]
        : [],
  })),
  tellReady: on((context) => ({
    effects: context.waitsFor.length === 0 ? [tellDirective({ type: 'step.ready', index: indexOf(context) })] : [],
  })),
  keepMerged: on(() => ({ set: { inLine: true } })),
  announcePassed: on(announcingPassed),
  announceFailed: on((context) => ({
    effects: isQuiet(context) ? [] : [tellDirective(failure(context))],
  })),
  withdraw: on((context, { type }) => ({ set: { fromLine: true }, effects: unpassed(context, type === 'rework') })),
  /** It is to pass again already: its directive waits for no more than to hear that it was told. */
  answerSentBack: on((context) => ({ effects: answerOf(context) })),
  leaveLine: on((context, event) => ({
    set: { inLine: false },
    effects: stepGuards.isTakenBack({ context, event }) ? unpassed(context, true) : withdrawn(context),
  })),
  /** It has left passed already. */
  loseLine: on((context) => ({ set: { inLine: false }, effects: answerOf(context) })),
  askStop: on(askingStop),
  answerStop: on((context) => ({
    set: { stops: 0 },
    effects: Array.from({ length: context.stops }, () => tellDirective(stoppedOf(context))),
  })),
  refuseCommand: on<{ status: StepStatus }>((context, event, { status }) => refusing(context, event, status)),
}
