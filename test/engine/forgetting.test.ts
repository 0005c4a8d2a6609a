/** What directives that are there lose with time: their oldest events. Everything goes on. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { verifyDatabase } from '../../src/verify-of.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { passes } from '../support/fake-daemon.ts'
import { chainOf } from '../support/world.ts'

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
