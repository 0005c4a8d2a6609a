/** What counts as seen, and when a run has seen too little. */
import { expect, test } from 'vitest'
import type { AnyStateNode } from 'xstate'
import { current } from '../../src/machines/catalog.ts'
import { reachablePairs } from './coverage.ts'
import { commonFloors, floors, floorSeedsMin, tooLittle } from './floors.ts'
import { withoutEnd } from './job.ts'
import { calm } from './options.ts'
import { deedRates, faultRates } from './rates.ts'
import { Tally } from './tally.ts'
import { simulate } from './world.ts'

const reachable = reachablePairs()

test('the pairs that there can be are those of the tables in which anything is done', () => {
  expect(reachable).toContain('step pending dispatch')
  expect(reachable).toContain('step running.open.working task.done')
  expect(reachable).toContain('step held.limited timer hold')
  expect(reachable).toContain('directive gate.paused resume')
  expect(reachable).toContain('directive flow.active.running step.command retry')
  expect(reachable).not.toContain('step passed timer total')
  expect(reachable).not.toContain('directive gate.open resume')
})

test('a world visits pairs that the tables know', async () => {
  const { visited } = await simulate(calm(1))
  expect(visited).toContain('directive flow.draft start')
  expect([...visited].filter((pair) => !reachable.has(pair))).toEqual([])
})

/** Of a long run, in which each kind took effect as often as there were worlds. */
const full = (
  change: (tally: Tally) => void = () => undefined,
  isOn: (kind: string) => boolean = () => true,
): Tally => {
  const tally = new Tally()
  const seeds = 20 * floorSeedsMin
  const happened = Object.keys({ ...faultRates, ...deedRates }).map((name) => [name, isOn(name) ? seeds : 0] as const)
  const [ended, events, migrated] = [floors.ended * seeds, floors.events * seeds, floors.migrated * seeds]
  tally.add({
    ...withoutEnd({ seed: 1, size: 'small' }, ''),
    ended,
    events,
    migrated,
    happened,
    visited: [...reachable],
  })
  tally.seeds = seeds
  change(tally)
  return tally
}

test('a run in which enough happens is good', () => {
  expect(tooLittle(full(), reachable, 'mixed')).toEqual([])
})

test('a run in which too little of anything happens says of what', () => {
  const without = (change: (tally: Tally) => void): string[] => tooLittle(full(change), reachable, 'mixed')
  expect(without((tally) => (tally.ended = 3))).toEqual([expect.stringContaining('directives ended: 3, and not')])
  expect(without((tally) => (tally.events = 3))).toEqual([expect.stringContaining('events: 3, and not')])
  expect(without((tally) => (tally.migrated = 3))).toEqual([expect.stringContaining('migrations: 3, and not')])
  expect(without((tally) => tally.visited.clear())).toEqual([
    expect.stringContaining('pairs of a state and a message: 0'),
  ])
  const withoutKinds = (isOn: (kind: string) => boolean): string[] =>
    tooLittle(full(undefined, isOn), reachable, 'mixed')
  expect(withoutKinds((kind) => kind !== 'busDrop')).toEqual([expect.stringContaining('busDrop: 0, and not')])
  expect(withoutKinds(() => false)).toContainEqual(expect.stringContaining('kinds of faults and deeds: 0, and not'))
})

/** Of as many worlds as every test run has: each common kind took effect as often as it has to, the rest never. */
const short = (lost: string | null): Tally => {
  const tally = new Tally()
  const seeds = floorSeedsMin + 30
  const happened = [...commonFloors].map(
    ([name, floor]) => [name, name === lost ? 0 : Math.ceil(floor * seeds)] as const,
  )
  const much = { ended: seeds, events: floors.events * seeds, migrated: seeds, visited: [...reachable] }
  tally.add({ ...withoutEnd({ seed: 1, size: 'small' }, ''), ...much, happened })
  tally.seeds = seeds
  return tally
}

test.each([
  'commitUnknownApplied',
  'engineKilled',
  'engineKilledAtCall',
  'partition',
  'reportForged',
  'streamWiped',
  'backendKilled',
  'databaseClockJumps',
  'mergeConflict',
  'cancel',
])('a run of 530 worlds in which %s never took effect says so', (lost) => {
  const isOfKind = (text: string): boolean => text.startsWith(`${lost}: 0, and not`)
  expect(tooLittle(short(null), reachable, 'mixed').filter(isOfKind)).toEqual([])
  expect(tooLittle(short(lost), reachable, 'mixed').filter(isOfKind)).toHaveLength(1)
  expect(tooLittle(short(lost), reachable, 'steered').filter(isOfKind)).toEqual([])
})

test('of three kinds in four something is asked in a short run', () => {
  const kinds = Object.keys({ ...faultRates, ...deedRates })
  expect([...commonFloors.keys()].filter((name) => !kinds.includes(name))).toEqual([])
  expect(commonFloors.size).toBeGreaterThan(0.75 * kinds.length)
})

test('of a few worlds nothing is asked', () => {
  expect(tooLittle(new Tally(), reachable, 'mixed')).toEqual([])
})
const restingIn = (node: AnyStateNode): string[] => {
  // One that takes nothing itself waits only for a guard.
  const isPassing = node.type === 'final' || (node.always !== undefined && node.ownEvents.length === 0)
  if (Object.keys(node.states).length > 0) return Object.values(node.states).flatMap(restingIn)
  return isPassing ? [] : [node.path.join('.')]
}

test.each(['directive', 'step'] as const)('R45: the tables of a %s have every state in which it rests', (machine) => {
  const states = new Set([...reachable].map((pair) => pair.split(' ').slice(0, 2).join(' ')))
  expect(
    restingIn(current[machine].root as AnyStateNode).filter((state) => !states.has(`${machine} ${state}`)),
  ).toEqual([])
})
