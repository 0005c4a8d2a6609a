import { afterAll, beforeAll, expect, it } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'

let test: TestEngine

beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(async () => {
  await test.stop()
})

/** 40 rows of 50: each step waits for one of the row before. */
const wide = {
  steps: Array.from({ length: 2000 }, (_, at) => ({
    name: `s${at}`,
    description: `step ${at}`,
    task_plan: 'true',
    depends_on: at < 50 ? [] : [`s${at - 50}`],
  })),
}

it('R20 R22: a directive of 2,000 steps ends, every step done once', async () => {
  const world = await test.world()
  const id = await world.create({ title: 'large', evaluate: false, plan: wide })
  const subject = subjects.event.at({ owner: world.owner, directive: id, type: 'directive_completed' })
  const completed = new Promise<void>((resolve) => void test.bus.subscribe(subject, {}, () => resolve()))
  // Its thousands of events are not for a world to keep.
  await world.close()
  const daemon = await world.daemon('many', { slots: 40 })
  await world.client.directive(id).start()
  await completed
  expect(daemon.spawns).toHaveLength(2000)
  expect((await world.view(id)).counts.passed).toBe(2000)
}, 120_000)
