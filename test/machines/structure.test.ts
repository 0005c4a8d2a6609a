/** What types cannot see of a chart: misspelled keys and delays compile, and a missing delay would fire at once. */
import { describe, expect, it } from 'vitest'
import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { getStateNodes } from 'xstate/graph'
import { catalog, current } from '../../src/machines/catalog.ts'
import { directiveEvents, registryEvents, stepEvents } from './tables.ts'

const keys = new Set(
  'id initial type states entry exit on always after onDone tags context version options schemas'.split(' '),
)
const transitionKeys = new Set('target actions guard reenter'.split(' '))
const nameOf = (named: unknown): unknown =>
  typeof named === 'object' && named !== null && 'type' in named ? named.type : named
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value])

interface Config {
  on?: Record<string, unknown>
  after?: Record<string, unknown>
  always?: unknown
  onDone?: unknown
  entry?: unknown
  exit?: unknown
  states?: Record<string, Config>
}

const configsIn = (config: Config): Config[] => [config, ...Object.values(config.states ?? {}).flatMap(configsIn)]
const transitionsOf = ({ on = {}, after = {}, always, onDone }: Config): unknown[] =>
  [...Object.values(on), ...Object.values(after), always, onDone].flatMap(listOf)

describe.each<[string, AnyStateMachine, object]>([
  ['step', current.step, stepEvents],
  ['directive', current.directive, directiveEvents],
  ['registry', current.registry, registryEvents],
])('the chart of a %s', (name, machine, eventTable) => {
  const configs = configsIn(machine.config as Config)

  it('has no key that XState does not know', () => {
    for (const config of configs) for (const key of Object.keys(config)) expect([...keys]).toContain(key)
    for (const transition of configs.flatMap(transitionsOf))
      if (typeof transition === 'object' && transition !== null)
        for (const key of Object.keys(transition)) expect([...transitionKeys]).toContain(key)
  })

  it('names only delays, guards and actions that exist, and nothing by a function', () => {
    const { delays, guards, actions } = machine.implementations
    for (const node of getStateNodes(machine)) {
      for (const { delay } of node.after) expect(delays).toHaveProperty([String(delay)])
      const transitions = [...node.transitions.values()].flat().concat(node.always ?? [])
      for (const { guard } of transitions)
        if (guard !== undefined) expect(guards).toHaveProperty([String(nameOf(guard))])
    }
    const named = configs.flatMap((config) => [
      ...listOf(config.entry),
      ...listOf(config.exit),
      ...transitionsOf(config).flatMap((transition) =>
        listOf((transition as { actions?: unknown } | undefined)?.actions),
      ),
    ])
    for (const action of named) expect(actions).toHaveProperty([String(nameOf(action))])
  })

  it('leaves the state of every durable timer when it fires: nothing waits for one that has fired', () => {
    const isWithin = (node: AnyStateNode, state: AnyStateNode): boolean =>
      node.parent !== undefined && (node.parent === state || isWithin(node.parent, state))
    for (const node of getStateNodes(machine))
      for (const { eventType, target = [], reenter } of node.after) {
        const leaves = target.some((to) => reenter === true || !isWithin(to, node))
        expect(leaves, `${eventType} stays in ${node.id}`).toBe(true)
      }
  })

  it('R45: the tables meet it with every event that it names', () => {
    const named = new Set(configs.flatMap(({ on = {} }) => Object.keys(on)))
    const met = new Set(Object.values(eventTable as Record<string, { type: string }>).map(({ type }) => type))
    expect([...named].filter((type) => !met.has(type))).toEqual([])
  })

  it('uses every guard, action and delay that it has', () => {
    const text = JSON.stringify(machine.config)
    const unused = (names: object) => Object.keys(names).filter((each) => !text.includes(`"${each}"`))
    const { delays, guards, actions } = machine.implementations
    const throughOthers = ['effect', 'mayTell', 'endedShort']
    expect([delays, guards, actions].flatMap(unused).filter((each) => !throughOthers.includes(each))).toEqual([])
  })

  it('has a definition that is JSON as it is: what is read back is what was written', () => {
    const json = JSON.stringify(machine.definition)
    expect(JSON.parse(json)).toMatchObject({ id: name, version: '1' })
    const lost: string[] = []
    JSON.stringify(machine.config, (key, value: unknown) => {
      if (typeof value === 'function' && key !== 'context') lost.push(key)
      return value
    })
    expect(lost).toEqual([])
  })

  it('has no final state at the top, no invoke, no history, and a bound for eventless loops', () => {
    for (const node of getStateNodes(machine)) {
      expect(node.invoke).toEqual([])
      expect(node.type).not.toBe('history')
    }
    expect(machine.options.maxIterations).toBe(200)
  })

  it('is in the catalog under its name and version', () => {
    expect(catalog.knows(name, '1')).toBe(true)
    expect(catalog.knows(name, '2')).toBe(false)
    expect(catalog.known).toContain(`${name}@1`)
    expect(catalog.machineOf(name, '1')).toBe(machine)
  })
})

it('R46: a machine that is not known is named, with those that are', () => {
  expect(() => catalog.machineOf('step', '7')).toThrow(
    expect.objectContaining({
      code: 'INTERNAL',
      message: 'there is no machine step@7 in this version of Writ',
      hint: 'known are directive@1, step@1, registry@1',
    }),
  )
  expect(catalog.known).toEqual(['directive@1', 'step@1', 'registry@1'])
})
