/** A second version of the machine of steps, as a later build may have one: it remembers more, and waits for a timer more while it works. */
import { type AnyStateMachine, StateMachine } from 'xstate'
import { current } from '../../src/machines/catalog.ts'
import { Catalog, type MachineVersion, type Migration } from '../../src/machines/versions.ts'

const { step, directive, registry } = current
const patience = 86_400_000

interface Config {
  context: (given: object) => object
  states: Record<string, { after?: object }>
}

const secondOf = (machine: AnyStateMachine, delay: unknown = patience): AnyStateMachine => {
  const { context, states, ...config } = machine.config as Config
  const running = { ...states['running'], after: { ...states['running']?.after, patience: { actions: [] } } }
  return new StateMachine(
    {
      ...config,
      version: '2',
      context: (given: object) => ({ ...context(given), made: 'as version 2' }),
      states: { ...states, running },
    },
    {
      ...machine.implementations,
      delays: { ...machine.implementations.delays, patience: delay },
    } as typeof machine.implementations,
  )
}

export const secondStep = secondOf(step)
export const patienceTimer = 'xstate.after.patience.work'

export const fromFirst: Migration = {
  from: '1',
  migrate: ({ value, context }) => ({ value, context: { ...context, made: 'as version 1' } }),
}

const firsts: MachineVersion[] = [directive, step, registry].map((machine) => ({ machine }))

/** What a build opens that has both; `migration`: null when none leads from the first to the second. */
export const withSecond = (migration: Migration | null = fromFirst): Catalog =>
  new Catalog([...firsts, { machine: secondStep, ...(migration === null ? {} : { migration }) }])

/** The same, but for how long the second waits for the timer that is its own. */
export const withDelay = (
  delay: (given: { context: { given: { settings: { limits: { total: number } } } } }) => number,
): Catalog => new Catalog([...firsts, { machine: secondOf(step, delay), migration: fromFirst }])

/** Of a build that has dropped the first. */
export const withoutFirst = new Catalog([...firsts.filter(({ machine }) => machine !== step), { machine: secondStep }])
