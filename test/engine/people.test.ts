/** People steer: pause and resume, cancel, retry, holds and approvals, evaluations by hand. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import { shardOf, stepId } from '../../src/protocol/ids.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import { callOf, type Outcome, passes } from '../support/fake-daemon.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, refusal, type World } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

const silent = { work: () => null }
const one = planOf({ a: [] })
const pair = planOf({ a: [], b: ['a'] })
const fails = { done: { verdict: { passed: false, summaryFeedback: 'no', reworkInstructions: 'again' } } }
const passed = { done: { verdict: { passed: true, overallScore: 1 } } }

/** Evaluators of a step say these in turn, then that it passed. */
const verdicts = (step: string, ...said: Outcome[]): { work: (spawn: Spawn) => Outcome } => ({
  work: (spawn) => (callOf(spawn) === `evaluator ${step}` ? (said.shift() ?? passed) : passes(spawn)),
})

const completed = async (world: World, input: object = {}): Promise<string> => {
  await world.daemon('d')
  const id = await world.start({ plan: pair, ...input })
  await world.until(id, 'directive_completed')
  return id
}

it('R38: a person may have a passed step evaluated; passing again counts once', async () => {
  const world = await test.world()
  const id = await completed(world)
  await world.client.directive(id).evaluate({ step: 'a' })
  const { severity, source } = await world.until(id, 'manual_evaluation_triggered')
  expect([severity, source]).toEqual(['info', 'user'])
  await world.until(id, 'step_evaluation_passed', { step: 0, nth: 2 })
  await expect.poll(async () => (await world.step(id, 0)).status).toBe('passed')
  expect(await world.view(id)).toMatchObject({ status: 'completed', passed: 2 })
  expect((await world.step(id, 0)).evaluations.map(({ evaluator }) => evaluator)).toEqual(['automated', 'manual'])
})

it('R38: without a verdict the step is again what it was: an evaluation by hand never fails open', async () => {
  const world = await test.world()
  const nothing: Outcome = { done: {} }
  await world.daemon('d', verdicts('a', passed, nothing, nothing, nothing))
  const id = await world.start({ plan: one })
  await world.until(id, 'directive_completed')
  await world.client.step(stepId(id, 1, 0)).evaluate()
  await world.until(id, 'manual_evaluation_without_verdict')
  expect(await world.step(id, 0)).toMatchObject({ status: 'passed', unevaluated: false })
})

it('R38: on a directive that has ended the verdict is recorded, and nothing is opened again', async () => {
  const world = await test.world()
  await world.daemon('d', verdicts('a', passed, fails))
  const id = await world.start({ plan: one })
  await world.until(id, 'directive_completed')
  await world.client.directive(id).evaluate({ step: 'a' })
  await world.until(id, 'step_evaluation_failed')
  await expect.poll(async () => (await world.step(id, 0)).status).toBe('passed')
  expect(await world.view(id)).toMatchObject({ status: 'completed', passed: 1 })
})

it('R38: an open task of the step is stopped and superseded first', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, slots: 2 })
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  await world.client.step(stepId(id, 1, 0)).evaluate()
  expect(await daemon.ordered('cancel')).toMatchObject({ task: spawn.task.id })
  await daemon.spawned('evaluator a')
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: false })
  expect((await world.step(id, 0)).status).toBe('evaluating')
})

it('R38 R46: what cannot be evaluated is refused with the reason', async () => {
  const world = await test.world()
  const draft = await world.create({})
  expect(await refusal(world.client.directive(draft).evaluate({ step: 'a' }))).toMatchObject({
    code: 'REFUSED',
    message: expect.stringContaining('no plan'),
  })
  const id = await world.start({ plan: pair })
  const unknown = await refusal(world.client.directive(id).evaluate({ step: 'nobody' }))
  expect(unknown).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('nobody') })
  const early = await refusal(world.client.directive(id).evaluate({ step: 'b' }))
  expect(early).toMatchObject({ code: 'REFUSED', message: expect.stringContaining('never executed') })
})

it('R48: paused, nothing new begins and what comes in is taken; resumed, what is ready is dispatched', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: pair })
  const spawn = await daemon.spawned('worker a')
  expect(await world.client.directive(id).pause()).toMatchObject({ directive: { status: 'active', paused: true } })
  await world.client.directive(id).pause()
  expect(await world.view(id)).toMatchObject({ paused: true, status: 'active' })
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
  await world.until(id, 'step_evaluating')
  expect((await world.step(id, 0)).status).toBe('evaluating')
  expect(daemon.spawns.length).toBe(1)
  expect(await world.client.directive(id).resume()).toMatchObject({ directive: { paused: false } })
  await world.client.directive(id).resume()
  expect(callOf(await daemon.spawned('evaluator a'))).toBe('evaluator a')
})

it('R48 R46: a directive that has ended can neither be paused, resumed nor cancelled', async () => {
  const world = await test.world()
  const id = await completed(world)
  const directive = world.client.directive(id)
  const before = world.events(id).length
  for (const call of [directive.pause, directive.resume, directive.cancel])
    expect(await refusal(call())).toMatchObject({ code: 'REFUSED', message: expect.stringContaining('completed') })
  expect(world.events(id).length).toBe(before)
})

it('R49: cancel stops what runs and waits for it; what had passed stays passed', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', {
    slots: 2,
    work: (spawn) => (spawn.step?.name === 'a' ? passes(spawn) : null),
    cancelled: () => null,
  })
  const id = await world.start({ plan: planOf({ a: [], b: [], c: ['b'] }) })
  await world.until(id, 'step_passed', { step: 0 })
  const running = await daemon.spawned('worker b')
  await world.client.directive(id).cancel()
  expect(await daemon.ordered('cancel')).toMatchObject({ task: running.task.id, attempt: 1 })
  expect(await world.view(id)).toMatchObject({ status: 'cancelling' })
  await daemon.failed(running, 'stopped')
  await world.until(id, 'directive_cancelled')
  const { stepList } = await world.view(id)
  expect(stepList.map(({ status }) => status)).toEqual(['passed', 'cancelled', 'skipped'])
})

it('R49: cancelling a draft, or one that is being planned, ends it', async () => {
  const world = await test.world()
  const draft = await world.create({})
  await world.client.directive(draft).cancel()
  expect(await world.view(draft)).toMatchObject({ status: 'cancelled' })
  const daemon = await world.daemon('d', silent)
  const id = await world.start({})
  await daemon.spawned('planner')
  await world.client.directive(id).cancel()
  await world.until(id, 'directive_cancelled')
})

it('R50: retry of a failed directive does again what failed or was skipped, with fresh budgets', async () => {
  const world = await test.world()
  let broken = true
  const work = (spawn: Spawn): Outcome =>
    callOf(spawn) === 'worker b' && broken ? { failed: { reason: 'broken' } } : passes(spawn)
  const daemon = await world.daemon('d', { work })
  const id = await world.start({ plan: planOf({ a: [], b: ['a'], c: ['b'] }) })
  await world.until(id, 'directive_failed')
  broken = false
  await world.client.directive(id).retry()
  await world.until(id, 'directive_completed')
  const calls = daemon.spawns.map(callOf)
  expect(calls.filter((call) => call === 'worker a').length).toBe(1)
  expect(calls.filter((call) => call === 'worker b').length).toBe(2)
  expect(await world.view(id)).toMatchObject({ passed: 3, failed: 0, reason: null })
})

it('R50: retry of a failed planning plans anew, of a cancelled directive takes it up again', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({})
  await daemon.failed(await daemon.spawned('planner'), 'no idea')
  await world.until(id, 'directive_failed')
  await world.client.directive(id).retry()
  const again = await daemon.spawned('planner', 2)
  await world.client.directive(id).plan({ plan: one })
  await daemon.done(again)
  await daemon.spawned('worker a')
  await world.client.directive(id).cancel()
  await world.until(id, 'directive_cancelled')
  await world.client.directive(id).retry()
  await daemon.spawned('worker a', 2)
})

it('R46: what a step would refuse is refused, too, while older messages to it may wait: nobody is told of a success', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  await daemon.spawned('worker a')
  const subject = subjects.step.at({
    owner: world.owner,
    shard: shardOf(world.owner, id),
    id: stepId(id, 1, 0),
    verb: 'approve',
  })
  const ask = (): Promise<{ code: string }> => refusal(world.bus.request(subject, { command: 'c1' }, 10_000))
  const { doubted } = test.engine.host
  const shard = shardOf(world.owner, id)
  doubted.set(shard, Number.MAX_SAFE_INTEGER)
  expect(await ask()).toMatchObject({ code: 'BUSY' })
  doubted.delete(shard)
  expect(await ask()).toMatchObject({ code: 'REFUSED' })
})

it('R50: retry of a directive that was cancelled as a draft begins with the plan that it came with', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, roles: ['worker'] })
  const id = await world.create({ plan: one })
  await world.client.directive(id).cancel()
  expect(await world.client.directive(id).retry()).toMatchObject({ directive: { status: 'active' } })
  await daemon.spawned('worker a')
})

it('R50 R46: retry of the failed step takes up its dependents as well; of another it is refused', async () => {
  const world = await test.world()
  let broken = true
  const work = (spawn: Spawn): Outcome =>
    callOf(spawn) === 'worker a' && broken ? { failed: { reason: 'broken' } } : passes(spawn)
  await world.daemon('d', { work })
  const id = await world.start({ plan: pair })
  await world.until(id, 'directive_failed')
  broken = false
  const refused = await refusal(world.client.step(stepId(id, 1, 1)).retry())
  expect(refused).toMatchObject({ code: 'REFUSED', hint: expect.stringContaining('failed') })
  expect(await world.view(id)).toMatchObject({ status: 'failed', counts: { failed: 1, skipped: 1 } })
  await world.client.step(stepId(id, 1, 0)).retry()
  await world.until(id, 'directive_completed')
})

it('R51 R52: a held step says why and since when, and blocks only its dependents', async () => {
  const world = await test.world()
  await world.daemon('d', { slots: 3 })
  const plan = planOf({ a: [], b: ['a'], c: [] }, { a: { requires_approval: true } })
  const id = await world.start({ plan })
  expect((await world.until(id, 'step_held')).data).toMatchObject({ reason: 'approval' })
  await world.until(id, 'step_passed', { step: 2 })
  const held = await world.step(id, 0)
  expect(held).toMatchObject({ status: 'held', waiting: expect.stringContaining('approval') })
  expect(Date.parse(held.since)).toBeGreaterThan(0)
  expect((await world.step(id, 1)).status).toBe('pending')
  await world.client.step(stepId(id, 1, 0)).approve()
  await world.until(id, 'directive_completed')
})

it('R38 R51: a held step shows since when, also after an evaluation that brought no verdict', async () => {
  const world = await test.world()
  const work = (spawn: Spawn): Outcome =>
    spawn.task.role === 'evaluator' && spawn.task.attempt > 2 ? { failed: { reason: 'broken' } } : passes(spawn)
  await world.daemon('d', { work })
  const id = await world.start({ plan: planOf({ a: [] }, { a: { requires_approval: true } }) })
  await world.until(id, 'step_held')
  const { since } = await world.step(id, 0)
  await world.client.step(stepId(id, 1, 0)).evaluate()
  await world.until(id, 'step_held', { nth: 2 })
  expect(await world.step(id, 0)).toMatchObject({ status: 'held', since })
})

it('R51: a rejection is a rework with that feedback, outside the budget', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d')
  const id = await world.start({ plan: planOf({ a: [] }, { a: { requires_approval: true } }), maxRework: 0 })
  await world.until(id, 'step_held')
  await world.client.step(stepId(id, 1, 0)).reject({ text: 'Paint it green.' })
  const again = await daemon.spawned('worker a', 2)
  expect(again.feedback).toEqual({ round: 2, text: 'Paint it green.' })
  await world.until(id, 'step_held', { nth: 2 })
  await world.client.step(stepId(id, 1, 0)).cancel()
  await world.until(id, 'directive_failed')
})

it('R51: a held step that nobody decides on takes its default decision in time', async () => {
  const world = await test.world()
  await world.daemon('d')
  const holdTimeout = { seconds: 0.2, decision: 'approve' as const }
  const id = await world.start({ plan: one, autonomy: 'manual', holdTimeout })
  await world.until(id, 'step_held')
  await world.until(id, 'directive_completed')
})

it('R52: guarded, a yellow verdict waits for a person and a green one does not', async () => {
  const world = await test.world()
  const yellow: Outcome = { done: { verdict: { passed: true, overallScore: 0.6 } } }
  await world.daemon('d', { ...verdicts('b', yellow) })
  const id = await world.start({ plan: pair, autonomy: 'guarded' })
  await world.until(id, 'step_held', { step: 1 })
  expect(world.types(id, 0)).not.toContain('step_held')
  await world.client.step(stepId(id, 1, 1)).approve()
  await world.until(id, 'directive_completed')
})

it('R54: not passed after having passed: flagged when dependents have begun, and then it may be rejected', async () => {
  const world = await test.world()
  const said: Outcome[] = [passed, fails]
  const work = (spawn: Spawn): Outcome => {
    if (callOf(spawn) === 'worker b') return null
    return callOf(spawn) === 'evaluator a' ? (said.shift() ?? passed) : passes(spawn)
  }
  const daemon = await world.daemon('d', { work, slots: 2 })
  const id = await world.start({ plan: pair })
  await daemon.spawned('worker b')
  await world.client.directive(id).evaluate({ step: 'a' })
  expect((await world.until(id, 'step_evaluation_flagged')).severity).toBe('warn')
  await expect.poll(async () => (await world.step(id, 0)).status).toBe('passed')
  await world.client.step(stepId(id, 1, 0)).reject({ text: 'Do it again.' })
  expect((await daemon.spawned('worker a', 2)).feedback?.text).toBe('Do it again.')
})

it('R54: not passed after having passed: a rework when no dependent has begun', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...verdicts('a', passed, fails) })
  const plan = planOf({ a: [], hold: [], b: ['a', 'hold'] }, { hold: { requires_approval: true } })
  const id = await world.start({ plan })
  await world.until(id, 'step_held')
  await world.until(id, 'step_passed', { step: 0 })
  await world.client.directive(id).evaluate({ step: 'a' })
  await daemon.spawned('worker a', 2)
  await world.until(id, 'step_passed', { step: 0, nth: 2 })
  await world.client.step(stepId(id, 1, 1)).approve()
  await world.until(id, 'directive_completed')
})

it('what waits is told as it is stored: until when, and who can end it, from the first slot to the end', async () => {
  const world = await test.world()
  const plan = planOf({ a: [], b: ['a'] }, { a: { requires_approval: true } })
  const id = await world.start({ evaluate: false, holdTimeout: { seconds: 3600, decision: 'approve' }, plan })
  const steps = async (): Promise<object[]> =>
    (await world.client.listWaiting({ directive: id, kind: 'step' })).lines.map((line) => ({
      ...{ step: line.step, waiting: line.waiting, until: line.until, by: line.by },
    }))
  const key = `${world.owner}/${stepId(id, 1, 0)}`
  const stored = async (): Promise<string> => {
    const [row] = await test.sql<{ first: string }[]>`
      select least((select min(due) from writ.timers where key = ${key}),
                   (select min(deadline) from writ.attempts where actor = ${key} and closed_at is null)) as first`
    return new Date(Number(row?.first)).toISOString()
  }
  await world.until(id, 'step_running')
  const slot = { step: 'a', waiting: 'a slot for a worker', until: null }
  expect(await steps()).toEqual([{ ...slot, by: { who: 'daemon', names: [] } }])
  const daemon = await world.daemon('d', silent)
  const spawn = await daemon.spawned('worker a')
  const working = { waiting: 'the worker, attempt 1', until: await stored(), by: { who: 'daemon', names: ['d'] } }
  await expect.poll(steps, { timeout: 10_000 }).toEqual([{ step: 'a', ...working }])
  await daemon.done(spawn)
  await world.until(id, 'step_held')
  const held = { waiting: 'a person: approval', until: await stored(), by: { who: 'person', names: [] } }
  expect(await steps()).toEqual([{ step: 'a', ...held }])
  expect(await world.step(id, 0)).toMatchObject(held)
  const view = await world.view(id)
  expect(view).toMatchObject({ until: null, by: { who: 'steps', names: ['a'] } })
  expect(view.stepList).toMatchObject([held, { waiting: 'step a', until: null, by: { who: 'steps', names: ['a'] } }])
  await world.client.directive(id).cancel()
  await world.until(id, 'directive_cancelled')
  expect(await world.client.listWaiting({ directive: id })).toEqual({ lines: [], next: null })
})
