/** A daemon in another language, over nothing but subjects: the example in Python, where python3 and nats-py are installed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { WritClient } from '../../src/bus/client.ts'
import { lives, skipAloud } from '../daemon/support.ts'
import { planOf } from '../support/world.ts'
import { Waiting } from '../support/waiting.ts'
import { environment, root, startWrit, type Started, writ } from '../support/writ.ts'

const hasNatsPy = spawnSync('python3', ['-c', 'import nats']).status === 0
const folder = mkdtempSync(join(tmpdir(), 'writ-python-'))
const data = join(folder, 'data')
let up: Started
let bus: NatsBus | null = null
let daemon: ChildProcess | null = null
let said = ''
const waiting = new Waiting()

const startUp = async (): Promise<void> => {
  up = startWrit('up', '--data-dir', data)
  await up.says('Ctrl-C')
}
const urlFor = async (...as: string[]): Promise<string> =>
  (JSON.parse(await writ('env', '--data-dir', data, '--json', ...as)) as { NATS_URL: string }).NATS_URL
const says = (text: string): Promise<true> =>
  waiting.until(
    () => (said.includes(text) ? true : undefined),
    () => `${text}; the daemon said:\n${said}`,
  )

beforeAll(async () => {
  if (!hasNatsPy) return
  await startUp()
  const env = { ...environment(), NATS_URL: await urlFor('--daemon', 'snake') }
  const file = join(root, 'examples/daemons/python/daemon.py')
  const child = spawn('python3', [file, 'snake'], { env, stdio: ['ignore', 'inherit', 'pipe'] })
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    waiting.look()
  })
  daemon = child
  await says('a node has answered')
  bus = await connect({ url: await urlFor(), name: 'test' })
}, 60_000)
afterAll(async () => {
  daemon?.kill('SIGKILL')
  await bus?.close()
  if (hasNatsPy) {
    up.process.kill('SIGTERM')
    await up.ended
    await writ('down', '--data-dir', data)
  }
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** A directive of scripts, started. */
const started = async (client: WritClient, id: string, scripts: Record<string, string>): Promise<void> => {
  const shape = Object.fromEntries(Object.keys(scripts).map((name) => [name, []]))
  const more = Object.fromEntries(Object.entries(scripts).map(([name, plan]) => [name, { task_plan: plan }]))
  await client.createDirective({ id, title: id, goal: 'Be done.', evaluate: false, plan: planOf(shape, more) })
  await client.directive(id).start()
}
const file = (name: string): string => join(folder, name)
const written = (name: string): Promise<string> => {
  const look = setInterval(() => waiting.look(), 20)
  const read = (): string | undefined => {
    try {
      return readFileSync(file(name), 'utf8').trim() || undefined
    } catch {
      // Not written yet.
      return undefined
    }
  }
  return waiting.until(read, () => `the file ${name}; the daemon said:\n${said}`).finally(() => clearInterval(look))
}

it('the example in Python does scripts, tells failures, ends what is cancelled, and keeps a report for a node that is away', async ({
  skip,
}) => {
  if (bus === null) return skipAloud(skip, 'there is no python3 with nats-py here: the daemon in Python is not tried')
  const client = new WritClient(bus, 'default')
  const signal = AbortSignal.timeout(90_000)

  await started(client, 'fine', { one: 'echo "from $(uname -s)"', two: 'echo two' })
  expect(await client.wait('fine', { signal })).toMatchObject({ status: 'completed', passed: 2 })
  const { lines } = await client.listTasks({ text: 'fine' })
  expect(lines.map(({ daemon: by, status }) => [by, status])).toEqual(Array(2).fill(['snake', 'done']))
  const task = await client.task('fine__1_0__t1').get()
  expect(task.attempts[0]?.result).toMatch(/^from \w+\n$/)

  await started(client, 'wrong', { bad: 'echo what went wrong; exit 3' })
  expect(await client.wait('wrong', { signal })).toMatchObject({ status: 'failed' })
  expect((await client.task('wrong__1_0__t1').get()).attempts).toMatchObject([
    { as: 'failed', reason: expect.stringContaining('exit code 3\nwhat went wrong') as string },
  ])

  await started(client, 'long', { sleeper: `echo $$ > ${file('pid')}; sleep 600` })
  const pid = Number(await written('pid'))
  await client.directive('long').cancel()
  expect(await client.wait('long', { signal })).toMatchObject({ status: 'cancelled' })
  expect(lives(pid)).toBe(false)

  await started(client, 'kept', { late: `echo on > ${file('on')}; until [ -e ${file('gate')} ]; do sleep 0.05; done` })
  await written('on')
  up.process.kill('SIGKILL')
  await up.ended
  writeFileSync(file('gate'), '')
  await says('is not reported yet')
  await startUp()
  expect(await client.wait('kept', { signal })).toMatchObject({ status: 'completed' })
  expect((await client.task('kept__1_0__t1').get()).attempts).toMatchObject([{ as: 'done' }])

  const ended = new Promise((resolve) => daemon?.once('close', resolve))
  await client.drainDaemon('snake')
  expect(await ended, said).toBe(0)
}, 180_000)
