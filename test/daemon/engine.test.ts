/** Our daemon and a whole engine: what a person asks of a daemon through a node. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Daemon, runDaemon } from '../../src/daemon/daemon.ts'
import { stepId, taskId } from '../../src/protocol/ids.ts'
import { outputPart } from '../../src/protocol/task.ts'
import type { DaemonLine, Page } from '../../src/protocol/views.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, refusal, type World } from '../support/world.ts'
import { after, quiet, temporaryFolder, until } from './support.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

const start = async (world: World, name: string, slots = 2): Promise<Daemon> => {
  const roles = ['planner', 'worker', 'evaluator', 'merger'] as const
  const home = temporaryFolder()
  const daemon = await runDaemon({ bus: test.bus, owner: world.owner, name, slots, roles, home, log: quiet })
  after(() => daemon.stop(true))
  await daemon.ready
  return daemon
}

const scripts = (scriptOf: Record<string, string>): object =>
  planOf(
    Object.fromEntries(Object.keys(scriptOf).map((name) => [name, []])),
    Object.fromEntries(Object.entries(scriptOf).map(([name, text]) => [name, { task_plan: text }])),
  )

const daemons = async (world: World): Promise<readonly DaemonLine[]> =>
  ((await world.client.listDaemons()) as Page<DaemonLine>).lines

it('R39: a daemon that is drained by its name takes nothing new, ends what it runs, and can then be stopped', async () => {
  const world = await test.world()
  const folder = temporaryFolder()
  const [begun, gate] = [join(folder, 'begun'), join(folder, 'gate')]
  const daemon = await start(world, 'first')
  const script = `echo > ${begun}; until [ -e ${gate} ]; do sleep 0.02; done`
  const one = await world.start({ plan: scripts({ a: script }), evaluate: false })
  await until(() => existsSync(begun))
  const answer = { daemon: { name: 'first', draining: true } }
  expect(await world.client.drainDaemon('first')).toEqual(answer)
  expect(await world.client.drainDaemon('first')).toEqual(answer)
  const two = await world.start({ plan: scripts({ b: 'true' }), evaluate: false })
  await expect.poll(async () => (await daemons(world)).map(({ draining }) => draining)).toEqual([true])
  expect((await world.task(stepId(two, 1, 0), 1)).status).toBe('pending')
  writeFileSync(gate, '')
  await world.until(one, 'directive_completed')
  await daemon.drained
  await daemon.stop()
  expect(await daemons(world)).toEqual([])
  await start(world, 'second')
  await world.until(two, 'directive_completed')
})

it('R46: draining a daemon that is not there is refused', async () => {
  const world = await test.world()
  expect(await refusal(world.client.drainDaemon('nobody'))).toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('nobody') as string,
    hint: expect.any(String) as string,
  })
})

it("a task's output is read through a node, while it runs and afterwards, and only by its owner", async () => {
  const world = await test.world()
  const gate = join(temporaryFolder(), 'gate')
  const id = await world.start({
    plan: scripts({ a: `echo hello; until [ -e ${gate} ]; do sleep 0.02; done; echo bye` }),
    evaluate: false,
  })
  const task = taskId(stepId(id, 1, 0), 1)
  const read = async (input: object = {}) => outputPart.parse(await world.client.task(task).output(input))
  expect(await refusal(read())).toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('begun') as string,
  })
  const daemon = await start(world, 'd')
  await expect.poll(async () => (await read()).text, { timeout: 10_000 }).toBe('hello\n')
  expect(await read()).toMatchObject({ attempt: 1, next: 6, total: 6, ended: false })
  const stranger = await test.world()
  expect(await refusal(stranger.client.task(task).output())).toMatchObject({ code: 'NOT_FOUND' })
  writeFileSync(gate, '')
  await world.until(id, 'directive_completed')
  await expect.poll(() => read({ attempt: 1, offset: 6 })).toMatchObject({ text: 'bye\n', total: 10, ended: true })
  await daemon.stop()
  expect(await refusal(read())).toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('not connected') as string,
  })
})
