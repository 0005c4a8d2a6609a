/** When an actor is parked for its faults, and when not. */
import { beforeEach, expect, it } from 'vitest'
import { Faulty } from '../../src/actors/parked.ts'
import { Parking } from '../../src/actors/parking.ts'
import { type Unit, unitOf } from '../../src/actors/unit.ts'
import { actorKey } from '../../src/protocol/ids.ts'
import { parkTriesMax } from '../../src/protocol/limits.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const actor = actorKey('o', 'd')
const request = unitOf(0, 'directive cancel d', () => Promise.resolve({}))
let pushed: Unit[]
let parking: Parking
beforeEach(() => {
  pushed = []
  const clock = new SimClock()
  const host = quietHost(clock, new SimStore({ clock }))
  parking = new Parking(host, (unit) => pushed.push(unit))
})

const fail = async (times: number): Promise<void> => {
  for (let time = 0; time < times; time++) await parking.failed(request, new Faulty(actor, new Error('a fault')))
}

it('an actor that fails as often as is allowed, whatever it is asked, is parked', async () => {
  await fail(parkTriesMax - 1)
  expect(pushed).toEqual([])
  await fail(1)
  expect(pushed).toMatchObject([{ what: `parking of ${actor}` }])
})

it('what an actor took in between makes good its faults from before', async () => {
  await fail(parkTriesMax - 1)
  parking.worked([actorKey('o', 'other')])
  parking.worked([actor])
  await fail(parkTriesMax - 1)
  expect(pushed).toEqual([])
})
