/** A thread's hold on its shards while what follows from it takes its time. */
import { expect, it } from 'vitest'
import { Holder, type Holding, type Leases } from '../../src/actors/holder.ts'
import type { HeldShard } from '../../src/actors/ports/store.ts'
import { leaseMs, shardCount } from '../../src/protocol/limits.ts'
import { SimClock } from '../sim/clock.ts'

/** A store that knows one thread, and says how many live. */
class OneLease implements Leases {
  readonly held = new Map<number, number>()
  readonly clock: SimClock
  live = 1
  /** How far its clock is ahead of the thread's, in ms. */
  ahead = 0
  constructor(clock: SimClock) {
    this.clock = clock
  }
  readonly #renewal = () =>
    Promise.resolve({ now: this.clock.monotonic() + this.ahead, live: this.live, held: this.#list() })
  readonly #list = (): HeldShard[] => [...this.held].map(([shard, epoch]) => ({ shard, epoch }))
  join = this.#renewal
  renew = this.#renewal
  claim: Leases['claim'] = (_, count) => {
    const free = Array.from({ length: shardCount }, (_each, shard) => shard).filter((shard) => !this.held.has(shard))
    const taken = free.slice(0, count).map((shard) => ({ shard, epoch: 1 }))
    for (const { shard, epoch } of taken) this.held.set(shard, epoch)
    return Promise.resolve(taken)
  }
  reclaim: Leases['reclaim'] = () => Promise.resolve([])
  release: Leases['release'] = (_, shards) => {
    for (const shard of shards) this.held.delete(shard)
    return Promise.resolve()
  }
  leave: Leases['leave'] = () => Promise.resolve()
}

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const identity = { thread: 't', node: 'n', nonce: 'x', home: null, machines: [] }

const setUp = (holding: Partial<Holding>) => {
  const clock = new SimClock()
  const store = new OneLease(clock)
  const all = { taken: () => Promise.resolve(), leaving: () => Promise.resolve(), lost: () => undefined, ...holding }
  return { clock, store, holder: new Holder(store, clock, identity, all, silent) }
}

it('the lease is renewed while shards are taken, however long that takes', async () => {
  const { clock, holder } = setUp({ taken: () => new Promise(() => undefined) })
  void holder.start(1)
  await clock.run(3 * leaseMs)
  expect(holder.epoch(0)).toBe(1)
})

it('the lease is renewed while shards are given up, and no more are given up meanwhile', async () => {
  const leaving: number[] = []
  let finish = (): void => undefined
  const { clock, store, holder } = setUp({
    leaving: (shards) => {
      leaving.push(...shards)
      return new Promise((resolve) => (finish = resolve))
    },
  })
  await clock.runFor(holder.start(1))
  store.live = 2
  await clock.run(3 * leaseMs)
  const first = leaving.length
  expect(holder.epoch(shardCount - 1)).toBe(1)
  finish()
  await clock.run(4 * leaseMs)
  expect(leaving.length).toBe(2 * first)
  expect(holder.shards.length).toBe(shardCount - first)
})

it('the lease is renewed until everything is given back', async () => {
  let finish = (): void => undefined
  const { clock, store, holder } = setUp({ leaving: () => new Promise((resolve) => (finish = resolve)) })
  await clock.runFor(holder.start(1))
  const stopped = holder.stop()
  await clock.run(3 * leaseMs)
  expect(holder.epoch(0)).toBe(1)
  finish()
  await clock.runFor(stopped)
  expect(store.held.size).toBe(0)
  expect(clock.next).toBe(null)
})

it.each([3_600_000, -3_600_000])(
  'when the clock of the database jumps by %i ms, that is the time from the next renewal on, and the lease is trusted no longer for it',
  async (jump) => {
    const { clock, store, holder } = setUp({})
    await clock.runFor(holder.start(1))
    store.ahead = jump
    await clock.run(leaseMs / 2)
    expect(holder.now() - clock.monotonic()).toBe(jump)
    expect(holder.epoch(0)).toBe(1)
    store.renew = () => new Promise(() => undefined)
    await clock.run(leaseMs / 2 + leaseMs)
    expect(holder.epoch(0)).toBeNull()
  },
)
