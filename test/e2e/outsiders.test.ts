/** Programs that are none of ours do what the command and our daemon do: with subjects, JSON and nothing else. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { RawNats } from '../support/raw-nats.ts'
import { environment, root, startWrit, type Started, writ } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-outside-'))
const data = join(folder, 'data')
const main = join(root, 'dist/cli/main.js')
let up: Started
let client: RawNats
let loop: ChildProcess | null = null

const startUp = async (): Promise<void> => {
  up = startWrit('up', '--data-dir', data)
  await up.says('Ctrl-C')
}
const natsUrl = (): string =>
  (JSON.parse(readFileSync(join(data, 'run/endpoints.json'), 'utf8')) as { nats: string }).nats

beforeAll(async () => {
  await startUp()
  client = await RawNats.open(natsUrl())
}, 60_000)
afterEach(() => {
  if (loop?.pid !== undefined) process.kill(-loop.pid, 'SIGKILL')
  loop = null
})
afterAll(async () => {
  client.close()
  up.process.kill('SIGTERM')
  await up.ended
  await writ('down', '--data-dir', data)
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const step = (name: string, after: string[] = []) => ({ name, description: name, task_plan: name, depends_on: after })
const event = (type: string, more = '') =>
  client.until(({ subject, body }) => subject === `writ.v1.default.event.raw.${type}` && body.includes(more), type)
const pulled = async (): Promise<{ address: string; name: string }> => {
  const spawned = await client.request('writ.v1.default.pull', { waitMs: 20_000 })
  return (spawned as { task: { address: string; name: string } }).task
}

it('a client that speaks the bare protocol runs a directive: plans, pulls, completes, also while no node is up', async () => {
  client.subscribe('writ.v1.default.event.>')
  const made = await client.request('writ.v1.default.api.directive.create', {
    id: 'raw',
    title: 'Raw',
    goal: 'Be done from outside.',
    evaluate: false,
  })
  const { address } = (made as { directive: { address: string } }).directive
  const on = (verb: string): string => `writ.v1.default.directive.${address}.${verb}`
  await client.request(on('start'), {})
  const plan = { steps: [step('first'), step('second', ['first'])] }
  expect(await client.request(on('plan'), { plan })).toMatchObject({ directive: { status: 'active' } })
  const list = await client.request('writ.v1.default.api.directive.list', {})
  expect(list).toMatchObject({ lines: [{ id: 'raw', status: 'active', steps: 2 }] })

  const first = await pulled()
  expect(first.name).toBe('first Supervisor')
  await client.request(`writ.v1.default.task.${first.address}.end`, { outcome: 'done', result: 'by hand' })
  await event('step_passed', 'raw__1_0')

  const second = await pulled()
  expect(second.name).toBe('second Supervisor')
  up.process.kill('SIGKILL')
  await up.ended
  client.publish(`writ.v1.default.task.${second.address}.done`, '{"result": "while nobody was there"}')
  await startUp()
  await event('directive_completed')
  const task = await client.request(`writ.v1.default.task.${second.address}.get`, {})
  expect(task).toMatchObject({ status: 'done', attempts: [{ result: 'while nobody was there' }] })
}, 120_000)

it('a shell loop over pull and done is a whole daemon', async () => {
  const script = join(root, 'examples/daemons/shell/daemon.sh')
  expect(readFileSync(script, 'utf8').trim().split('\n').length).toBeLessThanOrEqual(30)
  loop = spawn('sh', [script], {
    env: { ...environment(), WRIT_HOME: data, NATS: `${process.execPath} ${main} nats` },
    stdio: 'ignore',
    detached: true,
  })
  const run = startWrit('run', 'examples/hello/directive.yaml', '--data-dir', data, '--id', 'looped')
  expect(await run.ended, run.printed()).toBe(0)
  const { lines } = (await client.request('writ.v1.default.api.task.list', { text: 'looped', limit: 50 })) as {
    lines: { daemon: string; status: string }[]
  }
  expect(lines.map(({ status, daemon }) => [status, daemon.startsWith('pull-')])).toEqual(Array(4).fill(['done', true]))
}, 120_000)
