/** A thread's hold on its shards while what follows from it takes its time. */
import { expect, it } from 'vitest'
import type { Holding } from '../../src/actors/held-shards.ts'
import { Holder, type Leases } from '../../src/actors/holder.ts'
import type { HeldShard, Renewal } from '../../src/actors/ports/store.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { givenUpAtOnce, leaseMs, shardCount } from '../../src/protocol/limits.ts'
import { SimClock } from '../sim/clock.ts'

/** A store that knows one thread, and says how many live. */
class OneLease implements Leases {
  readonly held = new Map<number, number>()
  readonly clock: SimClock
  live = 1
  incarnation = 'first'
  /** How far its clock is ahead of the thread's, in ms. */
  ahead = 0
  constructor(clock: SimClock) {
    this.clock = clock
  }
  /** What the next renewals throw. */
  fault: WritError | null = null
  readonly #renewal = (): Promise<Renewal> => {
    const { live, clock, incarnation, ahead } = this
    return Promise.resolve({
      now: clock.monotonic() + ahead,
      live,
      share: Math.floor(shardCount / live),
      machines: ['step@1'],
      held: this.#list(),
      incarnation,
    })
  }
  readonly #list = (): HeldShard[] => [...this.held].map(([shard, epoch]) => ({ shard, epoch }))
  join = this.#renewal
  renew = (): Promise<Renewal> => (this.fault === null ? this.#renewal() : Promise.reject(this.fault))
  drain = async (): Promise<Renewal> => ({ ...(await this.#renewal()), live: this.live - 1, share: 0 })
  claim: Leases['claim'] = (_, count) => {
    const free = Array.from({ length: shardCount }, (_each, shard) => shard).filter((shard) => !this.held.has(shard))
    const taken = free.slice(0, count).map((shard) => ({ shard, epoch: 1 }))
    for (const { shard, epoch } of taken) this.held.set(shard, epoch)
    return Promise.resolve(taken)
  }
  reclaim: Leases['reclaim'] = (_, shards) => {
    for (const shard of shards) this.held.set(shard, (this.held.get(shard) ?? 0) + 1)
    return Promise.resolve(this.#list().filter(({ shard }) => shards.includes(shard)))
  }
  release: Leases['release'] = (_, shards) => {
    for (const shard of shards) this.held.delete(shard)
    return Promise.resolve()
  }
  leave: Leases['leave'] = () => Promise.resolve()
  /** Who knows what this thread does not. */
  able: string | null = null
  knowing: Leases['knowing'] = () => Promise.resolve(this.able)
  hand: Leases['hand'] = (thread, shards) => this.release(thread, shards)
}

const identity = { thread: 't', node: 'n', nonce: 'x', home: null, machines: [] }

const setUp = (holding: Partial<Holding>) => {
  const clock = new SimClock()
  const store = new OneLease(clock)
  const all: Holding = {
    taken: () => Promise.resolve(),
    leaving: () => Promise.resolve(),
    lost: () => undefined,
    moved: () => undefined,
    refused: () => undefined,
    restored: () => undefined,
    ...holding,
  }
  const warned: string[] = []
  const log = {
    info: () => undefined,
    warn: (_: object, text: string) => void warned.push(text),
    error: () => undefined,
  }
  return { clock, store, warned, holder: new Holder({ store, clock, identity, holding: all, log }) }
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

it('one that is refused at its start takes nothing when others have moved shards', async () => {
  const { clock, store, holder } = setUp({})
  const refused = new WritError('REFUSED', 'live nodes write machines that this node does not know')
  const { join } = store
  store.join = () => Promise.reject(refused)
  await expect(clock.runFor(holder.start(1))).rejects.toThrow(refused)
  store.fault = new WritError('FENCED', 'there is no lease')
  store.join = () => {
    store.fault = null
    return join()
  }
  holder.look()
  await clock.run(3 * leaseMs)
  expect(holder.shards).toEqual([])
})

it('shards with actors that this node cannot open are given up first', async () => {
  const { clock, store, holder } = setUp({
    foreign: () => new Map([3, shardCount - 1].map((shard) => [shard, new Set(['step@2'])])),
  })
  await clock.runFor(holder.start(1))
  store.live = 2
  await clock.run(leaseMs)
  expect(holder.shards.length).toBeLessThan(shardCount)
  expect(holder.shards).not.toContain(3)
  expect(holder.shards).not.toContain(shardCount - 1)
  expect(holder.shards).toContain(shardCount - 2)
})

it('a shard that this node cannot open goes to a thread that can, and to nobody while there is none', async () => {
  const foreign = new Map([[7, new Set(['step@2'])]])
  const { clock, store, holder } = setUp({ foreign: () => foreign })
  const handed: [readonly number[], string][] = []
  store.hand = (_, shards, to) => {
    handed.push([shards, to])
    // The other has it now.
    for (const shard of shards) store.held.delete(shard)
    store.claim = () => Promise.resolve([])
    return Promise.resolve()
  }
  await clock.runFor(holder.start(1))
  await clock.run(leaseMs)
  expect([handed, holder.shards.length]).toEqual([[], shardCount])
  store.able = 'other'
  await clock.run(2 * leaseMs)
  expect(handed).toEqual([[[7], 'other']])
  expect(holder.epoch(7)).toBe(null)
})

it('what another thread has handed over is taken up under a new epoch', async () => {
  const taken: number[] = []
  const { clock, store, holder } = setUp({
    taken: (shards) => {
      taken.push(...shards.map(({ shard }) => shard))
      return Promise.resolve()
    },
  })
  store.live = 2
  await clock.runFor(holder.start(2))
  store.held.set(200, 4)
  await clock.run(leaseMs)
  expect(taken.slice(shardCount / 2)).toEqual([200])
  expect([holder.epoch(200), holder.shards.length]).toEqual([5, shardCount / 2])
})

/** One that has half of its share, and finds nothing free. */
const behind = async () => {
  const it = setUp({})
  await it.clock.runFor(it.holder.start(2))
  it.store.claim = () => Promise.resolve([])
  await it.clock.run(leaseMs)
  expect(it.holder.shards.length).toBe(shardCount / 2)
  return it
}

it('one that has less than its share takes what was handed to it as soon as it is called', async () => {
  const { clock, store, holder } = await behind()
  store.held.set(200, 4)
  holder.look()
  await clock.run(clock.monotonic() + 10)
  expect(holder.epoch(200)).toBe(5)
})

it('the lease of one that has less than its share is renewed however often it is called', async () => {
  const { clock, holder } = await behind()
  for (let time = 0; time < 40; time++) {
    holder.look()
    await clock.run(clock.monotonic() + leaseMs / 20)
  }
  expect(holder.epoch(0)).toBe(1)
})

it('what nobody can open keeps nothing else from one that can, in other shards or in the same', async () => {
  const foreign = new Map(Array.from({ length: 40 }, (_, shard) => [shard, new Set(['step@3'])]))
  foreign.set(38, new Set(['step@2', 'step@3'])).set(39, new Set(['step@2']))
  const { clock, store, holder } = setUp({ foreign: () => foreign })
  store.knowing = (_, machines) => Promise.resolve(machines.includes('step@3') ? null : 'other')
  const handed: number[] = []
  store.hand = (thread, shards) => {
    handed.push(...shards)
    store.claim = () => Promise.resolve([])
    return store.release(thread, shards)
  }
  await clock.runFor(holder.start(1))
  await clock.run(leaseMs)
  expect(handed).toEqual([38, 39])
})

it('where nothing can be opened, shards do not go to and fro at every call', async () => {
  const foreign = new Map(Array.from({ length: shardCount }, (_, shard) => [shard, new Set(['step@2'])]))
  const { clock, store, holder } = setUp({ foreign: () => foreign })
  store.able = 'other'
  const handed: number[] = []
  store.hand = (thread, shards) => {
    handed.push(...shards)
    return store.release(thread, shards)
  }
  await clock.runFor(holder.start(1))
  for (let time = 0; time < 100; time++) {
    holder.look()
    await clock.run(clock.monotonic() + leaseMs / 100)
  }
  expect(handed.length).toBeGreaterThanOrEqual(3 * givenUpAtOnce)
  expect(handed.length).toBeLessThanOrEqual(8 * givenUpAtOnce)
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

it('what is more than its share is given up a few at a time, told to the others each time, until nothing is', async () => {
  const given: number[] = []
  let told = 0
  const { clock, store, holder } = setUp({
    leaving: (shards) => Promise.resolve(void given.push(shards.length)),
    moved: () => told++,
  })
  await clock.runFor(holder.start(1))
  const before = told
  store.live = 2
  holder.look()
  await clock.run(clock.monotonic() + leaseMs / 4)
  expect(given).toEqual(Array.from({ length: shardCount / 2 / givenUpAtOnce }, () => givenUpAtOnce))
  expect(told - before).toBe(given.length)
  expect(holder.shards.length).toBe(shardCount / 2)
})

it('what others give up is taken as soon as they say so, and not only with the next renewal', async () => {
  const { clock, store, holder } = setUp({})
  const others = Array.from({ length: shardCount / 2 }, (_, shard) => shard)
  for (const shard of others) store.held.set(shard, 1)
  store.live = 2
  await clock.runFor(holder.start(1))
  store.live = 1
  for (const shard of others) store.held.delete(shard)
  holder.look()
  await clock.run(clock.monotonic() + 1)
  expect(holder.shards.length).toBe(shardCount)
})

it('a thread that has less than its share, and finds nothing free, asks ever less often', async () => {
  const { clock, store, holder } = setUp({})
  let asked = 0
  store.claim = () => {
    asked++
    return Promise.resolve([])
  }
  await clock.runFor(holder.start(1))
  await clock.run(60_000)
  expect(asked).toBeGreaterThan(10)
  expect(asked).toBeLessThan(30)
})

it('one that leaves gives up a few at a time while others are there to take them, and all at once when it is alone', async () => {
  const given: number[][] = []
  const { clock, store, holder } = setUp({ leaving: (shards) => Promise.resolve(void given.push([...shards])) })
  await clock.runFor(holder.start(1))
  store.live = 2
  await clock.runFor(holder.stop())
  expect(given).toHaveLength(shardCount / givenUpAtOnce)
  const alone = setUp({ leaving: (shards) => Promise.resolve(void given.push([...shards])) })
  await alone.clock.runFor(alone.holder.start(1))
  await alone.clock.runFor(alone.holder.stop())
  expect(given.at(-1)).toHaveLength(shardCount)
})

it('one that was fenced forgets everything, says so, and joins anew', async () => {
  const lost: number[] = []
  const { clock, store, holder, warned } = setUp({ lost: (shards) => void lost.push(...shards) })
  await clock.runFor(holder.start(1))
  store.fault = new WritError('FENCED', 'the lease is over')
  await clock.run(leaseMs / 2)
  expect(lost).toHaveLength(shardCount)
  expect(warned.some((line) => line.includes('this thread is fenced'))).toBe(true)
  store.fault = null
  await clock.run(leaseMs)
  expect(holder.shards.length).toBe(shardCount)
})

it('one that may not join anew, because others have a newer schema, says that it is refused', async () => {
  const refused: unknown[] = []
  const { clock, store, holder } = setUp({ refused: (error) => void refused.push(error) })
  await clock.runFor(holder.start(1))
  store.fault = new WritError('FENCED', 'the lease is over')
  const newer = new WritError('SCHEMA_NEWER', 'the schema is 11, this node knows 10')
  store.join = () => Promise.reject(newer)
  await clock.run(leaseMs / 2)
  expect(refused[0]).toBe(newer)
})

it('a store that does not answer for a while costs no shard, as long as the lease is not over', async () => {
  const lost: number[] = []
  const { clock, store, holder } = setUp({ lost: (shards) => void lost.push(...shards) })
  await clock.runFor(holder.start(1))
  store.fault = new WritError('UNREACHABLE', 'no answer')
  await clock.run(leaseMs * 0.8)
  expect(holder.epoch(0)).toBe(null)
  store.fault = null
  await clock.run(leaseMs * 0.9)
  expect([holder.epoch(0), lost]).toEqual([1, []])
})

it('one that does not answer until the lease is over costs all of them', async () => {
  const lost: number[] = []
  const { clock, store, holder } = setUp({ lost: (shards) => void lost.push(...shards) })
  await clock.runFor(holder.start(1))
  store.fault = new WritError('UNREACHABLE', 'no answer')
  await clock.run(leaseMs * 1.1)
  expect(lost).toHaveLength(shardCount)
})

it('once the database is another incarnation, everything is lost, and this thread takes nothing any more', async () => {
  const told: string[] = []
  const { clock, store, holder } = setUp({
    lost: (shards) => told.push(`${shards.length} lost`),
    restored: () => told.push('restored'),
  })
  await clock.runFor(holder.start(1))
  store.incarnation = 'second'
  await clock.run(3 * leaseMs)
  expect(told).toEqual([`${shardCount} lost`, 'restored'])
  expect(holder.epoch(0)).toBe(null)
  expect(clock.next).toBe(null)
})

it.each([3_600_000, -3_600_000])(
  'when the clock of the database jumps by %i ms, that is the time from the next renewal on, and the lease is trusted no longer for it',
  async (jump) => {
    const { clock, store, holder } = setUp({})
    store.ahead = 1000
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

it('one that has less than its share takes what is given up before it does anything else', async () => {
  const { clock, store, holder } = setUp({})
  for (let shard = 0; shard < shardCount; shard++) store.held.set(shard, 1)
  await clock.runFor(holder.start(1))
  store.held.clear()
  store.fault = new WritError('UNREACHABLE', 'it is asked for a renewal')
  holder.look()
  await clock.run(clock.monotonic() + 1)
  expect(holder.shards.length).toBe(shardCount)
})
