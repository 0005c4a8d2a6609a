/** A directive that has ended goes as a whole, by a person's word or because its time is over, and nobody is in its way. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { readAddress, subjects } from '../../src/bus/subjects.ts'
import { actorKey, addressOf, stepId, taskId } from '../../src/protocol/ids.ts'
import { forEver } from '../../src/protocol/retention.ts'
import { verifyDatabase } from '../../src/verify-of.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { passes } from '../support/fake-daemon.ts'
import { chainOf, planOf, refusal, type World } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

const findings = async (of: TestEngine = test): Promise<unknown> =>
  (await verifyDatabase({ url: of.databaseUrl, directive: null, quick: false })).findings

/** How many rows each table has that name an id, where it has any. */
const rowsOf = async ({ sql }: TestEngine, id: string): Promise<Record<string, number>> => {
  const columns = await sql<{ table: string; column: string }[]>`
    select table_name as table, column_name as column from information_schema.columns
    where table_schema = 'writ' and data_type = 'text' and table_name not in ('removed', 'replies', 'migrations')`
  const counts: Record<string, number> = {}
  for (const { table, column } of columns) {
    const [row] = await sql<[{ count: string }]>`
      select count(*) from ${sql(`writ.${table}`)} t where ${sql(column)} ~ ${`(^|/)${id}(__.*)?$`}`
    if (Number(row.count) > 0) counts[`${table}.${column}`] = Number(row.count)
  }
  return counts
}

let made = 0
/** Its id is no other owner's either. */
const ended = async (world: World, more: object = {}): Promise<string> => {
  const id = await world.start({ id: `removed${++made}`, plan: planOf({ a: [], b: ['a'] }), ...more })
  await world.until(id, 'directive_completed')
  return id
}

it('one that has ended is deleted with everything that is stored of it, and nothing else is', async () => {
  const world = await test.world()
  await world.daemon('d')
  const [other, id] = [await ended(world), await ended(world, { id: 'gone-one' })]
  await ended(world, { id: 'gone-one-2' })
  await world.put(world.contractOf(stepId(id, 1, 0), 1), 'a file', 'its content')
  const before = await rowsOf(test, other)
  expect(await world.client.directive(id).delete()).toMatchObject({ directive: { id, status: 'completed' } })
  await vi.waitFor(async () => expect(await rowsOf(test, id)).toEqual({}), { timeout: 15_000 })
  expect(await rowsOf(test, other)).toEqual(before)
  expect(await world.view('gone-one-2')).toMatchObject({ status: 'completed', passed: 2 })
  expect(await findings()).toEqual([])
})

it('of one that is deleted everybody hears that it was there, and its id is not used again for a while', async () => {
  const world = await test.world()
  await world.daemon('d')
  const id = await ended(world)
  const { client } = world
  const [at, step, task] = [
    client.directive(id),
    client.step(stepId(id, 1, 0)),
    client.task(taskId(stepId(id, 1, 0), 1)),
  ]
  await at.delete()
  const asked = [at.get(), at.events(), at.retry(), at.delete(), step.get(), step.evaluate(), task.get()]
  for (const answer of await Promise.all(asked.map(refusal)))
    expect(answer).toMatchObject({ code: 'GONE', message: expect.stringMatching(`directive ${id} was deleted at 20`) })
  expect(await refusal(world.create({ id }))).toMatchObject({ code: 'GONE', hint: expect.stringMatching('30 days') })
  expect((await client.listDirectives()).lines.map((line) => line.id)).toEqual(['first'])
  expect((await client.listTasks()).lines).toEqual([])
  await test.sql`update writ.removed set at = at - 31 * 86400000::bigint where key = ${actorKey(world.owner, id)}`
  await vi.waitFor(async () => {
    await test.engine.host.store.clear()
    await test.engine.host.store.tidy()
    await world.create({ id, title: 'another one' })
  })
  expect(await world.view(id)).toMatchObject({ status: 'draft', events: 0 })
})

it('one that goes on is not deleted, nor one of which a task is still under way; a draft is', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: (spawn) => (spawn.task.role === 'worker' ? null : passes(spawn)) })
  const id = await world.start({ plan: chainOf(2) })
  const spawn = await daemon.spawned('worker s0')
  expect(await refusal(world.client.directive(id).delete())).toMatchObject({
    code: 'REFUSED',
    hint: `writ directive cancel ${id} ends it`,
  })
  await daemon.done(spawn)
  await daemon.done(await daemon.spawned('worker s1'))
  await world.until(id, 'directive_completed')
  await world.client.step(stepId(id, 1, 0)).evaluate()
  await daemon.bye()
  const draft = await world.create({})
  expect(await world.client.directive(draft).delete()).toMatchObject({ directive: { status: 'draft' } })
  expect(await findings()).toEqual([])
})

it('what comes late for one that is gone, from a daemon or by a plain publish, is answered and changes nothing', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d')
  const id = await ended(world)
  await world.client.directive(id).delete()
  const [spawn] = daemon.spawns
  if (spawn === undefined) throw new Error('nothing was spawned')
  expect(await daemon.done(spawn, { result: 'late' })).toEqual({ received: true, counted: false })
  await vi.waitFor(async () => expect(await rowsOf(test, id)).toEqual({}), { timeout: 15_000 })
  expect(await daemon.done(spawn, { result: 'late' })).toEqual({ received: true, counted: false })
  expect(await rowsOf(test, id)).toEqual({})
  const address = readAddress(addressOf(world.owner, spawn.task.id))
  test.bus.publish(subjects.task.at({ owner: world.owner, ...address, verb: 'done' }), { result: 'late' })
  const isTaken = async (): Promise<boolean> =>
    (await test.sql`select from writ.ingress`).length > 0 && Object.keys(await rowsOf(test, id)).length === 0
  await vi.waitUntil(isTaken, { timeout: 15_000 })
  expect(test.log.filter((line) => line.includes('parked'))).toEqual([])
  expect(await findings()).toEqual([])
})

it('killed at any moment while it clears away what is left, it leaves nothing that is wrong, and the next one goes on', async () => {
  const world = await test.world()
  await world.daemon('d', { slots: 4 })
  const id = await ended(world, { plan: planOf({ a: [], b: [], c: ['a', 'b'], d: ['c'] }) })
  await world.put(world.contractOf(stepId(id, 1, 0), 1), 'a file', 'its content')
  await test.end()
  const key = actorKey(world.owner, id)
  await test.sql`select writ.remove(jsonb_agg(jsonb_build_object('key', key, 'version', version))) from writ.actors where key = ${key}`
  const clear = async (): Promise<boolean> => {
    const [row] = await test.sql<[{ more: boolean }]>`select writ.clear(3) as more`
    return row.more
  }
  let calls = 0
  do {
    const { findings } = await verifyDatabase({ url: test.databaseUrl, directive: null, quick: true })
    expect(findings).toEqual([])
    calls++
  } while (await clear())
  expect(calls).toBeGreaterThan(5)
  expect(await rowsOf(test, id)).toEqual({})
  await test.start()
}, 60_000)

it('kept for no time, directives go by themselves once they have ended, and the tables are as empty as before', async () => {
  const brief = await startTestEngine({ ...forEver, directivesMs: 0 })
  try {
    const world = await brief.world()
    await world.daemon('d', { slots: 8 })
    const ids = await Promise.all(
      Array.from({ length: 12 }, (_, at) => world.start({ plan: planOf({ a: [], b: ['a'] }), id: `many-${at}` })),
    )
    const failed = await world.start({ plan: planOf({ a: [] }, { a: { needs: { labels: { gpu: 'yes' } } } }) })
    await Promise.all(ids.map((id) => world.until(id, 'directive_completed')))
    await world.client.directive(failed).cancel()
    await vi.waitFor(
      async () => {
        const [left] = await brief.sql`
          select (select count(*)::integer from writ.directives) as directives, (select count(*)::integer from writ.actors) as actors,
                 (select count(*)::integer from writ.events) as events, (select count(*)::integer from writ.tasks) as tasks,
                 (select count(*)::integer from writ.attempts) as attempts, (select count(*)::integer from writ.evaluations) as evaluations,
                 (select count(*)::integer from writ.chains) as chains, (select count(*)::integer from writ.files) as files,
                 (select count(distinct key)::integer from writ.journal) as journals`
        // A draft, that a test's owner has, and the registries of that and of the default owner.
        expect({ ...left }).toEqual({
          directives: 1,
          actors: 3,
          events: 0,
          tasks: 0,
          attempts: 0,
          evaluations: 0,
          chains: 0,
          files: 0,
          journals: 3,
        })
      },
      { timeout: 30_000, interval: 250 },
    )
    expect(await findings(brief)).toEqual([])
    expect(await refusal(world.client.directive('many-1').get())).toMatchObject({ code: 'GONE' })
  } finally {
    await brief.stop()
  }
}, 90_000)
