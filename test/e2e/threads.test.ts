/** The main thread of a node watches its worker threads: one that dies or stands still is replaced, and what it held goes on. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { freshDatabase, type FreshDatabase } from '../support/database.ts'
import { callOf } from '../support/fake-daemon.ts'
import { ownNats, type OwnNats } from '../support/own-nats.ts'
import { planOf, World } from '../support/world.ts'
import { type Started, startWritWith } from '../support/writ.ts'

type Fault = 'throw' | 'exit' | 'hang'

const threads = [0, 1]
const directives = 6
const folder = mkdtempSync(join(tmpdir(), 'writ-threads-'))
const faults = join(folder, 'faults')
const preload = pathToFileURL(join(import.meta.dirname, '../support/faulty-thread.mjs')).href

let database: FreshDatabase
let nats: OwnNats
let bus: NatsBus
let up: Started

beforeAll(async () => {
  mkdirSync(faults)
  ;[database, nats] = await Promise.all([freshDatabase(), ownNats()])
  bus = await connect({ url: nats.url, name: 'test', log: () => undefined })
  const servers = ['--database-url', database.url, '--nats-url', nats.url]
  const more = ['--threads', String(threads.length), '--data-dir', join(folder, 'data'), '--verbose']
  up = startWritWith({ NODE_OPTIONS: `--import ${preload}`, FAULTS: faults }, 'up', ...servers, ...more)
  await up.says('Ctrl-C')
}, 60_000)

afterAll(async () => {
  if (up.process.exitCode === null) up.process.kill('SIGTERM')
  await up.ended
  await bus.close()
  await Promise.all([database.drop(), nats.stop()])
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** Lines of the node's log that say this of its threads. */
const saidOf = (text: string): { thread?: string; code?: number }[] =>
  up
    .printed()
    .split('\n')
    // What follows the last line's end may be half of one.
    .slice(0, -1)
    .filter((line) => line.includes(text))
    .map((line) => JSON.parse(line) as { thread?: string; code?: number })

const ended = 'a thread ended; another takes its place'
const standsStill = "a thread's event loop stands still; it is ended"

/** Breaks these threads, and waits until the node has noticed all of them. */
const breakThreads = async (fault: Fault, indexes: readonly number[]): Promise<void> => {
  const before = saidOf(ended).length
  for (const index of indexes) {
    writeFileSync(join(folder, 'fault'), fault)
    // Whole or not at all: the thread looks at any moment.
    renameSync(join(folder, 'fault'), join(faults, String(index)))
  }
  const noticed = (): boolean => saidOf(ended).length >= before + indexes.length
  await vi.waitUntil(noticed, { timeout: 60_000, interval: 50 })
  const names = saidOf(ended).slice(before)
  const broken = names.map(({ thread }) => Number(thread?.at(-1)))
  expect(broken.toSorted((a, b) => a - b)).toEqual(indexes)
}

it.each<[readonly number[], Fault]>([
  [threads, 'throw'],
  [threads, 'exit'],
  [threads, 'hang'],
  [[0], 'hang'],
  [[1], 'throw'],
])(
  'when threads %j %s, others take their place, and every directive goes on',
  async (indexes, fault) => {
    const stood = saidOf(standsStill).length
    const world = new World(bus, [])
    await world.open()
    const daemon = await world.daemon('d', { slots: directives, work: () => null })
    const plan = planOf({ a: [], b: ['a'] })
    const ids = await Promise.all(Array.from({ length: directives }, () => world.start({ evaluate: false, plan })))
    const spawns = await Promise.all(ids.map((_, at) => daemon.spawned('worker a', at + 1)))
    await breakThreads(fault, indexes)
    expect(saidOf(standsStill)).toHaveLength(stood + (fault === 'hang' ? indexes.length : 0))
    await Promise.all(spawns.map((spawn) => daemon.done(spawn)))
    const next = await Promise.all(ids.map((_, at) => daemon.spawned('worker b', at + 1)))
    await Promise.all(next.map((spawn) => daemon.done(spawn)))
    await Promise.all(ids.map((id) => world.until(id, 'directive_completed')))
    expect(daemon.spawns.map(callOf).toSorted()).toEqual(
      ['worker a', 'worker b'].flatMap((call) => ids.map(() => call)),
    )
    await world.close()
  },
  120_000,
)
