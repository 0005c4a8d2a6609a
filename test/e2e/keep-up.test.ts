/** `writ up` when one of its servers dies: another takes its place where it was, and none is left running at the end. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import { existingCluster } from '../../src/embedded/cluster-place.ts'
import { readEndpoints } from '../../src/embedded/endpoints.ts'
import { dataFolder } from '../../src/embedded/folders.ts'
import { runningNats } from '../../src/embedded/nats.ts'
import { startingPostgres } from '../../src/embedded/postgres-record.ts'
import { processesWith } from '../support/processes.ts'
import { startWrit, type Started, writ } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-keep-up-'))
// The user as whom Postgres runs may pass, so that the database lies in the data folder.
chmodSync(folder, 0o755)
const data = join(folder, 'data')
const folders = dataFolder({ dataDir: data, env: {} })
const started: Started[] = []

/** The pids of both servers, as far as they run. */
const servers = (): { postgres: number | undefined; nats: number | undefined } => {
  const cluster = existingCluster(folders)
  const postgres = cluster === undefined ? undefined : startingPostgres(cluster)
  return { postgres: postgres?.pid, nats: runningNats(folders)?.pid }
}

const up = async (): Promise<Started> => {
  const one = startWrit('up', '--threads', '1', '--data-dir', data)
  started.push(one)
  await one.says('Ctrl-C')
  return one
}

const kill = (pid: number | undefined): void => {
  if (pid === undefined) throw new Error('it does not run')
  process.kill(pid, 'SIGKILL')
}

afterEach(async () => {
  for (const { process, ended } of started.splice(0)) {
    process.kill('SIGKILL')
    await ended
  }
  await writ('down', '--data-dir', data)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('servers that die come back where they were, and all that was told of them stays true', async () => {
  const one = await up()
  const before = { ...servers(), endpoints: readEndpoints(folders) }
  kill(before.postgres)
  await one.says('Postgres is up again')
  kill(before.nats)
  await one.says('NATS is up again')
  expect(readEndpoints(folders)).toEqual(before.endpoints)
  await writ('directive', 'list', '--data-dir', data)
  one.process.kill('SIGINT')
  expect(await one.ended, one.printed()).toBe(0)
  expect(servers()).toEqual({ postgres: undefined, nats: undefined })
}, 120_000)

it('a server of a folder that has another name is not started on what is in its place: writ up ends, and all that it ran', async () => {
  const one = await up()
  const { postgres } = servers()
  const moved = `${data}-moved`
  renameSync(data, moved)
  try {
    const second = startWrit('up', '--threads', '1', '--data-dir', data)
    expect(await second.ended).toBe(4)
    expect(second.printed()).toContain(`end writ up (process ${one.process.pid}), which looks after it`)
    kill(postgres)
    expect(await one.ended).toBe(4)
    expect(one.printed()).toContain(`the data folder of this writ up is no longer at ${data}`)
    expect([existsSync(join(data, 'postgres/cluster')), processesWith(data)]).toEqual([false, []])
  } finally {
    rmSync(data, { recursive: true, force: true })
    renameSync(moved, data)
  }
}, 120_000)

it('a writ up whose folder was taken elsewhere, because it stood still, ends with all that it ran, by force, and leaves what the other has written', async () => {
  const one = await up()
  const run = (name: string): string => join(folders.run, name)
  const [last = 0] = readdirSync(folders.run)
    .map((name) => Number(/^lock\.(\d+)$/.exec(name)?.[1] ?? 0))
    .sort((a, b) => b - a)
  const lock = JSON.parse(readFileSync(run(`lock.${last}`), 'utf8')) as object
  const scope = { host: 'box', boot: 'another', namespace: 'pid:[1]' }
  const endpoints = readFileSync(run('endpoints.json'), 'utf8')
  one.process.kill('SIGSTOP')
  writeFileSync(run(`lock.${last + 1}`), JSON.stringify({ ...lock, pid: 7, scope }))
  one.process.kill('SIGCONT')
  expect(await one.ended).toBe(4)
  expect(one.printed()).toContain('process 7 of another container or host (box) has taken the data folder')
  expect([servers(), processesWith(data)]).toEqual([{ postgres: undefined, nats: undefined }, []])
  // Of the other Postgres by then, which ends without it.
  expect(existsSync(join(data, 'postgres/cluster/postmaster.pid'))).toBe(true)
  expect(readFileSync(run('endpoints.json'), 'utf8')).toBe(endpoints)
  rmSync(run(`lock.${last + 1}`))
}, 120_000)

it.each([1, 2])(
  '%d Ctrl-C while the database is started again leave nothing running',
  async (count) => {
    const one = await up()
    kill(servers().postgres)
    await one.says('Postgres ended by itself')
    one.process.kill('SIGINT')
    await one.says('Stopping')
    if (count === 2) one.process.kill('SIGINT')
    expect([0, 130], one.printed()).toContain(await one.ended)
    expect(servers()).toEqual({ postgres: undefined, nats: undefined })
  },
  120_000,
)
