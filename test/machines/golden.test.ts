/**
 * What every released version of a machine has stored: this build opens it, goes on from it in the same way, and brings it to the
 * newest version. `WRITE_GOLDEN=1` keeps the states of a version that is new; those that are there never change.
 */
import { describe, expect, it } from 'vitest'
import { store, timersOf } from '../../src/machines/advance.ts'
import { catalog } from '../../src/machines/catalog.ts'
import { migrated } from '../../src/machines/migrate.ts'
import { withSecond } from '../support/second-step.ts'
import { goldenNames, goldenStates, keepGolden, openGolden, plain, takenOf } from './golden.ts'

if (process.env['WRITE_GOLDEN'] === '1') for (const name of catalog.known) keepGolden(name)

it('there are states of every version that this build knows, and it knows every version of which there are some', () => {
  expect(new Set(goldenNames())).toEqual(new Set(catalog.known))
})

describe.each(goldenNames())('of %s', (name) => {
  const states = goldenStates(name)

  it.each(states)('`$name` is opened as what it was stored as', ({ value, context, timers }) => {
    const live = openGolden(name, { value, context })
    expect(plain(store(live))).toMatchObject({ value, context })
    expect(Object.keys(store(live).context).toSorted(inText)).toEqual(Object.keys(context).toSorted(inText))
    expect(timersOf(live)).toEqual(timers)
  })

  it.each(states)('`$name` makes of every message what it made of it then', ({ value, context, settings, takes }) => {
    const live = openGolden(name, { value, context })
    for (const taken of takes) expect(takenOf(live, taken.told, settings)).toEqual(taken)
    expect(takes.length).toBeGreaterThan(0)
  })

  it.each(states)('`$name` comes to the newest version, where a migration leads there', ({ value, context }) => {
    const live = openGolden(name, { value, context })
    expect(() => migrated(live, catalog.known, catalog)).not.toThrow()
    const later = withSecond()
    const after = migrated(live, later.known, later)
    if (name === 'step@1')
      expect(after).toMatchObject({ version: '2', value, context: { ...context, made: 'as version 1' } })
    else expect(after).toBeNull()
  })
})

const inText = (a: string, b: string): number => (a < b ? -1 : 1)
