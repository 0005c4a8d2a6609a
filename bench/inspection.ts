/**
 * `npm run bench -- inspection [--chains 1000 --rounds 3]`: what watching costs those who are watched. The same work is done by turns
 * with nobody watching, with one watcher of every actor, and with one that does not read; ratios are to the rounds without one.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { WritClient } from '../src/bus/client.ts'
import { connect, type NatsBus } from '../src/bus/nats-bus.ts'
import { subjects } from '../src/bus/subjects.ts'
import { tokenOf } from '../src/http/gate.ts'
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
const stepCount = 4
const handOffsPerChain = stepCount * 2
const settleMs = 3_000
const say = (text: string): void => void process.stdout.write(`${text}\n`)

const plan = {
  steps: Array.from({ length: stepCount }, (_, at) => ({
    name: `s${at}`,
    description: `The step number ${at}.`,
    task_plan: 'Do what is to be done here, and say how it went.',
    depends_on: at === 0 ? [] : [`s${at - 1}`],
  })),
}

/** How a round is watched: by nobody, by one who reads, by one who does not. */
type Mode = 'nobody' | 'a watcher of all' | 'a watcher of all, every state' | 'a watcher that does not read'
const queries: Record<Exclude<Mode, 'nobody'>, Record<string, string>> = {
  'a watcher of all': { max: '10000' },
  'a watcher of all, every state': { max: '10000', coalesce: '0' },
  'a watcher that does not read': { max: '10000', coalesce: '0' },
}
const modes: readonly Mode[] = [
  'nobody',
  'a watcher of all',
  'a watcher of all, every state',
  'a watcher that does not read',
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
  const ids = Array.from({ length: chains }, (_, at) => `${prefix}-${at}`)
  for (let at = 0; at < ids.length; at += 50)
    await Promise.all(
      ids.slice(at, at + 50).map((id) => client.createDirective({ id, title: id, goal: 'a goal', plan })),
    )
  await delay(settleMs)
  if (mode !== 'nobody') await watcher.ask('watch', { url: urlOf(http, queries[mode]), reads: !mode.endsWith('read') })
  const over = completed(bus, ids.length)
  const began = performance.now()
  await Promise.all(ids.map((id) => client.directive(id).start()))
  await over
  const took = performance.now() - began
  const rate = (chains * handOffsPerChain * 1000) / took
  const seen = mode === 'nobody' ? null : await watcher.ask<Watched>('end')
  const what =
    seen === null
      ? ''
      : `; ${seen.frames} frames of ${seen.actors} actors${seen.closed === null ? '' : `, dropped: ${seen.closed}`}`
  say(`  ${mode.padEnd(32)} ${rate.toFixed(0).padStart(5)} hand-offs/s${what}`)
  return rate
}

const urlOf = (http: string, query: Record<string, string>): string => {
  const url = new URL('/inspect', http.replace(/^http/, 'ws'))
  url.search = new URLSearchParams({ token: tokenOf('bench', 'default'), ...query }).toString()
  return url.href
}

const completed = (bus: NatsBus, count: number): Promise<void> =>
  new Promise((resolve) => {
    let left = count
    const pattern = subjects.event.pattern({ owner: 'default', type: 'directive_completed' })
    const listening = bus.subscribe(pattern, {}, () => {
      if (--left > 0) return
      void listening.drain()
      resolve()
    })
  })

const run = async (bench: Bench): Promise<void> => {
  say(`${chains} directives of ${stepCount} steps at once, ${threads} threads on ${availableParallelism()} cores`)
  await round(bench, 'nobody', 'warm')
  const rates = new Map<Mode, number[]>(modes.map((mode) => [mode, []]))
  for (let at = 0; at < rounds; at++)
    for (const [place, mode] of modes.entries()) rates.get(mode)?.push(await round(bench, mode, `r${at}-${place}`))
  const mean = (mode: Mode): number => (rates.get(mode) ?? []).reduce((sum, rate) => sum + rate, 0) / rounds
  const alone = rates.get('nobody') ?? []
  say(
    `\nBeside nobody (whose own rounds differ by ${((100 * (Math.max(...alone) - Math.min(...alone))) / mean('nobody')).toFixed(0)} %):`,
  )
  for (const mode of modes.slice(1))
    say(`  ${mode.padEnd(32)} ${(mean(mode) / mean('nobody')).toFixed(2)} times its throughput`)
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
