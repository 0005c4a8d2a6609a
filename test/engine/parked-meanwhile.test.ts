/** What is parked, and what is said to a parked actor, while a person's decision about it is being committed. */
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { pack, unpackJournal } from '../../src/actors/codec.ts'
import { park } from '../../src/actors/parked.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import { unitOf, type Unit } from '../../src/actors/unit.ts'
import { actorKey, shardOf, stepId } from '../../src/protocol/ids.ts'
import { parkTriesMax } from '../../src/protocol/limits.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, type World } from '../support/world.ts'

let test: TestEngine
let world: World
beforeAll(async () => {
  test = await startTestEngine()
})
beforeEach(async () => {
  await test.start()
  world = await test.world()
})
afterAll(() => test.stop())

/** Does this once, as the first commit of this kind is on its way to the database, and has that wait for it. */
const during = (kind: 'mended' | 'unfaulted', run: () => Promise<unknown>): void => {
  const store = test.engine.host.store as { commit: Store['commit'] }
  const { commit } = store
  onTestFinished(() => void (store.commit = commit))
  store.commit = async (thread, changes) => {
    if ((changes[kind]?.length ?? 0) > 0) {
      store.commit = commit
      await run()
    }
    return commit.call(store, thread, changes)
  }
}

/** A unit that is done in the next batch. Resolves once it has run. */
const pushed = (id: string, run: Unit['run']): Promise<void> =>
  new Promise((resolve) => {
    const shard = shardOf(world.owner, id)
    const running: Unit['run'] = (turn) => run(turn).finally(resolve)
    test.engine.loop.push(unitOf(shard, 'what comes meanwhile', running))
  })

const put = async (to: string, from: string, message: object, tries = 0): Promise<void> => {
  const { owner } = world
  await test.sql`
    insert into writ.messages (shard, "to", "from", body, tries, reason)
    values (${shardOf(owner, to)}, ${actorKey(owner, to)}, ${actorKey(owner, from)}, ${Buffer.from(pack(message))}, ${tries},
            ${tries > 0 ? 'a fault' : null})`
}
const parkedLine = async () => {
  const lines = async () => {
    test.engine.mailbox.look(test.engine.holder.shards)
    return (await world.client.parked.list()).lines
  }
  await expect.poll(async () => (await lines()).length, { timeout: 20_000 }).toBe(1)
  return (await lines())[0] ?? expect.unreachable()
}

it('R46: what is parked while its directive is being mended is parked after that, and can be retried', async () => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [] }) })
  await daemon.spawned('worker a')
  const key = actorKey(world.owner, stepId(id, 1, 0))
  during('mended', () =>
    pushed(id, async (turn) => {
      await park(turn, key, 'a fault')
      return {}
    }),
  )
  await world.client.directive(id).mend()
  expect(await parkedLine()).toMatchObject({ id: stepId(id, 1, 0) })
  expect(test.engine.host.memory.actors.get(key)?.parked).toBe('a fault')
  await world.client.parked.retry({ id: stepId(id, 1, 0) })
  expect(await world.client.parked.list()).toMatchObject({ lines: [] })
})

it('R46: what a step tells its directive as that goes on without a word comes after what it told it before', async () => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null, slots: 2 })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: [] }) })
  const workers = [await daemon.spawned('worker a'), await daemon.spawned('worker b')] as const
  await world.client.directive(id).cancel()
  for (const worker of workers) await daemon.failed(worker, 'stopped')
  await world.until(id, 'directive_cancelled')
  const [a, b] = [stepId(id, 1, 0), stepId(id, 1, 1)]
  // Its machine throws at it: `merged` is missing.
  await put(id, b, { type: 'step.passed', index: 1 }, parkTriesMax - 1)
  const line = await parkedLine()
  await put(id, a, { type: 'step.failed', index: 0, name: 'a', reason: 'told first' })
  const directive = actorKey(world.owner, id)
  during('unfaulted', () =>
    pushed(id, async (turn) => {
      turn.tell(directive, { type: 'step.ready', index: 0 }, actorKey(world.owner, a))
      await turn.run()
      return {}
    }),
  )
  await world.client.parked.drop({ id: line.message ?? '', why: 'it is poison' })
  const heard = async () => {
    const rows = await test.sql<{ entries: Uint8Array }[]>`
      select entries from writ.journal where key = ${directive} order by version`
    const entries = rows.flatMap(({ entries }) => unpackJournal(entries))
    const types = entries.map(({ message }) => (message as { type: string } | null)?.type)
    return types.filter((type) => type === 'step.failed' || type === 'step.ready')
  }
  await expect.poll(async () => (await test.sql`select from writ.messages`).length, { timeout: 10_000 }).toBe(0)
  expect(await heard()).toEqual(['step.failed', 'step.ready'])
})
