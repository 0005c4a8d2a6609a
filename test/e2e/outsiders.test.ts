/** Programs that are none of ours do what the command and our daemon do: with subjects, JSON and nothing else. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { addressOf } from '../../src/protocol/ids.ts'
import { skipAloud } from '../daemon/support.ts'
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

const script = join(root, 'examples/daemons/shell/daemon.sh')
const shellLoop = (nats: string, more: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn('sh', [script], {
    env: { ...environment(), WRIT_HOME: data, NATS: nats, ...more },
    stdio: 'ignore',
    detached: true,
  })
const ourNats = `${process.execPath} ${main} nats`

it('a shell loop over pull and done is a whole daemon', async () => {
  expect(readFileSync(script, 'utf8').trim().split('\n').length).toBeLessThanOrEqual(30)
  loop = shellLoop(ourNats)
  const run = startWrit('run', 'examples/hello/directive.yaml', '--data-dir', data, '--id', 'looped')
  expect(await run.ended, run.printed()).toBe(0)
  const { lines } = (await client.request('writ.v1.default.api.task.list', { text: 'looped', limit: 50 })) as {
    lines: { daemon: string; status: string }[]
  }
  expect(lines.map(({ status, daemon }) => [status, daemon.startsWith('pull-')])).toEqual(Array(4).fill(['done', true]))
}, 120_000)

/** Larger than one argument of a program may be, in both directions; its end has what JSON, UTF-8 and templates make something of. */
const large = async (id: string): Promise<void> => {
  const task_plan = `# ${'x'.repeat(200_000)}\nhead -c 400000 /dev/zero | tr '\\0' '\\001'\necho 'the end of äöü "{{Count}}"'\n`
  const file = join(folder, `${id}.json`)
  const plan = { steps: [{ name: 'a', description: 'a', task_plan }] }
  const needs = { worker: { executor: 'shell' } }
  writeFileSync(file, JSON.stringify({ title: 'Large', goal: 'g', plan, evaluate: false, needs }))
  const run = startWrit('run', file, '--data-dir', data, '--id', id)
  expect(await run.ended, run.printed()).toBe(0)
  const task = await client.request(`writ.v1.default.task.${addressOf('default', `${id}__1_0__t1`)}.get`, {})
  const [{ result }] = (task as { attempts: [{ result: string }] }).attempts
  expect(result.endsWith('\u0001the end of äöü "{{Count}}"')).toBe(true)
  expect(Buffer.byteLength(result)).toBeLessThanOrEqual(65_536)
}

it('plans and results of the shell loop may be larger than an argument of a program', async () => {
  loop = shellLoop(ourNats)
  await large('large')
}, 120_000)

it('the shell loop works with the nats command as well', async ({ skip }) => {
  if (spawnSync('nats', ['--version']).status !== 0)
    return skipAloud(skip, 'there is no nats command here: the shell loop is tried with ours alone')
  const login = JSON.parse(await writ('env', '--json', '--data-dir', data)) as { NATS_URL: string; inboxPrefix: string }
  loop = shellLoop(`nats --inbox-prefix ${login.inboxPrefix}`, { NATS_URL: login.NATS_URL })
  await large('theirs')
}, 120_000)

it('a report that is refused is not tried for ever: the task ends as failed', async () => {
  const nats = join(folder, 'refusing')
  writeFileSync(nats, `#!/bin/sh\ncase "$*" in *.done*) exit 4 ;; *) exec ${ourNats} "$@" ;; esac\n`, { mode: 0o755 })
  loop = shellLoop(nats)
  const run = startWrit('run', 'examples/hello/directive.yaml', '--data-dir', data, '--id', 'refused')
  expect(await run.ended, run.printed()).toBe(5)
  expect(run.printed()).toContain('what came of it could not be reported')
}, 120_000)
