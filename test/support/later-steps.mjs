// Versions that the machine of steps may have in later builds, each with a migration from the one before: an actor remembers on
// which it was, and every other version waits for a timer more while its step runs.
import { StateMachine } from 'xstate'

const patience = 86_400_000

const versionOf = (machine, version) => {
  const { context, states, ...config } = machine.config
  const { after } = states.running
  const more = version % 2 === 0 ? { after: { ...after, patience: { actions: [] } } } : {}
  return new StateMachine(
    {
      ...config,
      version: String(version),
      context: (given) => ({ ...context(given), builds: [version] }),
      states: { ...states, running: { ...states.running, ...more } },
    },
    { ...machine.implementations, delays: { ...machine.implementations.delays, patience } },
  )
}

const migrationTo = (version) => ({
  from: String(version - 1),
  migrate: ({ value, context }) => ({ value, context: { ...context, builds: [...(context.builds ?? [1]), version] } }),
})

/** As a catalog takes them: the first as it is, and those up to `build`. */
export const laterVersions = (first, build) => [
  { machine: first },
  ...Array.from({ length: build - 1 }, (_, at) => ({
    machine: versionOf(first, at + 2),
    migration: migrationTo(at + 2),
  })),
]
