/** Which daemon gets what, what it is sent, and what becomes of attempts whose daemon refuses, leaves or starts anew. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WritError } from '../../src/protocol/errors.ts'
import { stepId } from '../../src/protocol/ids.ts'
import { acceptMs } from '../../src/protocol/limits.ts'
import { spawn as spawnSchema } from '../../src/protocol/task.ts'
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
const wide = (count: number): object =>
  planOf(Object.fromEntries(Array.from({ length: count }, (_, at) => [`s${at}`, []])))

it('R39: a daemon never has more than its slots', async () => {
  const world = await test.world()
  let running = 0
  let most = 0
  const daemon = await world.daemon('d', {
    slots: 3,
    work: async (spawn) => {
      most = Math.max(most, ++running)
      await daemon.beat()
      running--
      return passes(spawn)
    },
  })
  const id = await world.start({ plan: wide(12) })
  await world.until(id, 'directive_completed')
  expect(most).toBe(3)
})

it('R39: roles, labels and executors decide who may run a task', async () => {
  const world = await test.world()
  const plain = await world.daemon('plain', { labels: { os: 'linux' } })
  const mac = await world.daemon('mac', { labels: { os: 'mac', disk: 'fast' }, roles: ['worker'] })
  const judge = await world.daemon('judge', { roles: ['evaluator'], executors: ['special'], labels: { os: 'mac' } })
  const id = await world.start({
    plan: planOf({ a: [], b: [], c: [] }, { b: { needs: { labels: { os: 'mac' } } } }),
    needs: { worker: { labels: { os: 'linux' } }, evaluator: { executor: 'special' } },
  })
  await world.until(id, 'directive_completed')
  expect(plain.spawns.map(callOf).sort()).toEqual(['worker a', 'worker c'])
  expect(mac.spawns.map(callOf)).toEqual(['worker b'])
  expect(judge.spawns.map(callOf).sort()).toEqual(['evaluator a', 'evaluator b', 'evaluator c'])
})

it('R39: a task goes to a daemon of its own owner only', async () => {
  const [ours, theirs] = [await test.world(), await test.world()]
  const foreign = await theirs.daemon('d', { slots: 10 })
  const id = await ours.start({ plan: one })
  expect(await ours.step(id, 0)).toMatchObject({ status: 'running', waiting: expect.stringContaining('slot') })
  const own = await ours.daemon('d')
  await ours.until(id, 'directive_completed')
  expect([foreign.spawns.length, own.spawns.length]).toEqual([0, 2])
})

it('R40: the spawn has every field, and the task is starting with its daemon and attempt', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, answer: () => null })
  const id = await world.start({ plan: planOf({ a: [] }, { a: { needs: { executor: 'shell' } } }), title: 'A mill' })
  const spawn = await daemon.spawned('worker a')
  expect(spawnSchema.parse(spawn)).toEqual(spawn)
  expect(Object.keys(spawn).sort()).toEqual(Object.keys(spawnSchema.shape).sort())
  expect(Object.keys(spawn.task).sort()).toEqual(Object.keys(spawnSchema.shape.task.shape).sort())
  expect(spawn).toMatchObject({
    task: { attempt: 1, orchestrator: false, autonomous: true, parent: null, depth: 0, supervisor: true },
    directive: { id, title: 'A mill' },
    step: { id: stepId(id, 1, 0), name: 'a', index: 0 },
    owner: world.owner,
    executor: 'shell',
    repository: null,
    targetBranch: null,
    completionAction: 'none',
    localOnly: true,
    autoMergeLocal: false,
  })
  expect(await world.task(stepId(id, 1, 0), 1)).toMatchObject({ status: 'starting', daemon: 'd', attempt: 1 })
})

it('R40: with a repository work goes to a branch of its attempt, and starts from the line', async () => {
  const world = await test.world()
  const repository = 'https://example.org/mill.git'
  const daemon = await world.daemon('d', { work: (spawn) => (spawn.task.role === 'merger' ? passes(spawn) : null) })
  const id = await world.start({ plan: one, repository, baseBranch: 'main' })
  expect(await daemon.spawned('worker a')).toMatchObject({
    repository,
    baseBranch: 'main',
    targetBranch: `writ/${id}/0/1`,
    startCommit: 'a'.repeat(40),
    completionAction: 'branch',
    localOnly: false,
  })
})

it('R41: without a daemon a task waits, then the highest priority goes first, and of those the oldest', async () => {
  const world = await test.world()
  const older = await world.start({ plan: one })
  const younger = await world.start({ plan: one })
  const planning = await world.start({})
  expect((await world.step(older, 0)).status).toBe('running')
  expect(await world.task(stepId(older, 1, 0), 1)).toMatchObject({ status: 'pending', daemon: null, attempt: null })
  const daemon = await world.daemon('d', { work: () => ({ failed: { reason: 'enough' } }) })
  await Promise.all([older, younger, planning].map((id) => world.until(id, 'directive_failed')))
  expect(daemon.spawns.map(({ directive }) => directive.id)).toEqual([planning, older, younger])
})

it.concurrent('R42: a spawn that is refused is rolled back by its attempt, and tried again', async () => {
  const world = await test.world()
  let asked = 0
  const daemon = await world.daemon('d', {
    answer: () => (++asked === 1 ? { error: { code: 'BUSY', message: 'no room' } } : { accepted: true }),
  })
  const id = await world.start({ plan: one })
  await world.until(id, 'directive_completed')
  const { attempts } = await world.task(stepId(id, 1, 0), 1)
  expect(attempts.map(({ as }) => as)).toEqual(['refused', 'done'])
  expect(daemon.spawns.map(({ task }) => task.attempt)).toEqual([1, 2, 3])
})

it.concurrent('R42 R43: a spawn whose daemon leaves before it accepts goes to whoever is there', async () => {
  const world = await test.world()
  const deaf = await world.daemon('deaf', { answer: () => null })
  const id = await world.start({ plan: one })
  const first = await deaf.spawned('worker a')
  await deaf.bye()
  const daemon = await world.daemon('d')
  await world.until(id, 'directive_completed')
  expect(callOf(daemon.spawns[0] ?? expect.unreachable())).toBe('worker a')
  expect(daemon.spawns[0]?.task.attempt).toBe(2)
  expect(await deaf.done(first)).toEqual({ received: true, counted: false })
}, 40_000)

it.concurrent('R42: a spawn that nobody answers is rolled back after ten seconds, and tried again', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', {
    answer: ({ task }) => (task.attempt === 1 ? null : { accepted: true }),
  })
  const id = await world.start({ plan: one })
  const first = await daemon.spawned('worker a')
  await world.until(id, 'directive_completed')
  expect(await daemon.done(first)).toEqual({ received: true, counted: false })
  const { attempts } = await world.task(stepId(id, 1, 0), 1)
  expect(attempts.map(({ as }) => as)).toEqual(['refused', 'done'])
  expect(daemon.orders.map(({ verb, order }) => [verb, order.attempt])).toEqual([['cancel', 1]])
}, 40_000)

it.concurrent('R43 R28: a daemon that leaves loses its task; a new attempt begins elsewhere, and late reports change nothing', async () => {
  const world = await test.world()
  const lost = await world.daemon('lost', silent)
  const id = await world.start({ plan: one })
  const spawn = await lost.spawned('worker a')
  await lost.bye()
  const other = await world.daemon('other', silent)
  const again = await other.spawned('worker a')
  expect(again.task).toMatchObject({ id: spawn.task.id, attempt: 2 })
  const before = await world.step(id, 0)
  expect(await lost.done(spawn)).toEqual({ received: true, counted: false })
  expect(await lost.failed(spawn, 'too late')).toEqual({ received: true, counted: false })
  const { tasks, ...after } = await world.step(id, 0)
  expect({ ...after, tasks: before.tasks }).toEqual(before)
  expect(tasks[0]?.attempts.map(({ late }) => late?.outcome)).toEqual(['done', undefined])
  expect(before.tasks[0]?.attempts.map(({ as }) => as)).toEqual(['lost', null])
})

it.concurrent('R43: a daemon that comes back without an attempt that it had accepted has lost it', async () => {
  const world = await test.world()
  const first = await world.daemon('d', { ...silent, home: 'h1', session: 's1' })
  const id = await world.start({ plan: one })
  await first.spawned('worker a')
  await expect.poll(async () => (await world.task(stepId(id, 1, 0), 1)).status, { timeout: 10_000 }).toBe('running')
  await first.fallSilent()
  // What was opened a moment ago it may have accepted after its hello.
  const { attempts } = test.engine.host.memory
  for (const [key, row] of attempts)
    if (row.owner === world.owner) attempts.set(key, { ...row, openedAt: row.openedAt - 2 * acceptMs })
  const back = await world.daemon('d', { ...silent, home: 'h1', session: 's1', running: [] })
  const again = await back.spawned('worker a')
  expect(again.task.attempt).toBe(2)
  await back.done(again)
  await world.until(id, 'step_evaluating')
}, 40_000)

it('R43: a daemon that comes back with its attempt goes on with it', async () => {
  const world = await test.world()
  const first = await world.daemon('d', { ...silent, home: 'h1', session: 's1' })
  const id = await world.start({ plan: one })
  const spawn = await first.spawned('worker a')
  await first.fallSilent()
  const running = [`${spawn.task.id}/1`]
  const back = await world.daemon('d', { home: 'h1', session: 's1', running })
  expect(await back.done(spawn)).toEqual({ received: true, counted: true })
  await world.until(id, 'directive_completed')
  expect(back.spawns.map(callOf)).toEqual(['evaluator a'])
})

it('R39 R46: a name that a live daemon has is refused to another', async () => {
  const world = await test.world()
  await world.daemon('d', { session: 's1' })
  const refused = await refusal(world.daemon('d', { session: 's2' }))
  expect(refused).toMatchObject({ code: 'NAME_TAKEN', message: expect.stringContaining('d'), hint: expect.any(String) })
})

it('a hello whose commit did not get through is taken when it runs again', async () => {
  const world = await test.world()
  await (await world.daemon('d', { session: 's1' })).fallSilent()
  const { store, presence } = test.engine.host
  const key = `${world.owner}/d`
  const known = presence.get(key) ?? expect.unreachable()
  presence.set(key, { ...known, seenAt: known.seenAt - 3_600_000 })
  const { commit } = store
  let failed = 0
  store.commit = async (thread, rows) => {
    const isHello = (rows.daemons ?? []).some(({ session }) => session === 's2')
    if (isHello && failed++ === 0) throw new WritError('UNREACHABLE', 'the connection was lost')
    return commit(thread, rows)
  }
  const back = await world.daemon('d', { session: 's2' })
  store.commit = commit
  expect(failed).toBe(2)
  await world.start({ plan: one })
  await back.spawned('worker a')
})

it('R43 R45: forged reports, of another session, nonce or daemon, change nothing', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', silent)
  const other = await world.daemon('other', { ...silent, labels: { never: 'used' } })
  const id = await world.start({ plan: one })
  const spawn = await Promise.race([daemon.spawned('worker a'), other.spawned('worker a')])
  const holder = daemon.spawns.length > 0 ? daemon : other
  const stranger = holder === daemon ? other : daemon
  const forged = { ...spawn, task: { ...spawn.task, nonce: 'guessed' } }
  const later = { ...spawn, task: { ...spawn.task, attempt: 2 } }
  for (const receipt of [holder.done(forged), holder.done(later), stranger.done(spawn)])
    expect(await receipt).toEqual({ received: true, counted: false })
  expect((await world.step(id, 0)).status).toBe('running')
  expect(await holder.done(spawn)).toEqual({ received: true, counted: true })
})

it('a daemon that accepts an order for output in place of obeying it is told of by name', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { ...silent, output: { accepted: true } })
  await world.start({ plan: one })
  const { task } = await daemon.spawned('worker a')
  expect(await refusal(world.client.task(task.id).output({ offset: 0 }))).toMatchObject({
    code: 'INTERNAL',
    message: 'the daemon d answered with something else than a part of the output',
  })
})
