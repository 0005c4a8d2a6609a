/**
 * The one way in which a named action of a chart does something: a plain function says what changes in the context and
 * which effects leave, in order. So a chart holds names only, and everything behind a name can be read on its own.
 */
import { type EventObject, enqueueActions, type MachineContext, type ParameterizedObject } from 'xstate'
import type { Effect } from './effect.ts'

/** What an action does. */
export interface Does<C> {
  set?: Partial<C>
  effects?: readonly Effect[]
}

/** The action that every effect leaves by; it does nothing itself. */
export const effect = (_: unknown, _effect: Effect): void => {}

export type EffectAction = { type: 'effect'; params: Effect }

/** Makes an action of `how`; params are those that the chart gives beside the action's name. */
export const act = <
  C extends MachineContext,
  E extends EventObject,
  P extends ParameterizedObject['params'] | undefined = undefined,
>(
  how: (context: C, event: E, params: P) => Does<C>,
) =>
  enqueueActions<C, E, P, E, never, EffectAction, never, never, never>(({ context, event, enqueue }, params) => {
    const { set, effects = [] } = how(context, event, params)
    if (set !== undefined) enqueue.assign(set)
    for (const params of effects) enqueue({ type: 'effect', params })
  })
