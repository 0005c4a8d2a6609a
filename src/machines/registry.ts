/** The chart of an owner's registry of daemons. It grants slots in both states, to those whose beats it has heard. */
import { setup } from 'xstate'
import { effect } from './act.ts'
import type { Given } from './given.ts'
import type { RegistryMessage } from './message.ts'

export interface RegistryContext {
  [key: string]: unknown
  given: Given<null>
  report: null
}

export type RegistryStatus = 'settling' | 'granting'

/** Its tables are the store's and the matching is the engine's: here is the control state alone. */
export const registry = setup({
  types: {
    context: {} as RegistryContext,
    events: {} as RegistryMessage,
    input: {} as { given: Given<null> },
    tags: {} as RegistryStatus,
  },
  actions: { effect },
}).createMachine({
  id: 'registry',
  version: '1',
  options: { maxIterations: 200 },
  context: ({ input }) => ({ given: input.given, report: null }),
  initial: 'settling',
  states: {
    /** It was just taken over: its directives have been asked what they hold, its daemons have their lease to be heard. */
    settling: { tags: 'settling', on: { settled: 'granting' } },
    granting: { tags: 'granting', on: { audit: 'settling' } },
  },
})
