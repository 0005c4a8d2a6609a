/** What a message, or a due timer, would do to an actor: the pure step once, whose outcome nobody keeps. */
import { type Advance, advance, fire, type Live } from './advance.ts'
import type { Effect } from './effect.ts'
import type { Given } from './given.ts'
import type { Message } from './message.ts'

/** `taken`: the state changes, or something is asked of the world; `nothing`: neither. */
export type Outcome = 'taken' | 'refused' | 'nothing'

export interface Trial extends Advance {
  outcome: Outcome
  /** What the asker would be told in place of an effect. */
  refusal: Extract<Effect, { kind: 'refuse' }> | null
}

/** Throws what the step throws: BAD_INPUT for a type that is XState's own, INTERNAL for a message that no machine can read. */
export const tryMessage = (live: Live, message: Message, given: Given<unknown>): Trial =>
  trialOf(advance(live, message, given))

/** The same of a timer, as if it were due. */
export const tryTimer = (live: Live, timer: string, given: Given<unknown>): Trial => trialOf(fire(live, timer, given))

const trialOf = (came: Advance): Trial => {
  const refusal = came.effects.find((effect) => effect.kind === 'refuse') ?? null
  const asks = came.effects.length + came.timers.length > 0
  const outcome = refusal !== null ? 'refused' : came.changed || asks ? 'taken' : 'nothing'
  return { ...came, outcome, refusal }
}
