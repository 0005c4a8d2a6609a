/** A parked actor stops nobody else: its daemon is told to stop, its slot goes back, and once mended it goes on from there. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { pack, packSnapshot } from '../../src/actors/codec.ts'
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
  const grants = async () => [
    ...(await test.sql`select from writ.grants where directive like ${`${world.owner}/${id}%`}`),
  ]
  // The registry hears of it in a commit of its own.
  await expect.poll(grants, { timeout: 10_000 }).toEqual([])
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
  const waits = (): Promise<{ lines: readonly object[] }> =>
    world.client.listWaiting({ directive: id, kind: 'directive' })
  const next = `writ directive mend ${id}`
  expect((await waits()).lines).toMatchObject([{ id, parked: 'a fault', until: null, by: { who: 'person' }, next }])
  await world.client.directive(id).mend()
  expect(await world.view(id)).toMatchObject({ parked: null })
  expect((await waits()).lines).toMatchObject([{ id, parked: null, by: { who: 'steps', names: ['a'] } }])
  await world.client.directive(id).cancel()
  await world.until(id, 'directive_cancelled')
})

it('R39: a parked directive gives the slots back that it is granted, and asks for none', async () => {
  const world = await test.world()
  const id = await world.start({ plan: one })
  await park(actorKey(world.owner, id))
  const daemon = await world.daemon('d', silent)
  const other = await world.start({ plan: one })
  expect((await daemon.spawned('worker a')).directive.id).toBe(other)
  const waiting = (): Promise<object[]> =>
    test.sql`select from writ.messages where "to" = ${`${world.owner}/${id}`} and "from" = ${`${world.owner}/__registry`}`
  await expect.poll(waiting, { timeout: 10_000 }).toEqual([])
})

it('R41: a step that was parked while it waited for a slot gets one once it is mended', async () => {
  const world = await test.world()
  const id = await world.start({ plan: one })
  await park(actorKey(world.owner, stepId(id, 1, 0)))
  const daemon = await world.daemon('d', silent)
  await world.start({ plan: planOf({ other: [] }) })
  await daemon.done(await daemon.spawned('worker other'))
  await world.client.directive(id).mend()
  await daemon.done(await daemon.spawned('evaluator other'), { verdict: { passed: true } })
  expect((await daemon.spawned('worker a')).directive.id).toBe(id)
})

it('R46: what a person asks of a parked step is refused, and not done later', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  await daemon.spawned('worker a')
  const step = stepId(id, 1, 0)
  await park(actorKey(world.owner, step))
  await daemon.ordered('cancel')
  for (const verb of ['evaluate', 'approve', 'cancel'] as const)
    expect(await refusal(world.client.step(step)[verb]())).toMatchObject({ code: 'PARKED' })
  await world.client.directive(id).mend()
  expect(world.types(id)).not.toContain('manual_evaluation_triggered')
})

it('R49: a cancel beside a mend is carried out', async () => {
  const world = await test.world()
  const id = await world.start({ plan: one })
  await park(actorKey(world.owner, stepId(id, 1, 0)))
  await Promise.all([world.client.directive(id).mend(), world.client.directive(id).cancel()])
  await world.until(id, 'directive_cancelled')
})

it('R22: what waited for a parked step is not overtaken by what it is told after the mend', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { slots: 4, work: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a0: [], a1: [], a2: [], b: ['a0', 'a1', 'a2'] }) })
  const [a0, a1, a2] = await Promise.all(['a0', 'a1', 'a2'].map((name) => daemon.spawned(`worker ${name}`)))
  if (a0 === undefined || a1 === undefined || a2 === undefined) return expect.unreachable()
  await daemon.done(a0)
  await world.until(id, 'step_passed')
  await park(actorKey(world.owner, stepId(id, 1, 3)))
  await daemon.done(a1)
  await world.until(id, 'step_passed', { nth: 2 })
  await world.client.directive(id).mend()
  await world.client.step(stepId(id, 1, 1)).evaluate()
  const evaluator = await daemon.spawned('evaluator a1')
  await daemon.done(a2)
  await daemon.done(evaluator, { verdict: { passed: false, reworkInstructions: 'again' } })
  const again = await daemon.spawned('worker a1', 2)
  expect(world.types(id, 3)).not.toContain('step_running')
  await daemon.done(again)
  await daemon.spawned('worker b')
})

it('a message parked on its way to a step that never came to life goes back to it', async () => {
  const world = await test.world()
  const id = await world.start({ plan: planOf({ a: [], b: ['a'] }) })
  const key = actorKey(world.owner, stepId(id, 1, 1))
  await test.sql`
    insert into writ.parked (message, actor, "from", body, reason, at)
    values (1, ${key}, ${actorKey(world.owner, id)}, ${Buffer.from(pack({ type: 'cancel' }))}, 'a fault', 0)`
  await world.client.directive(id).mend()
  await expect.poll(async () => (await world.step(id, 1)).status, { timeout: 10_000 }).toBe('skipped')
})

it('R49: a step that comes to life once its directive has ended, since that was parked till then, has ended as well', async () => {
  const world = await test.world()
  const id = await world.start({ plan: one })
  await world.client.directive(id).cancel()
  await world.until(id, 'directive_cancelled')
  const key = actorKey(world.owner, stepId(id, 1, 0))
  await test.end()
  for (const table of ['actors', 'journal']) await test.sql`delete from writ.${test.sql(table)} where key = ${key}`
  await test.sql`delete from writ.tasks where actor = ${key}`
  await test.sql`
    insert into writ.parked (message, actor, "from", body, reason, at)
    values (2, ${key}, ${actorKey(world.owner, id)}, ${Buffer.from(pack({ type: 'dispatch' }))}, 'a fault', 0)`
  await test.start()
  await world.client.directive(id).mend()
  await expect.poll(async () => (await world.step(id, 0)).status, { timeout: 10_000 }).toBe('cancelled')
  expect(await test.sql`select from writ.ready where actor = ${key}`).toEqual([])
})

const broken: [what: string, snapshot: Buffer][] = [
  ['bytes that are no snapshot', Buffer.from([0xc1])],
  ['a state that its machine does not have', Buffer.from(packSnapshot('nonsense', {}))],
  ['a context that makes its machine throw', Buffer.from(packSnapshot('pending', {}))],
]
it.each(broken)('R22: a step with %s stops no other', async (_what, snapshot) => {
  const world = await test.world()
  const daemon = await world.daemon('d', { slots: 3, work: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a1: [], a2: [], b: ['a1', 'a2'], c: [] }) })
  const [a1, a2, c] = await Promise.all(['a1', 'a2', 'c'].map((name) => daemon.spawned(`worker ${name}`)))
  if (a1 === undefined || a2 === undefined || c === undefined) return expect.unreachable()
  await daemon.done(a1)
  await world.until(id, 'step_passed')
  const key = actorKey(world.owner, stepId(id, 1, 2))
  await test.end()
  expect(await test.sql`update writ.actors set snapshot = ${snapshot} where key = ${key} returning key`).toHaveLength(1)
  await test.start()
  expect(await daemon.done(a2)).toEqual({ received: true, counted: true })
  expect(await daemon.done(c)).toEqual({ received: true, counted: true })
  await world.until(id, 'step_passed', { nth: 3 })
  expect(await world.client.directive(id).cancel()).toMatchObject({ directive: { status: 'cancelling' } })
  const parked = async (): Promise<string[]> =>
    (await test.sql<{ key: string }[]>`select key from writ.faulted where key like ${`${world.owner}/%`}`).map(
      (row) => row.key,
    )
  expect((await parked()).filter((each) => each !== key)).toEqual([])
})

it('the actor whose machine is at fault is parked, and not one whose timer told it something', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { slots: 3, work: () => null })
  const plan = planOf({ a1: [], a2: [], b: ['a1', 'a2'] }, { a2: { requires_approval: true } })
  const id = await world.start({ evaluate: false, holdTimeout: { seconds: 2, decision: 'approve' }, plan })
  await daemon.done(await daemon.spawned('worker a1'))
  await world.until(id, 'step_passed')
  const key = actorKey(world.owner, stepId(id, 1, 2))
  await test.end()
  await test.sql`update writ.actors set snapshot = ${Buffer.from(packSnapshot('pending', {}))} where key = ${key}`
  await test.start()
  await daemon.done(await daemon.spawned('worker a2'))
  await world.until(id, 'step_passed', { nth: 2 })
  const parked = (): Promise<object[]> => test.sql`select key from writ.faulted where key like ${`${world.owner}/%`}`
  await expect.poll(parked, { timeout: 20_000 }).toEqual([{ key }])
}, 40_000)

it('the plan that a planner left for a parked directive is there when it is mended, however late', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, cancelled: () => null })
  const id = await world.start({})
  const spawn = await daemon.spawned('planner')
  await park(actorKey(world.owner, id))
  await world.put(spawn.contract.id, 'plan.json', JSON.stringify(one))
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
  // Parked a second time since, by a mending that was in vain.
  await test.sql`update writ.plans set at = 0`
  await test.sql`update writ.faulted set at = 1`
  await test.engine.host.store.tidy()
  await world.client.directive(id).mend()
  expect((await daemon.spawned('worker a')).directive.id).toBe(id)
})

it.each(['directive', 'step'])(
  'R41: a %s whose machine no node knows gives its slots back, and gets one once a node knows it',
  async (kind) => {
    const world = await test.world()
    const id = await world.start({ plan: one })
    const key = actorKey(world.owner, kind === 'step' ? stepId(id, 1, 0) : id)
    const knownAs = async (version: string): Promise<void> => {
      await test.end()
      await test.sql`update writ.actors set machine_version = ${version} where key = ${key}`
      await test.start()
    }
    await knownAs('1000')
    if (kind === 'directive') expect(await refusal(world.create({ id, plan: one }))).toMatchObject({ code: 'PARKED' })
    const daemon = await world.daemon('d', silent)
    const other = await world.start({ plan: planOf({ other: [] }) })
    await daemon.done(await daemon.spawned('worker other'))
    const needs = (): Promise<object[]> =>
      test.sql`select from writ.needs where directive = ${actorKey(world.owner, id)}`
    await expect.poll(needs, { timeout: 10_000 }).toEqual([])
    await world.client.directive(other).cancel()
    await knownAs('1')
    expect((await daemon.spawned('worker a')).directive.id).toBe(id)
  },
)
