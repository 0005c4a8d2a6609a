/** The questions that the directive's chart names. */
import { not, or, stateIn } from 'xstate'
import {
  acceptReading,
  type DirectiveContext,
  type DirectiveEvent,
  nextTelling,
  planIn,
  uncovered,
} from './directive-context.ts'

type Of = { context: DirectiveContext; event: DirectiveEvent }

const commandsStep = ({ context: { chain }, event }: Of): boolean =>
  event.type === 'step.command' && chain !== null && event.index >= 0 && event.index < chain.steps

const asksRetry = (of: Of): boolean => commandsStep(of) && of.event.type === 'step.command' && of.event.verb === 'retry'

/** The step has failed, and of the others only such as depend on it. */
const coversFailed = ({ context: { failed, failures }, event }: Of): boolean =>
  event.type === 'step.command' &&
  failed.includes(event.index) &&
  failures === failed.length &&
  uncovered(failed, event).length === 0
const retriesFailed = (of: Of): boolean => asksRetry(of) && coversFailed(of)

const lacksWords = ({ context: { unheard } }: Of): boolean => unheard === true

const endedShort = or([stateIn({ flow: 'failed' }), stateIn({ flow: 'cancelled' })])
const ended = or([stateIn({ flow: 'completed' }), endedShort])

export const directiveGuards = {
  notEnded: not(ended),
  endedShort,
  gateOpen: stateIn({ gate: 'open' }),
  beingCancelled: stateIn('#cancelling'),
  attemptOpen: ({ context: { task } }: Of) => task !== null && task.nonce !== '',
  hasReadyPlan: ({ context }: Of) => context.given.settings.readyPlan !== null,
  hasChain: ({ context }: Of) => context.chain !== null,
  hasRepository: ({ context }: Of) => context.given.settings.hasRepository,
  hasChecks: ({ context }: Of) => context.given.settings.hasChecks,
  mustPrepare: ({ context: { given, line } }: Of) => given.settings.hasRepository && line === null,

  bringsPlan: ({ event }: Of) => event.type === 'plan' && planIn(event.plan) !== null,
  reportsPlan: ({ context: { report } }: Of) => report?.status === 'done' && planIn(report.plan) !== null,
  regenerationsLeft: ({ context: { regenerations, given } }: Of) => regenerations < given.settings.maxRegenerations,

  allPassed: ({ context: { chain, passed, owed } }: Of) => chain !== null && owed === 0 && passed >= chain.steps,
  mayTell: ({ context }: Of) => context.slice === null && nextTelling(context) !== null,
  /** The step's work was not merged into the line as it is. */
  mergedElsewhere: ({ context: { line }, event }: Of) =>
    event.type === 'step.passed' && event.merged !== null && event.merged.base !== line,

  mergeIs: ({ context: { report } }: Of, { kind }: { kind: string }) =>
    report?.status === 'done' && report.merge?.kind === kind,
  hasAccepted: ({ context }: Of) => acceptReading(context)?.verdict.passed === true,
  hasRejected: ({ context }: Of) => acceptReading(context)?.verdict.passed === false,
  acceptTriesLeft: ({ context: { acceptTries, given } }: Of) => acceptTries < given.settings.acceptRetries,

  noSliceOut: ({ context }: Of) => context.slice === null,
  isLastCancel: ({ context: { slice }, event }: Of) =>
    slice === 'cancel' && event.type === 'slice.done' && event.next === null,
  /** Of a slice that was out when it began to count anew. */
  isOfOldCount: ({ context: { slice, recount }, event }: Of) =>
    slice === 'cancel' && event.type === 'slice.done' && event.recount !== recount,
  allStopped: ({ context: { told, stopped } }: Of) => stopped >= told,

  commandsStep,
  lacksWords,
  asksVainly: (of: Of) => asksRetry(of) && lacksWords(of),
  /** A person retries a failed step of a directive that has ended: that is a retry of the directive. */
  retriesFailed,
  asksRetry,
}
