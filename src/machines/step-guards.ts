/** The questions that the step's chart names. */
import { colourOf, isQuiet, type StepContext, type StepEvent, verdictOf } from './step-context.ts'
import type { StepStatus } from '../protocol/views.ts'

type Of = { context: StepContext; event: StepEvent }

const atRest: readonly StepStatus[] = ['passed', 'failed', 'cancelled']

const asks = ({ event }: Of, { verb }: { verb: string }): boolean => event.type === 'command' && event.verb === verb
const isLive = ({ event }: Of): boolean => event.type === 'command' && event.live

export const stepGuards = {
  isReady: ({ context }: Of) => context.waitsFor.length === 0,
  /** It has been dispatched once, though it may wait again since. */
  hasBegun: ({ context }: Of) => context.worked,
  waits: ({ context }: Of) => context.waitsFor.length > 0,
  evaluates: ({ context }: Of) => context.given.settings.evaluate,
  mergesWork: ({ context: { given, commit, inLine } }: Of) => given.settings.merges && commit !== null && !inLine,
  needsApproval: ({ context }: Of) => {
    const { requiresApproval, autonomy } = context.given.settings
    if (requiresApproval || autonomy === 'manual') return true
    return autonomy === 'guarded' && ['yellow', 'red'].includes(colourOf(context) ?? '')
  },
  reworkLeft: ({ context: { rework, given } }: Of) => rework < given.settings.maxRework,

  hasVerdict: ({ context }: Of) => verdictOf(context) !== null,
  hasPassed: ({ context }: Of) => verdictOf(context)?.passed === true,
  evaluatorTriesLeft: ({ context: { evaluatorTries, given } }: Of) =>
    evaluatorTries < given.settings.onEvaluatorFailure.retries,
  withoutVerdict: ({ context: { given } }: Of, { then }: { then: string }) =>
    given.settings.onEvaluatorFailure.then === then,

  isManual: ({ context }: Of) => context.manual !== null,
  isQuiet: ({ context }: Of) => isQuiet(context),
  cameFrom: ({ context: { manual } }: Of, { from }: { from: StepStatus }) => manual?.from === from,
  /** A stopped evaluation of a step that was at rest: it is at rest again. */
  cameFromRest: ({ context: { manual, report } }: Of) =>
    report?.status === 'cancelled' && manual !== null && atRest.includes(manual.from),
  /** Evaluated again after it had passed, and passed again: it counts once. */
  passesAgain: ({ context }: Of) => context.manual?.from === 'passed' && verdictOf(context)?.passed === true,
  /** Evaluated again after it had passed, and not passed when dependents had begun (R54). */
  isTooLate: ({ context: { manual, dependentsBegun } }: Of) => manual?.from === 'passed' && dependentsBegun,
  /** Evaluated again after it had passed, and its work is not in the line after all: it has to be merged before it has passed. */
  hasLeftLine: (of: Of) => of.context.manual?.from === 'passed' && stepGuards.mergesWork(of) && of.context.stops === 0,
  /** As that, while its directive ends: it has not passed, and stops as the others do. */
  stopsOutOfLine: (of: Of) => of.context.manual?.from === 'passed' && stepGuards.mergesWork(of) && of.context.stops > 0,
  /** Directives of earlier versions have not counted what they take back; then it is as it was on a step of theirs. */
  isTakenBack: ({ event }: Of) => event.type === 'line.moved' && event.counted === true,
  /** As that, of a step that has not left passed. */
  leavesLine: (of: Of) => stepGuards.isTakenBack(of) && stepGuards.stillCounts(of),
  mergesAgain: ({ context: { given, commit } }: Of) => given.settings.merges && commit !== null,

  mergedAs: ({ context: { report } }: Of, { kind }: { kind: string }) =>
    report?.status === 'done' && report.merge?.kind === kind,

  /** A decision on a held step; while its directive ends, none is taken any more. */
  asks: (of: Of, params: { verb: string }) => asks(of, params) && isLive(of),
  /** Of what has been dispatched; while its directive ends (or has ended), only of a step that is at rest. */
  asksEvaluation: (of: Of, { rest }: { rest: boolean }) =>
    asks(of, { verb: 'evaluate' }) && of.context.worked && of.context.stops === 0 && (rest || isLive(of)),
  asksAgain: (of: Of) => asks(of, { verb: 'evaluate' }) && of.context.manual !== null,
  mayReject: (of: Of) => asks(of, { verb: 'reject' }) && isLive(of) && of.context.flagged,
  hasHoldLimit: ({ context: { given } }: Of) => given.settings.hold !== null,
  decides: ({ context: { given } }: Of, { decision }: { decision: string }) =>
    given.settings.hold?.decision === decision,
  /** The evaluation that was asked for while the step's directive had ended may be given up for a retry. */
  cameFromEnded: ({ context: { manual } }: Of) => manual !== null && ['failed', 'cancelled'].includes(manual.from),
  /** It counts as passed while it is evaluated: that was asked for when its directive had ended, and now lives again. */
  stillCounts: (of: Of) =>
    of.context.manual?.from === 'passed' && !of.context.manual.live && !stepGuards.mergesWork(of),
}

/** The durable timer of a held step, in ms. */
export const stepDelays = {
  hold: ({ context: { held, given } }: Of) =>
    Math.max(0, (held?.since ?? given.at) + (given.settings.hold?.ms ?? 0) - given.at),
}
