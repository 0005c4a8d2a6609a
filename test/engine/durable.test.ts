/** What must never be lost, never count twice and never stop the rest: restarts, repeats, plain publishes, parking, borders. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { unpack } from '../../src/actors/codec.ts'
import { readAddress, subjects } from '../../src/bus/subjects.ts'
import { actorKey, addressOf, shardOf, stepId, taskId } from '../../src/protocol/ids.ts'
import { callOf } from '../support/fake-daemon.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { chainOf, planOf, refusal } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
beforeEach(() => test.start())
afterAll(() => test.stop())

const silent = { work: () => null }
const one = planOf({ a: [] })

it('R44: a commit that is based on an old version is refused, and what was asked is done on the new one', async () => {
  const world = await test.world()
  const id = await world.start({ plan: one })
  const key = actorKey(world.owner, id)
  const bumped = await test.sql<{ version: number }[]>`
    update writ.actors set version = version + 5 where key = ${key} returning version::int`
  expect(await world.client.directive(id).pause()).toMatchObject({ directive: { status: 'active' } })
  expect(await world.view(id)).toMatchObject({ paused: true })
  const [row] = await test.sql<{ version: number }[]>`select version::int from writ.actors where key = ${key}`
  expect(row?.version).toBe((bumped[0]?.version ?? 0) + 1)
  expect(test.log.join('\n')).toContain('CONFLICT')
})

it('R44: every change of a task counts its version up', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  const version = async (): Promise<number> => {
    const task = taskId(stepId(id, 1, 0), 1)
    const rows = await test.sql<{ version: number }[]>`
      select version::int from writ.tasks where owner = ${world.owner} and id = ${task}`
    return rows[0]?.version ?? 0
  }
  const spawn = await daemon.spawned('worker a')
  const before = await version()
  await daemon.done(spawn)
  expect(await version()).toBeGreaterThan(before)
})

it('R45: after a restart of everything the same spawn is sent again, and a report counts once', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, answer: () => null })
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  await test.end()
  const before = daemon.heard.length
  const repeats = () => daemon.heard.slice(before).filter((each) => callOf(each) === 'worker a')
  await test.start()
  await expect.poll(() => repeats().length, { timeout: 10_000 }).toBeGreaterThan(0)
  await test.end()
  const again = daemon.done(spawn)
  await test.start()
  expect(await again).toEqual({ received: true, counted: true })
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
  expect(await daemon.done(spawn, { result: 'other' })).toEqual({ received: true, counted: false })
  await world.until(id, 'step_evaluating')
  expect(world.types(id).filter((type) => type === 'step_evaluating').length).toBe(1)
  for (const { task } of repeats()) expect([task.attempt, task.nonce]).toEqual([1, spawn.task.nonce])
  const { attempts } = await world.task(stepId(id, 1, 0), 1)
  expect(attempts.map(({ as }) => as)).toEqual(['done'])
})

it('R45: every report may come twice, and a whole chain ends as if each had come once', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', {
    slots: 2,
    work: async (spawn) => {
      const body = spawn.task.role === 'evaluator' ? { verdict: { passed: true } } : { result: 'ok' }
      await Promise.all([daemon.done(spawn, body), daemon.done(spawn, body)])
      await daemon.done(spawn, body)
      return null
    },
  })
  const id = await world.start({ plan: chainOf(3) })
  await world.until(id, 'directive_completed')
  expect(daemon.spawns.length).toBe(6)
  expect(await world.view(id)).toMatchObject({ passed: 3, counts: { passed: 3 } })
  expect(world.types(id).filter((type) => type === 'step_passed').length).toBe(3)
})

it('R45: a receipt that was given outlives the engine', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  expect(await daemon.done(await daemon.spawned('worker a'))).toEqual({ received: true, counted: true })
  const before = await world.step(id, 0)
  await test.end()
  await test.start()
  expect(await world.step(id, 0)).toEqual(before)
  expect(before.status).toBe('evaluating')
})

it('R45: the same command has the same answer and is done once', async () => {
  const world = await test.world()
  await world.daemon('d')
  const id = await world.start({ plan: one })
  await world.until(id, 'directive_completed')
  const step = world.client.step(stepId(id, 1, 0))
  const answers = [await step.evaluate({ command: 'c1' }), await step.evaluate({ command: 'c1' })]
  expect(answers[1]).toEqual(answers[0])
  await world.until(id, 'step_evaluation_passed', { nth: 2 })
  await test.end()
  await test.start()
  expect(await step.evaluate({ command: 'c1' })).toEqual(answers[0])
  expect(world.types(id).filter((type) => type === 'manual_evaluation_triggered').length).toBe(1)
  const made = { command: 'c2', title: 'anonymous', goal: 'g' }
  expect(await world.client.createDirective(made)).toEqual(await world.client.createDirective(made))
})

it('R46: a refusal is the same when its command is sent again, and changes nothing', async () => {
  const world = await test.world()
  const id = await world.create({})
  const before = await world.view(id)
  const refused = await Promise.all([1, 2].map(() => refusal(world.client.directive(id).retry({ command: 'r1' }))))
  expect(refused[0]).toMatchObject({ code: 'REFUSED', message: expect.stringContaining('draft') })
  expect(refused[1]?.message).toBe(refused[0]?.message)
  expect(await world.view(id)).toEqual(before)
})

it('R27 R45: a plain publish while no engine is there is taken once one is', async () => {
  const world = await test.world()
  const id = await world.start({ plan: planOf({ a: [], b: [] }) })
  await test.end()
  const done = subjects.task.at({
    owner: world.owner,
    ...readAddress(addressOf(world.owner, taskId(stepId(id, 1, 0), 1))),
    verb: 'done',
  })
  const contract = addressOf(world.owner, `${stepId(id, 1, 1)}__c1`)
  const complete = subjects.contract.at({ owner: world.owner, ...readAddress(contract), verb: 'complete' })
  for (const subject of [done, done, complete]) test.bus.publish(subject, { result: 'by hand' })
  await test.bus.flush()
  await test.start()
  await world.until(id, 'step_evaluating', { step: 0 })
  await world.until(id, 'step_evaluating', { step: 1 })
  expect(world.types(id, 0)).toEqual(['step_running', 'step_evaluating'])
})

it('a plain publish while an engine is there is taken, once', async () => {
  const world = await test.world()
  const id = await world.start({ plan: one })
  const address = readAddress(addressOf(world.owner, taskId(stepId(id, 1, 0), 1)))
  test.bus.publish(subjects.task.at({ owner: world.owner, ...address, verb: 'failed' }), { reason: 'I say so' })
  expect((await world.until(id, 'directive_failed')).data).toMatchObject({
    reason: expect.stringContaining('I say so'),
  })
})

it('R27: what a plain publish says is what its subject declares: its body neither forces nor turns the outcome', async () => {
  const world = await test.world()
  const id = await world.start({ plan: one })
  const address = readAddress(addressOf(world.owner, taskId(stepId(id, 1, 0), 1)))
  const done = subjects.task.at({ owner: world.owner, ...address, verb: 'done' })
  test.bus.publish(done, { result: 5 })
  test.bus.publish(done, { outcome: 'failed', force: true, reason: 'turned' })
  await world.until(id, 'step_evaluating')
  expect(world.types(id)).not.toContain('directive_failed')
  expect(test.log.join('\n')).toContain('is no message')
})

it('a message that can never be taken is parked after five tries, and the rest goes on', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  const key = actorKey(world.owner, id)
  await test.sql`
    insert into writ.messages (shard, "to", "from", body)
    values (${shardOf(world.owner, id)}, ${key}, 'nobody', ${Buffer.from([0xc1])})`
  await expect
    .poll(() => test.sql`select actor, reason from writ.parked where actor = ${key}`, { timeout: 20_000 })
    .toMatchObject([{ actor: key }])
  expect(await test.sql`select id from writ.messages where "to" = ${key}`).toEqual([])
  await daemon.done(spawn)
  await daemon.done(await daemon.spawned('evaluator a'), { verdict: { passed: true } })
  await world.until(id, 'directive_completed')
})

it('what a parked actor is told waits for it, is refused when somebody asks, and is taken once it is mended', async () => {
  const world = await test.world()
  const id = await world.start({ plan: one })
  const step = actorKey(world.owner, stepId(id, 1, 0))
  const waiting = (): Promise<object[]> => test.sql`select tries from writ.messages where "to" = ${step}`
  await test.end()
  await test.sql`insert into writ.faulted (key, reason, at) values (${step}, 'a fault', 0)`
  await test.start()
  const task = world.client.task(taskId(stepId(id, 1, 0), 1))
  expect(await refusal(task.end({ outcome: 'done' }))).toMatchObject({
    code: 'PARKED',
    message: expect.stringContaining('a fault'),
  })
  await world.client.directive(id).cancel()
  expect(await waiting()).toEqual([{ tries: 0 }])
  expect(await world.view(id)).toMatchObject({ status: 'cancelling' })
  await test.end()
  await test.sql`delete from writ.faulted where key = ${step}`
  await test.start()
  await world.until(id, 'directive_cancelled')
  expect(await waiting()).toEqual([])
})

it('R53: what is made at an address has an id that people may choose', async () => {
  const world = await test.world()
  for (const id of ['__registry', `first__1_0`]) {
    const subject = subjects.directive.at({ owner: world.owner, shard: shardOf(world.owner, id), id, verb: 'create' })
    const made = test.bus.request(
      subject,
      { definition: { title: 't', goal: 'g' }, content: 'c'.repeat(64), plan: null },
      10_000,
    )
    expect(await refusal(made)).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining(id) })
  }
})

it('R39 R46: nothing of one owner is found, listed, steered or reported on by another', async () => {
  const [ours, theirs] = [await test.world(), await test.world()]
  const daemon = await ours.daemon('d', silent)
  const stranger = await theirs.daemon('d', silent)
  const id = await ours.start({ id: 'ours', plan: one })
  const spawn = await daemon.spawned('worker a')
  const own = await refusal(theirs.client.directive('nobody').get())
  const foreign = await refusal(theirs.client.directive(id).get())
  expect(foreign.code).toBe('NOT_FOUND')
  expect(foreign.message.replace(id, 'nobody')).toBe(own.message)
  expect(await refusal(theirs.client.directive(id).cancel())).toMatchObject({ code: 'NOT_FOUND' })
  expect(
    await refusal(theirs.client.task(taskId(stepId(id, 1, 0), 1)).end({ outcome: 'done', force: true })),
  ).toMatchObject({ code: 'NOT_FOUND' })
  expect(JSON.stringify(await theirs.client.listDirectives())).not.toContain('ours')
  expect(JSON.stringify(await theirs.client.listTasks())).not.toContain('ours')
  const address = addressOf(theirs.owner, spawn.task.id)
  expect(await stranger.done({ ...spawn, task: { ...spawn.task, address } })).toEqual({
    received: true,
    counted: false,
  })
  expect((await ours.step(id, 0)).status).toBe('running')
})

it('R47: a snapshot and its event, journal and task are written in one commit, and the journal tells each message', async () => {
  const world = await test.world()
  await world.daemon('d')
  const id = await world.start({ plan: one })
  await world.until(id, 'directive_completed')
  const rows = await test.sql<{ key: string; version: number; entries: Buffer }[]>`
    select key, version::int, entries from writ.journal where key like ${`${world.owner}/${id}%`} order by key, version`
  for (const key of new Set(rows.map((row) => row.key))) {
    const versions = rows.filter((row) => row.key === key).map(({ version }) => version)
    expect(versions).toEqual(versions.map((_, at) => at + 1))
  }
  const told = rows.flatMap(({ entries }) => unpack(entries) as { message: { type: string } | null }[])
  const types = told.map(({ message }) => message?.type)
  for (const type of ['start', 'dispatch', 'task.granted', 'task.done', 'step.passed']) expect(types).toContain(type)
})
