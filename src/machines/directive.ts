/** The chart of a directive: how far it is (flow), and whether anything new may be dispatched (gate). */
import { and, not, raise, setup } from 'xstate'
import { effect } from './act.ts'
import { directiveActions } from './directive-actions.ts'
import {
  dropped,
  ended,
  noPlan,
  refusals,
  refuse,
  retries,
  steers,
  tellsAnew,
  tellsOnceMore,
} from './directive-answers.ts'
import { type DirectiveContext, type DirectiveEvent, newDirective } from './directive-context.ts'
import type { DirectiveStatus } from '../protocol/views.ts'
import { directiveGuards } from './directive-guards.ts'
import type { Purpose, Start } from './effect.ts'
import type { DirectiveSettings, Given } from './given.ts'
import { taskActions } from './task-actions.ts'
import { stoppingState, taskDelays, taskGuards, taskRegion, wrappingState } from './task.ts'

const startOf = ({ given }: DirectiveContext, purpose: Purpose): Start =>
  given.settings.hasRepository && purpose !== 'prepare' ? 'line' : 'none'

const endedAs = <const S extends string>(status: S) => ({ type: 'endedAs', params: { status } }) as const
const mergeIs = <const K extends string>(kind: K) => ({ type: 'mergeIs', params: { kind } }) as const

export const directive = setup({
  types: {
    context: {} as DirectiveContext,
    events: {} as DirectiveEvent,
    input: {} as { given: Given<DirectiveSettings> },
    tags: {} as DirectiveStatus | 'ended' | 'paused',
  },
  actions: {
    effect,
    ...taskActions<DirectiveContext, DirectiveEvent>({
      order: () => ({ round: 1, feedback: null, manual: false }),
      start: startOf,
    }),
    ...directiveActions,
  },
  guards: { ...taskGuards, ...directiveGuards },
  delays: taskDelays,
})
  .extend({
    actions: { startAgain: raise({ type: 'start' }) },
    guards: {
      tellsNow: and(['gateOpen', 'mayTell']),
      /** A retry brings it back to life (R50). */
      revives: and(['endedShort', not('lacksWords')]),
      revivesByStep: and(['endedShort', not('lacksWords'), 'retriesFailed']),
    },
  })
  .createMachine({
    id: 'directive',
    version: '1',
    options: { maxIterations: 200 },
    context: ({ input }) => newDirective(input.given),
    type: 'parallel',
    states: {
      flow: {
        initial: 'draft',
        on: {
          'task.granted': { actions: 'giveBack' },
          'task.end': { actions: 'refuseEnded' },
          'slice.done': { actions: 'sliceDone' },
          'step.ready': { actions: 'missReady' },
          'step.passed': [{ guard: 'mergedElsewhere', actions: 'mergeAgain' }, { actions: 'countPassed' }],
          'step.unpassed': { actions: 'takeBackPassed' },
          'step.failed': { actions: 'countFailed' },
          'step.stopped': { actions: 'countStopped' },
        },
        states: {
          draft: {
            tags: 'draft',
            on: {
              start: [{ guard: 'hasReadyPlan', target: 'active', actions: 'acceptPlan' }, { target: 'planning' }],
              cancel: 'cancelled',
              retry: refuse('draft'),
              plan: refuse('draft'),
              'step.command': steers('draft', true),
            },
          },
          planning: {
            ...taskRegion('plan'),
            tags: 'planning',
            on: {
              ...refusals('planning'),
              plan: [{ guard: 'bringsPlan', target: 'active', actions: 'acceptPlan' }, { actions: 'refusePlan' }],
              cancel: '#cancelling',
              'step.command': steers('planning', true),
            },
            onDone: [
              { guard: endedAs('failed'), target: 'failed', actions: 'failPlanner' },
              { guard: 'reportsPlan', target: 'active', actions: 'acceptPlan' },
              { guard: 'regenerationsLeft', target: 'draft', actions: ['regenerate', 'startAgain'] },
              { target: 'failed', actions: 'giveUpPlanning' },
            ],
          },
          active: {
            tags: 'active',
            initial: 'entering',
            on: {
              ...refusals('active'),
              cancel: '#cancelling',
              'step.failed': { target: '#failing', actions: ['countFailed', 'failStep'] },
              'step.command': steers('active', true),
            },
            states: {
              entering: {
                always: [
                  { guard: 'attemptOpen', target: 'wrapping' },
                  { guard: 'mustPrepare', target: 'preparing', actions: 'dropTask' },
                  { target: 'running', actions: 'dropTask' },
                ],
              },
              /** The planner has submitted its plan and still runs. */
              wrapping: wrappingState('entering', 'stopping'),
              stopping: stoppingState('entering'),
              preparing: {
                ...taskRegion('prepare'),
                onDone: [
                  { guard: mergeIs('prepared'), target: 'running', actions: 'keepLine' },
                  { target: '#failing', actions: 'failPrepare' },
                ],
              },
              running: {
                always: [
                  { guard: 'allPassed', target: '#checking' },
                  { guard: 'tellsNow', actions: 'tellSlice' },
                ],
                on: { 'step.ready': [{ guard: 'gateOpen', actions: 'dispatchStep' }, { actions: 'missReady' }] },
              },
            },
          },
          checking: {
            id: 'checking',
            tags: 'checking',
            initial: 'entering',
            on: {
              ...refusals('checking'),
              cancel: '#cancelling',
              'step.unpassed': { target: 'active', actions: ['takeBackPassed', 'supersede'] },
              'step.failed': { target: '#failing', actions: ['countFailed', 'failStep', 'supersede'] },
              'step.command': steers('checking', true),
            },
            states: {
              entering: { always: [{ guard: 'hasChecks', target: 'judging' }, { target: 'accepted' }] },
              judging: {
                ...taskRegion('accept'),
                onDone: [
                  { guard: 'hasAccepted', target: 'accepted', actions: 'record' },
                  { guard: 'hasRejected', target: '#directive.flow.active', actions: ['record', 'sendBack'] },
                  { guard: 'acceptTriesLeft', target: 'judging', reenter: true, actions: 'countAcceptTry' },
                  { target: '#failing', actions: 'failAccept' },
                ],
              },
              accepted: {
                always: [{ guard: 'hasRepository', target: 'publishing' }, { target: '#directive.flow.completed' }],
              },
              publishing: {
                ...taskRegion('publish'),
                onDone: [
                  { guard: mergeIs('published'), target: '#directive.flow.completed' },
                  { target: '#failing', actions: 'failPublish' },
                ],
              },
            },
          },
          /** Failing or cancelling: everything that was begun is told to stop, and waited for. */
          ending: {
            type: 'parallel',
            entry: 'forgetOwed',
            on: {
              'step.passed': [{ guard: 'mergedElsewhere', actions: 'stopLate' }, { actions: 'countPassed' }],
              'step.ready': { actions: 'stopReady' },
              'message.dropped': dropped,
            },
            states: {
              as: {
                initial: 'failing',
                states: {
                  failing: {
                    id: 'failing',
                    tags: 'failing',
                    on: {
                      ...refusals('failing'),
                      cancel: 'cancelling',
                      plan: noPlan('failing'),
                      'step.command': steers('failing', false),
                    },
                  },
                  cancelling: {
                    id: 'cancelling',
                    tags: 'cancelling',
                    on: {
                      ...refusals('cancelling'),
                      plan: noPlan('cancelling'),
                      'step.command': steers('cancelling', false),
                    },
                  },
                },
              },
              work: {
                initial: 'entering',
                states: {
                  entering: {
                    always: [
                      { guard: 'attemptOpen', target: 'stopping' },
                      { guard: 'hasChain', target: 'telling', actions: ['dropTask', 'beginCancelling'] },
                      { target: 'over', actions: 'dropTask' },
                    ],
                  },
                  stopping: stoppingState('entering'),
                  telling: {
                    always: { guard: 'noSliceOut', actions: 'tellCancel' },
                    on: {
                      'slice.done': [
                        { guard: 'isOfOldCount' },
                        { guard: 'isLastCancel', target: 'waiting', actions: ['sliceDone', 'noteSkipped'] },
                      ],
                      'message.dropped': tellsAnew,
                    },
                  },
                  waiting: {
                    always: { guard: 'allStopped', target: 'over' },
                    on: { 'message.dropped': tellsOnceMore },
                  },
                  over: {
                    always: [
                      { guard: 'beingCancelled', target: '#directive.flow.cancelled' },
                      { target: '#directive.flow.failed' },
                    ],
                  },
                },
              },
            },
          },
          /** A retry (R50). */
          again: {
            always: [
              { guard: 'hasChain', target: 'active' },
              { guard: 'hasReadyPlan', target: 'active', actions: 'acceptPlan' },
              { target: 'planning' },
            ],
          },
          completed: { tags: ['completed', 'ended'], on: { ...ended('completed'), retry: refuse('completed') } },
          failed: {
            tags: ['failed', 'ended'],
            on: {
              ...ended('failed'),
              'step.ready': { actions: 'stopReady' },
              'message.dropped': dropped,
              retry: retries,
              plan: noPlan('failed'),
            },
          },
          cancelled: {
            tags: ['cancelled', 'ended'],
            on: {
              ...ended('cancelled'),
              'step.ready': { actions: 'stopReady' },
              'message.dropped': dropped,
              retry: retries,
              plan: noPlan('cancelled'),
            },
          },
        },
      },
      gate: {
        initial: 'open',
        states: {
          open: { on: { pause: { guard: 'notEnded', target: 'paused', actions: 'notePaused' } } },
          paused: {
            tags: 'paused',
            on: {
              resume: { guard: 'notEnded', target: 'open', actions: 'noteResumed' },
              retry: { guard: 'revives', target: 'open', actions: 'noteResumed' },
              'step.command': { guard: 'revivesByStep', target: 'open', actions: 'noteResumed' },
            },
          },
        },
      },
    },
  })
