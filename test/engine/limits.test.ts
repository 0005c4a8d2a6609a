/** What can grow has a limit (invariant 11): commits, whatever is asked at once. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Commit } from '../../src/actors/ports/rows.ts'
import { weightOf } from '../../src/actors/weight.ts'
import { unackedCountMax } from '../../src/bus/stream.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { actorKey, shardOf, stepId, taskId } from '../../src/protocol/ids.ts'
import { commitActorsMax, commitBytesMax, fileChunkBytes, sliceSteps } from '../../src/protocol/limits.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, type World } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

/** What each commit carries from now on. */
const commits = (): Commit[] => {
  const { store } = test.engine.host
  const { commit } = store
  const seen: Commit[] = []
  store.commit = (thread, rows) => {
    seen.push(rows)
    return commit(thread, rows)
  }
  return seen
}

const expectSmall = (seen: readonly Commit[]): void => {
  expect(Math.max(...seen.map(weightOf))).toBeLessThanOrEqual(commitBytesMax)
  expect(Math.max(...seen.map(({ actors = [] }) => actors.length))).toBeLessThanOrEqual(commitActorsMax)
}

it('requests that are large together go into several commits', async () => {
  const world = await test.world()
  const seen = commits()
  const text = 'x'.repeat(300_000)
  const ids = Array.from({ length: 12 }, (_, at) => `large${at}`)
  await Promise.all(ids.map((id) => world.create({ id, goal: text })))
  const sizes = seen.map(({ directives }) => JSON.stringify(directives ?? []).length)
  expect(seen.flatMap(({ directives = [] }) => directives)).toHaveLength(ids.length)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(commitBytesMax)
})

it('a plan of long texts is begun in slices that are no larger than a commit may be', async () => {
  const world = await test.world()
  const seen = commits()
  const description = 'y'.repeat(100_000)
  const steps = Array.from({ length: 4 }, (_, at) => ({ name: `s${at}`, description, task_plan: 'true' }))
  await world.daemon('d', { slots: 4 })
  const id = await world.start({ evaluate: false, plan: { steps } })
  await world.until(id, 'directive_completed')
  for (const { tasks = [], actors = [] } of seen) {
    expect(JSON.stringify(tasks).length).toBeLessThanOrEqual(commitBytesMax)
    expect(actors.length).toBeLessThanOrEqual(commitActorsMax)
  }
  const begun = seen.filter(({ actors = [] }) => actors.some(({ kind, version }) => kind === 'step' && version === 1))
  expect(begun.length).toBeGreaterThan(1)
})

/** Where the first task of a directive's first step is told by a plain publish that it is done. */
const doneOf = ({ owner }: World, directive: string): string => {
  const step = stepId(directive, 1, 0)
  return subjects.task.at({ owner, shard: shardOf(owner, step), id: taskId(step, 1), verb: 'done' })
}

it('plain publishes to a full mailbox are dropped with a line in the log, and those to others are taken', async () => {
  const [full, other] = [await test.world(), await test.world()]
  const plan = planOf({ a: [] })
  const [flooded, id] = [await full.start({ plan }), await other.start({ plan, evaluate: false })]
  const { store } = test.engine.host
  const { enqueue } = store
  store.enqueue = (mail) =>
    mail.to === actorKey(full.owner, stepId(flooded, 1, 0))
      ? Promise.reject(new WritError('TOO_LARGE', `the mailbox of ${mail.to} is full`))
      : enqueue(mail)
  for (let count = 0; count <= unackedCountMax; count++) test.bus.publish(doneOf(full, flooded), {})
  test.bus.publish(doneOf(other, id), {})
  await other.until(id, 'directive_completed')
  store.enqueue = enqueue
  expect(test.log.filter((line) => line.includes(`${doneOf(full, flooded)} is not taken`))).toHaveLength(
    unackedCountMax + 1,
  )
})

it('steps that remember long feedback are cancelled in slices that are no larger than a commit may be', async () => {
  const world = await test.world()
  const count = 12
  const names = Array.from({ length: count }, (_, at) => `s${at}`)
  const verdict = { passed: false, reworkInstructions: 'z'.repeat(200_000) }
  await world.daemon('d', {
    slots: 2 * count,
    work: ({ task, feedback }) => {
      if (task.role === 'evaluator') return { done: { verdict } }
      return feedback === null ? { done: {} } : null
    },
  })
  const seen = commits()
  const id = await world.start({ plan: planOf(Object.fromEntries(names.map((name) => [name, []]))) })
  await Promise.all(names.map((_, step) => world.until(id, 'step_running', { step, nth: 2 })))
  await world.client.directive(id).cancel()
  await world.until(id, 'directive_cancelled')
  expectSmall(seen)
})

const putInChunks = async (world: World, contract: string, text: string): Promise<void> => {
  const bytes = Buffer.from(text)
  for (let offset = 0; offset < bytes.length; offset += fileChunkBytes) {
    const data = bytes.subarray(offset, offset + fileChunkBytes).toString('base64')
    await world.client.contract(contract).put({ name: 'plan.json', offset, total: bytes.length, data })
  }
}

/** A verdict that is given when the test says so. */
const later = (): { promise: Promise<boolean>; resolve: (passed: boolean) => void } => {
  let resolve: (passed: boolean) => void = () => undefined
  const promise = new Promise<boolean>((give) => {
    resolve = give
  })
  return { promise, resolve }
}

const fanCount = 1000
const fan = planOf({
  root: [],
  ...Object.fromEntries(Array.from({ length: fanCount }, (_, at) => [`s${at}`, ['root']])),
})

/** Of a directive and its steps, in their mailboxes. */
const waitingRows = async ({ owner }: World, directive: string): Promise<number> => {
  const rows = await test.sql<{ count: number }[]>`
    select count(*)::int as count from writ.messages where "to" like ${`${owner}/${directive}%`}`
  return rows[0]?.count ?? 0
}

/** Each hundred has its own time. */
const allRun = async (world: World, directive: string, before: number): Promise<void> => {
  for (let count = 100; count <= fanCount; count += 100)
    await world.until(directive, 'step_running', { nth: before + count })
}

/** What comes of a step with a thousand dependents: numbers of the events of this type, the root's or all others'. */
const numbersOf = (world: World, directive: string, type: string, isRoot: boolean): number[] =>
  world
    .events(directive)
    .filter((event) => event.type === type && (event.step?.endsWith('_0') ?? false) === isRoot)
    .map(({ number }) => number)

it('R22: a step with a thousand dependents tells all of them, in commits that are no larger than they may be', async () => {
  const world = await test.world()
  const seen = commits()
  await world.daemon('d', { work: ({ step }) => (step?.name === 'root' ? { done: {} } : null) })
  const id = await world.start({ evaluate: false, plan: fan })
  await allRun(world, id, 1)
  expectSmall(seen)
  const root = actorKey(world.owner, stepId(id, 1, 0))
  const told = seen.map(({ messages = [] }) => messages.filter(({ from, to }) => from === root && to !== root).length)
  expect(Math.max(...told)).toBeLessThanOrEqual(sliceSteps)
}, 120_000)

it('dependents with long texts become ready in commits that are no larger than they may be', async () => {
  const world = await test.world()
  const seen = commits()
  const description = 'y'.repeat(100_000)
  const names = Array.from({ length: 20 }, (_, at) => `s${at}`)
  const shape = { root: [], ...Object.fromEntries(names.map((name) => [name, ['root']])) }
  const plan = planOf(shape, Object.fromEntries(names.map((name) => [name, { description }])))
  await world.daemon('d', {
    work: async ({ task, contract, step }) => {
      if (task.role !== 'planner') return step?.name === 'root' ? { done: {} } : null
      await putInChunks(world, contract.id, JSON.stringify(plan))
      return { done: {} }
    },
  })
  const id = await world.start({ evaluate: false })
  await world.until(id, 'step_running', { nth: 1 + names.length })
  expectSmall(seen)
})

it('R54: a step that is evaluated again while a thousand dependents hear that it has passed holds all of them back', async () => {
  const world = await test.world()
  const seen = commits()
  const verdicts = [later(), later(), later()]
  const daemon = await world.daemon('d', {
    work: async ({ task, step }) => {
      if (task.role !== 'evaluator') return step?.name === 'root' ? { done: {} } : null
      const verdict = verdicts.shift()
      return { done: { verdict: { passed: (await verdict?.promise) ?? true } } }
    },
  })
  const [first, second, third] = verdicts
  const id = await world.start({ plan: fan })
  await daemon.spawned('evaluator root')
  await world.client.directive(id).pause()
  first?.resolve(true)
  await world.until(id, 'step_passed', { step: 0 })
  await world.client.step(stepId(id, 1, 0)).evaluate()
  // Until all have heard of it: what begins before it hears so is begun, and says so.
  await expect.poll(() => waitingRows(world, id), { timeout: 30_000 }).toBe(0)
  await world.client.directive(id).resume()
  second?.resolve(false)
  await daemon.spawned('evaluator root', 3)
  expect(numbersOf(world, id, 'step_running', false)).toEqual([])
  third?.resolve(true)
  await allRun(world, id, 2)
  const passed = numbersOf(world, id, 'step_passed', true)
  expect(passed).toHaveLength(2)
  expect(Math.min(...numbersOf(world, id, 'step_running', false))).toBeGreaterThan(passed[1] ?? Infinity)
  expectSmall(seen)
}, 120_000)

const nested = (levels: number): string =>
  `{"passed":true,"criteriaResults":${'['.repeat(levels)}${']'.repeat(levels)}}`

it.each([
  { what: 'nested beyond what can be walked through', file: nested(100_000), fault: 'nested deeper' },
  {
    what: 'larger than a commit',
    file: JSON.stringify({ passed: true, criteriaResults: 'c'.repeat(2_000_000) }),
    fault: '2000',
  },
])('a verdict in a file that is $what is none, and its report has its receipt', async ({ file, fault }) => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: ({ task }) => (task.role === 'evaluator' ? null : { done: {} }) })
  const id = await world.start({ plan: planOf({ a: [] }), onEvaluatorFailure: { retries: 0 } })
  const spawn = await daemon.spawned('evaluator a')
  await putInChunks(world, spawn.contract.id, file)
  const seen = commits()
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
  const { data } = await world.until(id, 'monitoring_parse_failed_open')
  expect(data).toMatchObject({ reason: expect.stringContaining(fault) })
  expectSmall(seen)
})

it('what is told of the faults of a plan in a file is no larger than a commit may be', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ maxRegenerations: 0 })
  const spawn = await daemon.spawned('planner')
  const others = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`s${at}`, [`${at}`.repeat(20_000)]]))
  await putInChunks(world, spawn.contract.id, JSON.stringify(planOf({ a: ['n'.repeat(2_000_000)], ...others })))
  const seen = commits()
  await daemon.done(spawn)
  const { data } = await world.until(id, 'planning_failed')
  expect(data).toMatchObject({
    reason: expect.stringMatching(/steps\[0\] \("a"\): it depends on "nnn.* more faults$/s),
  })
  expect((await world.view(id)).status).toBe('failed')
  expectSmall(seen)
})
