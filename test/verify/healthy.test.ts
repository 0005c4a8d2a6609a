/** `writ verify` never cries wolf: it looks again and again while an engine works, with everything that may be under way. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pack } from '../../src/actors/codec.ts'
import { actorKey, stepId } from '../../src/protocol/ids.ts'
import { checkMachinesOf, verifyDatabase } from '../../src/verify-of.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { passes } from '../support/fake-daemon.ts'
import { chainOf, planOf } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

const url = (): string => test.databaseUrl
const look = async (): Promise<void> => {
  expect((await verifyDatabase({ url: url(), directive: null, quick: false })).findings).toEqual([])
}

it('finds nothing while directives are worked on, reworked, held, paused, cancelled and retried', async () => {
  const world = await test.world()
  const rejectsOnce = new Set<string>()
  const daemon = await world.daemon('d', {
    slots: 3,
    work: (spawn) => {
      const { role, id } = spawn.task
      if (role === 'worker' && spawn.step?.name === 'fails') return { failed: { reason: 'it cannot be done' } }
      if (role !== 'evaluator' || rejectsOnce.has(spawn.step?.id ?? '')) return passes(spawn)
      rejectsOnce.add(spawn.step?.id ?? id)
      return { done: { verdict: { passed: false, reworkInstructions: 'again' } } }
    },
  })
  const ids = await Promise.all([
    world.start({ plan: chainOf(4) }),
    world.start({
      plan: planOf({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] }),
      repository: 'https://example.com/r.git',
    }),
    world.start({ plan: planOf({ a: [], fails: ['a'], c: ['fails'], d: [] }) }),
  ])
  const holds = await world.start({ evaluate: false, plan: planOf({ a: [] }, { a: { requires_approval: true } }) })
  const paused = await world.start({ plan: chainOf(3) })
  await world.client.directive(paused).pause()
  const cancelled = await world.start({ plan: planOf({ a: [] }, { a: { needs: { labels: { gpu: 'yes' } } } }) })
  let over = false
  const ends = Promise.all([
    ...ids.slice(0, 2).map((id) => world.until(id, 'directive_completed')),
    world.until(ids[2], 'directive_failed'),
    world.until(holds, 'step_held'),
  ]).finally(() => (over = true))
  await look()
  await world.client.directive(cancelled).cancel()
  while (!over) await look()
  await ends
  await world.client.directive(ids[2]).retry()
  await world.client.directive(paused).resume()
  await world.client.step(stepId(ids[0], 1, 1)).evaluate()
  await look()
  await daemon.bye()
  await look()
  const last = await world.start({ plan: chainOf(2) })
  await look()
  await world.client.directive(last).cancel()
  await world.until(last, 'directive_cancelled')
  await look()
}, 90_000)

it('finds nothing while actors are parked, while what they were told waits, and after they were mended', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { slots: 2, work: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: [], c: ['a', 'b'] }) })
  const [a] = [await daemon.spawned('worker a'), await daemon.spawned('worker b')]
  const step = actorKey(world.owner, stepId(id, 1, 0))
  await test.end()
  await test.sql`insert into writ.faulted (key, reason, at) values (${step}, 'a fault', 0)`
  await look()
  await test.start()
  await daemon.ordered('cancel')
  await look()
  await daemon.done(a)
  await look()
  await world.client.directive(id).mend()
  await look()
  await daemon.done(await daemon.spawned('worker a', 2))
  await world.until(id, 'step_passed')
  await look()
}, 60_000)

it('finds nothing at a task that waits for a slot, a message that is parked and a plain publish on what is not there', async () => {
  const world = await test.world()
  const id = await world.start({ plan: planOf({ a: [], b: ['a'] }) })
  await look()
  const body = Buffer.from([0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xa6, 0x63, 0x61, 0x6e, 0x63, 0x65, 0x6c])
  await test.sql`
    insert into writ.parked (message, actor, "from", body, reason, at)
    values (1, ${actorKey(world.owner, stepId(id, 1, 1))}, ${actorKey(world.owner, id)}, ${body}, 'a fault', 0)`
  await test.sql`
    insert into writ.messages (shard, "to", "from", body) values (0, ${`${world.owner}/nobody`}, 'stream', ${body})`
  const { findings } = await verifyDatabase({ url: url(), directive: null, quick: false })
  expect(findings).toEqual([])
})

it('finds nothing at a task that nobody asks for until its directive is opened by a node that knows it, and that asks', async () => {
  const world = await test.world()
  const id = await world.start({ plan: planOf({ a: [] }) })
  const key = actorKey(world.owner, id)
  const needs = () => test.sql`select from writ.needs where directive = ${key}`
  await expect.poll(async () => (await needs()).length, { timeout: 10_000 }).toBe(1)
  await test.end()
  // As a node leaves it that cannot open the directive, and gives its slots back.
  await test.sql`delete from writ.needs where directive = ${key}`
  const body = Buffer.from(pack({ type: 'desk.look' }))
  await test.sql`
    insert into writ.messages (shard, "to", "from", body) select shard, key, 'desk', ${body} from writ.actors where key = ${key}`
  await look()
  await test.start()
  await expect.poll(async () => (await needs()).length, { timeout: 10_000 }).toBe(1)
  await look()
}, 60_000)

it('the machines of this version go on with everything that is stored, live or ended', async () => {
  for (const all of [false, true]) {
    const { machines, harms } = await checkMachinesOf(url(), all)
    expect(harms).toEqual([])
    expect(machines.map(({ machine }) => machine).toSorted()).toEqual(['directive@1', 'registry@1', 'step@1'])
  }
})
