/** Ctrl-C and its like, once and twice, at every moment of what runs for long: the exit code, nothing left behind, and all goes on afterwards. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { processesWith } from '../support/processes.ts'
import { writHere } from '../support/writ-here.ts'
import { startWrit, startWritAsJob, type Started } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-signals-'))
const data = join(folder, 'data')
const started: Started[] = []
const start = (...args: string[]): Started => {
  const one = startWrit(...args)
  started.push(one)
  return one
}
const on = (...args: string[]): Started => start(...args, '--data-dir', data)
const condition = async (holds: () => boolean): Promise<void> => {
  await vi.waitUntil(holds, { timeout: 30_000, interval: 5 })
}
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
type Signal = (typeof signals)[number]

/** Whether it has begun to listen for signals: Node itself never listens for SIGHUP, which is number 1. */
const listensForSignals = ({ process }: Started): boolean => {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'))?.[1]
  return caught !== undefined && (BigInt(`0x${caught}`) & 1n) === 1n
}

/** Sends them one after the other; what has ended before the last one gets no more. */
const send = ({ process }: Started, ...all: readonly Signal[]): void => {
  for (const signal of all) process.kill(signal)
}

afterAll(async () => {
  for (const { process, ended } of started.toReversed()) {
    if (process.exitCode === null && process.signalCode === null) process.kill('SIGTERM')
    await ended
  }
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

describe('writ up', () => {
  const serves = 'Ctrl-C'
  const fresh = join(folder, 'fresh')
  const isLocked = (of: string, pid: number | undefined): boolean =>
    existsSync(join(of, 'run')) &&
    readdirSync(join(of, 'run'))
      .filter((name) => /^lock\.\d+$/.test(name))
      .some((name) => readFileSync(join(of, 'run', name), 'utf8').includes(String(pid)))
  const making = (of: string): boolean =>
    existsSync(join(of, 'postgres')) && readdirSync(join(of, 'postgres')).some((name) => name.includes('making'))
  /** Where Postgres runs as another user, its data is in a place of its own. */
  const left = (): string[] => [
    ...processesWith(fresh),
    ...(existsSync(join(fresh, 'postgres')) ? processesWith(realpathSync(join(fresh, 'postgres'))) : []),
  ]
  afterEach(async () => {
    for (const { process, ended } of started.splice(0)) {
      process.kill('SIGKILL')
      await ended
    }
    await writHere('down', '--data-dir', fresh)
  })
  const inOrder = [0]
  const interrupted = [130]
  /** The second signal may come when all has stopped already. */
  const either = [0, 130]

  const moments: [
    when: string,
    all: readonly Signal[],
    codes: readonly number[],
    moment: (up: Started, of: string) => Promise<void>,
  ][] = [
    [
      'as soon as it has its folder',
      ['SIGINT'],
      interrupted,
      (up, of) => condition(() => isLocked(of, up.process.pid)),
    ],
    [
      'as soon as it has its folder',
      ['SIGTERM', 'SIGTERM'],
      interrupted,
      (up, of) => condition(() => isLocked(of, up.process.pid)),
    ],
    ['while it makes its data', ['SIGINT'], interrupted, (_up, of) => condition(() => making(of))],
    ['while it makes its data', ['SIGINT', 'SIGINT'], interrupted, (_up, of) => condition(() => making(of))],
    ['when it serves', ['SIGINT'], inOrder, (up) => up.says(serves)],
    ['when it serves', ['SIGTERM'], inOrder, (up) => up.says(serves)],
    ['when it serves', ['SIGHUP'], inOrder, (up) => up.says(serves)],
    ['when it serves', ['SIGINT', 'SIGINT'], either, (up) => up.says(serves)],
    ['when it serves', ['SIGTERM', 'SIGINT', 'SIGHUP'], either, (up) => up.says(serves)],
  ]
  it.each(moments)(
    '%s: after %j it ends with one of %j, and nothing is left running',
    async (when, all, codes, moment) => {
      if (when.includes('makes')) rmSync(fresh, { recursive: true, force: true })
      const up = start('up', '--daemon', '--data-dir', fresh)
      await moment(up, fresh)
      send(up, ...all)
      const code = await up.ended
      expect(codes, up.printed()).toContain(code)
      await expect.poll(left, { timeout: 20_000 }).toEqual([])
      if (code === 0) expect(existsSync(join(fresh, 'run/endpoints.json'))).toBe(false)
    },
    60_000,
  )

  it.each([[1], [2]])(
    'a Ctrl-C at the terminal while initdb runs (%s of them) ends it with 130 and without an error; nothing half-made stays, and the next start serves',
    async (count) => {
      rmSync(fresh, { recursive: true, force: true })
      const up = startWritAsJob('up', '--data-dir', fresh)
      started.push(up)
      await condition(() => making(fresh) && left().some((line) => line.includes('/initdb ')))
      for (let sent = 0; sent < count; sent++) process.kill(-(up.process.pid ?? NaN), 'SIGINT')
      expect([await up.ended, up.printed()]).toEqual([130, expect.not.stringMatching(/error|initdb/)])
      expect(left()).toEqual([])
      expect(readdirSync(join(fresh, 'postgres')).filter((name) => name.startsWith('cluster'))).toEqual([])
      await start('up', '--data-dir', fresh).says(serves)
    },
    60_000,
  )

  it('when a task runs, its process is ended, and the next start takes the directive up again', async () => {
    const file = join(folder, 'one.json')
    const mark = join(folder, 'mark')
    const plan = {
      steps: [{ name: 'a', description: 'a', task_plan: `touch ${mark}; [ -e ${mark}.go ] || sleep 1000` }],
    }
    const directive = { title: 'One', goal: 'g', plan, evaluate: false, needs: { worker: { executor: 'shell' } } }
    writeFileSync(file, JSON.stringify(directive))
    const up = start('up', '--daemon', '--data-dir', fresh)
    await up.says(serves)
    const run = start('run', file, '--id', 'one', '--data-dir', fresh)
    await condition(() => existsSync(mark))
    send(run, 'SIGINT')
    expect(await run.ended, run.printed()).toBe(130)
    send(up, 'SIGINT')
    expect(await up.ended, up.printed()).toBe(0)
    await expect.poll(() => processesWith(`WRIT_PLAN_FILE=${fresh}`, 'environ'), { timeout: 20_000 }).toEqual([])
    writeFileSync(`${mark}.go`, '')
    const again = start('up', '--daemon', '--data-dir', fresh)
    await again.says(serves)
    const wait = start('directive', 'wait', 'one', '--data-dir', fresh)
    expect(await wait.ended, wait.printed()).toBe(0)
    send(again, 'SIGTERM')
    expect(await again.ended).toBe(0)
    expect(left()).toEqual([])
  }, 120_000)
})

describe('while no server answers,', () => {
  const commands = [
    ['directive', 'wait', 'x'],
    ['directive', 'events', '--follow', 'x'],
    ['task', 'output', '--follow', 'x__1_0__t1'],
    ['daemon', 'run', '--home', join(folder, 'unanswered')],
    ['nats', 'sub', 'x'],
    ['run', 'examples/hello/directive.yaml'],
  ]
  it.concurrent.each(commands.map((args, at) => [args, signals[at % signals.length] ?? 'SIGINT'] as const))(
    'writ %j ends at once with 130 after %s',
    async (args, signal) => {
      const server = createServer()
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      const arrived = new Promise<Socket>((done) => server.once('connection', done))
      const one = start(...args, '--nats-url', `nats://127.0.0.1:${(server.address() as AddressInfo).port}`)
      const socket = await arrived
      send(one, signal)
      expect(await one.ended, one.printed()).toBe(130)
      socket.destroy()
      server.close()
    },
  )
})

describe('while a node serves,', () => {
  const file = join(folder, 'long.json')
  const mark = join(folder, 'long')
  beforeAll(async () => {
    await on('up').says('Ctrl-C')
    mkdirSync(join(folder, 'homes'))
    const task_plan = `echo it works; touch ${mark}; sleep 1000`
    const plan = { steps: [{ name: 'a', description: 'a', task_plan }] }
    writeFileSync(file, JSON.stringify({ title: 'Long', goal: 'g', plan, needs: { worker: { executor: 'shell' } } }))
  }, 60_000)
  const daemon = (name: string): Started => on('daemon', 'run', '--name', name, '--home', join(folder, 'homes', name))
  const status = async (id: string): Promise<string> =>
    (JSON.parse(await writHere('directive', 'show', id, '--json', '--data-dir', data)) as { status: string }).status

  it.each(signals)('%s ends an idle writ daemon in order', async (signal) => {
    const one = daemon('idle')
    await one.says('it takes tasks now')
    send(one, signal)
    expect([await one.ended, one.printed()]).toEqual([0, expect.stringContaining('Stopping')])
    expect(processesWith(join(folder, 'homes'))).toEqual([])
  })

  it('two of them end a writ daemon that runs a task, and the task with it', async () => {
    const one = daemon('busy')
    await one.says('it takes tasks now')
    on('run', file, '--id', 'busy')
    await condition(() => existsSync(mark))
    send(one, 'SIGINT', 'SIGINT')
    expect([0, 130]).toContain(await one.ended)
    const home = join(folder, 'homes')
    await expect.poll(() => processesWith(`WRIT_PLAN_FILE=${home}`, 'environ'), { timeout: 20_000 }).toEqual([])
    expect(await status('busy')).toBe('active')
    rmSync(mark)
    await writHere('directive', 'cancel', 'busy', '--data-dir', data)
  }, 60_000)

  describe('and a task runs,', () => {
    beforeAll(async () => {
      await daemon('worker').says('it takes tasks now')
      await writHere('directive', 'create', file, '--id', 'long', '--data-dir', data)
      await writHere('directive', 'start', 'long', '--data-dir', data)
      await condition(() => existsSync(mark))
    }, 60_000)

    const followers: [args: readonly string[], says: string][] = [
      [['run', file, '--id', 'long'], 'step_running'],
      [['directive', 'watch', 'long'], 'step_running'],
      [['directive', 'events', '--follow', 'long'], 'step_running'],
      [['task', 'output', '--follow', 'long__1_0__t1'], 'it works'],
    ]
    it.concurrent.each(followers.flatMap(([args, says]) => signals.map((signal) => [signal, args, says] as const)))(
      '%s ends writ %j with 130, and the directive goes on',
      async (signal, args, says) => {
        const one = on(...args)
        await one.says(args[0] === 'run' ? /long/ : says)
        send(one, signal)
        expect(await one.ended, one.printed()).toBe(130)
        expect(await status('long')).toBe('active')
      },
    )

    it.concurrent.each(signals)('%s ends writ directive wait with 130', async (signal) => {
      const one = on('directive', 'wait', 'long')
      await condition(() => listensForSignals(one))
      send(one, signal)
      expect(await one.ended, one.printed()).toBe(130)
    })

    it.concurrent.each(followers)('two at once end writ %j as well', async (args, says) => {
      const one = on(...args)
      await one.says(args[0] === 'run' ? /long/ : says)
      send(one, 'SIGINT', 'SIGTERM')
      expect(await one.ended, one.printed()).toBe(130)
    })

    it('afterwards the same node runs the directive to its end by order', async () => {
      await writHere('directive', 'cancel', 'long', '--data-dir', data)
      expect(await on('directive', 'wait', 'long').ended).toBe(6)
      expect(await status('long')).toBe('cancelled')
    })
  })
})
