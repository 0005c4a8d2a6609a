/** What becomes of units while the lease of the thread is not trusted. */
import { expect, it } from 'vitest'
import { noFigures, type Host } from '../../src/actors/host.ts'
import { Loader } from '../../src/actors/loader.ts'
import { Loop } from '../../src/actors/loop.ts'
import { Memory } from '../../src/actors/memory.ts'
import { openPresence } from '../../src/actors/presence.ts'
import { unitOf } from '../../src/actors/unit.ts'
import { wireOf } from '../../src/bus/wire.ts'
import { SimNetwork } from '../sim/bus.ts'
import { SimClock } from '../sim/clock.ts'
import { SimRandom } from '../sim/random.ts'
import { SimStore } from '../sim/store.ts'

const setUp = () => {
  const clock = new SimClock()
  const memory = new Memory()
  const store = new SimStore({ clock })
  const silent = (): void => undefined
  const host: Host = {
    memory,
    loader: new Loader(memory, store),
    store,
    wire: wireOf(new SimNetwork(clock, new SimRandom(1)).join('t'), silent),
    clock,
    random: new SimRandom(1),
    log: { info: silent, warn: silent, error: silent },
    figures: noFigures(),
    now: () => 0,
    accepted: new Map(),
    waiting: new Map(),
    inFlight: new Set(),
    doubted: new Map(),
    presence: openPresence(),
  }
  const lease = { trusted: false, epochs: new Map([[3, 1]]) }
  const loop = new Loop(host, {
    epoch: (shard) => (lease.trusted ? (lease.epochs.get(shard) ?? null) : null),
    epochs: () => lease.epochs,
    commit: () => Promise.resolve([]),
    fenced: () => Promise.resolve(),
    reclaim: () => Promise.resolve(),
    out: silent,
    over: silent,
    poisoned: () => Promise.resolve(),
  })
  const ran: string[] = []
  const push = (what: string): void =>
    loop.push(
      unitOf(3, what, () => {
        ran.push(what)
        return Promise.resolve({})
      }),
    )
  loop.start()
  return { clock, lease, loop, ran, push }
}

it('R42 R43: what the thread itself has noticed waits until its lease is trusted again', async () => {
  const { clock, lease, ran, push, loop } = setUp()
  push('lost')
  await clock.run(clock.monotonic() + 1000)
  expect([ran, loop.depth]).toEqual([[], 0])
  lease.trusted = true
  await clock.run(clock.monotonic() + 1000)
  expect(ran).toEqual(['lost'])
})

it('R43: it is let go with its shard, which another thread holds then', async () => {
  const { clock, lease, ran, push, loop } = setUp()
  push('lost')
  await clock.run(clock.monotonic() + 1000)
  lease.epochs.delete(3)
  await clock.run(clock.monotonic() + 1000)
  lease.trusted = true
  lease.epochs.set(3, 2)
  await clock.run(clock.monotonic() + 1000)
  expect([ran, loop.depth]).toEqual([[], 0])
})
