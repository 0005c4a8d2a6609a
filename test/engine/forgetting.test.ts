/** What directives that are there lose with time: their oldest events and the beginnings of their journals. Everything goes on. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Cutting } from '../../src/actors/cutting.ts'
import { type ActorKey, actorKey, stepId } from '../../src/protocol/ids.ts'
import { shardCount } from '../../src/protocol/limits.ts'
import { startObserver } from '../../src/observer-of.ts'
import { verifyDatabase } from '../../src/verify-of.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { passes } from '../support/fake-daemon.ts'
import { chainOf, refusal } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

const findings = async (): Promise<unknown> =>
  (await verifyDatabase({ url: test.databaseUrl, directive: null, quick: false })).findings

it('events before a time are forgotten but for the last of each directive, and numbering goes on', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: (spawn) => (spawn.task.role === 'worker' ? null : passes(spawn)) })
  const [id, idle] = [await world.start({ plan: chainOf(2) }), await world.create({})]
  await daemon.done(await daemon.spawned('worker s0'))
  const second = await daemon.spawned('worker s1')
  const { events: told } = await world.view(id)
  const { store, now } = test.engine.host
  let place = null
  do place = await store.forgetEvents(now() + 60_000, place)
  while (place !== null)
  const kept = async (): Promise<number[]> => {
    const { events } = await world.client.directive(id).events()
    return events.map(({ number }) => number)
  }
  expect(await kept()).toEqual([told])
  expect(await findings()).toEqual([])
  await daemon.done(second)
  await world.until(id, 'directive_completed')
  const { events: last } = await world.view(id)
  expect(await kept()).toEqual(Array.from({ length: last - told + 1 }, (_, at) => told + at))
  const followed: number[] = []
  for await (const { number } of world.client.events(id)) {
    followed.push(number)
    if (number === last) break
  }
  expect(followed).toEqual(await kept())
  expect(await findings()).toEqual([])
  expect(await world.view(idle)).toMatchObject({ events: 0 })
})

const everyShard = Array.from({ length: shardCount }, (_, shard) => shard)
/** As if all of it had outlived its time. */
const cutAll = async (): Promise<void> => {
  const cutting = new Cutting(test.engine.host, -60_000)
  let place: ActorKey | null = null
  do place = await cutting.step(everyShard, place)
  while (place !== null)
}
const versionsOf = async (key: ActorKey): Promise<number[]> => {
  const rows = await test.sql<
    { version: string }[]
  >`select version from writ.journal where key = ${key} order by version`
  return rows.map(({ version }) => Number(version))
}

it('a checkpoint takes the place of what is old in a journal, and fold, replay and verify begin with it', async () => {
  const observer = await startObserver({
    databaseUrl: test.databaseUrl,
    nats: { url: test.natsUrl },
    node: 'test',
    log: () => undefined,
  })
  try {
    const world = await test.world()
    const daemon = await world.daemon('d', { work: (spawn) => (spawn.task.role === 'worker' ? null : passes(spawn)) })
    const id = await world.start({ plan: chainOf(2) })
    const first = await daemon.spawned('worker s0')
    const { client } = world
    const directive = client.directive(id)
    for (let times = 0; times < 60; times++) {
      await directive.pause()
      await directive.resume()
    }
    const [key, step] = [actorKey(world.owner, id), actorKey(world.owner, stepId(id, 1, 0))]
    const before = await versionsOf(key)
    const ofStep = await versionsOf(step)
    expect(before.length).toBeGreaterThan(120)
    await cutAll()
    expect(await versionsOf(key)).toEqual(before.slice(-1))
    // Short, and the step goes on: nothing would be won. That its task was accepted may have come to it meanwhile.
    expect((await versionsOf(step)).slice(0, ofStep.length)).toEqual(ofStep)
    expect(await findings()).toEqual([])

    const { lines } = await client.actor(id).journal({})
    expect(lines.map(({ version, type, before: from }) => ({ version, type, from }))).toEqual([
      { version: before.at(-1), type: 'checkpoint', from: null },
    ])
    expect(await client.actor(id).get({ at: before.at(-1) })).toMatchObject({
      version: before.at(-1),
      status: 'active',
    })
    expect(await refusal(client.actor(id).get({ at: 2 }))).toMatchObject({
      code: 'GONE',
      hint: expect.stringContaining(`name version ${before.at(-1)}`) as string,
    })

    await daemon.done(first)
    await daemon.done(await daemon.spawned('worker s1'))
    await world.until(id, 'directive_completed')
    expect(await findings()).toEqual([])
    await cutAll()
    for (const each of [key, step]) expect(await versionsOf(each)).toHaveLength(1)
    expect(await findings()).toEqual([])
    await client.step(stepId(id, 1, 0)).evaluate()
    await world.until(id, 'step_evaluation_passed', { step: 0, nth: 2 })
    expect(await findings()).toEqual([])
    expect((await versionsOf(step)).length).toBeGreaterThan(1)
  } finally {
    await observer.stop()
  }
}, 60_000)
