/** One thread's engine on simulated servers: what it knows of shards that it takes. */
import { expect, it } from 'vitest'
import { Engine } from '../../src/actors/engine.ts'
import type { Reader } from '../../src/actors/ports/reader.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import { shardOf } from '../../src/protocol/ids.ts'
import { leaseMs, stallMs } from '../../src/protocol/limits.ts'
import { attemptRow } from '../contract/rows.ts'
import { SimClock } from '../sim/clock.ts'
import { SimRandom } from '../sim/random.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const attempt = attemptRow('d', 1, { shard: shardOf('alice', 'd'), accepted: true })

const startedWith = async (before: (engine: Engine, clock: SimClock) => Promise<void>): Promise<string[]> => {
  const clock = new SimClock()
  const store: Store = new SimStore({ clock })
  const { wire, log } = quietHost(clock, new SimStore({ clock }))
  const never = (): Promise<never> => new Promise(() => undefined)
  const reads = {
    step: never,
    events: never,
    allEvents: never,
    tasks: never,
    task: never,
    daemons: never,
    waiting: never,
    parked: never,
    parkedOne: never,
    figures: never,
    leases: never,
    files: never,
  }
  const reader: Reader = { ...reads, directive: never, directives: never, close: () => Promise.resolve() }
  const of = { thread: 't', node: 'n', home: null, threads: 1 }
  const engine = new Engine({ store, wire, reader, clock, random: new SimRandom(1), log, ...of })
  const told: string[] = []
  const push = engine.loop.push.bind(engine.loop)
  engine.loop.push = (unit) => {
    told.push(unit.what)
    push(unit)
  }
  await before(engine, clock)
  store.openAttempts = () => Promise.resolve([attempt])
  void engine.start()
  await clock.run(clock.monotonic() + leaseMs)
  expect(engine.holder.shards).toContain(attempt.shard)
  return told
}

it('an attempt in a shard that is taken is watched anew, whatever a commit has told since the shard was lost', async () => {
  const told = await startedWith(async ({ watch }, clock) => {
    watch.open(attempt)
    await clock.run(2 * stallMs)
  })
  expect(told.filter((what) => what.startsWith('task.lost'))).toEqual([])
})
