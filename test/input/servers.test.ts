/** Servers that are not there, not the right ones, or away for a while: what `writ up` says then, and that work goes on by itself. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { findNats } from '../../src/embedded/find-nats.ts'
import { dataFolder } from '../../src/embedded/folders.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { startNats, type NatsServer } from '../../src/embedded/nats.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'
import type { Server } from '../../src/embedded/server.ts'
import { wipe } from '../../src/embedded/down.ts'
import { freshDatabase, type FreshDatabase } from '../support/database.ts'
import { passes } from '../support/fake-daemon.ts'
import { processesWith } from '../support/processes.ts'
import { planOf, refusal, World } from '../support/world.ts'
import { startWrit, type Started } from '../support/writ.ts'

const scratch = mkdtempSync(join(tmpdir(), 'writ-servers-'))
const children: ChildProcess[] = []
const listeners: NetServer[] = []
let database: FreshDatabase
beforeAll(async () => {
  database = await freshDatabase()
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const listener of listeners) listener.close()
  await database.drop()
  rmSync(scratch, { recursive: true, force: true })
})

const changed = (url: string, change: Partial<Pick<URL, 'port' | 'password' | 'username' | 'pathname' | 'hostname'>>) =>
  Object.assign(new URL(url), change).href

/** Something that listens and does this with whoever comes. */
const listening = async (take: (socket: Socket) => void): Promise<string> => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    take(socket)
  })
  server.on('close', () => sockets.forEach((socket) => socket.destroy()))
  listeners.push(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return String((server.address() as AddressInfo).port)
}
const silent = (): Promise<string> => listening(() => undefined)
const web = (): Promise<string> => listening((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
const gone = async (): Promise<string> => String(await freePort(0))
const banner = (info: object): Promise<string> =>
  listening((socket) => {
    const hello = { server_id: 'X', server_name: 'x', proto: 1, host: '127.0.0.1', port: 1, max_payload: 1048576 }
    socket.write(`INFO ${JSON.stringify({ ...hello, ...info })}\r\n`)
    socket.on('data', (bytes) => bytes.includes('PING') && socket.write('PONG\r\n'))
  })
/** The real server, without what Writ needs of it. */
const plainNats = async (...args: string[]): Promise<string> => {
  const port = String(await freePort(0))
  const child = spawn(findNats({ path: process.env['PATH'] }).file, ['-a', '127.0.0.1', '-p', port, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  await new Promise<void>((done, fail) => {
    child.once('exit', () => fail(new Error('nats-server ended')))
    child.stderr.on('data', (bytes: Buffer) => bytes.includes('Server is ready') && done())
  })
  return port
}
const nats = (port: string): string => `nats://127.0.0.1:${port}`

describe('at the start', () => {
  type Given = () => Promise<{ database?: string; nats?: string }>
  const db =
    (change: Parameters<typeof changed>[1]): Given =>
    () =>
      Promise.resolve({ database: changed(database.url, change) })
  const dbAt =
    (port: () => Promise<string>): Given =>
    async () => ({
      database: changed(database.url, { port: await port() }),
    })
  const natsAt =
    (port: () => Promise<string>): Given =>
    async () => ({ nats: nats(await port()) })
  const cases: [what: string, given: Given, code: number, says: RegExp][] = [
    [
      'no Postgres',
      dbAt(gone),
      3,
      /database "test_\w+" on 127\.0\.0\.1:\d+ cannot be reached.*\nhint: is that server running/,
    ],
    [
      'a Postgres of no host',
      db({ hostname: 'nowhere.invalid' }),
      3,
      /on nowhere\.invalid:\d+ cannot be reached.*\nhint:/,
    ],
    [
      'a web server for a Postgres',
      dbAt(web),
      3,
      /cannot be reached: .*closes each before it has let it in.*\nhint: is that/,
    ],
    [
      'a Postgres that says nothing',
      dbAt(silent),
      3,
      /cannot be reached: no answer within 10000 ms.*\nhint: is that server/,
    ],
    ['a wrong password', db({ password: 'wrong' }), 4, /database .* does not accept user .*\nhint: the password in/],
    ['a user that is none', db({ username: 'nobody' }), 4, /database .* does not accept user "nobody"/],
    [
      'a database that is none',
      db({ pathname: '/nothing_here' }),
      3,
      /database "nothing_here" on .*does not exist.*\nhint:/,
    ],
    ['no NATS server', natsAt(gone), 3, /no NATS server can be reached at 127\.0\.0\.1:\d+.*\nhint:/],
    [
      'a NATS server of no host',
      async () => ({ nats: 'nats://nowhere.invalid:4222' }),
      3,
      /no NATS server can be reached at nowhere\.invalid/,
    ],
    ['a NATS server that says nothing', natsAt(silent), 3, /no NATS server can be reached/],
    ['a web server for a NATS server', natsAt(web), 3, /no NATS server can be reached/],
    [
      'a wrong password of NATS',
      async () => ({ nats: changed(inject('natsUrl'), { password: 'wrong' }) }),
      4,
      /does not accept these credentials.*\nhint: put user and password/,
    ],
    [
      'an old NATS server',
      natsAt(() => banner({ version: '2.9.25' })),
      3,
      /is version 2\.9\.25.*\nhint: use version 2\.10 or newer/,
    ],
    [
      'a NATS server that takes small messages only',
      natsAt(() => banner({ version: '2.12.0', max_payload: 65536 })),
      4,
      /takes messages of at most 65536 bytes.*\nhint: set max_payload/,
    ],
    ['a NATS server without JetStream', natsAt(() => plainNats()), 3, /JetStream.*\nhint: .*JetStream/i],
  ]
  it.concurrent.each(cases)(
    '%s: writ up says which and what to do, and leaves nothing running',
    async (what, given, code, says) => {
      const folder = join(scratch, what.replaceAll(/\W+/g, '-'))
      const urls = { database: database.url, nats: inject('natsUrl'), ...(await given()) }
      const up = startWrit(
        'up',
        '--threads',
        '1',
        '--data-dir',
        folder,
        '--database-url',
        urls.database,
        '--nats-url',
        urls.nats,
      )
      expect([await up.ended, up.printed()]).toEqual([code, expect.stringMatching(says)])
      expect(up.printed()).not.toMatch(/wrong|at \w+.*\.js:\d+/)
      expect(processesWith(folder)).toEqual([])
    },
    60_000,
  )

  it('private servers that were started for it are ended as well', async () => {
    const folder = join(scratch, 'private')
    const url = changed(database.url, { port: await gone() })
    const up = startWrit('up', '--data-dir', folder, '--database-url', url)
    expect([await up.ended, up.printed()]).toEqual([3, expect.stringContaining('cannot be reached')])
    expect(processesWith(folder)).toEqual([])
  }, 60_000)

  it.each([[['daemon', 'run', '--home', join(scratch, 'home')]], [['directive', 'list']], [['nats', 'pub', 'a', 'b']]])(
    'no NATS server: writ %j ends with 3, and says where it looked',
    async (args) => {
      const ended = startWrit(...args, '--nats-url', nats(await gone()))
      expect([await ended.ended, ended.printed()]).toEqual([
        3,
        expect.stringMatching(/no NATS server can be reached at 127.*\nhint:/),
      ])
    },
  )
})

describe('during a run', () => {
  const folders = [0, 1].map(() => dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-away-')), env: {} }))
  const [ofPostgres, ofNats] = folders as [(typeof folders)[0], (typeof folders)[0]]
  let [postgres, server]: [Server | null, NatsServer | null] = [null, null]
  let up: Started
  let bus: NatsBus
  let world: World
  const startDatabase = async (port = 0): Promise<void> => {
    postgres = await startPostgres({ folders: ofPostgres, log: () => undefined, port, durable: false })
  }
  const startBroker = async (port = 0): Promise<void> => {
    const users = [{ user: 'writ', password: 'test' }]
    server = await startNats({ folders: ofNats, log: () => undefined, port, durable: false, users })
  }
  beforeAll(async () => {
    await Promise.all([startDatabase(), startBroker()])
    const [databaseUrl, natsUrl] = [postgres?.url ?? '', server?.url ?? '']
    const data = join(scratch, 'up')
    up = startWrit('up', '--threads', '1', '--data-dir', data, '--database-url', databaseUrl, '--nats-url', natsUrl)
    await up.says('Ctrl-C')
    bus = await connect({ url: natsUrl, name: 'test' })
    world = new World(bus, [])
    await world.open()
  }, 120_000)
  afterAll(async () => {
    up.process.kill('SIGKILL')
    await up.ended
    await world.close()
    await bus.close()
    await Promise.all([postgres?.stop(), server?.stop()])
    await Promise.all(folders.map((each) => wipe(each)))
  }, 60_000)

  /** The server's processes: Postgres has one for each connection. */
  const family = (pid: number): number[] => {
    const parent = (name: string): number => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      } catch {
        return 0
      }
    }
    return [
      pid,
      ...readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name) && parent(name) === pid)
        .map(Number),
    ]
  }
  const signal = (one: Server | null, name: NodeJS.Signals): void => {
    for (const pid of family(one?.pid ?? 0)) {
      try {
        process.kill(pid, name)
      } catch {
        // It has ended meanwhile.
      }
    }
  }
  /** Threads that run on another processor stop a moment later: until then they may still answer. */
  const pause = async (one: Server | null): Promise<void> => {
    signal(one, 'SIGSTOP')
    const isStopped = (pid: number): boolean =>
      readdirSync(`/proc/${pid}/task`).every((thread) => {
        const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
        return ['T', 'Z'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3))
      })
    await expect.poll(() => family(one?.pid ?? 0).every(isStopped), { timeout: 10_000, interval: 5 }).toBe(true)
  }
  const away: [what: string, goes: () => Promise<void> | undefined, comes: () => Promise<void>][] = [
    ['Postgres is paused', () => pause(postgres), async () => signal(postgres, 'SIGCONT')],
    ['Postgres is stopped', () => postgres?.stop(), () => startDatabase(postgres?.port)],
    ['Postgres is killed', () => postgres?.stop(true), () => startDatabase(postgres?.port)],
    ['NATS is paused', () => pause(server), async () => signal(server, 'SIGCONT')],
    ['NATS is stopped', () => server?.stop(), () => startBroker(server?.port)],
    ['NATS is killed', () => server?.stop(true), () => startBroker(server?.port)],
  ]
  it.each(away)(
    'R45: %s for a while: what ends meanwhile counts once it is back, and the directive goes on by itself',
    async (what, goes, comes) => {
      let open = (): void => undefined
      const opened = new Promise<void>((done) => {
        open = done
      })
      const name = what.replaceAll(' ', '-')
      const daemon = await world.daemon(name, {
        labels: { of: name },
        work: async (spawn) => {
          if (spawn.step?.name === 'a') await opened
          return passes(spawn)
        },
      })
      const needs = { worker: { labels: { of: name } } }
      const id = await world.start({ id: name, plan: planOf({ a: [], b: ['a'] }), evaluate: false, needs })
      await daemon.spawned('worker a')
      const follow = ['directive', 'events', '--follow', id]
      const following = startWrit(...follow, '--nats-url', server?.url ?? '', '--owner', world.owner)
      await following.says('step_running')
      await goes()
      open()
      const asked = await refusal(bus.request(`writ.v1.${world.owner}.api.directive.list`, {}, 2_000))
      expect(['NO_ANSWER', 'UNREACHABLE', 'UNKNOWN_RESULT']).toContain(asked.code)
      await comes()
      await expect.poll(async () => (await world.view(id)).status, { timeout: 60_000, interval: 200 }).toBe('completed')
      expect([await following.ended, up.process.exitCode], following.printed()).toEqual([0, null])
      expect((await world.task(`${id}__1_0`, 1)).attempts.filter(({ as }) => as === 'done')).toHaveLength(1)
      await daemon.bye()
    },
    120_000,
  )

  it('R46: after all of these a directive of another owner runs to its end, and the node ends in order', async () => {
    const other = new World(bus, [])
    await other.open()
    await other.daemon('healthy')
    const id = await other.start({ plan: planOf({ a: [], b: ['a'] }) })
    await other.until(id, 'directive_completed')
    await other.close()
    up.process.kill('SIGTERM')
    expect(await up.ended).toBe(0)
  })
})
