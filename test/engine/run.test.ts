/** A directive's whole life, from what a client asks to what it is told in the end. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { chainOf, planOf } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

it('R5 R20: a chain of four steps runs from start to completed, and its daemon is asked for each task once', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d1')
  const id = await world.start({ plan: chainOf(4) })
  await world.until(id, 'directive_completed')
  expect(daemon.spawns.map(({ task, step }) => `${task.role} ${step?.name}`)).toEqual(
    ['s0', 's1', 's2', 's3'].flatMap((name) => [`worker ${name}`, `evaluator ${name}`]),
  )
  expect(daemon.heard.length).toBe(8)
  expect(await world.view(id)).toMatchObject({ status: 'completed', passed: 4, steps: 4, failed: 0 })
})

it('R47: every change of status is told by an event, numbered without a gap, as stored', async () => {
  const world = await test.world()
  await world.daemon('d1', { slots: 4 })
  const id = await world.start({ plan: planOf({ a: [], b: [], c: ['a', 'b'] }) })
  await world.until(id, 'directive_completed')
  const events = world.events(id)
  expect(events.map(({ number }) => number)).toEqual(events.map((_, at) => at + 1))
  expect(await world.client.directive(id).events({ after: 0 })).toMatchObject({ events })
  const life = ['step_running', 'step_evaluating', 'step_evaluation_passed', 'step_passed']
  for (const step of [0, 1, 2]) expect(world.types(id, step)).toEqual(life)
  expect(world.types(id).filter((type) => type.startsWith('directive_'))).toEqual([
    'directive_active',
    'directive_completed',
  ])
})
