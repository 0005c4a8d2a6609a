/** The chart of a step: from pending through work, evaluation and merging to passed, and every way beside it. */
import { setup } from 'xstate'
import { effect } from './act.ts'
import type { Purpose, Start } from './effect.ts'
import type { Given, StepSettings } from './given.ts'
import { stepActions } from './step-actions.ts'
import { newStep, type StepContext, type StepEvent } from './step-context.ts'
import type { StepStatus } from '../protocol/views.ts'
import { stepDelays, stepGuards } from './step-guards.ts'
import { taskActions } from './task-actions.ts'
import { stoppableRegion, taskDelays, taskGuards } from './task.ts'

const startOf = ({ given, commit, fromLine }: StepContext, purpose: Purpose): Start => {
  if (!given.settings.merges) return 'none'
  if (purpose === 'merge' || commit === null) return 'line'
  return purpose === 'work' && fromLine ? 'line' : { commit }
}

const endedAs = <const S extends string>(status: S) => ({ type: 'endedAs', params: { status } }) as const
const asks = <const V extends string>(verb: V) => ({ type: 'asks', params: { verb } }) as const
const decides = <const D extends string>(decision: D) => ({ type: 'decides', params: { decision } }) as const
const mergedAs = <const K extends string>(kind: K) => ({ type: 'mergedAs', params: { kind } }) as const
const cameFrom = <const S extends StepStatus>(from: S) => ({ type: 'cameFrom', params: { from } }) as const

/** A person's commands in this status: an evaluation of what has been dispatched (R38), else a refusal. */
const evaluateIn = <const S extends StepStatus, const R extends boolean>(from: S, rest: R) =>
  ({
    guard: { type: 'asksEvaluation', params: { rest } },
    target: 'evaluating',
    reenter: true,
    actions: [{ type: 'beginManual', params: { from } }, 'supersede'],
  }) as const
const refuseIn = <const S extends StepStatus>(status: S) =>
  ({ actions: { type: 'refuseCommand', params: { status } } }) as const
const commandsIn = <const S extends StepStatus>(status: S) => [evaluateIn(status, false), refuseIn(status)] as const
const commandsAtRest = <const S extends StepStatus>(status: S) => [evaluateIn(status, true), refuseIn(status)] as const

/** A dependency that left passed is waited for again; what has begun says so (R54). */
const begun = { 'dependency.withdrawn': { actions: ['waitAgain', 'answerBegun'] } } as const
const retryable = { target: 'pending', actions: ['freshen', 'tellReady'] } as const
/** What is ready already is not told again. */
const becomesReady = { guard: 'waits', actions: ['countDependency', 'tellReady'] } as const

export const step = setup({
  types: {
    context: {} as StepContext,
    events: {} as StepEvent,
    input: {} as { given: Given<StepSettings> },
    tags: {} as StepStatus,
  },
  actions: {
    effect,
    ...taskActions<StepContext, StepEvent>({
      order: ({ round, feedback, manual }, purpose) => ({
        round,
        feedback: purpose === 'work' ? feedback : null,
        manual: manual !== null,
      }),
      start: startOf,
    }),
    ...stepActions,
  },
  guards: { ...taskGuards, ...stepGuards },
  delays: { ...taskDelays, ...stepDelays },
}).createMachine({
  id: 'step',
  version: '1',
  options: { maxIterations: 200 },
  context: ({ input }) => newStep(input.given),
  initial: 'pending',
  on: {
    'dependency.passed': { actions: 'countDependency' },
    'dependency.withdrawn': { actions: 'waitAgain' },
    'line.moved': { guard: 'isTakenBack', actions: 'loseLine' },
    rework: { actions: 'answerSentBack' },
    'task.granted': { actions: 'giveBack' },
    'task.end': { actions: 'refuseEnded' },
  },
  states: {
    pending: {
      tags: 'pending',
      on: {
        dispatch: { guard: 'isReady', target: 'running', actions: ['begin', 'forgetWork'] },
        'dependency.passed': becomesReady,
        cancel: [
          { guard: 'hasBegun', target: 'cancelled', actions: 'askStop' },
          { target: 'skipped', actions: 'askStop' },
        ],
        retry: { actions: 'tellReady' },
        command: commandsIn('pending'),
      },
    },
    running: {
      ...stoppableRegion('work'),
      tags: 'running',
      on: { ...begun, command: commandsIn('running') },
      onDone: [
        { guard: endedAs('cancelled'), target: 'cancelled' },
        { guard: endedAs('failed'), target: 'failed', actions: 'failWork' },
        { guard: 'evaluates', target: 'evaluating', actions: 'takeCommit' },
        { target: 'accepted', actions: 'takeCommit' },
      ],
    },
    evaluating: {
      ...stoppableRegion('evaluate'),
      tags: 'evaluating',
      on: {
        ...begun,
        'dependent.begun': { actions: 'noteBegun' },
        'line.moved': [
          { guard: 'leavesLine', actions: 'leaveLine' },
          { guard: 'isTakenBack', actions: 'loseLine' },
        ],
        retry: {
          guard: 'cameFromEnded',
          target: 'pending',
          actions: ['supersede', 'forgetManual', 'freshen', 'answerStop', 'tellReady'],
        },
        rework: {
          guard: 'stillCounts',
          target: 'rejected',
          actions: ['supersede', 'forgetManual', 'answerStop', 'withdraw', 'takeFeedback'],
        },
        command: [{ guard: 'asksAgain' }, ...commandsIn('evaluating')],
      },
      onDone: [
        { guard: 'cameFromRest', target: 'returning' },
        { guard: endedAs('cancelled'), target: 'cancelled', actions: ['forgetManual', 'release'] },
        { guard: 'hasVerdict', target: 'judged', actions: 'record' },
        { guard: 'isManual', target: 'returning', actions: 'noteNoVerdict' },
        { guard: 'evaluatorTriesLeft', target: 'evaluating', reenter: true, actions: 'countEvaluatorTry' },
        {
          guard: { type: 'withoutVerdict', params: { then: 'fail' } },
          target: 'failed',
          actions: 'failWithoutVerdict',
        },
        { guard: { type: 'withoutVerdict', params: { then: 'hold' } }, target: 'held', actions: 'holdForVerdict' },
        { target: 'accepted', actions: 'failOpen' },
      ],
    },
    /** There is a verdict. */
    judged: {
      always: [
        { guard: 'isQuiet', target: 'returning' },
        { guard: 'passesAgain', target: 'returning' },
        { guard: 'hasPassed', target: 'accepted', actions: ['forgetManual', 'release'] },
        { guard: 'isTooLate', target: 'returning', actions: 'flag' },
        { target: 'rejected', actions: ['takeVerdict', 'forgetManual', 'release'] },
      ],
    },
    /** Its work is good as far as the evaluation goes (R36, R52). */
    accepted: {
      always: [{ guard: 'needsApproval', target: 'held', actions: 'holdForApproval' }, { target: 'approved' }],
    },
    approved: { always: [{ guard: 'mergesWork', target: 'merging' }, { target: 'passed' }] },
    /** Its work is not good (R37). */
    rejected: {
      always: [
        { guard: 'reworkLeft', target: 'rework', actions: 'countRework' },
        { target: 'failed', actions: 'failVerdict' },
      ],
    },
    /** A person's evaluation is over: the step is again what it was (R38). */
    returning: {
      always: [
        { guard: cameFrom('pending'), target: 'pending', actions: ['forgetManual', 'tellReady'] },
        { guard: cameFrom('running'), target: 'running', actions: 'forgetManual' },
        { guard: cameFrom('evaluating'), target: 'evaluating', actions: 'forgetManual' },
        { guard: cameFrom('merging'), target: 'merging', actions: 'forgetManual' },
        { guard: 'hasLeftLine', target: 'merging', actions: ['forgetManual', 'release'] },
        { guard: 'stopsOutOfLine', target: 'cancelled', actions: ['forgetManual', 'release'] },
        { guard: cameFrom('passed'), target: 'passed' },
        { guard: cameFrom('rework'), target: 'rework', actions: 'forgetManual' },
        { guard: cameFrom('held'), target: 'held', actions: 'forgetManual' },
        { guard: cameFrom('failed'), target: 'failed' },
        { target: 'cancelled', actions: 'forgetManual' },
      ],
    },
    merging: {
      ...stoppableRegion('merge'),
      tags: 'merging',
      on: { ...begun, command: commandsIn('merging') },
      onDone: [
        { guard: endedAs('cancelled'), target: 'cancelled' },
        { guard: mergedAs('merged'), target: 'passed', actions: 'keepMerged' },
        { guard: mergedAs('conflict'), target: 'rejected', actions: 'noteConflict' },
        { target: 'held', actions: 'holdForMerge' },
      ],
    },
    rework: {
      tags: 'rework',
      entry: 'tellReady',
      on: {
        ...begun,
        dispatch: { guard: 'isReady', target: 'running', actions: 'begin' },
        'dependency.passed': becomesReady,
        cancel: { target: 'cancelled', actions: 'askStop' },
        command: commandsIn('rework'),
      },
    },
    held: {
      tags: 'held',
      initial: 'choosing',
      on: {
        ...begun,
        cancel: { target: 'cancelled', actions: ['release', 'askStop'] },
        command: [
          { guard: asks('approve'), target: 'approved', actions: 'release' },
          { guard: asks('reject'), target: 'rework', actions: ['release', 'takeRejection'] },
          { guard: asks('retry'), target: 'pending', actions: ['release', 'freshen', 'tellReady'] },
          { guard: asks('cancel'), target: 'failed', actions: ['failHeld', 'release'] },
          ...commandsIn('held'),
        ],
      },
      states: {
        choosing: { always: [{ guard: 'hasHoldLimit', target: 'limited' }, { target: 'unlimited' }] },
        limited: {
          after: {
            hold: [
              { guard: decides('approve'), target: '#step.approved', actions: 'release' },
              { guard: decides('reject'), target: '#step.rework', actions: ['release', 'takeRejection'] },
              { target: '#step.failed', actions: ['failHeld', 'release'] },
            ],
          },
        },
        unlimited: {},
      },
    },
    passed: {
      tags: 'passed',
      entry: ['announcePassed', 'answerStop', 'forgetManual', 'forgetFeedback'],
      on: {
        ...begun,
        'line.moved': [{ guard: 'mergesAgain', target: 'merging', actions: 'leaveLine' }, {}],
        rework: { target: 'rejected', actions: ['withdraw', 'takeFeedback'] },
        cancel: { actions: ['askStop', 'answerStop'] },
        command: [
          { guard: 'mayReject', target: 'rework', actions: ['withdraw', 'takeRejection'] },
          ...commandsAtRest('passed'),
        ],
      },
    },
    failed: {
      tags: 'failed',
      entry: ['announceFailed', 'answerStop', 'forgetManual', 'forgetFeedback'],
      on: {
        ...begun,
        retry: retryable,
        cancel: { actions: ['askStop', 'answerStop'] },
        command: commandsAtRest('failed'),
      },
    },
    cancelled: {
      tags: 'cancelled',
      entry: ['answerStop', 'forgetFeedback'],
      on: {
        ...begun,
        retry: retryable,
        cancel: { actions: ['askStop', 'answerStop'] },
        command: commandsAtRest('cancelled'),
      },
    },
    skipped: {
      tags: 'skipped',
      entry: 'answerStop',
      on: { retry: retryable, cancel: { actions: ['askStop', 'answerStop'] }, command: refuseIn('skipped') },
    },
  },
})
