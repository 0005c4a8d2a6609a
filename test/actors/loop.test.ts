/** What becomes of units while the lease of the thread is not trusted, or while their shard is lost. */
import { expect, it } from 'vitest'
import { Loop } from '../../src/actors/loop.ts'
import { unitOf } from '../../src/actors/unit.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { actorKey, shardOf } from '../../src/protocol/ids.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const setUp = ({ trusted = false } = {}) => {
  const clock = new SimClock()
  const store = new SimStore({ clock })
  const host = quietHost(clock, store)
  const silent = (): void => undefined
  /** What telling of the next commit throws. */
  const outs: { error: Error | null } = { error: null }
  const lease = { trusted, epochs: new Map([[3, 1]]), isUnknown: false }
  const committed: number[] = []
  const loop = new Loop(host, {
    epoch: (shard) => (lease.trusted ? (lease.epochs.get(shard) ?? null) : null),
    epochs: () => lease.epochs,
    commit: ({ shards }) => {
      committed.push(...shards.map(({ epoch }) => epoch))
      const isUnknown = lease.isUnknown
      lease.isUnknown = false
      return isUnknown ? Promise.reject(new WritError('UNKNOWN_RESULT', 'no answer')) : Promise.resolve([])
    },
    fenced: () => Promise.resolve(),
    reclaim: (shards) => {
      for (const shard of shards) lease.epochs.set(shard, (lease.epochs.get(shard) ?? 0) + 1)
      return Promise.resolve()
    },
    out: () => {
      const { error } = outs
      outs.error = null
      if (error !== null) throw error
    },
    over: silent,
    turning: silent,
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
  return { clock, host, lease, loop, outs, ran, push, committed }
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

it('what ran while its shard was lost and taken again runs anew: it may have seen what another thread has changed since', async () => {
  const { clock, lease, loop, committed } = setUp({ trusted: true })
  const ran: (number | undefined)[] = []
  loop.push(
    unitOf(3, 'slow', async () => {
      ran.push(lease.epochs.get(3))
      await new Promise<void>((resolve) => clock.after(1000, resolve))
      return {}
    }),
  )
  await clock.run(clock.monotonic() + 500)
  lease.epochs.delete(3)
  lease.epochs.set(3, 3)
  await clock.run(clock.monotonic() + 5000)
  expect([ran, committed]).toEqual([[1, 3], [3]])
})

it('what a unit takes back after its shard was lost and taken again is not believed', async () => {
  const { clock, host, lease, loop } = setUp({ trusted: true })
  const { memory } = host
  const id = Array.from({ length: 10_000 }, (_, at) => `d${at}`).find((each) => shardOf('o', each) === 3) ?? ''
  const key = actorKey('o', id)
  memory.set(memory.fileNames, key, new Set(['before']))
  loop.push(
    unitOf(3, 'slow', async () => {
      memory.set(memory.fileNames, key, new Set(['now']))
      await new Promise<void>((resolve) => clock.after(1000, resolve))
      throw new Error('a fault')
    }),
  )
  await clock.run(clock.monotonic() + 500)
  lease.epochs.set(3, 3)
  memory.forgetShards(new Set([3]))
  await clock.run(clock.monotonic() + 1000)
  expect(memory.fileNames.get(key)).toBe(undefined)
})

it('R45: after a commit that nobody knows the result of, nothing of its shards runs again but under new epochs', async () => {
  const { clock, lease, ran, push, committed } = setUp({ trusted: true })
  lease.isUnknown = true
  push('lost')
  await clock.run(clock.monotonic() + 1000)
  expect([ran, committed]).toEqual([
    ['lost', 'lost'],
    [1, 2],
  ])
})

it('R45: what was committed is done once and answered so, though telling others of it fails', async () => {
  const { clock, loop, outs, committed } = setUp({ trusted: true })
  outs.error = new Error('a fault of what tells')
  const answers: unknown[] = []
  const asker = { reply: (reply: object) => answers.push(reply), fail: (error: unknown) => answers.push(error) }
  for (const id of [1, 2]) loop.push(unitOf(3, `unit ${id}`, () => Promise.resolve({ id }), { asker }))
  await clock.run(clock.monotonic() + 5000)
  expect(answers).toEqual([{ id: 1 }, { id: 2 }])
  expect(committed).toHaveLength(1)
})
