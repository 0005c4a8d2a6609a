/** What becomes of an actor of an older version of its machine. */
import { describe, expect, it } from 'vitest'
import { type AnyStateMachine, createMachine } from 'xstate'
import { type Live, load, store, timersOf } from '../../src/machines/advance.ts'
import { migrated, takenUp } from '../../src/machines/migrate.ts'
import { Catalog, type MachineVersion, type Migration } from '../../src/machines/versions.ts'
import { patienceTimer, withSecond } from '../support/second-step.ts'
import { aStep, stepSettings, the, work } from './support.ts'

const given = { at: 1000, seed: 's', settings: stepSettings }
const of = (version: string): AnyStateMachine =>
  createMachine({
    id: 'step',
    version,
    initial: 'a',
    context: {},
    states: { a: { tags: 'running' }, b: { tags: 'held' } },
  })
const adds = (from: string, what: string): Migration => ({
  from,
  migrate: ({ value, context }) => ({ value, context: { ...context, [what]: true } }),
})
const one: MachineVersion = { machine: of('1') }
const two: MachineVersion = { machine: of('2'), migration: adds('1', 'two') }
const ten: MachineVersion = { machine: of('10'), migration: adds('2', 'ten') }
const three = new Catalog([one, ten, two])
const first = (catalog: Catalog): Live =>
  load({ machine: 'step', version: '1', value: 'a', context: { old: 1 } }, catalog)
const written = ['directive@1', 'step@10']

describe('an actor of an older version', () => {
  it('becomes one of the version that every live node declares, by all migrations that lead there', () => {
    const context = { old: 1, two: true, ten: true }
    expect(migrated(first(three), written, three)).toEqual({ machine: 'step', version: '10', value: 'a', context })
    expect(migrated(first(three), ['step@2'], three)).toMatchObject({ version: '2', context: { old: 1, two: true } })
  })

  it('stays what it is while its own is the activated one, nothing is known of that, or no migration leads there', () => {
    for (const such of [['step@1'], [], ['step@77'], ['directive@10']])
      expect(migrated(first(three), such, three)).toBeNull()
    const pinned = new Catalog([one, { machine: of('2') }, ten])
    expect(migrated(first(pinned), written, pinned)).toBeNull()
  })

  it('never goes back to an older one', () => {
    const live = load({ machine: 'step', version: '10', value: 'a', context: {} }, three)
    expect(migrated(live, ['step@2'], three)).toBeNull()
  })

  it.each<[string, Migration['migrate'], string]>([
    [
      'throws',
      () => {
        throw new Error('no such thing')
      },
      'no such thing',
    ],
    ['leads to a state that there is not', ({ context }) => ({ value: 'z', context }), "'z'"],
  ])('whose migration %s is told which one failed, and why', (_, migrate, why) => {
    const faulty = new Catalog([one, { machine: of('2'), migration: { from: '1', migrate } }])
    const attempt = (): unknown => migrated(first(faulty), ['step@2'], faulty)
    expect(attempt).toThrow('its migration from step@1 to step@2 failed: ')
    expect(attempt).toThrow(why)
  })

  it('is not changed by a migration that writes into what it is given', () => {
    const live = first(three)
    const careless: Migration = {
      from: '1',
      migrate: ({ value, context }) => {
        context['old'] = 2
        return { value, context }
      },
    }
    const catalog = new Catalog([one, { machine: of('2'), migration: careless }])
    expect(migrated(live, ['step@2'], catalog)).toMatchObject({ context: { old: 2 } })
    expect(store(live).context).toEqual({ old: 1 })
  })
})

it('timers that both versions wait for run on, others are cancelled, and new ones begin now', () => {
  const both = withSecond()
  const { live } = aStep().tellAll(...work)
  const stored = migrated(live, both.known, both)
  const after = load(stored ?? expect.unreachable(), both)
  expect(takenUp(live, after, given)).toMatchObject({
    effects: [],
    timers: [{ do: 'set', id: patienceTimer, delay: 86_400_000 }],
    changed: true,
  })
  expect(timersOf(after)).toEqual([...timersOf(live), patienceTimer].toSorted())
  expect(takenUp(after, live, given).timers).toEqual([{ do: 'cancel', id: patienceTimer }])
})

it('a delay is found out as entering the state would have it', () => {
  const both = withSecond()
  const [before, after] = [aStep().live, aStep().tellAll(the.ready, the.dispatch, the.granted).live]
  const timers = takenUp(before, after, given).timers
  expect(timers).toContainEqual({
    do: 'set',
    id: 'xstate.after.total.step.running.open',
    delay: stepSettings.limits.total,
  })
  expect(both.known).toContain('step@2')
})

it('a migration that changes the status leaves the event of that', () => {
  const moves = new Catalog([one, two])
  const held = load({ machine: 'step', version: '2', value: 'b', context: { held: null } }, moves)
  expect(takenUp(first(moves), held, given).effects).toMatchObject([
    { kind: 'event', type: 'step_held', data: { from: 'running', to: 'held' } },
  ])
})

it('a catalog refuses a migration from nowhere, or back', () => {
  expect(() => new Catalog([two])).toThrow('there is no machine step@1')
  const back = { machine: of('1'), migration: adds('2', 'back') }
  expect(() => new Catalog([back, { machine: of('2') }])).toThrow('the migration from step@2 leads to step@1')
})
