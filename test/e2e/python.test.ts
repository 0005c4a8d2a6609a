/** A daemon in another language, over nothing but subjects: the example in Python, where python3 and nats-py are installed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { decode } from '../../src/bus/json.ts'
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

  await started(client, 'noise', { loud: `head -c 100000 /dev/zero | tr '\\0' '\\377'` })
  expect(await client.wait('noise', { signal })).toMatchObject({ status: 'completed' })
  expect((await client.task('noise__1_0__t1').get()).attempts[0]?.result).toMatch(/^\uFFFD{30000,}$/)

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

it('the example in Python reports as failed what is refused as done or cannot be run, and says so again to whoever asks again', async ({
  skip,
}) => {
  if (!hasNatsPy) return skipAloud(skip, 'there is no python3 with nats-py here: the daemon in Python is not tried')
  const reports: { verb: string; body: Record<string, unknown> }[] = []
  let session: string | undefined
  const node = await connect({ url: inject('natsUrl'), name: 'node' })
  node.subscribe('writ.v1.picky.daemon.viper.*', {}, ({ body, reply }) => {
    session = (decode(body) as { session: string }).session
    reply({ beatMs: 5_000, known: true })
    waiting.look()
  })
  node.subscribe('writ.v1.picky.report.*.viper.*', {}, ({ subject, body, reply }) => {
    const verb = subject.split('.').at(-1) ?? ''
    if (verb !== 'progress') reports.push({ verb, body: decode(body) as Record<string, unknown> })
    reply(
      verb === 'done' ? { error: { code: 'TOO_LARGE', message: 'no room for it' } } : { received: true, counted: true },
    )
    waiting.look()
  })
  await node.flush()
  const env = { ...environment(), NATS_URL: inject('natsUrl'), WRIT_OWNER: 'picky' }
  const script = join(root, 'examples/daemons/python/daemon.py')
  const child = spawn('python3', [script, 'viper'], { env, stdio: ['ignore', 'inherit', 'ignore'] })
  try {
    const to = await waiting.until(
      () => session,
      () => 'a hello',
    )
    const task = { id: 't1', address: 't1', attempt: 1, nonce: 'n', plan: 'echo out' }
    const ask = async (more = {}): Promise<unknown> =>
      node.request(`writ.v1.picky.daemon.viper.${to}.spawn`, { task: { ...task, ...more }, repository: null }, 5_000)
    const told = async (count: number): Promise<true> =>
      waiting.until(
        () => (reports.length >= count ? true : undefined),
        () => `${count} reports; there were ${JSON.stringify(reports)}`,
      )
    expect(await ask()).toEqual({ accepted: true })
    await told(2)
    const failed = { reason: 'TOO_LARGE: no room for it', means: false, attempt: 1, nonce: 'n' }
    expect(reports).toMatchObject([
      { verb: 'done', body: { result: 'out\n' } },
      { verb: 'failed', body: failed },
    ])
    expect(reports[1]?.body).not.toHaveProperty('result')
    expect(await ask()).toEqual({ accepted: true })
    await told(3)
    expect(reports[2]).toMatchObject({ verb: 'failed', body: failed })
    expect(await ask({ id: 't2', plan: 'no program takes a \0' })).toEqual({ accepted: true })
    await told(4)
    const broken = { reason: expect.stringContaining('null byte') as string, means: true, attempt: 1, nonce: 'n' }
    expect(reports[3]).toMatchObject({ verb: 'failed', body: broken })
  } finally {
    child.kill('SIGKILL')
    await node.close()
  }
}, 60_000)
