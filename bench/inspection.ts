/**
 * `npm run bench -- inspection [--chains 1000 --rounds 3]`: what watching costs those who are watched. The same work is done by turns
 * with nobody watching, with one watcher of every actor, with one who does not read, and after such a one was dropped; ratios are to the
 * rounds without one.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { WritClient } from '../src/bus/client.ts'
import { connect, type NatsBus } from '../src/bus/nats-bus.ts'
import { tokenOf } from '../src/http/gate.ts'
import { slowWatcherMs } from '../src/protocol/limits.ts'
import { createChains, handOffsPerChain, runChains, stepCount } from './chains.ts'
import { type Child, startChild } from './child.ts'
import { startServers } from './servers.ts'

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    chains: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
})
const { chains, rounds, threads } = {
  chains: Number(values.chains),
  rounds: Number(values.rounds),
  threads: Number(values.threads),
}
const settleMs = 3_000
const say = (text: string): void => void process.stdout.write(`${text}\n`)

interface Mode {
  name: string
  /** Null: nobody watches. */
  query: Record<string, string> | null
  reads?: boolean
  /** The work begins only once one who does not read must have been dropped. */
  later?: boolean
}

const everything = { max: '10000' }
const everyState = { ...everything, coalesce: '0' }
const nobody: Mode = { name: 'nobody', query: null }
const watched: readonly Mode[] = [
  { name: 'a watcher of all', query: everything, reads: true },
  { name: 'a watcher of all, every state', query: everyState, reads: true },
  { name: 'one who does not read', query: everyState },
  { name: 'one who was dropped', query: everyState, later: true },
]

interface Bench {
  bus: NatsBus
  client: WritClient
  watcher: Child
  http: string
}

interface Watched {
  frames: number
  actors: number
  closed: string | null
}

const round = async ({ bus, client, watcher, http }: Bench, mode: Mode, prefix: string): Promise<number> => {
  const { name, query, reads = false, later = false } = mode
  const ids = Array.from({ length: chains }, (_, at) => `${prefix}-${at}`)
  await createChains(client, ids)
  await delay(settleMs)
  if (query !== null) await watcher.ask('watch', { url: urlOf(http, query), reads })
  if (later) await delay(2 * slowWatcherMs)
  const began = performance.now()
  await runChains(bus, client, ids)
  const rate = (chains * handOffsPerChain * 1000) / (performance.now() - began)
  const seen = query === null ? '' : seenText(await watcher.ask<Watched>('end'))
  say(`  ${name.padEnd(32)} ${rate.toFixed(0).padStart(5)} hand-offs/s${seen}`)
  return rate
}

const seenText = ({ frames, actors, closed }: Watched): string =>
  `; ${frames} frames of ${actors} actors${closed === null ? '' : `, dropped: ${closed}`}`

const urlOf = (http: string, query: Record<string, string>): string => {
  const url = new URL('/inspect', http.replace(/^http/, 'ws'))
  url.search = new URLSearchParams({ token: tokenOf('bench', 'default'), ...query }).toString()
  return url.href
}

const run = async (bench: Bench): Promise<void> => {
  say(`${chains} directives of ${stepCount} steps at once, ${threads} threads on ${availableParallelism()} cores`)
  await round(bench, nobody, 'warm')
  const modes = [nobody, ...watched]
  const rates = new Map<Mode, number[]>(modes.map((mode) => [mode, []]))
  for (let at = 0; at < rounds; at++)
    for (const [place, mode] of modes.entries()) rates.get(mode)?.push(await round(bench, mode, `r${at}-${place}`))
  const mean = (mode: Mode): number => (rates.get(mode) ?? []).reduce((sum, rate) => sum + rate, 0) / rounds
  const alone = rates.get(nobody) ?? []
  const noise = (100 * (Math.max(...alone) - Math.min(...alone))) / mean(nobody)
  const own =
    rounds > 1 ? `whose own rounds differ by ${noise.toFixed(0)} %` : 'in one round, which does not show the noise'
  say(`\nBeside nobody (${own}):`)
  for (const mode of watched)
    say(`  ${mode.name.padEnd(32)} ${(mean(mode) / mean(nobody)).toFixed(2)} times its throughput`)
}

const main = async (): Promise<void> => {
  const servers = await startServers()
  const { databaseUrl, natsUrl } = servers
  const bus = await connect({ url: natsUrl, name: 'bench' })
  const children: Child[] = []
  const child = async (file: string, more: object = {}): Promise<Child> => {
    const started = await startChild(file, { databaseUrl, natsUrl, ...more })
    children.unshift(started)
    return started
  }
  try {
    const node = await child('./node-process.js', { threads, http: { secret: 'bench' } })
    await child('./daemon-process.js', { slots: 1000 })
    const watcher = await child('./watcher-process.js')
    const http = await node.ask<string>('http')
    await run({ bus, client: new WritClient(bus, 'default'), watcher, http })
  } finally {
    await Promise.allSettled(children.map((each) => each.end()))
    await bus.close()
    await servers.stop()
  }
}

await main()
