/** The chart of an owner's registry of daemons: it grants slots, except while it settles what is still held after a start. */
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
    /** The directives have been asked what they hold; grants that nobody knows are freed when all have answered. */
    settling: { tags: 'settling', on: { settled: 'granting' } },
    granting: { tags: 'granting', on: { audit: 'settling' } },
  },
})
