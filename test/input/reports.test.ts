/** Reports that are not from the open attempt, or from nobody: each gets its receipt or a refusal, and changes nothing. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { readAddress, subjects } from '../../src/bus/subjects.ts'
import { addressOf } from '../../src/protocol/ids.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import type { FakeDaemon } from '../support/fake-daemon.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, refusal, type World } from '../support/world.ts'
import { othersGoOn, rowsOf } from './healthy.ts'

let test: TestEngine
let world: World
let daemon: FakeDaemon
let spawn: Spawn
beforeAll(async () => {
  test = await startTestEngine()
  await test.start()
  world = await test.world()
  daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ plan: planOf({ a: [] }), evaluate: false })
  spawn = await daemon.spawned('worker a')
  await daemon.report(spawn, 'progress')
  // Its acceptance is stored by a commit of its own, a second later.
  const isRunning = async () => expect((await world.task(`${id}__1_0`, 1)).status).toBe('running')
  await vi.waitFor(isRunning, 20_000)
})
afterAll(() => test.stop())

const own = (): object => ({ attempt: spawn.task.attempt, nonce: spawn.task.nonce, session: daemon.session })
const report = (
  verb: 'done' | 'failed' | 'progress' | 'accepted',
  body: object,
  { task = spawn.task.address, name = 'd' } = {},
) =>
  world.bus.request(subjects.report.at({ owner: world.owner, ...readAddress(task), daemon: name, verb }), body, 10_000)

/** They may come at any time, from anywhere: the receipt says that they do not count, and nobody sends them again. */
const uncounted: [what: string, body: object, to?: { task?: string; name?: string }][] = [
  ['an old attempt', { attempt: 1_000 }],
  ['a future attempt', { attempt: 2 }],
  ['a wrong nonce', { nonce: 'guessed' }],
  ['another session', { session: 'another' }],
  ['another daemon', {}, { name: 'e' }],
]
it.each(uncounted)('R43 R45: %s has its receipt and does not count', async (_what, change, to) => {
  const before = await rowsOf(test, world.owner)
  for (const verb of ['done', 'failed', 'progress', 'accepted'] as const)
    expect(await report(verb, { ...own(), reason: 'x', ...change }, to)).toEqual({ received: true, counted: false })
  expect(await rowsOf(test, world.owner)).toEqual(before)
})

const malformed: [what: string, body: object][] = [
  ['an attempt that is a text', { attempt: '1' }],
  ['an attempt that is NaN', { attempt: Number.NaN }],
  ['attempt -1', { attempt: -1 }],
  ['attempt 0', { attempt: 0 }],
  ['half an attempt', { attempt: 0.5 }],
  ['an attempt beyond all numbers', { attempt: 2 ** 60 }],
  ['an attempt beyond all that are counted', { attempt: 2 ** 31 }],
  ['no nonce', { nonce: undefined }],
  ['an empty nonce', { nonce: '' }],
  ['no session', { session: null }],
]
it.each(malformed)('R46: %s is refused', async (_what, change) => {
  const before = await rowsOf(test, world.owner)
  for (const verb of ['done', 'failed', 'progress', 'accepted'] as const)
    expect(await refusal(report(verb, { ...own(), reason: 'x', ...change }))).toMatchObject({ code: 'BAD_INPUT' })
  expect(await rowsOf(test, world.owner)).toEqual(before)
})

it.each(['nobody', 'nobody__1_0', 'nobody__1_0__t1', '__registry', 'd1__1_0__c1', 'd1__9_9__t9'])(
  'R43: a report about %s, which is no task, does not count',
  async (id) => {
    expect(await report('done', own(), { task: addressOf(world.owner, id) })).toEqual({
      received: true,
      counted: false,
    })
  },
)

it('R43: thousands of reports at once that do not count leave the one that does its way', async () => {
  const forged = Array.from({ length: 2_000 }, (_, at) => report('done', { ...own(), nonce: `n${at}` }))
  const counted = await report('done', own())
  expect(counted).toEqual({ received: true, counted: true })
  for (const receipt of await Promise.all(forged)) expect(receipt).toEqual({ received: true, counted: false })
  await world.until('d1', 'directive_completed')
})

it('R45: twice, and after the end, it changes nothing more: the same has its receipt again, another does not count', async () => {
  // What the end of the directive gave back is on its way to the registry.
  const onTheirWay = async () => ((await rowsOf(test, world.owner)) as { messages: number }).messages
  await expect.poll(onTheirWay, { timeout: 10_000 }).toBe(0)
  const before = await rowsOf(test, world.owner)
  expect(await report('done', own())).toEqual({ received: true, counted: true })
  expect(await report('done', { ...own(), result: 'more' })).toEqual({ received: true, counted: false })
  expect(await report('failed', { ...own(), reason: 'x' })).toEqual({ received: true, counted: false })
  expect(await rowsOf(test, world.owner)).toEqual(before)
})

it('R46: after all of these a directive of another owner runs to its end', () => othersGoOn(test))
