/** What each guard that stands before a message asks for, in words for people. */
import type { StepContext } from './step-context.ts'
import type { DirectiveContext } from './directive-context.ts'

/** Contexts of both machines have the task's; what else is read is of the machine whose guard it is. */
interface Of {
  context: StepContext & DirectiveContext
  event: { type: string } & Record<string, unknown>
  params: Record<string, unknown>
}

const isVerb = ({ event }: Of, ...verbs: string[]): boolean => verbs.includes(String(event['verb']))
const attempt = ({ context: { task } }: Of): string =>
  task === null || task.nonce === ''
    ? 'an attempt is open (none is)'
    : `it comes from the open attempt, ${task.attempt}, with its nonce`
const ofTask = ({ context: { task } }: Of): string =>
  task === null ? 'a task is open (none is)' : `it is about the present task, ${task.number}`
const asksEvaluation = (of: Of): string | null => {
  if (!isVerb(of, 'evaluate')) return null
  const { worked, stops } = of.context
  if (!worked) return 'the step has been dispatched once'
  return stops > 0 ? 'the step has stopped as it was told to' : 'its directive is not ending'
}
const asksRetry = (of: Of): string | null => (isVerb(of, 'retry') ? 'the command is to retry a step of the plan' : null)
const unheard = (): string => 'a message was dropped that a retry would need'
const retriesFailed = (of: Of): string | null => {
  if (!isVerb(of, 'retry')) return null
  const { failed } = of.context
  if (failed.length === 0) return 'a step has failed (none has)'
  return `the step has failed, and all others that failed depend on it (failed: ${failed.join(', ')})`
}

/** Null: the guard has no say about this message. */
export const guardWords: Readonly<Record<string, (of: Of) => string | null>> = {
  isOpen: attempt,
  isMeans: (of) => (of.event['means'] === true ? attempt(of) : null),
  isRefused: (of) => (['refused', 'accept'].includes(String(of.event['why'])) ? attempt(of) : null),
  isStalled: (of) => (of.event['why'] === 'stall' ? attempt(of) : null),
  isThisTask: ofTask,
  isThisPulled: (of) => (of.event['manual'] === true ? ofTask(of) : null),
  mayTakeOver: (of) =>
    of.event['number'] === of.context.task?.number ? "it comes with force, or the task is a person's pull" : ofTask(of),
  isThisGrant: () => 'the grant is the one that it has',

  isReady: ({ context: { waitsFor } }) => `the steps that it waits for have passed (${waitsFor.join(', ')})`,
  waits: () => 'it waits for a dependency (it waits for none)',
  hasBegun: () => 'it has been dispatched once',
  asksEvaluation,
  asksAgain: () => null,
  asks: (of) => {
    if (of.params['verb'] !== of.event['verb']) return null
    return 'its directive is neither ending nor ended'
  },
  mayReject: (of) => {
    if (!isVerb(of, 'reject')) return null
    return of.context.flagged ? 'its directive is neither ending nor ended' : 'a new evaluation has flagged the step'
  },
  cameFromEnded: ({ context: { manual } }) =>
    manual === null
      ? 'a person asked for the evaluation of a step that had failed or was cancelled'
      : `the step had failed or was cancelled before its evaluation (it was ${manual.from})`,
  stillCounts: () => 'it had passed, and its evaluation was asked for after its directive had ended',
  isTakenBack: () => 'the directive has counted the pass that it takes back',
  leavesLine: () => 'it had passed, and its evaluation was asked for after its directive had ended',
  mergesAgain: ({ context: { given } }) =>
    given.settings.merges ? 'it has a commit to merge' : 'the directive has a repository',
  decides: ({ params }) => `the decision after the time-out is ${String(params['decision'])}`,

  hasReadyPlan: () => 'the directive came with a plan',
  bringsPlan: () => 'the plan has no faults',
  hasChain: () => 'a plan was accepted',
  gateOpen: () => 'the directive is not paused',
  mergedElsewhere: () => 'the work was merged into another line than the present one',
  isLastCancel: () => 'every step has been told to stop',
  commandsStep: ({ context: { chain } }) =>
    chain === null ? 'the directive has a plan' : `the step is one of its plan, 0 to ${chain.steps - 1}`,
  retriesFailed,
  asksRetry,
  lacksWords: unheard,
  asksVainly: (of) => (isVerb(of, 'retry') ? unheard() : null),
  isOfOldCount: () => null,
  notEnded: () => 'the directive has not ended',
  revives: () => 'the directive has failed or was cancelled',
  revivesByStep: retriesFailed,
}
