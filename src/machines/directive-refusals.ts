/** What a directive refuses, in words: what was asked, why not, and what can be done instead. */
import type { Does } from './act.ts'
import { type DirectiveContext, type DirectiveEvent, uncovered } from './directive-context.ts'

export const refuse = (text: string, hint: string): Does<DirectiveContext> => ({
  effects: [{ kind: 'refuse', code: 'REFUSED', text, hint }],
})

export const hints: Readonly<Record<string, string>> = {
  start: 'only a draft directive starts',
  plan: 'a plan is accepted only in planning; start the directive first',
  retry: 'only a failed or cancelled directive can be retried',
  cancel: 'only a directive that has not ended can be cancelled',
  pause: 'only a directive that has not ended can be paused',
  resume: 'only a directive that has not ended can be resumed',
}

export const stepRefusal = (
  { chain }: DirectiveContext,
  event: DirectiveEvent,
  status: string,
): Does<DirectiveContext> => {
  if (chain === null)
    return refuse(
      `the directive is ${status} and has no chain yet`,
      'its steps can be steered once its plan is accepted',
    )
  const index = event.type === 'step.command' ? event.index : -1
  const text = `there is no step ${index} in the current chain, which has ${chain.steps}`
  return { effects: [{ kind: 'refuse', code: 'NOT_FOUND', text, hint: 'name a step of the current chain' }] }
}

export const retryRefusal = ({ failed, failures }: DirectiveContext, event: DirectiveEvent): Does<DirectiveContext> => {
  const index = event.type === 'step.command' ? event.index : -1
  if (!failed.includes(index) && failures > failed.length)
    return refuse(`it is not known whether step ${index} has failed`, 'retry the directive')
  if (!failed.includes(index))
    return refuse(`step ${index} has not failed`, 'retry the directive, or the step that has failed')
  const text = 'other steps have failed as well'
  const steps = uncovered(failed, event)
  return { effects: [{ kind: 'refuse', code: 'REFUSED', text, hint: 'retry the directive', steps }] }
}
