/** `writ down` where it must not do as it is told, and where it must though nothing can be written. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openAttempts } from '../../src/daemon/attempts.ts'
import { openHome } from '../../src/daemon/home.ts'
import { startedAt } from '../../src/daemon/process-group.ts'
import { dataFolder, folderToServe } from '../../src/embedded/folders.ts'
import { holderOf, lockFolder } from '../../src/embedded/lock.ts'
import { living } from '../../src/embedded/living.ts'
import { keptSecret } from '../../src/embedded/private-file.ts'
import { skipAloud } from '../daemon/support.ts'
import { call, type Ended } from './call.ts'

const disk = vi.hoisted(() => ({ isFull: false }))
vi.mock(import('node:fs'), async (original) => {
  const real = await original()
  const writeFileSync: typeof real.writeFileSync = (...args) => {
    if (disk.isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    real.writeFileSync(...args)
  }
  return { ...real, writeFileSync }
})

let root: string
const down = (...args: string[]): Promise<Ended> => call(['down', ...args, '--data-dir', root])

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'writ-no-down-'))
})
afterEach(() => {
  disk.isFull = false
  rmSync(root, { recursive: true, force: true })
})

test('a folder where Writ has never been keeps all that it holds, whatever it is called, and gets nothing', async () => {
  for (const name of ['repositories', 'daemons', 'logs', 'run', 'secrets']) {
    mkdirSync(join(root, name))
    writeFileSync(join(root, name, 'mine.txt'), 'mine')
  }
  const before = readdirSync(root, { recursive: true })
  for (const args of [[], ['--wipe', '--yes'], ['--wipe', '--yes', '--json']]) {
    const { code, err } = await down(...args)
    expect([code, err]).toEqual([0, args.length === 3 ? '' : expect.stringContaining('no data folder')])
  }
  expect(readdirSync(root, { recursive: true })).toEqual(before)
})

test('a server of a folder that is gone, or has another in its place, is told and left alone', async () => {
  const config = join(root, 'run', 'nats.conf')
  const server = spawn('sh', ['-c', 'sleep 1000; :', 'nats-server', '-c', config], { detached: true, stdio: 'ignore' })
  const told = expect.stringContaining(`Not ended: process ${server.pid} runs by the paths of ${root}`) as string
  try {
    rmSync(root, { recursive: true })
    expect(await down()).toEqual({ code: 0, out: '', err: told })
    expect(await down('--json')).toMatchObject({ code: 0, out: expect.stringContaining('[]') as string, err: told })
    dataFolder({ dataDir: root, env: {} })
    expect(await down()).toEqual({ code: 0, out: '', err: told })
    expect(server.exitCode ?? server.signalCode).toBe(null)
  } finally {
    process.kill(-(server.pid ?? 0), 'SIGKILL')
  }
})

test('where only a daemon has been, what it has left running is ended', async () => {
  const home = await openHome(join(root, 'daemons', 'alone'))
  const task = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' })
  const ended = once(task, 'exit')
  const id = task.pid ?? 0
  const rest = { nonce: 'n', session: 's', address: '7.t', acceptedAt: 0, token: null, outcome: null, output: null }
  const group = { id, started: startedAt(id) ?? '' }
  await openAttempts(home.attempts).save({ ...rest, task: 't', attempt: 1, spawn: null, receipt: null, group })
  home.release()
  try {
    const { code, err } = await down()
    expect([code, err]).toEqual([0, expect.stringContaining(`task (process ${id})`)])
    expect(await ended).toEqual([null, 'SIGTERM'])
    expect((await down('--wipe', '--yes')).code).toBe(0)
    expect(existsSync(root)).toBe(false)
  } finally {
    task.kill('SIGKILL')
  }
})

test('nothing is removed under a daemon that lives, and everything once it has ended', async () => {
  dataFolder({ dataDir: root, env: {} })
  const home = await openHome(join(root, 'daemons', 'alive'))
  const refused = await down('--wipe', '--yes')
  expect([refused.code, refused.err]).toEqual([4, expect.stringContaining(`still runs (process ${process.pid})`)])
  expect(readdirSync(home.root)).toContain('identity.json')
  home.release()
  expect((await down('--wipe', '--yes')).code).toBe(0)
  expect(existsSync(root)).toBe(false)
})

describe('root on the data folder of an ordinary user', () => {
  const needsRoot = 'only root has the folders of others: that it leaves them theirs is not tried'
  const isRoot = process.getuid?.() === 0
  const [uid, gid] = [12_345, 12_346]
  const given = (): void => void execFileSync('chown', ['-R', `${uid}:${gid}`, root])
  const all = (): string[] => readdirSync(root, { recursive: true, encoding: 'utf8' })
  const ofOthers = (): string[] =>
    all().filter((name) => statSync(join(root, name)).uid !== uid || statSync(join(root, name)).gid !== gid)

  test('leaves there no file of its own', async ({ skip }) => {
    if (!isRoot) return skipAloud(skip, needsRoot)
    const { run, secrets } = dataFolder({ dataDir: root, env: {} })
    lockFolder(root).release()
    ;(await openHome(join(root, 'daemons', 'one'))).release()
    given()
    expect((await down()).code).toBe(0)
    keptSecret(secrets, 'postgres')
    expect(all()).toEqual(expect.arrayContaining(['run/lock.2', 'daemons/one/lock.2', 'secrets/postgres']))
    expect(ofOthers()).toEqual([])
    expect(statSync(join(run, 'lock.2')).mode & 0o777).toBe(0o600)
  })

  test.for(['daemons', 'run'])('leaves there no folder of its own, where so far is only %s', async (name, { skip }) => {
    if (!isRoot) return skipAloud(skip, needsRoot)
    ;(await openHome(join(root, 'daemons', 'one'))).release()
    mkdirSync(join(root, name), { recursive: true })
    given()
    expect((await down()).code).toBe(0)
    expect(all()).toEqual(expect.arrayContaining(['run', 'run/lock.1', 'nats', 'logs', 'secrets']))
    expect(ofOthers()).toEqual([])
  })

  test('starts as often as it likes where it was the first to, as in a container on a folder of the host', ({
    skip,
  }) => {
    if (!isRoot) return skipAloud(skip, needsRoot)
    given()
    for (let start = 0; start < 3; start++) lockFolder(folderToServe({ dataDir: root, env: {} }).root).release()
    expect(statSync(root).uid).toBe(uid)
  })

  test('starts nothing there, and is told as whom to start it', async ({ skip }) => {
    if (!isRoot) return skipAloud(skip, needsRoot)
    const { logs } = dataFolder({ dataDir: root, env: {} })
    rmSync(logs, { recursive: true })
    given()
    const before = readdirSync(root, { recursive: true })
    expect(await call(['up', '--data-dir', root])).toMatchObject({
      code: 4,
      err:
        `error: the data folder ${root} belongs to the user #${uid}, whom root would lock out of it [REFUSED]\n` +
        `hint: start it as that user, by sudo -u '#${uid}' or the user of a container, or name another folder with --data-dir\n`,
    })
    expect(readdirSync(root, { recursive: true })).toEqual(before)
  })
})

test('on a full disk it goes on without a lock, and tells which tasks it could not look for', async () => {
  dataFolder({ dataDir: root, env: {} })
  const home = await openHome(join(root, 'daemons', 'gone'))
  home.release()
  disk.isFull = true
  const { code, err } = await down()
  expect([code, err]).toEqual([0, expect.stringMatching(/gone has left .* not looked for: the disk .* is full/)])
  expect((await down('--wipe', '--yes')).code).toBe(0)
  expect(existsSync(root)).toBe(false)
})

test('a disk that is full is no fault in Writ itself, though the system does not say of which file it is', async () => {
  disk.isFull = true
  const { code, err } = await call(['up', '--data-dir', root])
  expect([code, err]).toEqual([4, expect.stringMatching(/^error: files cannot be used here: ENOSPC.* \[REFUSED\]\n/)])
})

test('a lock that cannot be written down as released is released all the same', async () => {
  const { run } = dataFolder({ dataDir: root, env: {} })
  const lock = lockFolder(root)
  const home = await openHome(join(root, 'daemons', 'one'))
  expect(holderOf(root)).toEqual({ pid: process.pid, started: living(process.pid)?.started })
  disk.isFull = true
  lock.release()
  home.release()
  disk.isFull = false
  expect([readFileSync(join(run, 'lock.1'), 'utf8'), holderOf(root)]).toEqual(['', undefined])
  lockFolder(root).release()
  ;(await openHome(home.root)).release()
})
