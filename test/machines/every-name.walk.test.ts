/**
 * Every guard, action and delay that a chart names matters: with any one of them made to hold always or never, to do
 * nothing, or to last another time, some row of the tables is another one.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { current } from '../../src/machines/catalog.ts'
import type { Short } from './support.ts'
import { directiveEvents, directivePlaces, type Place, stepEvents, stepPlaces, tableOf } from './tables.ts'

type Named = Record<string, unknown>

const expectedOf = (machine: string): Map<string, string> => {
  const text = readFileSync(new URL(`./tables/${machine}.txt`, import.meta.url), 'utf8').trimEnd()
  return new Map(text.split('\n\n').map((section) => [section.slice(3, section.indexOf(':')), section]))
}

const tableWith = (name: string, place: Place, events: Record<string, Short>): string => {
  try {
    return tableOf(name, place, events)
  } catch (error) {
    return `fails: ${String(error)}`
  }
}

/** Whether some table is another one while `names[name]` is `other`. */
const matters = (machine: 'step' | 'directive', names: Named, name: string, other: unknown): boolean => {
  const [places, events] = machine === 'step' ? [stepPlaces, stepEvents] : [directivePlaces, directiveEvents]
  const expected = expectedOf(machine)
  const own = names[name]
  names[name] = other
  try {
    return Object.entries(places).some(([at, place]) => tableWith(at, place, events) !== expected.get(at))
  } finally {
    names[name] = own
  }
}

describe.each(['step', 'directive'] as const)('a %s', (machine) => {
  const { guards, actions, delays } = current[machine].implementations as object as Record<string, Named>
  const named = (of: Named | undefined): string[] => Object.keys(of ?? {}).filter((name) => name !== 'effect')

  it.each(named(guards))(
    'R45: its guard %s matters when it holds, and when it does not',
    (name) => {
      expect(matters(machine, guards ?? {}, name, () => true)).toBe(true)
      expect(matters(machine, guards ?? {}, name, () => false)).toBe(true)
    },
    120_000,
  )

  it.each(named(actions))(
    'R45: its action %s matters',
    (name) => {
      expect(matters(machine, actions ?? {}, name, () => {})).toBe(true)
    },
    120_000,
  )

  it.each(named(delays))(
    'R45: its delay %s matters',
    (name) => {
      expect(matters(machine, delays ?? {}, name, () => 1)).toBe(true)
    },
    120_000,
  )
})
