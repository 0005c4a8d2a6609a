import { execFileSync, fork } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WritError } from '../../src/protocol/errors.ts'
import type { MemoryBus, Node } from './support.ts'
import {
  after,
  git,
  lives,
  makeRepository,
  memoryBus,
  openNode,
  spawnOf,
  startDaemon,
  temporaryFolder,
  until,
  writeFiles,
} from './support.ts'

const root = resolve(import.meta.dirname, '../..')
const built = mkdtempSync(join(tmpdir(), 'writ-built-'))

/** The daemon alone, for the processes that are killed here. */
beforeAll(() => {
  symlinkSync(join(root, 'node_modules'), join(built, 'node_modules'))
  const compilerOptions = {
    rootDir: join(root, 'src'),
    outDir: built,
    declaration: false,
    sourceMap: false,
    typeRoots: [join(root, 'node_modules/@types')],
  }
  const config = {
    extends: join(root, 'tsconfig.build.json'),
    compilerOptions,
    include: [],
    files: [join(root, 'src/daemon/daemon.ts')],
  }
  writeFileSync(join(built, 'tsconfig.json'), JSON.stringify(config))
  writeFileSync(join(built, 'package.json'), '{"type":"module"}')
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(built, 'tsconfig.json')], { stdio: 'inherit' })
})
afterAll(() => rm(built, { recursive: true, force: true }))

interface Channel {
  kind: 'request' | 'publish' | 'subscribe' | 'reply'
  id: number
  subject: string
  pattern: string
  body: object
}

interface Child {
  kill: () => Promise<void>
  /** Has it throw where nobody catches. */
  fault: () => void
  gone: Promise<void>
}

/** A daemon in a process of its own on the same bus as the node. */
const startChild = (bus: MemoryBus, home: string, env: NodeJS.ProcessEnv = process.env): Child => {
  const child = fork(fileURLToPath(new URL('./child.mjs', import.meta.url)), [built, home], { stdio: 'inherit', env })
  const replies = new Map<number, (body: object) => void>()
  let last = 0
  // A process that is being killed may take the pipe away under the message: it hears no more, as if it had died before.
  const tell = (message: object): void => void (child.connected && child.send(message, () => {}))
  child.on('message', (message: Channel) => {
    const { kind, id, subject, pattern, body } = message
    if (kind === 'publish') return bus.publish(subject, body)
    if (kind === 'reply') return replies.get(id)?.(body)
    if (kind === 'subscribe') {
      return bus.answer(
        pattern,
        (to, asked) =>
          new Promise((done, fail) => {
            if (!child.connected) return fail(new WritError('NO_ANSWER', 'the daemon is dead'))
            replies.set(++last, done)
            tell({ kind: 'order', id: last, subject: to, pattern, body: asked })
          }),
      )
    }
    const answer = bus.request(subject, body, 1000).catch((error: unknown) => ({
      error: error instanceof WritError ? error.body : { code: 'INTERNAL', message: String(error) },
    }))
    void answer.then((reply) => tell({ kind: 'answer', id, body: reply }))
  })
  const gone = new Promise<void>((done) => child.once('exit', () => done()))
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
  }
  after(kill)
  return { kill, gone, fault: () => tell({ kind: 'fault' }) }
}

const numbersIn = (file: string, count: number): Promise<number[]> =>
  until(() => {
    const found = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
    return found.length >= count ? found.map(Number) : null
  })

const idle = (node: Node): Promise<boolean> => until(() => JSON.stringify(node.beats.at(-1)?.['running']) === '[]')

test('a daemon that ends by a fault of its own leaves nothing running', async () => {
  const home = temporaryFolder()
  const bus = memoryBus()
  const node = openNode(bus)
  const child = startChild(bus, home)
  const pids = join(home, 'pids')
  const plan = `trap '' HUP TERM; (echo $BASHPID >> ${pids}; sleep 1000) & echo $$ >> ${pids}; sleep 1000`
  await node.order('spawn', spawnOf('t1', { task: { plan } }))
  const started = await numbersIn(pids, 2)
  child.fault()
  await child.gone
  await until(() => !started.some(lives))
})

describe('a daemon that was killed with -9', () => {
  test('leaves no orphan once it is started again, and every task ends once', async () => {
    const home = temporaryFolder()
    const bus = memoryBus()
    const node = openNode(bus)
    const child = startChild(bus, home)
    const pids = join(home, 'pids')
    const plan = `trap '' HUP; (echo $BASHPID >> ${pids}; sleep 1000) & echo $$ >> ${pids}; sleep 1000`
    for (const id of ['t1', 't2', 't3']) await node.order('spawn', spawnOf(id, { task: { plan } }))
    const started = await numbersIn(pids, 6)
    await child.kill()
    expect(started.every(lives)).toBe(true)

    const second = openNode(memoryBus())
    await startDaemon(second, { home })
    expect(started.some(lives)).toBe(false)
    for (const id of ['t1', 't2', 't3']) {
      expect(await second.outcome(id)).toMatchObject({
        verb: 'failed',
        body: { means: true, reason: 'the daemon was restarted', nonce: `nonce-${id}` },
      })
    }
    expect(second.hellos[0]).toMatchObject({ session: node.hellos[0]?.['session'], home: node.hellos[0]?.['home'] })
    await idle(second)
    expect(second.reports).toHaveLength(3)
    expect(readdirSync(join(home, 'work'))).toEqual([])
  })

  test('ends grandchildren whose own parent has died already', async () => {
    const home = temporaryFolder()
    const bus = memoryBus()
    const node = openNode(bus)
    const child = startChild(bus, home)
    const pids = join(home, 'pids')
    await node.order(
      'spawn',
      spawnOf('t1', { task: { plan: `echo $$ >> ${pids}; (echo $BASHPID >> ${pids}; sleep 1000) & sleep 1000` } }),
    )
    const [leader = 0, ...others] = (await numbersIn(pids, 2)).toSorted((a, b) => a - b)
    await child.kill()
    process.kill(leader, 'SIGKILL')
    await until(() => !lives(leader))
    expect(others.every(lives)).toBe(true)
    await startDaemon(openNode(memoryBus()), { home })
    await until(() => !others.some(lives))
  })

  test('ends the git that it had fetching, with all that this had started', async () => {
    const home = temporaryFolder()
    const pids = join(home, 'pids')
    const programs = join(temporaryFolder(), 'bin')
    writeFiles(programs, { ssh: `#!/bin/sh\necho $PPID >> ${pids}; echo $$ >> ${pids}; exec sleep 1000\n` })
    chmodSync(join(programs, 'ssh'), 0o755)
    const bus = memoryBus()
    const node = openNode(bus)
    const child = startChild(bus, home, { ...process.env, PATH: `${programs}:${process.env['PATH']}` })
    await node.order('spawn', spawnOf('t1', { repository: 'git@example.org:x.git' }))
    const started = await numbersIn(pids, 2)
    await child.kill()
    expect(started.some(lives)).toBe(true)
    await startDaemon(openNode(memoryBus()), { home })
    await until(() => !started.some(lives))
  })

  test('R45: reports an outcome that nobody had taken, and does not do the work again', async () => {
    const { folder, base } = makeRepository()
    const home = temporaryFolder()
    const bus = memoryBus()
    const node = openNode(bus)
    const child = startChild(bus, home)
    node.refuse(...Array.from({ length: 100 }, () => ({ code: 'NO_ANSWER', message: 'away' }) as const))
    const spawn = spawnOf('t1', {
      repository: folder,
      startCommit: base,
      targetBranch: 'writ/d/s/1',
      task: { plan: `echo run >> ${home}/count; echo x > x` },
    })
    await node.order('spawn', spawn)
    await node.outcome('t1')
    await child.kill()

    const second = openNode(memoryBus())
    await startDaemon(second, { home })
    const report = await second.outcome('t1')
    expect(report).toMatchObject({ verb: 'done', body: { commit: git(folder, 'rev-parse', 'writ/d/s/1') } })
    // Without it the registry would take the attempt for lost, and what is reported for late.
    expect(second.hellos[0]).toMatchObject({ running: ['t1/1'] })
    expect(await second.order('spawn', spawn)).toEqual({ accepted: true })
    await idle(second)
    expect(readFileSync(join(home, 'count'), 'utf8')).toBe('run\n')
  })

  test('at any moment of many short attempts: each has one outcome, and nothing of it runs on', async () => {
    const home = temporaryFolder()
    const ids = Array.from({ length: 12 }, (_, at) => `t${at}`)
    const ended = new Map<string, string>()
    for (let round = 0; ended.size < ids.length; round++) {
      const bus = memoryBus()
      const node = openNode(bus)
      const child = startChild(bus, home)
      await until(() => node.hellos.length > 0)
      const open = ids.filter((id) => !ended.has(id)).slice(0, 4)
      for (const id of open) {
        const plan = `echo ${id} >> ${home}/begun; sleep 0.0${round % 7}; echo ok`
        // The daemon may die with the order in hand; the next round gives it again.
        void node.order('spawn', spawnOf(id, { task: { plan } })).catch((error: unknown) => error)
      }
      await until(() => node.reports.length > round % 3)
      await child.kill()
      for (const { task, verb } of node.reports) if (verb === 'done' || verb === 'failed') ended.set(task, verb)
    }
    const begun = readFileSync(join(home, 'begun'), 'utf8').trim().split('\n')
    expect(begun.length).toBe(new Set(begun).size)
  })
})
