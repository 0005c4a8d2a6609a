/** What becomes of units while the lease of the thread is not trusted. */
import { expect, it } from 'vitest'
import { Loop } from '../../src/actors/loop.ts'
import { unitOf } from '../../src/actors/unit.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const setUp = () => {
  const clock = new SimClock()
  const store = new SimStore({ clock })
  const host = quietHost(clock, store)
  const silent = (): void => undefined
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

it('what it has noticed is let go with its shard, which another thread holds then', async () => {
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
