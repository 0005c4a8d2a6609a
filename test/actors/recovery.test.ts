/** What becomes of the units of a commit that did not hold. */
import { beforeEach, expect, it } from 'vitest'
import { type Around, runAgain } from '../../src/actors/recovery.ts'
import { type Unit, unitOf } from '../../src/actors/unit.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const clock = new SimClock()
const host = quietHost(clock, new SimStore({ clock }))
const nothing = (): void => undefined
const around: Around = {
  epoch: () => 1,
  epochs: () => new Map(),
  commit: () => Promise.resolve([]),
  fenced: () => Promise.resolve(),
  reclaim: () => Promise.resolve(),
  out: nothing,
  over: nothing,
  turning: nothing,
  poisoned: () => Promise.resolve(),
}
const failed = (code: 'CONFLICT' | 'UNKNOWN_RESULT', units: Unit[], isAgain = false) =>
  runAgain(host, around, { code, error: new WritError(code, 'no'), isAgain, units, shards: [0], actors: [] })

let told: unknown[]
const asked = (): Unit => {
  const asker = { reply: () => undefined, fail: (error: unknown) => told.push(error) }
  return unitOf(0, 'directive start d', () => Promise.resolve({}), { asker })
}
beforeEach(() => {
  told = []
})

it('who asks is told to ask again when the store has changed again and again: a daemon keeps its report', async () => {
  const unit = asked()
  for (let tries = 0; tries < 3; tries++) expect(await failed('CONFLICT', [unit])).toEqual({ units: [unit], alone: 1 })
  expect(await failed('CONFLICT', [unit])).toEqual({ units: [], alone: 0 })
  expect(told).toMatchObject([{ code: 'BUSY' }])
})

it('what a thread has noticed is run again when nobody knows whether it held; alone, and not for the first time of late, it is not', async () => {
  const own = unitOf(0, 'a silence', () => Promise.resolve({}))
  expect(await failed('UNKNOWN_RESULT', [asked(), own])).toEqual({ units: [own], alone: 2 })
  expect(await failed('UNKNOWN_RESULT', [own])).toEqual({ units: [own], alone: 1 })
  expect(await failed('UNKNOWN_RESULT', [asked(), own], true)).toEqual({ units: [own], alone: 2 })
  expect(await failed('UNKNOWN_RESULT', [own], true)).toEqual({ units: [], alone: 0 })
  expect(told).toEqual([])
})
