/** When an actor is parked for its faults, and when not. */
import { beforeEach, expect, it } from 'vitest'
import { pack, unpack } from '../../src/actors/codec.ts'
import { Draft } from '../../src/actors/draft.ts'
import type { Host } from '../../src/actors/host.ts'
import { Faulty } from '../../src/actors/parked.ts'
import { Parking, Spent } from '../../src/actors/parking.ts'
import type { Resident } from '../../src/actors/memory.ts'
import type { StoredMessage } from '../../src/actors/ports/rows.ts'
import { Turn } from '../../src/actors/turn.ts'
import { type Unit, unitOf } from '../../src/actors/unit.ts'
import { watchUnit } from '../../src/actors/watch-unit.ts'
import { actorKey, registryId } from '../../src/protocol/ids.ts'
import { parkTriesMax } from '../../src/protocol/limits.ts'
import { endedThread } from '../../src/protocol/parked.ts'
import * as make from '../contract/rows.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const actor = actorKey('o', 'd')
const request = unitOf(0, 'directive cancel d', () => Promise.resolve({}))
let pushed: Unit[]
let parking: Parking
let host: Host
/** A thread that knows the machines that this one lacks. */
let able: string | null
beforeEach(() => {
  pushed = []
  able = null
  const clock = new SimClock()
  host = quietHost(clock, new SimStore({ clock }))
  parking = new Parking(host, {
    push: (unit) => pushed.push(unit),
    knowing: () => Promise.resolve(able),
    look: () => undefined,
  })
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

it('an acceptance that its machine fails at again and again parks nobody; a loss does', async () => {
  const fault = { tell: () => undefined, run: () => Promise.reject(new Faulty(actor, new Error('a fault'))) }
  const failAt = async (type: 'task.accepted' | 'task.lost'): Promise<void> => {
    const unit = watchUnit(make.attemptRow('d', 1), { type, attempt: 1, nonce: 'n', why: 'daemon', reason: 'gone' })
    await unit.run(fault as never).catch((error: unknown) => parking.failed(unit, error))
  }
  for (let time = 0; time < 2 * parkTriesMax; time++) await failAt('task.accepted')
  expect(pushed).toEqual([])
  for (let time = 0; time < parkTriesMax; time++) await failAt('task.lost')
  expect(pushed).toHaveLength(1)
})

it('what an actor took in between makes good its faults from before', async () => {
  await fail(parkTriesMax - 1)
  parking.worked([actorKey('o', 'other')])
  parking.worked([actor])
  await fail(parkTriesMax - 1)
  expect(pushed).toEqual([])
})

/** What is kept of a message that failed as often as is allowed. */
const parkedBody = async (from: string, body: Uint8Array, reason: string): Promise<Uint8Array | undefined> => {
  const row: StoredMessage = { id: 1, shard: 0, to: actor, from, body, tries: parkTriesMax - 1, reason }
  const unit = unitOf(0, 'message 1', () => Promise.resolve({}), { row })
  const isSpent = reason.startsWith(endedThread)
  host.store.countTry = () => Promise.resolve(parkTriesMax)
  row.tries = isSpent ? parkTriesMax : row.tries
  await parking.failed(unit, isSpent ? new Spent(row) : new Error(reason))
  const turn = new Turn(host, new Draft())
  await pushed.at(-1)?.run(turn)
  return turn.draft.parked[0]?.body
}

it('R41: a grant that is parked is late from then on', async () => {
  const body = await parkedBody(actorKey('o', registryId), pack({ type: 'grant', grant: {} }), 'for a test')
  expect(unpack(body ?? pack(null))).toEqual({ type: 'grant', grant: {}, late: true })
})

it('a message at which threads have ended is parked unopened: opening it may be what they ended at', async () => {
  const reason = `${endedThread}for a test`
  const body = pack({ type: 'grant', grant: {} })
  expect(await parkedBody('stream', body, reason)).toBe(body)
  // Not to be read beyond its type: what comes behind that has no end.
  const endless = Uint8Array.from([...body.subarray(0, -1), 0x81])
  expect(() => unpack(endless)).toThrow('end')
  const marked = Buffer.from((await parkedBody(actorKey('o', registryId), endless, reason)) ?? [])
  expect(marked.subarray(3, endless.length)).toEqual(Buffer.from(endless.subarray(3)))
  expect(marked.subarray(endless.length)).toEqual(Buffer.concat([pack('late'), pack(true)]))
})

/** The orders that a thread gives, once it has taken over the shard of an attempt. */
const ordersFor = async (resident: Partial<Resident>): Promise<(string | null)[]> => {
  const attempt = make.attemptRow('d', 1)
  host.memory.actors.set(attempt.actor, { row: make.actorRow('d', 1), live: null, parked: 'for a test', ...resident })
  host.memory.attempts.set(actorKey(attempt.owner, attempt.task), attempt)
  parking.find([attempt])
  const turn = new Turn(host, new Draft())
  await pushed[0]?.run(turn)
  return [...turn.draft.attempts.values()].map(({ asked }) => asked)
}

it('what a parked actor has under way is stopped by who takes its shard over', async () => {
  able = 'other'
  expect(await ordersFor({})).toEqual(['cancel'])
})

it('nobody stops what an actor has under way that another node can open: it is handed to that one, and its work counts there', async () => {
  able = 'other'
  expect(await ordersFor({ isForeign: true })).toEqual([])
})

it('what an actor has under way that no node can open is stopped', async () => {
  expect(await ordersFor({ isForeign: true })).toEqual(['cancel'])
})
