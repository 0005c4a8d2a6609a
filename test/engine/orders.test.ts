/** What a daemon is told about its attempt outlives whoever was to tell it; what it reports too late is kept, and counts for nothing. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { contractId, stepId } from '../../src/protocol/ids.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import type { FakeDaemon } from '../support/fake-daemon.ts'
import { planOf } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
beforeEach(() => test.start())
afterAll(() => test.stop())

const silent = { work: () => null }
const one = planOf({ a: [] })

/** From now on nothing that this engine tells a daemon of its attempts gets there: it dies before. */
const loseOrders = (): void => {
  test.engine.host.wire.order = () => new Promise(() => undefined)
}

const restart = async (): Promise<void> => {
  await test.end()
  await test.start()
}

/** An attempt that is stored as accepted. */
const working = async (daemon: FakeDaemon): Promise<Spawn> => {
  const spawn = await daemon.spawned('worker a')
  await daemon.report(spawn, 'progress')
  const { id } = spawn.task
  const accepted = (): Promise<object[]> =>
    test.sql`select from writ.attempts where owner = ${spawn.owner} and task = ${id} and accepted`
  await expect.poll(accepted, { timeout: 10_000 }).toHaveLength(1)
  return spawn
}

it('R49: a cancel that its holder could not tell any more is told by the next one', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  const spawn = await working(daemon)
  loseOrders()
  await world.client.directive(id).cancel()
  await restart()
  expect(await daemon.ordered('cancel')).toMatchObject({ task: spawn.task.id, attempt: 1, nonce: spawn.task.nonce })
  await world.until(id, 'directive_cancelled')
  expect(daemon.heard).toHaveLength(1)
})

it('R49 R45: an attempt that was told to stop before it was accepted is not begun by the next holder', async () => {
  const world = await test.world()
  let deaf = true
  const daemon = await world.daemon('d', { ...silent, answer: () => (deaf ? null : { accepted: true }) })
  const id = await world.start({ plan: one })
  await daemon.spawned('worker a')
  loseOrders()
  await world.client.directive(id).cancel()
  await test.end()
  deaf = false
  const before = daemon.heard.length
  await test.start()
  const order = await daemon.ordered('cancel')
  expect(daemon.heard).toHaveLength(before)
  expect(order).toMatchObject({ attempt: 1 })
})

it('R14 R27: a finish that its holder could not tell any more is told by the next one', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  const spawn = await working(daemon)
  loseOrders()
  await world.client.contract(contractId(stepId(id, 1, 0), 1)).finish()
  await restart()
  expect(await daemon.ordered('finish')).toMatchObject({ task: spawn.task.id, nonce: spawn.task.nonce })
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
  await world.until(id, 'step_evaluating')
})

it('R27: what was to finish before it was accepted is accepted first', async () => {
  const world = await test.world()
  let deaf = true
  const daemon = await world.daemon('d', { ...silent, answer: () => (deaf ? null : { accepted: true }) })
  const id = await world.start({ plan: one })
  await daemon.spawned('worker a')
  await world.client.contract(contractId(stepId(id, 1, 0), 1)).finish()
  expect(daemon.orders).toEqual([])
  deaf = false
  await restart()
  await daemon.ordered('finish')
  expect(daemon.heard.length).toBeGreaterThan(1)
})

it('R43: what a superseded attempt still reports is kept with it and changes nothing, and its receipt stays the same', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, slots: 2, cancelled: () => null })
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  const step = stepId(id, 1, 0)
  await world.client.step(step).evaluate()
  await daemon.spawned('evaluator a')
  const late = { received: true, counted: false }
  expect(await daemon.report(spawn, 'progress')).toEqual(late)
  const before = world.types(id)
  expect(await daemon.done(spawn, { result: 'too late', commit: 'c'.repeat(40) })).toEqual(late)
  const kept = { outcome: 'done', result: 'too late', commit: 'c'.repeat(40), reason: null }
  const attemptOf = async (): Promise<object | undefined> => (await world.task(step, 1)).attempts[0]
  expect(await attemptOf()).toMatchObject({ as: 'superseded', result: null, asked: 'cancel', late: kept })
  await restart()
  expect(await daemon.failed(spawn, 'another word')).toEqual(late)
  expect(await attemptOf()).toMatchObject({ late: kept })
  expect(world.types(id)).toEqual(before)
})

it('R45: a report that is repeated because its receipt was lost has counted still', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  const counted = { received: true, counted: true }
  expect(await daemon.done(spawn)).toEqual(counted)
  expect(await daemon.done(spawn)).toEqual(counted)
  await restart()
  expect(await daemon.done(spawn)).toEqual(counted)
  expect(await daemon.done(spawn, { result: 'else' })).toEqual({ received: true, counted: false })
  expect(await daemon.failed(spawn, 'something else')).toEqual({ received: true, counted: false })
  expect(await daemon.done({ ...spawn, task: { ...spawn.task, nonce: 'forged' } })).toEqual({
    received: true,
    counted: false,
  })
  expect((await world.task(stepId(id, 1, 0), 1)).attempts).toMatchObject([{ as: 'done', late: null }])
})
