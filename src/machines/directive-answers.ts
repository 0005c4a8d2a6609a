/** How a directive's states answer what they do not take up: commands that are refused or passed on, and words that were dropped. */
import type { DirectiveStatus } from '../protocol/views.ts'

export const refuse = <const S extends DirectiveStatus>(status: S) =>
  ({ actions: { type: 'refuse', params: { status } } }) as const

/** What is refused in this status, and how a person's command to a step is taken; `live`: the directive is not ending. */
export const refusals = <const S extends DirectiveStatus>(status: S) =>
  ({ start: refuse(status), retry: refuse(status) }) as const
export const steers = <const S extends DirectiveStatus, const L extends boolean>(status: S, live: L) =>
  [
    { guard: 'commandsStep', actions: { type: 'tellStep', params: { live } } },
    { actions: { type: 'refuseStep', params: { status } } },
  ] as const

/** A directive that has ended: an evaluation is still possible, and a failed step may be retried (R38, R50). */
export const ended = <const S extends DirectiveStatus>(status: S) =>
  ({
    start: refuse(status),
    cancel: refuse(status),
    pause: refuse(status),
    resume: refuse(status),
    'step.command': [
      { guard: 'asksVainly', actions: 'refuseUnheard' },
      { guard: 'retriesFailed', target: 'again', actions: 'beginRetry' },
      { guard: 'asksRetry', actions: 'refuseRetry' },
      { guard: 'commandsStep', actions: { type: 'tellStep', params: { live: false } } },
      { actions: { type: 'refuseStep', params: { status } } },
    ],
  }) as const
export const noPlan = <const S extends DirectiveStatus>(status: S) => [{ guard: 'hasChain' }, refuse(status)] as const
/** Of one that has ended short of what was wanted. */
export const retries = [
  { guard: 'lacksWords', actions: 'refuseUnheard' },
  { target: 'again', actions: 'beginRetry' },
] as const
/** A message to it, or between its steps, was dropped. */
export const dropped = { actions: ['noteDropped', 'countAnew'] } as const
/** As that, once steps were told to stop: all of them are told again. */
export const tellsAnew = {
  target: 'telling',
  reenter: true,
  actions: ['noteDropped', 'countAnew', 'beginCancelling'],
} as const
/** As that, once it was said how many never began. */
export const tellsOnceMore = { ...tellsAnew, actions: ['keepSkipped', ...tellsAnew.actions] } as const
