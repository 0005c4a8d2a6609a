/** Watches of actors, as a thread holds them: who is watched, and for how long. */
import { expect, it } from 'vitest'
import { Inspections } from '../../src/actors/inspections.ts'
import type { InspectOrder } from '../../src/protocol/inspection.ts'
import { inspectionCountMax, inspectionLeaseMs } from '../../src/protocol/limits.ts'
import { SimClock } from '../sim/clock.ts'

const order = (inspection: string, more: Partial<InspectOrder> = {}): InspectOrder => ({
  inspection,
  owner: 'o',
  observer: 'x',
  leaseMs: inspectionLeaseMs,
  ...more,
})

it('an actor is watched while a watch that selects it holds, and no longer', async () => {
  const clock = new SimClock()
  const inspections = new Inspections(clock)
  expect(inspections.isWatched('o/d')).toBe(false)
  inspections.open(order('a', { directive: 'd' }))
  expect(['o/d', 'o/d__1_0', 'o/e', 'p/d', 'o/__registry'].map((key) => inspections.isWatched(key as 'o/d'))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
  await clock.run(inspectionLeaseMs - 1)
  expect(inspections.isWatched('o/d')).toBe(true)
  await clock.run(inspectionLeaseMs)
  expect(inspections.isWatched('o/d')).toBe(false)
})

it('a watch that is renewed holds on, and may select others from then on', async () => {
  const clock = new SimClock()
  const inspections = new Inspections(clock)
  inspections.open(order('a', { actor: 'd*' }))
  await clock.run(inspectionLeaseMs - 1)
  inspections.open(order('a', { kind: 'registry' }))
  await clock.run(inspectionLeaseMs + 1)
  expect([inspections.isWatched('o/d1'), inspections.isWatched('o/__registry')]).toEqual([false, true])
})

it('a watch that its watcher ends is over at once, and another of that name is not', async () => {
  const inspections = new Inspections(new SimClock())
  inspections.open(order('a', { directive: 'd' }))
  inspections.open(order('a', { owner: 'p', directive: 'd' }))
  expect(inspections.open(order('a', { directive: 'd', leaseMs: 0 }))).toBe(true)
  expect([inspections.isWatched('o/d'), inspections.isWatched('p/d')]).toEqual([false, true])
  expect(inspections.open(order('b', { leaseMs: 0 }))).toBe(true)
  expect(inspections.isWatched('o/d')).toBe(false)
})

it('a thread holds so many watches and no more; one that is renewed is not one more', async () => {
  const clock = new SimClock()
  const inspections = new Inspections(clock)
  for (let at = 0; at < inspectionCountMax; at++) expect(inspections.open(order(`a${at}`))).toBe(true)
  expect([inspections.open(order('more')), inspections.open(order('a0'))]).toEqual([false, true])
  await clock.run(inspectionLeaseMs)
  expect(inspections.open(order('more'))).toBe(true)
})

it('who is watched is told from a glob of many stars as from one of few', () => {
  const inspections = new Inspections(new SimClock())
  const many = '*a'.repeat(12)
  const watches = (owner: string, id: string): boolean => inspections.isWatched(`${owner}/${id}` as 'o/d')
  inspections.open(order('a', { actor: `${many}*z` }))
  inspections.open(order('b', { owner: 'p', actor: 'x*b?__1_*' }))
  expect([watches('o', 'a'.repeat(60)), watches('o', `${'a'.repeat(60)}z`)]).toEqual([false, true])
  expect(['xb1__1_0', 'xbb1__1_', 'xb__1_0', 'axb1__1_0', 'xb1__2_0'].map((id) => watches('p', id))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
})

it('a watch of one owner is not ended by another owner who calls his the same', () => {
  const inspections = new Inspections(new SimClock())
  inspections.open(order('mine'))
  inspections.open(order('mine', { owner: 'p' }))
  expect([inspections.isWatched('o/d'), inspections.isWatched('p/d')]).toEqual([true, true])
})
