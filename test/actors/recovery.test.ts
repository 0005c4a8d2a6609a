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
const around = { reclaim: () => Promise.resolve() } as unknown as Around
const failed = (code: 'CONFLICT' | 'UNKNOWN_RESULT', units: Unit[]) =>
  runAgain(host, around, { code, error: new WritError(code, 'no'), isAgain: false, units, shards: [0], actors: [] })

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
  for (let tries = 0; tries < 3; tries++)
    expect(await failed('CONFLICT', [unit])).toEqual({ units: [unit], alone: 1, later: null })
  expect(await failed('CONFLICT', [unit])).toEqual({ units: [], alone: 0, later: null })
  expect(told).toMatchObject([{ code: 'BUSY' }])
})

it('what a thread has noticed is tried at once while nobody knows whether it held, then after others, and is given up in the end', async () => {
  const own = unitOf(0, 'a silence', () => Promise.resolve({}))
  expect(await failed('UNKNOWN_RESULT', [asked(), own])).toEqual({ units: [own], alone: 2, later: null })
  for (let tries = 0; tries < 2; tries++)
    expect(await failed('UNKNOWN_RESULT', [own])).toEqual({ units: [own], alone: 1, later: null })
  for (let tries = 2; tries < 5; tries++)
    expect(await failed('UNKNOWN_RESULT', [own])).toEqual({ units: [], alone: 0, later: own })
  expect(await failed('UNKNOWN_RESULT', [own])).toEqual({ units: [], alone: 0, later: null })
  expect(told).toEqual([])
})
