/** From a started directive to its chain: planners, plans, and what becomes of bad ones. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Outcome, passes } from '../support/fake-daemon.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, refusal, type World } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

const says = (): Outcome => null
const planner = { roles: ['planner' as const], work: says }
const two = planOf({ a: [], b: ['a'] })

/** A directive that is planning, its planner running and silent. */
const planning = async (world: World, input: object = {}): Promise<{ id: string }> => ({ id: await world.start(input) })

it('R1 R46: only a draft starts; the refusal names the status and changes nothing', async () => {
  const world = await test.world()
  const { id } = await planning(world)
  const before = world.events(id).length
  const refused = await refusal(world.client.directive(id).start())
  expect(refused).toMatchObject({ code: 'REFUSED', message: expect.stringContaining('planning') })
  expect(refused.hint).toContain('draft')
  expect(world.events(id).length).toBe(before)
})

it('R2 R3 R5: starting makes a planning contract with its supervisor task, offered at once', async () => {
  const world = await test.world()
  const daemon = await world.daemon('p', planner)
  const { id } = await planning(world, { title: 'A mill' })
  const spawn = await daemon.spawned('planner')
  expect(spawn.task).toMatchObject({ name: 'A mill - Planner', role: 'planner', priority: 10, supervisor: true })
  expect(spawn.contract.name).toBe('A mill - Planning')
  expect(spawn.task.plan).toContain('A mill')
  const view = await world.view(id)
  const task = await world.task(id, 1)
  expect(view).toMatchObject({ status: 'planning', tasks: [{ purpose: 'plan' }], orchestrator: task.contract.address })
  expect(task).toMatchObject({
    directive: id,
    contract: { id: world.contractOf(id, 1), kind: 'simple', phase: 'plan', orchestrator: true, repositories: [] },
    supervisor: true,
    localOnly: true,
  })
})

it('R4: the repository of the directive goes with every contract of it: planning, step and monitoring', async () => {
  const world = await test.world()
  const repository = 'https://example.org/mill.git'
  const daemon = await world.daemon('p', { work: (spawn) => (spawn.task.role === 'merger' ? passes(spawn) : null) })
  const { id } = await planning(world, { repository, baseBranch: 'main' })
  const plans = await daemon.spawned('planner')
  expect(plans).toMatchObject({ repository, baseBranch: 'main' })
  await world.client.directive(id).plan({ plan: planOf({ a: [] }) })
  await daemon.done(plans)
  const worker = await daemon.spawned('worker a')
  await daemon.done(worker, { commit: 'c'.repeat(40) })
  const monitor = await daemon.spawned('evaluator a')
  const repositories = [{ name: 'directive-repo', location: repository, primary: true }]
  for (const { task } of [plans, worker, monitor])
    expect(await world.client.task(task.id).get()).toMatchObject({ repository, contract: { repositories } })
})

it('R4: without a repository there is none to go with them, and that stops nothing', async () => {
  const world = await test.world()
  const daemon = await world.daemon('p', { work: says })
  const { id } = await planning(world)
  const plans = await daemon.spawned('planner')
  await world.client.directive(id).plan({ plan: planOf({ a: [] }) })
  await daemon.done(plans)
  const { task } = await daemon.spawned('worker a')
  expect(await world.client.task(task.id).get()).toMatchObject({ repository: null, contract: { repositories: [] } })
})

it('R7 R12: a plan is accepted while planning, whole; before and after it is not', async () => {
  const world = await test.world()
  const id = await world.create({ title: 'A mill' })
  const early = await refusal(world.client.directive(id).plan({ plan: two }))
  expect(early).toMatchObject({ code: 'REFUSED', message: expect.stringContaining('draft') })
  await world.client.directive(id).start()
  await world.client.directive(id).plan({ plan: two })
  const view = await world.view(id)
  expect(view).toMatchObject({
    status: 'active',
    steps: 2,
    chain: { generation: 1, title: 'A mill - Chain', steps: 2 },
  })
  expect(view.stepList.map(({ index, name, dependsOn }) => [index, name, dependsOn])).toEqual([
    [0, 'a', []],
    [1, 'b', ['a']],
  ])
  expect(world.types(id)).toContain('directive_active')
})

it('R8: a plan for a directive that has its chain is not even read', async () => {
  const world = await test.world()
  const { id } = await planning(world)
  await world.client.directive(id).plan({ plan: two })
  const before = await world.view(id)
  for (const plan of [two, 'no plan at all', planOf({ other: [] })])
    expect(await world.client.directive(id).plan({ plan })).toMatchObject({ directive: { id, status: 'active' } })
  expect(await world.view(id)).toEqual(before)
})

it('R10: a plan that is no JSON, or has no steps, is refused with where and why', async () => {
  const world = await test.world()
  const { id } = await planning(world)
  const broken = await refusal(world.client.directive(id).plan({ plan: '{"steps": [\n  {"name": }' }))
  expect(broken).toMatchObject({ code: 'BAD_PLAN', faults: [expect.stringMatching(/line 2/)] })
  const empty = await refusal(world.client.directive(id).plan({ plan: { steps: [] } }))
  expect(empty.faults).toEqual([expect.stringContaining('at least one step')])
  expect(await world.view(id)).toMatchObject({ status: 'planning', chain: null })
})

it('R11 R46: every fault of a plan is listed at once, and nothing half-made is left', async () => {
  const world = await test.world()
  const { id } = await planning(world)
  const plan = { steps: [...planOf({ a: ['b'], b: ['a'], c: ['c'], d: ['nobody'] }).steps, ...planOf({ a: [] }).steps] }
  const { code, faults = [] } = await refusal(world.client.directive(id).plan({ plan }))
  expect(code).toBe('BAD_PLAN')
  expect(faults.length).toBeGreaterThanOrEqual(4)
  for (const part of ['nobody', '"a"', '"c"', 'cycle']) expect(faults.join('\n')).toContain(part)
  expect(await world.view(id)).toMatchObject({ status: 'planning', chain: null, steps: 0 })
  await world.client.directive(id).plan({ plan: two })
  expect(await world.view(id)).toMatchObject({ status: 'active' })
})

it('R13 R17: a plan arrives as a file of the planning contract and counts when the planner ends', async () => {
  const world = await test.world()
  const daemon = await world.daemon('p', planner)
  const { id } = await planning(world)
  const spawn = await daemon.spawned('planner')
  await world.put(spawn.contract.id, 'plan.md', `Here it is:\n\n\`\`\`json\n${JSON.stringify(two)}\n\`\`\`\n`)
  expect((await world.view(id)).status).toBe('planning')
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
  expect(await world.view(id)).toMatchObject({ status: 'active', steps: 2 })
  expect(world.types(id)).not.toContain('planning_retry')
})

it('R13 R18: the faults of a plan in a file are told when planning begins again', async () => {
  const world = await test.world()
  const daemon = await world.daemon('p', planner)
  const { id } = await planning(world)
  const spawn = await daemon.spawned('planner')
  await world.put(spawn.contract.id, 'plan.json', JSON.stringify(planOf({ a: ['nobody'] })))
  await daemon.done(spawn)
  const { severity, data } = await world.until(id, 'planning_retry')
  expect(severity).toBe('warn')
  expect(data).toMatchObject({ attempt: 1, maxRegenerations: 2, reason: expect.stringContaining('nobody') })
})

it('R14 R45: planning ends once, by its task and by its contract, in either order', async () => {
  const world = await test.world()
  const daemon = await world.daemon('p', planner)
  const { id } = await planning(world)
  const spawn = await daemon.spawned('planner')
  await world.client.contract(spawn.contract.id).finish()
  expect(await daemon.ordered('finish')).toMatchObject({ task: spawn.task.id, attempt: 1 })
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
  await world.until(id, 'planning_retry')
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
  await world.client.contract(spawn.contract.id).finish()
  await daemon.spawned('planner', 2)
  expect(world.types(id).filter((type) => type === 'planning_retry').length).toBe(1)
})

it('R14: a planning contract that is completed while its task waits for a daemon ends planning', async () => {
  const world = await test.world()
  const { id } = await planning(world, { maxRegenerations: 0 })
  await world.client.contract(world.contractOf(id, 1)).finish()
  expect(await world.view(id)).toMatchObject({ status: 'failed' })
})

it('R15: the planner failing fails the directive, and an event says why', async () => {
  const world = await test.world()
  const daemon = await world.daemon('p', { ...planner, work: () => ({ failed: { reason: 'no idea how' } }) })
  const { id } = await planning(world)
  const { severity, data } = await world.until(id, 'directive_failed')
  expect(severity).toBe('error')
  expect(data).toMatchObject({ reason: expect.stringContaining('no idea how') })
  expect(daemon.spawns.length).toBe(1)
})

it('R15: a planner that fails after its plan was accepted fails nothing', async () => {
  const world = await test.world()
  const daemon = await world.daemon('p', planner)
  const { id } = await planning(world)
  const spawn = await daemon.spawned('planner')
  await world.client.directive(id).plan({ plan: two })
  expect(await daemon.failed(spawn, 'fell over its own feet')).toEqual({ received: true, counted: true })
  await world.until(id, 'step_running')
  expect(await world.view(id)).toMatchObject({ status: 'active', reason: null })
})

it('R16: what is not the supervisor task of the planning contract ends nothing', async () => {
  const world = await test.world()
  const daemon = await world.daemon('p', planner)
  const { id } = await planning(world)
  const spawn = await daemon.spawned('planner')
  const other = { ...spawn, task: { ...spawn.task, address: spawn.task.address.replace(/__t1$/, '__t2') } }
  expect(await daemon.done(other)).toEqual({ received: true, counted: false })
  expect(await refusal(world.client.task(`${id}__t2`).end({ outcome: 'done' }))).toMatchObject({ code: 'NOT_FOUND' })
  expect(await world.view(id)).toMatchObject({ status: 'planning' })
})

it('R16: a planner whose planning was given up ends nothing of the planning that came after it', async () => {
  const world = await test.world()
  const daemon = await world.daemon('p', planner)
  const { id } = await planning(world)
  const first = await daemon.spawned('planner')
  await daemon.done(first)
  const second = await daemon.spawned('planner', 2)
  expect(await daemon.failed(first, 'too late')).toEqual({ received: true, counted: false })
  expect(await refusal(world.client.task(first.task.id).end({ outcome: 'failed' }))).toMatchObject({ code: 'REFUSED' })
  expect(await world.view(id)).toMatchObject({ status: 'planning', regenerations: 1 })
  await world.client.directive(id).plan({ plan: two })
  expect(await daemon.done(second)).toEqual({ received: true, counted: true })
  await world.until(id, 'step_running')
})

it('R18 R19: planning without a plan starts anew with a new contract, and fails when the budget is spent', async () => {
  const world = await test.world()
  const daemon = await world.daemon('p', { ...planner, work: () => ({ done: {} }) })
  const { id } = await planning(world, { maxRegenerations: 2 })
  const { severity, data } = await world.until(id, 'planning_failed')
  expect([severity, data]).toEqual(['error', expect.objectContaining({ attempts: 2, maxRegenerations: 2 })])
  const retries = world.events(id).filter(({ type }) => type === 'planning_retry')
  expect(retries.map((event) => event.data)).toMatchObject([{ attempt: 1 }, { attempt: 2 }])
  expect(daemon.spawns.map(({ contract }) => contract.id)).toEqual([1, 2, 3].map((at) => world.contractOf(id, at)))
  expect(await world.view(id)).toMatchObject({ status: 'failed', regenerations: 2 })
})

it('R53: creating again with the same id and content answers with the directive, with other content it is refused', async () => {
  const world = await test.world()
  const input = { id: 'mill', title: 'A mill', goal: { grind: true, fine: 'very' }, plan: two }
  const first = await world.client.createDirective(input)
  expect(await world.client.createDirective({ ...input, goal: { fine: 'very', grind: true } })).toEqual(first)
  const refused = await refusal(world.client.createDirective({ ...input, goal: 'another' }))
  expect(refused).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('mill') })
})
