/**
 * `npm run bench [-- --chains 500 --singles 40 --threads N --profile FOLDER]`: what a hand-off (a daemon's report in, the next spawn out) costs,
 * with many chains at once and with one at a time, beside a hand-written floor on the same servers in the same run.
 */
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { WritClient } from '../src/bus/client.ts'
import { connect, type NatsBus } from '../src/bus/nats-bus.ts'
import { createChains, handOffsPerChain, runChains, stepCount } from './chains.ts'
import { type Child, startChild } from './child.ts'
import { costOf, type Gauge, gaugeOf, type Reading } from './gauge.ts'
import { startServers } from './servers.ts'

const { values } = parseArgs({
  options: {
    chains: { type: 'string', default: '500' },
    singles: { type: 'string', default: '40' },
    threads: { type: 'string', default: String(availableParallelism()) },
    profile: { type: 'string' },
  },
})
const [chains, singles, threads] = [values.chains, values.singles, values.threads].map(Number) as [
  number,
  number,
  number,
]
const floorHops = 400
/** So that what is measured is compiled. */
const warmChains = 300
/** Postgres hands its statistics over at most once a second, and an idle connection after ten. */
const statisticsMs = 11_000
const say = (text: string): void => void process.stdout.write(`${text}\n`)

interface Bench {
  bus: NatsBus
  client: WritClient
  sql: postgres.Sql
  gauge: Gauge
  daemon: Child
  floor: Child
}

interface Counts {
  spawns: number
  hops: number[]
}

const idsOf = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${prefix}${at}`)

const measured = async (bench: Bench, work: () => Promise<void>): Promise<Reading> => {
  await delay(statisticsMs)
  const before = await bench.gauge()
  await work()
  const [at, { cpu, wal }] = [performance.now() - before.at, await bench.gauge()]
  await delay(statisticsMs)
  const after = await bench.gauge()
  return { ...costOf(before, { ...after, cpu, wal }), at }
}

const percentile = (sorted: readonly number[], part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0
const sortedHops = (hops: readonly number[]): number[] => hops.toSorted((a, b) => a - b)

/** Whoever did nothing is left out. */
const cpuLine = (cpu: Reading['cpu'], per: number): string =>
  Object.entries(cpu)
    .filter(([, ms]) => ms === null || (ms * 1000) / per >= 50)
    .map(([name, ms]) => `${name} ${ms === null ? '?' : ((ms * 1000) / per).toFixed(0)} µs`)
    .join(', ')

const runAll = async (bench: Bench, ids: readonly string[]): Promise<void> => {
  await createChains(bench.client, ids)
  await runChains(bench.bus, bench.client, ids)
}

const many = async (bench: Bench): Promise<void> => {
  const ids = idsOf('many-', chains)
  await createChains(bench.client, ids)
  await bench.daemon.ask('counts')
  const cost = await measured(bench, () => runChains(bench.bus, bench.client, ids))
  const { spawns, hops } = await bench.daemon.ask<Counts>('counts')
  const sorted = sortedHops(hops)
  say(`\n${chains} chains of ${stepCount} steps at once: ${spawns} hand-offs in ${(cost.at / 1000).toFixed(2)} s`)
  say(`  hand-offs/s           ${((spawns * 1000) / cost.at).toFixed(0)}`)
  say(`  CPU per hand-off      ${cpuLine(cost.cpu, spawns)}`)
  say(`  WAL per hand-off      ${(cost.wal / spawns).toFixed(0)} bytes`)
  say(
    `  rows per hand-off     ${(cost.rows / spawns).toFixed(1)}, of them actors ${(cost.actorRows / spawns).toFixed(2)}`,
  )
  say(`  batch                 ${(spawns / cost.commits).toFixed(1)} hand-offs per commit (${cost.commits} commits)`)
  say(`  hop p50 / p99         ${percentile(sorted, 0.5).toFixed(1)} / ${percentile(sorted, 0.99).toFixed(1)} ms`)
}

/** What runs when nothing happens: sweeps and renewals. It is part of all other figures. */
const idle = async (bench: Bench): Promise<void> => {
  const seconds = 10
  const { cpu } = await measured(bench, () => delay(seconds * 1000))
  say(`\nNothing to do: CPU per second: ${cpuLine(cpu, seconds)}`)
}

interface Single {
  p50: number
  p99: number
  cost: Reading
  count: number
}

const print = (title: string, { p50, p99, cost, count }: Single): void => {
  say(`\n${title}: ${count} hops`)
  say(`  hop p50 / p99         ${p50.toFixed(2)} / ${p99.toFixed(2)} ms`)
  say(`  CPU per hop           ${cpuLine(cost.cpu, count)}`)
  say(`  WAL per hop           ${(cost.wal / count).toFixed(0)} bytes`)
  say(`  rows per hop          ${(cost.rows / count).toFixed(1)}`)
}

const oneAtATime = async (bench: Bench): Promise<Single> => {
  const ids = idsOf('single-', singles)
  await createChains(bench.client, ids)
  await bench.daemon.ask('counts')
  const cost = await measured(bench, async () => {
    for (const id of ids) await runChains(bench.bus, bench.client, [id])
  })
  const { hops } = await bench.daemon.ask<Counts>('counts')
  const sorted = sortedHops(hops)
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), cost, count: singles * handOffsPerChain }
}

const floorHop = async ({ bus }: Bench): Promise<number> => {
  const began = performance.now()
  const spawned = new Promise<void>((resolve) => {
    const listening = bus.subscribe('bench.spawn', {}, () => {
      void listening.drain()
      resolve()
    })
  })
  await Promise.all([bus.request('bench.report', { attempt: 1, nonce: 'x'.repeat(20) }, 5000), spawned])
  return performance.now() - began
}

const floorOf = async (bench: Bench, rows: number): Promise<Single> => {
  await bench.floor.ask('listen', Math.round(rows))
  for (let warm = 0; warm < 50; warm++) await floorHop(bench)
  const hops: number[] = []
  const cost = await measured(bench, async () => {
    for (let hop = 0; hop < floorHops; hop++) hops.push(await floorHop(bench))
  })
  const sorted = sortedHops(hops)
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), cost, count: floorHops }
}

const compare = ({ p50, p99, cost, count }: Single, floor: Single): void => {
  const ratio = (ours: number, theirs: number): string => (ours / theirs).toFixed(1)
  const wal = ratio(cost.wal / count, floor.cost.wal / floor.count)
  say(
    `\nWrit beside the floor: p50 ${ratio(p50, floor.p50)} times, p99 ${ratio(p99, floor.p99)} times, WAL ${wal} times`,
  )
}

const run = async (bench: Bench): Promise<void> => {
  await runAll(bench, idsOf('warm-', warmChains))
  await idle(bench)
  await many(bench)
  const single = await oneAtATime(bench)
  print('One chain at a time', single)
  const floor = await floorOf(bench, single.cost.rows / single.count)
  print('The floor (NATS there and back, one statement of as many rows)', floor)
  compare(single, floor)
}

const profiling =
  values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`, '--cpu-prof-interval=500']

/** So that the servers are stopped as well. */
const interrupted = (): Promise<never> =>
  new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`ended by ${signal}`)))
  })

const main = async (): Promise<void> => {
  const servers = await startServers()
  const { databaseUrl, natsUrl, pids } = servers
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined })
  await sql`alter database ${sql(new URL(databaseUrl).pathname.slice(1))} set track_functions = 'pl'`
  const bus = await connect({ url: natsUrl, name: 'bench' })
  const children: Child[] = []
  const child = async (file: string, more: object = {}, execArgv: readonly string[] = []): Promise<Child> => {
    const started = await startChild(file, { databaseUrl, natsUrl, ...more }, execArgv)
    children.unshift(started)
    return started
  }
  try {
    const node = await child('./node-process.js', { threads }, profiling)
    const daemon = await child('./daemon-process.js', { slots: 1000 })
    const floor = await child('./floor-process.js')
    const gauge = gaugeOf(sql, { node: node.pid, ...pids, floor: floor.pid })
    say(`${threads} threads on ${availableParallelism()} cores, Node ${process.version}`)
    await Promise.race([run({ bus, client: new WritClient(bus, 'default'), sql, gauge, daemon, floor }), interrupted()])
  } finally {
    await Promise.allSettled(children.map((each) => each.end()))
    await bus.close()
    await sql.end()
    await servers.stop()
  }
}

await main()
