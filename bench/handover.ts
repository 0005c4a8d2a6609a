/**
 * `npm run bench -- handover [--rounds 3 --threads N --lanes 16 --lease 4]`: how long a client waits for an answer while nodes come and
 * go. One directive of each shard is asked in turn for something that takes a commit, by several askers at once; each figure is the
 * time from the first try of a request to its answer, tries again included.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { WritClient } from '../src/bus/client.ts'
import { connect } from '../src/bus/nats-bus.ts'
import { shardOf } from '../src/protocol/ids.ts'
import { shardCount } from '../src/protocol/limits.ts'
import { type Child, startChild } from './child.ts'
import { startServers } from './servers.ts'

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: String(availableParallelism()) },
    lanes: { type: 'string', default: '16' },
    lease: { type: 'string', default: '4' },
  },
})
const [rounds, threads, lanes, lease] = [values.rounds, values.threads, values.lanes, values.lease].map(Number) as [
  number,
  number,
  number,
  number,
]
const leaseMs = lease * 1000
const wantedMs = 500
const quietMs = 3_000
const settleMs = 500
/** So that what is measured is compiled. */
const warmMs = 5_000
const lookMs = 50
const say = (text: string): void => void process.stdout.write(`${text}\n`)

interface Bench {
  client: WritClient
  /** One of each shard. */
  directives: readonly string[]
  sql: postgres.Sql
  startNode: () => Promise<Child>
}

/** Asks until it is told to end; how long each answer took, in ms. */
const probe = ({ client, directives }: Bench) => {
  const took: number[] = []
  let isOver = false
  const lane = async (at: number): Promise<void> => {
    const mine = directives.filter((_, index) => index % lanes === at)
    for (let turn = 0; !isOver; turn++) {
      const directive = client.directive(mine[turn % mine.length] ?? '')
      const began = performance.now()
      await (Math.floor(turn / mine.length) % 2 === 0 ? directive.pause() : directive.resume())
      took.push(performance.now() - began)
    }
  }
  const running = Promise.all(Array.from({ length: lanes }, (_, at) => lane(at)))
  return async (): Promise<number[]> => {
    isOver = true
    await running
    return took.toSorted((a, b) => a - b)
  }
}

/** Until so many threads hold all shards, none more than one more than another. */
const even = async ({ sql }: Bench, count: number): Promise<void> => {
  for (;;) {
    const held = await sql<{ count: number }[]>`
      select count(*)::int as count from writ.shards s join writ.threads t using (thread, nonce) group by s.thread`
    const counts = held.map((row) => row.count)
    const all = counts.reduce((sum, each) => sum + each, 0)
    if (all === shardCount && counts.length === count && Math.max(...counts) - Math.min(...counts) <= 1) return
    await delay(lookMs)
  }
}

const at = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0

const measured = async (bench: Bench, what: string, change: () => Promise<void>): Promise<number[]> => {
  const end = probe(bench)
  const began = performance.now()
  await change()
  const changedMs = performance.now() - began
  await delay(settleMs)
  const took = await end()
  const figures = [0.5, 0.99, 0.999, 1].map((part) => at(took, part).toFixed(0).padStart(6)).join('')
  say(
    `  ${what.padEnd(28)} ${String(took.length).padStart(6)} answers, ${figures} ms; ${(changedMs / 1000).toFixed(1)} s`,
  )
  return took
}

const round = async (bench: Bench, first: Child): Promise<{ quiet: number[]; moved: number[]; died: number[] }> => {
  const quiet = await measured(bench, 'nothing happens', () => delay(quietMs))
  let second: Child | null = null
  const joins = async (): Promise<void> => {
    second = await bench.startNode()
    await even(bench, 2 * threads)
  }
  const leaves = async (): Promise<void> => {
    await second?.end()
    await even(bench, threads)
  }
  const joined = await measured(bench, 'a node joins', joins)
  const left = await measured(bench, 'it leaves', leaves)
  await joins()
  const died = await measured(bench, 'another is killed', async () => {
    process.kill((second ?? first).pid, 'SIGKILL')
    await even(bench, threads)
  })
  return { quiet, moved: [...joined, ...left].toSorted((a, b) => a - b), died }
}

const run = async (bench: Bench): Promise<void> => {
  say(`${lanes} askers, nodes of ${threads} threads on ${availableParallelism()} cores, a lease of ${lease} s`)
  const first = await bench.startNode()
  for (let each = 0; each < bench.directives.length; each += lanes)
    await Promise.all(
      bench.directives
        .slice(each, each + lanes)
        .map((id) => bench.client.createDirective({ id, title: id, goal: 'a goal' })),
    )
  const warm = probe(bench)
  await delay(warmMs)
  await warm()
  say(`${''.padEnd(46)}   p50   p99 p99.9  p100`)
  const all = { quiet: [] as number[], moved: [] as number[], died: [] as number[] }
  for (let each = 0; each < rounds; each++) {
    const figures = await round(bench, first)
    for (const key of ['quiet', 'moved', 'died'] as const) all[key].push(...figures[key])
  }
  const longest = (took: readonly number[]): number => took.reduce((most, each) => Math.max(most, each), 0)
  const [quiet, moved, died] = [all.quiet, all.moved, all.died].map(longest) as [number, number, number]
  say(
    `\nThe longest wait for an answer: ${quiet.toFixed(0)} ms when nothing happens, ${moved.toFixed(0)} ms while a node joins or leaves`,
  )
  say(
    `(wanted: at most ${wantedMs}), ${died.toFixed(0)} ms when one is killed (wanted: at most ${2 * leaseMs}, two leases).`,
  )
  if (moved > wantedMs || died > 2 * leaseMs) process.exitCode = 1
}

/** Whichever ids come to lie there. */
const oneOfEachShard = (owner: string): string[] => {
  const found = new Map<number, string>()
  for (let number = 0; found.size < shardCount; number++) {
    const id = `d${number}`
    if (!found.has(shardOf(owner, id))) found.set(shardOf(owner, id), id)
  }
  return [...found.values()]
}

const main = async (): Promise<void> => {
  const servers = await startServers()
  const { databaseUrl, natsUrl } = servers
  const bus = await connect({ url: natsUrl, name: 'bench' })
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined })
  const children: Child[] = []
  const startNode = async (): Promise<Child> => {
    const child = await startChild('./node-process.js', { databaseUrl, natsUrl, threads, leaseMs })
    children.unshift(child)
    return child
  }
  try {
    await run({ client: new WritClient(bus, 'default'), directives: oneOfEachShard('default'), sql, startNode })
  } finally {
    await Promise.allSettled(children.map((each) => each.end()))
    await Promise.all([bus.close(), sql.end()])
    await servers.stop()
  }
}

await main()
