/** A second node on the servers of a running `writ up`: it shares the work, and does it alone when the first is gone. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openConnection } from '../../src/bus/connection.ts'
import { freshDatabase } from '../support/database.ts'
import { ownNats } from '../support/own-nats.ts'
import { plainNats } from '../support/plain-nats.ts'
import { startWrit, type Started, writ } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-join-'))
const data = join(folder, 'data')
const started: Started[] = []

const start = (...args: string[]): Started => {
  const one = startWrit(...args, '--data-dir', data)
  started.push(one)
  return one
}

let first: Started
beforeAll(async () => {
  first = start('up', '--threads', '1')
  await first.says('Ctrl-C')
}, 60_000)

afterAll(async () => {
  for (const { process, ended } of started.toReversed()) {
    if (process.exitCode === null && process.signalCode === null) process.kill('SIGTERM')
    await ended
  }
  await writ('down', '--data-dir', data)
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

it('a second writ up on one data folder is refused, with 4', async () => {
  const up = start('up')
  expect([await up.ended, up.printed()]).toEqual([
    4,
    expect.stringMatching(/process \d+ uses the data folder .* \[LOCKED\]/),
  ])
})

it('a node joins, takes over what the first one held when that is killed, and a directive gets done', async () => {
  const second = start('up', '--join', '--threads', '1')
  await second.says(/Postgres +postgres:.*\(joined\)[^]*Ctrl-C/)
  const daemon = start('daemon', 'run', '--name', 'd', '--home', join(folder, 'd'))
  await daemon.says('it takes tasks now')
  const run = start('run', 'examples/hello/directive.yaml')
  await run.says('hello')
  first.process.kill('SIGKILL')
  expect(await run.ended).toBe(0)
}, 120_000)

it('after that the servers of the killed one serve on: commands on its data folder, and nodes that join there, use them', async () => {
  const on = ['--data-dir', data]
  expect(await writ('directive', 'list', ...on)).toMatch(/completed/)
  await writ('verify', ...on)
  expect(await writ('config', 'show', '--origin', ...on)).toContain('the servers that a killed writ up has left')
  const third = start('up', '--join', '--threads', '1')
  await third.says(/\(joined\)[^]*Ctrl-C/)
  third.process.kill('SIGTERM')
  expect(await third.ended).toBe(0)
  const unknown = start('directive', 'list', '--owner', 'somebody')
  expect([await unknown.ended, unknown.printed()]).toEqual([
    4,
    expect.stringMatching(
      /does not know the user c_somebody.*\nhint: the `writ up` that ran it was killed; a new one takes it over/,
    ),
  ])
}, 60_000)

it('where no node is left beside such servers, commands say so at once, and a new writ up takes them over', async () => {
  const nodes = started.filter(({ process, printed }) => process.exitCode === null && printed().includes('(joined)'))
  for (const { process, ended } of nodes) {
    process.kill('SIGTERM')
    await ended
  }
  const list = start('directive', 'list')
  expect([await list.ended, list.printed()]).toEqual([
    3,
    expect.stringMatching(
      /was killed; its servers live on, and no node answers there \[UNREACHABLE\]\nhint: start one with `writ up`, which takes them over/,
    ),
  ])
  const again = start('up', '--threads', '1')
  await again.says(/NATS .*was running, taken over[^]*Ctrl-C/)
  expect(await writ('directive', 'list', '--data-dir', data)).toMatch(/completed/)
}, 60_000)

it('where nothing runs, there is nothing to join', async () => {
  const alone = startWrit('up', '--join', '--data-dir', join(folder, 'elsewhere'))
  expect(await alone.ended).toBe(3)
  expect(alone.printed()).toMatch(/there is nothing to join: no writ up serves the data folder .* \[UNREACHABLE\]/)
})

/** What is there of a schema `writ`, after a start that has ended. */
const leftIn = async (url: string): Promise<number> => {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    return (await sql`select from pg_namespace where nspname = 'writ'`).length
  } finally {
    await sql.end()
  }
}

const streamsOf = async (url: string): Promise<string[]> => {
  const connection = await openConnection({ url, name: 'test' })
  try {
    return await (await jetstreamManager(connection)).streams.names().next()
  } finally {
    await connection.close()
  }
}

it('nor where a named database has no Writ in it: nothing is made there, nor on the NATS server, nor here', async () => {
  const [database, nats] = [await freshDatabase(), await ownNats()]
  const elsewhere = join(folder, 'new', 'data')
  const servers = ['--database-url', database.url, '--nats-url', nats.url]
  const one = startWrit('up', '--join', '--threads', '1', '--data-dir', elsewhere, ...servers)
  expect([await one.ended, one.printed()]).toEqual([
    4,
    expect.stringMatching(
      /^error: there is nothing to join: the database "test_\w+" on .* has no schema of Writ \[REFUSED\]\nhint: .*without --join\n$/,
    ),
  ])
  expect(await leftIn(database.url)).toBe(0)
  expect(await streamsOf(nats.url)).toEqual([])
  expect(existsSync(join(folder, 'new'))).toBe(false)
  await Promise.all([database.drop(), nats.stop()])
}, 60_000)

it.each([[[]], [['--join']]])(
  'writ up %j makes no schema for a NATS server that has no JetStream',
  async (how) => {
    const [database, nats] = [await freshDatabase(), await plainNats()]
    const servers = ['--database-url', database.url, '--nats-url', nats.url]
    const one = startWrit('up', ...how, '--threads', '1', '--data-dir', join(folder, 'plain'), ...servers)
    expect([await one.ended, one.printed()]).toEqual([
      3,
      expect.stringMatching(/does not answer for JetStream.*\[UNREACHABLE\]/),
    ])
    expect(await leftIn(database.url)).toBe(0)
    await Promise.all([database.drop(), nats.stop()])
  },
  60_000,
)
