/** A parked actor stops nobody else: its daemon is told to stop, its slot goes back, and once mended it goes on from there. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { actorKey, stepId } from '../../src/protocol/ids.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, refusal } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
beforeEach(() => test.start())
afterAll(() => test.stop())

const silent = { work: () => null }
const one = planOf({ a: [] })

/** Parks an actor as its timer's faults would have done it. */
const park = async (key: string): Promise<void> => {
  await test.end()
  await test.sql`insert into writ.faulted (key, reason, at) values (${key}, 'a fault', 0)`
  await test.start()
}

it('the daemon of a parked step is told to stop, and its slot goes to somebody else', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  await park(actorKey(world.owner, stepId(id, 1, 0)))
  expect(await daemon.ordered('cancel')).toMatchObject({ task: spawn.task.id })
  const other = await world.start({ plan: one })
  expect((await daemon.spawned('worker a', 2)).directive.id).toBe(other)
  expect(await world.task(stepId(id, 1, 0), 1)).toMatchObject({ attempts: [{ as: 'failed', asked: 'cancel' }] })
})

it('R45: what a daemon reports for a parked step is taken in, and counts once the step is mended', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, cancelled: () => null })
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  const step = actorKey(world.owner, stepId(id, 1, 0))
  await park(step)
  await daemon.ordered('cancel')
  const counted = { received: true, counted: true }
  expect(await daemon.done(spawn, { result: 'all of it' })).toEqual(counted)
  expect(await daemon.done(spawn, { result: 'all of it' })).toEqual(counted)
  expect(await world.step(id, 0)).toMatchObject({ status: 'running', parked: 'a fault' })
  await world.client.directive(id).mend()
  await daemon.done(await daemon.spawned('evaluator a'), { verdict: { passed: true } })
  await world.until(id, 'directive_completed')
  expect((await world.task(stepId(id, 1, 0), 1)).attempts).toMatchObject([{ as: 'done', result: 'all of it' }])
  expect(await test.sql`select from writ.grants where directive like ${`${world.owner}/${id}%`}`).toEqual([])
})

it('R28: a step whose attempt was stopped while it was parked tries again once it is mended', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  await daemon.spawned('worker a')
  await park(actorKey(world.owner, stepId(id, 1, 0)))
  await daemon.ordered('cancel')
  const closed = async (): Promise<unknown> => (await world.task(stepId(id, 1, 0), 1)).attempts[0]?.as
  await expect.poll(closed, { timeout: 10_000 }).toBe('failed')
  await world.client.directive(id).mend()
  await daemon.done(await daemon.spawned('worker a', 2))
  await world.until(id, 'step_evaluating')
})

it('a parked directive can be mended, and then takes what it was asked; what is not parked needs no mending', async () => {
  const world = await test.world()
  const id = await world.start({ plan: one })
  expect(await world.client.directive(id).mend()).toMatchObject({ directive: { status: 'active' } })
  await park(actorKey(world.owner, id))
  expect(await refusal(world.client.directive(id).cancel())).toMatchObject({
    code: 'PARKED',
    hint: expect.stringContaining(`writ directive mend ${id}`),
  })
  expect(await world.view(id)).toMatchObject({ parked: 'a fault' })
  await world.client.directive(id).mend()
  expect(await world.view(id)).toMatchObject({ parked: null })
  await world.client.directive(id).cancel()
  await world.until(id, 'directive_cancelled')
})
