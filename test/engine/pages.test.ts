/** No answer is larger than a message may be: what has long lines comes in more pages, and nothing of it is missing. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { jsonBytes } from '../../src/protocol/fitting.ts'
import { actorKey, stepId, taskId } from '../../src/protocol/ids.ts'
import { payloadBytesMax } from '../../src/protocol/limits.ts'
import { callOf, passes } from '../support/fake-daemon.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

const long = 200_000

it('a history of long events is read to its end', async () => {
  const world = await test.world()
  const id = await world.create({})
  const data = JSON.stringify({ summaryFeedback: 'x'.repeat(long) })
  await test.sql`
    insert into writ.events (directive, sequence, type, severity, source, data, at)
    select ${actorKey(world.owner, id)}, 1000 + n, 'step_evaluation_failed', 'info', 'system', ${data}::text::jsonb, 0
    from generate_series(1, 5) n`
  const seen: number[] = []
  for (let next: number | null = 0; next !== null;) {
    const page = await world.client.directive(id).events({ after: next })
    seen.push(...page.events.map(({ number }) => number))
    next = page.next
  }
  expect(seen.slice(-5)).toEqual([1001, 1002, 1003, 1004, 1005])
})

it('a list of tasks that tell at length why they failed comes in pages', async () => {
  const world = await test.world()
  const id = await world.start({})
  await test.sql`
    insert into writ.tasks
    select (jsonb_populate_record(t, jsonb_build_object('id', t.id || n, 'reason', repeat('y', ${long})))).*
    from writ.tasks t, generate_series(1, 5) n where t.owner = ${world.owner} and t.id = ${taskId(id, 1)}`
  const seen = new Set<string>()
  for (let after: string | null | undefined; after !== null;) {
    const page = await world.client.listTasks(after === undefined ? {} : { after })
    for (const line of page.lines) seen.add(line.id)
    after = page.next
  }
  expect(seen.size).toBe(6)
})

it('a directive whose steps wait for many others is shown in pages', async () => {
  const world = await test.world()
  const names = (from: number, count: number): string[] =>
    Array.from({ length: count }, (_, at) => `${from + at}`.padEnd(175, 'n'))
  const first = names(0, 40)
  const shape = [...first.map((name) => [name, []] as const), ...names(40, 60).map((name) => [name, first] as const)]
  const id = await world.start({ evaluate: false, plan: planOf(Object.fromEntries(shape)) })
  const view = await world.view(id)
  const { stepList, nextStep } = await world.client.directive(id).steps({ from: view.nextStep ?? 0 })
  expect([view.counts.pending + view.counts.running, nextStep]).toEqual([100, null])
  expect([...view.stepList, ...stepList].map(({ index }) => index)).toEqual(names(0, 100).map((_, at) => at))
  expect(jsonBytes(view)).toBeLessThan(payloadBytesMax)
})

it('the steps that are under way can be asked for alone, from an index on', async () => {
  const world = await test.world()
  await world.daemon('d', { slots: 9, work: (spawn) => (callOf(spawn) === 'worker c' ? passes(spawn) : null) })
  const plan = planOf({ a: [], b: [], c: [], d: ['a'] }, { b: { requires_approval: true } })
  const id = await world.start({ plan, evaluate: false })
  const ask = world.client.directive(id)
  const underWay = async (query: object) => {
    const { stepList, nextStep } = await ask.steps({ underWay: true, ...query })
    return { names: stepList.map(({ name }) => name), nextStep }
  }
  await expect.poll(async () => (await underWay({})).names).toEqual(['a', 'b'])
  expect(await underWay({ limit: 1 })).toEqual({ names: ['a'], nextStep: 1 })
  expect(await underWay({ from: 1 })).toEqual({ names: ['b'], nextStep: null })
})

it('a step that waits for more others than one message holds the names of is shown with the first of them', async () => {
  const world = await test.world()
  const id = await world.start({ evaluate: false, plan: planOf({ a: [] }) })
  const others = Array.from({ length: 2800 }, (_, at) => `${at + 1} ${'n'.repeat(190)}`)
  const { hash } = (await world.view(id)).chain ?? { hash: '' }
  await test.sql`
    insert into writ.plan_steps (hash, index, name, depends_on, step)
    select ${hash}, n, n || ' ' || repeat('n', 190), '[]', p.step
    from writ.plan_steps p, generate_series(1, 2800) n where p.hash = ${hash}`
  await test.sql`
    update writ.plan_steps set depends_on = (select jsonb_agg(n) from generate_series(1, 2800) n)
    where hash = ${hash} and index = 0`
  const view = await world.view(id)
  expect([view.stepList.length, view.nextStep]).toEqual([0, 0])
  const { stepList, nextStep } = await world.client.directive(id).steps({ from: 0 })
  expect(nextStep).toBeGreaterThan(0)
  const { dependsOn } = await world.step(id, 0)
  for (const shown of [dependsOn, stepList[0]?.dependsOn ?? []]) {
    expect(shown.slice(0, 2)).toEqual(others.slice(0, 2))
    expect(shown.at(-1)).toBe(`${others.length - shown.length + 1} more …`)
  }
})

it('what is too large for one answer as a whole has its longest texts cut short', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: ({ task }) => (task.role === 'evaluator' ? null : { done: {} }) })
  const id = await world.start({ plan: planOf({ a: [] }), acceptanceCriteria: ['kept'] })
  const spawn = await daemon.spawned('evaluator a')
  const verdict = JSON.stringify({ passed: false, summaryFeedback: 'x'.repeat(long) })
  await test.sql`
    insert into writ.evaluations
    select ${actorKey(world.owner, id)}, 0, n, 2, 'monitoring', 'automated', ${verdict}::text::jsonb, 0
    from generate_series(1, 5) n`
  await test.sql`
    insert into writ.attempts
    select (jsonb_populate_record(a, jsonb_build_object('attempt', 100 + n, 'closed_at', 0, 'result', repeat('z', ${long})))).*
    from writ.attempts a, generate_series(1, 5) n where a.owner = ${world.owner} and a.task = ${spawn.task.id}`
  const step = await world.step(id, 0)
  expect([step.evaluations.length, step.name, step.taskPlan]).toEqual([5, 'a', 'Make a, and nothing else.'])
  expect(step.evaluations[4]?.verdict.summaryFeedback).toMatch(/^x{4096,}…$/)
  const { attempts } = await world.task(stepId(id, 1, 0), 2)
  expect(attempts.slice(-5).map(({ result }) => result?.at(-1))).toEqual(Array.from({ length: 5 }, () => '…'))
})

it('a step whose verdicts have very many small results is shown with the beginning of each, as text', async () => {
  const world = await test.world()
  const id = await world.start({ evaluate: false, plan: planOf({ a: [] }) })
  const verdict = JSON.stringify({
    passed: false,
    criteriaResults: Array.from({ length: 10_000 }, (_, at) => ({ at })),
  })
  await test.sql`
    insert into writ.evaluations
    select ${actorKey(world.owner, id)}, 0, n, 2, 'monitoring', 'automated', ${verdict}::text::jsonb, 0
    from generate_series(1, 6) n`
  const { evaluations } = await world.step(id, 0)
  expect(evaluations).toHaveLength(6)
  for (const { verdict } of evaluations) expect(verdict.criteriaResults).toMatch(/^\[\{"at":0\},.*…$/)
})
