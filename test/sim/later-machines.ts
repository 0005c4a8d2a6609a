/**
 * The machines of later builds, made from those of this one as a later product might have them: states and fields of the memory have
 * other names, states and timers are new, and each actor remembers on which versions it was.
 */
import { type AnyMachineSnapshot, type AnyStateMachine, StateMachine, type StateValue } from 'xstate'
import { act } from '../../src/machines/act.ts'
import type { Live } from '../../src/machines/advance.ts'
import { current } from '../../src/machines/catalog.ts'
import type { MachineVersion, VersionState } from '../../src/machines/versions.ts'
import { throwAtFault } from './faulty-machines.ts'

type Names = Readonly<Record<string, string>>
type Fields = Record<string, unknown>

interface Config {
  context: (given: object) => object
  states: Record<string, Config>
}

/** How long a step is held before a later build calls it to mind, in ms. */
const patience = 15_000

/** What a version has another name for, by the name that the first one has. */
interface Renamed {
  states: Names
  fields: Names
}

const renamed: Readonly<Record<string, Renamed>> = {
  'step@3': {
    states: { limited: 'bounded', evaluating: 'judgement', merging: 'joining' },
    fields: { evaluatorTries: 'withoutVerdict' },
  },
  'directive@2': { states: { running: 'going', judging: 'weighing' }, fields: { acceptTries: 'weighed' } },
}

/** States that the first version has none of, by those that they came out of. */
const added: Readonly<Record<string, Names>> = {
  'step@2': { reminded: 'unlimited' },
  'step@3': { reminded: 'unlimited' },
}

const none: Renamed = { states: {}, fields: {} }
const nameOf = ({ id, version = '' }: AnyStateMachine): string => `${id}@${version}`
const turned = (names: Names): Names => Object.fromEntries(Object.entries(names).map(([one, other]) => [other, one]))
const keysIn = (fields: Fields, names: Names): Fields =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [names[key] ?? key, value]))

/** The chart with other names for its states, wherever they are named. */
const chartIn = (part: unknown, names: Names, place = ''): unknown => {
  if (typeof part === 'string') return place === 'target' || place === 'initial' ? pathIn(part, names) : part
  if (Array.isArray(part)) return part.map((each) => chartIn(each, names, place))
  if (typeof part !== 'object' || part === null) return part
  const inner = Object.entries(part).map(([key, value]) => [key, chartIn(value, names, key)] as const)
  return keysIn(Object.fromEntries(inner), place === 'states' ? names : {})
}

/** `a.b`: each part by itself. */
const pathIn = (path: string, names: Names): string =>
  path
    .split('.')
    .map((part) => names[part] ?? part)
    .join('.')

const valueIn = (value: StateValue, names: Names): StateValue =>
  typeof value === 'string'
    ? (names[value] ?? value)
    : Object.fromEntries(
        Object.entries(value).flatMap(([key, inner]) =>
          inner === undefined ? [] : [[names[key] ?? key, valueIn(inner, names)]],
        ),
      )

/** Its actions and guards know the names that its fields had, and all others those that they have. */
const withFields = (machine: AnyStateMachine, fields: Names): AnyStateMachine => {
  if (Object.keys(fields).length === 0) return machine
  const transition = machine.transition.bind(machine)
  const getInitialSnapshot = machine.getInitialSnapshot.bind(machine)
  const shown = (snapshot: AnyMachineSnapshot, names: Names): AnyMachineSnapshot =>
    ({ ...snapshot, context: keysIn(snapshot.context as Fields, names) }) as AnyMachineSnapshot
  return Object.assign(machine, {
    transition: (...[before, event, scope]: Parameters<typeof transition>) =>
      shown(transition(shown(before as AnyMachineSnapshot, turned(fields)), event, scope), fields),
    getInitialSnapshot: (...given: Parameters<typeof getInitialSnapshot>) =>
      shown(getInitialSnapshot(...given), fields),
  })
}

const versionOf = (
  first: AnyStateMachine,
  version: string,
  change: (states: Config['states']) => object = (states) => states,
): AnyStateMachine => {
  const { states: names, fields } = renamed[`${first.id}@${version}`] ?? none
  const { context, states, ...config } = first.config as Config
  const { actions, delays, ...rest } = first.implementations
  return withFields(
    new StateMachine(
      {
        ...config,
        version,
        context: (given: object) => ({ ...context(given), versions: [version] }),
        states: chartIn(change(states), names, 'states') as Config['states'],
      },
      { ...rest, actions: { ...actions, remind } as typeof actions, delays: { ...delays, patience } },
    ),
    fields,
  )
}

const remind = act(() => ({
  effects: [{ kind: 'event', type: 'step_reminded', severity: 'info', source: 'system', data: {} }],
}))

/** Who is held without a limit is called to mind once. */
const reminding = ({ held, ...states }: Config['states']): object => ({
  ...states,
  held: {
    ...held,
    states: {
      ...held?.states,
      unlimited: { after: { patience: { target: 'reminded', actions: 'remind' } } },
      reminded: {},
    },
  },
})

/** From the version before, by the names of both. Some fail. */
const migratedTo =
  (version: string, { states, fields }: Renamed = none) =>
  ({ value, context }: VersionState): VersionState => {
    throwAtFault(JSON.stringify([version, value, context]), context)
    const { versions = ['1'] } = context
    return {
      value: valueIn(value, states),
      context: { ...keysIn(context, fields), versions: [...(versions as string[]), version] },
    }
  }

const { step, directive } = current

/** In their order. */
export const laterSteps: readonly MachineVersion[] = [
  { machine: versionOf(step, '2', reminding), migration: { from: '1', migrate: migratedTo('2') } },
  {
    machine: versionOf(step, '3', reminding),
    migration: { from: '2', migrate: migratedTo('3', renamed['step@3']) },
  },
]

export const laterDirectives: readonly MachineVersion[] = [
  { machine: versionOf(directive, '2'), migration: { from: '1', migrate: migratedTo('2', renamed['directive@2']) } },
]

/** What an actor of whichever version remembers, by the names that the first version has. */
export const memoryOf = ({ snapshot }: Live): object => {
  const { fields } = renamed[nameOf(snapshot.machine as AnyStateMachine)] ?? none
  return keysIn(snapshot.context as Fields, turned(fields))
}

/** `a.b`, the place of a state, by the names that the first version has. */
export const placeOf = (path: string, machine: AnyStateMachine): string => {
  const { states } = renamed[nameOf(machine)] ?? none
  return pathIn(path, { ...turned(states), ...added[nameOf(machine)] })
}
