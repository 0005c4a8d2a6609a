/** A message at which its thread ends is tried as often as any other that fails, and is parked then; the rest goes on. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { pack } from '../../src/actors/codec.ts'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { actorKey, shardOf } from '../../src/protocol/ids.ts'
import { parkTriesMax } from '../../src/protocol/limits.ts'
import { freshDatabase, type FreshDatabase } from '../support/database.ts'
import { ownNats, type OwnNats } from '../support/own-nats.ts'
import { planOf, World } from '../support/world.ts'
import { type Started, startWritWith } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-deadly-'))
const preload = pathToFileURL(join(import.meta.dirname, '../support/deadly-messages.mjs')).href

let database: FreshDatabase
let nats: OwnNats
let bus: NatsBus
let sql: postgres.Sql
let up: Started

beforeAll(async () => {
  ;[database, nats] = await Promise.all([freshDatabase(), ownNats()])
  bus = await connect({ url: nats.url, name: 'test', log: () => undefined })
  sql = postgres(database.url, { max: 1 })
  const servers = ['--database-url', database.url, '--nats-url', nats.url]
  const more = ['--threads', '2', '--lease', '2', '--data-dir', join(folder, 'data'), '--verbose']
  // A heap that is full soon.
  const options = `--import ${preload} --max-old-space-size=192`
  up = startWritWith({ NODE_OPTIONS: options }, 'up', ...servers, ...more)
  await up.says('Ctrl-C')
}, 60_000)

afterAll(async () => {
  if (up.process.exitCode === null) up.process.kill('SIGTERM')
  await up.ended
  await bus.close()
  await sql.end()
  await Promise.all([database.drop(), nats.stop()])
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** At which messages threads have ended so far, as the node's log says, each with the count of its tries. */
const ends = (): { message: number; tries: number }[] =>
  up
    .printed()
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.includes('a thread ended at a message'))
    .map((line) => JSON.parse(line) as { message: number; tries: number })

interface Put {
  owner: string
  directive: string
  /** A task of it, or what is deadly. */
  task: string
  tries?: number
}

/** Lays a plain publish into a directive's mailbox, as the stream would have brought it; its id. */
const put = async ({ owner, directive, task, tries = 0 }: Put): Promise<number> => {
  const body = pack({ type: 'published', noun: 'task', verb: 'done', id: task, body: { result: '' } })
  const [row] = await sql<{ id: string }[]>`
    insert into writ.messages (shard, "to", "from", body, tries)
    values (${shardOf(owner, directive)}, ${actorKey(owner, directive)}, 'stream', ${Buffer.from(body)}, ${tries}) returning id`
  return Number(row?.id)
}

it.each([
  ['makes its thread run out of memory', 'deadly heap', 0, /ended: .*memory limit/],
  ['makes its thread hang', 'deadly hang', parkTriesMax - 2, /ended: its event loop stood still for 1\d s/],
])(
  'a message that %s is parked alone after as many tries as are allowed, and the rest goes on',
  async (_, task, tries, reason) => {
    const before = ends().length
    const world = new World(bus, [])
    const { owner } = world
    await world.open()
    const daemon = await world.daemon('d', { work: () => null })
    const directive = await world.start({ evaluate: false, plan: planOf({ a: [], b: ['a'] }) })
    const first = await daemon.spawned('worker a')
    const innocent = await put({ owner, directive, task: 'nothing' })
    const deadly = await put({ owner, directive, task, tries })
    const behind = await put({ owner, directive, task: 'nothing' })
    const parked = async () => (await world.client.parked.list()).lines
    // While no thread lives, nobody answers.
    const isParked = async (): Promise<boolean> =>
      (await sql`select from writ.parked where message = ${deadly}`).length > 0
    await vi.waitUntil(isParked, { timeout: 90_000, interval: 200 })
    const [line] = await parked()
    expect(line).toMatchObject({
      kind: 'message',
      id: `${directive}__m${deadly}`,
      reason: expect.stringMatching(reason),
    })
    // A thread whose lease is over may be at it still while the next one takes it: both are counted.
    expect([parkTriesMax, parkTriesMax + 1]).toContain(line?.tries)
    const counting = ends().slice(before)
    expect(new Set(counting.map(({ message }) => message))).toEqual(new Set([deadly]))
    const counts = Array.from({ length: (line?.tries ?? 0) - tries }, (_each, at) => tries + at + 1)
    expect(counting.flatMap((end) => (end.tries > 0 ? [end.tries] : []))).toEqual(counts)
    const waiting = () => sql`select id from writ.messages where id = any(${[innocent, behind]})`
    await expect.poll(waiting, { timeout: 20_000 }).toEqual([])
    await daemon.done(first)
    await daemon.done(await daemon.spawned('worker b'))
    await world.until(directive, 'directive_completed')
    await world.close()
  },
  120_000,
)
