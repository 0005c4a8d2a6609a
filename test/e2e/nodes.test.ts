/**
 * Two nodes of real processes on the same servers: how they share the shards, and what becomes of ten directives when one of
 * them is killed, frozen or stopped in the middle. Every step appends a line at its end: what counts twice is seen there.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { WritClient } from '../../src/bus/client.ts'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { shardCount } from '../../src/protocol/limits.ts'
import { freshDatabase, type FreshDatabase } from '../support/database.ts'
import { ownNats, type OwnNats } from '../support/own-nats.ts'
import { version } from '../../src/protocol/version.ts'
import { startWrit, type Started, writ } from '../support/writ.ts'

interface NodeList {
  schema: number
  nodes: { shards: number }[]
}

const leaseMs = 2000
const numbers = Array.from({ length: 10 }, (_, number) => number)
const steps = ['before', 'during', 'after']
const patience = { timeout: 60_000, interval: 20 }
const folder = mkdtempSync(join(tmpdir(), 'writ-nodes-'))
const started: Started[] = []

let database: FreshDatabase
let nats: OwnNats
let bus: NatsBus
let client: WritClient
let sql: postgres.Sql

const start = (...args: string[]): Started => {
  const one = startWrit(...args)
  started.push(one)
  return one
}

const servers = (): string[] => ['--database-url', database.url, '--nats-url', nats.url]

const startNode = async (threads: number, ...how: string[]): Promise<Started> => {
  const options = ['--threads', String(threads), '--lease', String(leaseMs / 1000), '--http', 'off', '--verbose']
  const node = start('up', ...how, ...options, '--data-dir', join(folder, 'data'), ...servers())
  await node.says('Ctrl-C')
  return node
}

const joinNode = (threads: number): Promise<Started> => startNode(threads, '--join')

/** How many shards each thread holds, most first. */
const shares = async (): Promise<number[]> => {
  const rows = await sql<{ count: number }[]>`
    select count(*)::int as count from writ.shards s join writ.threads t using (thread, nonce) group by s.thread`
  return rows.map(({ count }) => count).toSorted((a, b) => b - a)
}

const shared = (expected: readonly number[]): Promise<void> => expect.poll(shares, patience).toEqual(expected)

beforeAll(async () => {
  ;[database, nats] = await Promise.all([freshDatabase(), ownNats()])
  bus = await connect({ url: nats.url, name: 'test', log: () => undefined })
  client = new WritClient(bus, 'default', { deadlineMs: 60_000 })
  sql = postgres(database.url, { max: 1, onnotice: () => undefined })
  await startNode(2)
  const home = ['--home', join(folder, 'd'), '--nats-url', nats.url]
  await start('daemon', 'run', '--name', 'd', '--slots', '10', ...home).says('it takes tasks now')
}, 60_000)

afterAll(async () => {
  for (const { process } of started) process.kill('SIGCONT')
  for (const { process, ended } of started.toReversed()) {
    process.kill('SIGTERM')
    await ended
  }
  await Promise.all([bus.close(), sql.end()])
  await Promise.all([database.drop(), nats.stop()])
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** Ten directives whose steps tell that they have begun, wait at a gate that is named as they are, and append a line. */
const tenDirectives = async (name: string) => {
  const place = (what: string): string => join(folder, `${name}.${what}`)
  writeFileSync(place('effects'), '')
  const lines = (what: string): string[] =>
    existsSync(place(what)) ? readFileSync(place(what), 'utf8').trim().split('\n').toSorted() : []
  const open = (gate: string): void => appendFileSync(place(gate), '')
  const script = (id: string, step: string): string =>
    `echo ${id} >> ${place(`began-${step}`)}
     until [ -e ${place(step)} ]; do sleep 0.05; done
     echo ${id} ${step} >> ${place('effects')}`
  const stepOf = (id: string, step: string, at: number): object => ({
    name: step,
    description: step,
    task_plan: script(id, step),
    depends_on: steps.slice(Math.max(0, at - 1), at),
  })
  const ids = numbers.map((number) => `${name}-${number}`)
  for (const id of ids) {
    const plan = { steps: steps.map((step, at) => stepOf(id, step, at)) }
    const needs = { worker: { executor: 'shell' } }
    await client.createDirective({ id, title: id, goal: 'to be counted', evaluate: false, needs, plan })
    await client.directive(id).start()
  }
  const begun = (step: string): Promise<void> =>
    expect.poll(() => lines(`began-${step}`), patience).toEqual(ids.toSorted())
  open('before')
  await begun('during')
  return {
    open,
    begun,
    /** How all have ended, and every line that was written. */
    ends: async () => ({
      statuses: new Set((await Promise.all(ids.map((id) => client.wait(id)))).map(({ status }) => status)),
      effects: lines('effects'),
    }),
    onceEach: {
      statuses: new Set(['completed']),
      effects: ids.flatMap((id) => steps.map((step) => `${id} ${step}`)).toSorted(),
    },
  }
}

const verified = async (): Promise<void> => {
  const verify = start('verify', '--database-url', database.url)
  expect(await verify.ended, verify.printed()).toBe(0)
}

it('R45: a node that is killed has its directives taken over: all ten end, and every effect counts once', async () => {
  const node = await joinNode(1)
  await shared([86, 85, 85])
  const { nodes, schema } = JSON.parse(await writ('node', 'list', '--json', '--nats-url', nats.url)) as NodeList
  const known = { state: 'ready', versions: [version], schemas: [schema] }
  expect(nodes).toMatchObject([known, known])
  expect(nodes.map(({ shards }) => shards).toSorted((a, b) => a - b)).toEqual([85, 171])
  const { open, ends, onceEach } = await tenDirectives('kill')
  node.process.kill('SIGKILL')
  open('during')
  open('after')
  expect(await ends()).toEqual(onceEach)
  await shared([shardCount / 2, shardCount / 2])
}, 120_000)

it('R45: one that is frozen for three leases is fenced and starts afresh: all ten end, and every effect counts once', async () => {
  const node = await joinNode(2)
  await shared([64, 64, 64, 64])
  const { open, begun, ends, onceEach } = await tenDirectives('freeze')
  node.process.kill('SIGSTOP')
  const frozenAt = performance.now()
  open('during')
  await begun('after')
  await vi.waitUntil(() => performance.now() - frozenAt > 3 * leaseMs, patience)
  expect(await shares()).toEqual([shardCount / 2, shardCount / 2])
  node.process.kill('SIGCONT')
  await node.says('this thread is fenced')
  await shared([64, 64, 64, 64])
  open('after')
  expect(await ends()).toEqual(onceEach)
}, 120_000)

it('R45: one that stops in order hands over while ten directives run, and what is stored agrees with itself after all', async () => {
  const { open, ends, onceEach } = await tenDirectives('stop')
  const node = started.at(-1)
  node?.process.kill('SIGTERM')
  open('during')
  open('after')
  expect([await ends(), await node?.ended]).toEqual([onceEach, 0])
  await shared([shardCount / 2, shardCount / 2])
  await verified()
}, 120_000)

it('a database that a newer version has made its own lets no older node in: one that works goes on, one that comes back ends', async () => {
  const [node, working] = [await joinNode(1), started[0]]
  await shared([86, 85, 85])
  node.process.kill('SIGSTOP')
  await shared([shardCount / 2, shardCount / 2])
  await sql`insert into writ.migrations (version, name, hash) values (999, '0999_later', 'x')`
  node.process.kill('SIGCONT')
  expect([await node.ended, node.printed()]).toEqual([3, expect.stringMatching(/the schema is 999.*\[SCHEMA_NEWER\]/)])
  const late = start('up', '--join', '--data-dir', join(folder, 'data'), ...servers())
  expect([await late.ended, late.printed()]).toEqual([
    3,
    expect.stringMatching(/999; this version knows.*\[SCHEMA_NEWER\]/),
  ])
  await client.createDirective({ id: 'still', title: 'still', goal: 'to be taken' })
  expect(working?.process.exitCode).toBe(null)
  await sql`delete from writ.migrations where version = 999`
}, 120_000)
