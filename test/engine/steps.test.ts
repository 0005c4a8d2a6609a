/** Steps at work: dispatch in parallel, rework, ends of work by task and by contract, and how a failure spreads. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { contractId, stepId } from '../../src/protocol/ids.ts'
import { callOf, passes } from '../support/fake-daemon.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, refusal } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

const silent = { work: () => null }
const one = planOf({ a: [] })

it('R22 R23 R24 R26: every ready step is dispatched at once, each with a contract and task of its own', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, slots: 5 })
  const id = await world.start({ plan: planOf({ a: [], b: [], c: [], d: ['a', 'b'] }) })
  const spawns = await Promise.all(['a', 'b', 'c'].map((name) => daemon.spawned(`worker ${name}`)))
  expect(daemon.spawns.length).toBe(3)
  expect(spawns.map(({ task }) => [task.name, task.role, task.priority, task.supervisor])).toEqual(
    ['a', 'b', 'c'].map((name) => [`${name} Supervisor`, 'worker', 5, true]),
  )
  expect(spawns.map(({ contract }) => contract.id)).toEqual([0, 1, 2].map((at) => contractId(stepId(id, 1, at), 1)))
  const { stepList } = await world.view(id)
  expect(stepList.map(({ status }) => status)).toEqual(['running', 'running', 'running', 'pending'])
  expect(stepList[3]).toMatchObject({ waiting: 'steps a, b' })
  await daemon.done(spawns[0] ?? expect.unreachable())
  await daemon.done(await daemon.spawned('evaluator a'), { verdict: { passed: true } })
  expect(daemon.spawns.map(callOf)).not.toContain('worker d')
  await daemon.done(spawns[1] ?? expect.unreachable())
  await daemon.done(await daemon.spawned('evaluator b'), { verdict: { passed: true } })
  await daemon.spawned('worker d')
})

it('R24: a step whose task plan is blank is told to execute itself by name', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, slots: 2 })
  await world.start({ plan: planOf({ grind: [], sieve: [] }, { grind: { task_plan: ' ' } }) })
  expect((await daemon.spawned('worker grind')).task.plan).toBe('Execute step: grind')
  expect((await daemon.spawned('worker sieve')).task.plan).toBe('Make sieve, and nothing else.')
})

it('R25 R37: a rework is told its round, the feedback and the instructions, before the plan as it was', async () => {
  const world = await test.world()
  let judged = 0
  const verdict = { passed: false, overallScore: 0.2, summaryFeedback: 'Too coarse.', reworkInstructions: 'Sieve it.' }
  const daemon = await world.daemon('d', {
    work: (spawn) => (spawn.task.role === 'evaluator' && ++judged === 1 ? { done: { verdict } } : passes(spawn)),
  })
  const id = await world.start({ plan: one })
  await world.until(id, 'directive_completed')
  const second = await daemon.spawned('worker a', 2)
  expect(second.feedback).toEqual({ round: 2, text: 'Too coarse.\n\nSieve it.' })
  expect(second.task).toMatchObject({ attempt: 3 })
  const { plan } = second.task
  const places = ['round 2', 'Too coarse.', 'Sieve it.', 'Make a, and nothing else.'].map((part) => plan.indexOf(part))
  expect(places).not.toContain(-1)
  expect(places).toEqual([...places].sort((a, b) => a - b))
  expect((await daemon.spawned('worker a')).feedback).toBeNull()
  expect(await world.step(id, 0)).toMatchObject({ round: 2, status: 'passed' })
  expect(world.types(id, 0)).toEqual([
    ...['step_running', 'step_evaluating', 'step_evaluation_failed', 'step_rework'],
    ...['step_running', 'step_evaluating', 'step_evaluation_passed', 'step_passed'],
  ])
})

it('R25: without rework instructions the plan of a rework is the plan as it was', async () => {
  const world = await test.world()
  let judged = 0
  const daemon = await world.daemon('d', {
    work: (spawn) =>
      spawn.task.role === 'evaluator' && ++judged === 1
        ? { done: { verdict: { passed: false, summaryFeedback: 'No.' } } }
        : passes(spawn),
  })
  await world.start({ plan: one })
  const plans = [await daemon.spawned('worker a'), await daemon.spawned('worker a', 2)].map(({ task }) => task.plan)
  expect(plans[1]).toBe(plans[0])
})

it('R27 R45: work ends once, by its contract and by its task, and then it is evaluated', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  await world.client.contract(spawn.contract.address).finish()
  expect(await daemon.ordered('finish')).toMatchObject({ task: spawn.task.id, nonce: spawn.task.nonce })
  expect((await world.step(id, 0)).status).toBe('running')
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
  await world.until(id, 'step_evaluating')
  await daemon.spawned('evaluator a')
  await world.client.contract(spawn.contract.address).finish()
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
  expect(world.types(id, 0)).toEqual(['step_running', 'step_evaluating'])
})

it('R27: a contract that is completed while its task waits for a daemon ends the work', async () => {
  const world = await test.world()
  const id = await world.start({ plan: one })
  await world.client.contract(contractId(stepId(id, 1, 0), 1)).finish()
  await world.until(id, 'step_evaluating')
  const daemon = await world.daemon('d')
  await world.until(id, 'directive_completed')
  expect(daemon.spawns.map(callOf)).toEqual(['evaluator a'])
})

it('R27 R46: a person ends a waiting task at once, one that runs only by force', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  const task = world.client.task(spawn.task.address)
  const refused = await refusal(task.end({ outcome: 'done' }))
  expect(refused).toMatchObject({ code: 'REFUSED', hint: expect.stringContaining('force') })
  expect((await world.step(id, 0)).status).toBe('running')
  await task.end({ outcome: 'done', force: true })
  expect(await daemon.ordered('cancel')).toMatchObject({ task: spawn.task.id })
  await world.until(id, 'step_evaluating')
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: false })
})

it.concurrent('R21 R28: a failed step fails its directive: what runs is stopped, what had begun is cancelled, the rest skipped', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, slots: 3 })
  const id = await world.start({ plan: planOf({ a: [], b: [], c: ['a'], done: [] }) })
  await daemon.done(await daemon.spawned('worker done'))
  await daemon.done(await daemon.spawned('evaluator done'), { verdict: { passed: true } })
  const running = await daemon.spawned('worker b')
  await daemon.failed(await daemon.spawned('worker a'), 'the stone broke')
  expect(await daemon.ordered('cancel')).toMatchObject({ task: running.task.id })
  const { data } = await world.until(id, 'directive_failed')
  expect(data).toMatchObject({ reason: expect.stringContaining('the stone broke') })
  const view = await world.view(id)
  expect(view.stepList.map(({ name, status }) => [name, status])).toEqual([
    ['a', 'failed'],
    ['b', 'cancelled'],
    ['c', 'skipped'],
    ['done', 'passed'],
  ])
  expect(view).toMatchObject({ failed: 1, passed: 1, counts: { failed: 1, cancelled: 1, skipped: 1, passed: 1 } })
  expect(await daemon.done(running)).toEqual({ received: true, counted: false })
  expect((await world.view(id)).counts).toEqual(view.counts)
})

it.concurrent('R28 R42: a failure of the means is tried again with a new attempt, a failure of the work is not', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', {
    work: (spawn) =>
      spawn.task.role === 'worker' && spawn.task.attempt === 1
        ? { failed: { reason: 'killed by SIGKILL', means: true } }
        : passes(spawn),
  })
  const id = await world.start({ plan: one })
  await world.until(id, 'directive_completed')
  const [first, second] = [await daemon.spawned('worker a'), await daemon.spawned('worker a', 2)]
  expect([first.task.id, second.task.attempt]).toEqual([second.task.id, 2])
  expect(second.task.nonce).not.toBe(first.task.nonce)
  const { attempts } = await world.task(stepId(id, 1, 0), 1)
  expect(attempts.map(({ as, reason }) => [as, reason])).toEqual([
    ['failed', 'killed by SIGKILL'],
    ['done', ''],
  ])
})

it.concurrent('R20 R22: wide and deep plans end, each step done once', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { slots: 20 })
  const layer = (at: number): string[] => Array.from({ length: 10 }, (_, index) => `s${at}-${index}`)
  const layers = [0, 1, 2, 3].flatMap((at) => layer(at).map((name) => [name, at === 0 ? [] : layer(at - 1)] as const))
  const id = await world.start({ plan: planOf(Object.fromEntries(layers)) })
  await world.until(id, 'directive_completed')
  const calls = daemon.spawns.map(callOf)
  expect(calls.length).toBe(80)
  expect(new Set(calls).size).toBe(80)
})
