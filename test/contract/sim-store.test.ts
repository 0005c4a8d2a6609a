/** The simulator's store keeps the contract, and has the faults that it is there for. */
import { describe, expect, test } from 'vitest'
import { leaseMs, shardCount } from '../../src/protocol/limits.ts'
import { SimClock } from '../sim/clock.ts'
import { type CommitFate, SimStore } from '../sim/store.ts'
import { actorRow, identity } from './rows.ts'
import { mailboxOfTests, storeContract } from './store.contract.ts'

storeContract('in memory', () => {
  const clock = new SimClock()
  let lateMs = 0
  const fate = (): CommitFate => ({ appliedAfterMs: lateMs, answer: 'told', answeredAfterMs: lateMs })
  const store = new SimStore({ clock, mailboxMessagesMax: mailboxOfTests, fate })
  return Promise.resolve({
    store,
    advance: (ms: number) => clock.run(clock.monotonic() + ms),
    heldUp: async (thread, commit, meanwhile) => {
      lateMs = 1000
      const late = store.commit(thread, commit)
      lateMs = 0
      await meanwhile()
      return clock.runFor(late)
    },
    close: () => Promise.resolve(),
  })
})

describe('a simulated commit', () => {
  const me = identity('t1')
  const rows = (epoch = 1) => ({ shards: [{ shard: 0, epoch }], actors: [actorRow('d', 1)] })
  const open = async (fate?: CommitFate) => {
    const clock = new SimClock()
    const store = new SimStore({ clock, ...(fate === undefined ? {} : { fate: () => fate }) })
    await store.join(me)
    await store.claim(me, 1)
    return { clock, store }
  }

  test('is unknown to its caller and applied all the same', async () => {
    const { store } = await open({ appliedAfterMs: 0, answer: 'unknown', answeredAfterMs: 0 })
    await expect(store.commit(me, rows())).rejects.toMatchObject({ code: 'UNKNOWN_RESULT' })
    expect(store.tables.actors.size).toBe(1)
  })

  test('is unknown to its caller and never applied', async () => {
    const { store } = await open({ appliedAfterMs: null, answer: 'unknown', answeredAfterMs: 0 })
    await expect(store.commit(me, rows())).rejects.toMatchObject({ code: 'UNKNOWN_RESULT' })
    expect(store.tables.actors.size).toBe(0)
  })

  test('that is applied late finds new epochs, and is fenced without anybody hearing of it', async () => {
    const { store, clock } = await open({ appliedAfterMs: 500, answer: 'unknown', answeredAfterMs: 100 })
    const outcome = store.commit(me, rows()).catch((error: unknown) => error)
    expect(await clock.runFor(outcome)).toMatchObject({ code: 'UNKNOWN_RESULT' })
    await store.reclaim(me, [0])
    await clock.run(1000)
    expect(store.tables.actors.size).toBe(0)
  })

  test('that is never applied leaves a gap: its messages had their ids', async () => {
    let lost = true
    const clock = new SimClock()
    const fate = (): CommitFate => ({
      appliedAfterMs: lost ? null : 0,
      answer: lost ? 'unknown' : 'told',
      answeredAfterMs: 0,
    })
    const store = new SimStore({ clock, fate })
    await store.join(me)
    await store.claim(me, 1)
    const message = { to: 'alice/d', from: 'alice/e', shard: 0, body: new Uint8Array() } as const
    const send = () => store.commit(me, { shards: [{ shard: 0, epoch: 1 }], messages: [message] })
    await expect(send()).rejects.toMatchObject({ code: 'UNKNOWN_RESULT' })
    lost = false
    expect(await send()).toEqual({ messages: [2] })
  })

  test('is refused as bad input', async () => {
    const { store } = await open({ appliedAfterMs: 0, answer: 'refused', answeredAfterMs: 0 })
    await expect(store.commit(me, rows())).rejects.toMatchObject({ code: 'BAD_INPUT' })
    expect(store.tables.actors.size).toBe(0)
  })

  test('takes its time', async () => {
    const { store, clock } = await open({ appliedAfterMs: 5, answer: 'told', answeredAfterMs: 9 })
    expect(await clock.runFor(store.commit(me, rows()))).toEqual({ messages: [] })
    expect(clock.monotonic()).toBe(9)
  })
})

describe('a clock that is set back', () => {
  test('does not let the lease of a thread that has died last longer', async () => {
    const clock = new SimClock()
    let skew = 0
    const store = new SimStore({ clock, now: () => clock.monotonic() + skew })
    const [dead, alive] = [identity('t1'), identity('t2')]
    await store.join(dead)
    expect(await store.claim(dead, 1)).toHaveLength(1)
    await store.join(alive)
    skew = -3_600_000
    expect((await store.renew(alive)).live).toBe(2)
    await clock.run(leaseMs - 1)
    await store.renew(alive)
    await clock.run(leaseMs)
    expect((await store.renew(alive)).live).toBe(1)
    expect(await store.claim(alive, shardCount)).toHaveLength(shardCount)
  })
})
