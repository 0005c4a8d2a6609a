/** Whose fault it is when a machine throws: that of the actor that took the message, and of nobody who had it told. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { catalog } from '../../src/machines/catalog.ts'
import type { Catalog } from '../../src/machines/versions.ts'
import { actorKey, stepId } from '../../src/protocol/ids.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { faultyAt } from '../support/faulty-step.ts'
import { planOf, refusal, type World } from '../support/world.ts'

let test: TestEngine
let world: World
beforeAll(async () => {
  test = await startTestEngine()
})
beforeEach(async () => {
  await deploy(catalog)
  world = await test.world()
})
afterAll(() => test.stop())

/** The node is replaced by one of another build. */
const deploy = async (machines: Catalog): Promise<void> => {
  await test.end()
  await test.start(machines)
}
const inMailbox = (to: string): Promise<object[]> =>
  test.sql`select from writ.messages where "to" = ${actorKey(world.owner, to)}`
const parked = async () => (await world.client.parked.list()).lines

it('R46: a command that its step fails at is answered with the fault, not as done, and is not done later', async () => {
  const daemon = await world.daemon('d', { work: () => null })
  const plan = planOf({ a: [] }, { a: { requires_approval: true } })
  const id = await world.start({ evaluate: false, plan })
  await daemon.done(await daemon.spawned('worker a'))
  await world.until(id, 'step_held')
  const step = stepId(id, 1, 0)
  await deploy(faultyAt('command'))
  expect(await refusal(world.client.step(step).approve())).toMatchObject({ code: 'INTERNAL' })
  expect([await inMailbox(step), await parked()]).toEqual([[], []])
  await deploy(catalog)
  expect(await world.step(id, 0)).toMatchObject({ status: 'held' })
  await world.client.step(step).approve()
  await world.until(id, 'directive_completed')
})

it('R49: a step that fails at the acceptance of its task does not fail the cancellation that it is told next', async () => {
  const daemon = await world.daemon('d', { work: () => null, answer: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: [] }) })
  const spawn = await daemon.spawned('worker a')
  const step = stepId(id, 1, 0)
  await deploy(faultyAt('task.accepted'))
  const { attempt, nonce } = spawn.task
  // It comes with the spawn's answer, and is told the step before whatever comes next.
  test.engine.host.accepted.set(actorKey(world.owner, step), { attempt, nonce })
  expect(await world.client.directive(id).cancel()).toMatchObject({ directive: { status: 'cancelling' } })
  await expect.poll(() => inMailbox(step), { timeout: 10_000 }).toEqual([])
  await daemon.failed(spawn, 'stopped')
  await world.until(id, 'directive_cancelled')
  expect(await parked()).toEqual([])
})
