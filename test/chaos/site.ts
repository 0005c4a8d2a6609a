/**
 * All that a run consists of: servers, nodes and daemons as the built `writ` has them, each a process of its own, and the links between
 * them. Everything lies in one folder and ends with the run.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { codes } from '../../src/protocol/errors.ts'
import type { Finding } from '../../src/protocol/findings.ts'
import { type Link, openLink } from './link.ts'
import { type MistreatedServers, startServers } from './servers.ts'
import { straysOf } from './strays.ts'
import { Processes, type Tracked } from './tracked.ts'
import { findingsOf } from './verify.ts'

export interface SiteOptions {
  /** Of the checkout, whose `dist` is run. */
  checkout: string
  folder: string
  nodes: number
  daemons: number
  /** Of each daemon. */
  slots: number
  /** Postgres on a file system that can be filled, where the machine allows it. */
  smallDisk: boolean
  /** From then on nothing is waited for that is to start or to be found out. */
  signal: AbortSignal
  /** Hears of whatever ends without being told to. */
  wrong: (what: string) => void
}

/** A node or a daemon: its place, in which one process follows another. */
export interface Place {
  name: string
  kind: 'node' | 'daemon'
  /** To Postgres (of a node), and to NATS. */
  links: readonly Link[]
  readonly isUp: boolean
  readonly pid: number
  begin: () => void
  /** Begins, until it says that it runs. */
  up: () => Promise<void>
  /** Ends it at once. */
  kill: () => Promise<void>
  /** Has it end in order. */
  leave: () => Promise<void>
  send: (signal: NodeJS.Signals) => void
}

export const threadsPerNode = 2
const startsWithinMs = 120_000
const [lookMs, againMs] = [50, 500]
const passingExits: ReadonlySet<unknown> = new Set([codes.UNREACHABLE.exit, codes.TIMED_OUT.exit])
const readyLine = { node: 'Ctrl-C', daemon: 'it takes tasks now' }

export class Site {
  readonly folder: string
  readonly servers: MistreatedServers
  readonly nodes: Place[] = []
  readonly daemons: Place[] = []
  readonly #options: SiteOptions
  readonly #processes = new Processes()
  /** Which build each node is of, and the newest of them: the first is that of the checkout, later ones have more versions of machines. */
  readonly #builds = new Map<string, number>()
  #build = 1
  #made = 0
  #isEnding = false

  private constructor(options: SiteOptions, servers: MistreatedServers) {
    this.folder = options.folder
    this.servers = servers
    this.#options = options
  }

  static async start(options: SiteOptions): Promise<Site> {
    for (const name of ['logs', 'faults', 'effects']) mkdirSync(join(options.folder, name), { recursive: true })
    const site = new Site(
      options,
      await startServers(join(options.folder, 'servers'), options.smallDisk, options.signal),
    )
    try {
      for (let at = 0; at < options.nodes; at++) site.nodes.push(await site.#place('node'))
      for (let at = 0; at < options.daemons; at++) site.daemons.push(await site.#place('daemon'))
      await Promise.all(site.nodes.map((node) => node.up()))
      await Promise.all(site.daemons.map((daemon) => daemon.up()))
      return site
    } catch (error) {
      await site.stop()
      throw error
    }
  }

  get links(): Link[] {
    return [...this.nodes, ...this.daemons].flatMap(({ links }) => links)
  }

  /** A node more, under a name that was never there. */
  async join(): Promise<Place> {
    const node = await this.#place('node')
    this.nodes.push(node)
    await node.up()
    return node
  }

  /** Nodes that begin from here on are of a later build; the others stay what they are until they are replaced. */
  release(): void {
    this.#build++
  }

  /** It is replaced, in order, by one of the newest build. */
  async replace(node: Place): Promise<void> {
    await node.leave()
    this.#builds.set(node.name, this.#build)
    await node.up()
  }

  /** What `writ verify` of the newest build finds. */
  verify(): Promise<Finding[]> {
    const { args, env } = this.#buildOf(this.#build)
    const all = [...args, this.#writ, 'verify', '--json', '--database-url', this.servers.databaseUrl]
    return findingsOf(all, { env: { ...cleanEnvironment(), ...env }, signal: this.#options.signal })
  }

  /** It leaves in order, for good. */
  async part(node: Place): Promise<void> {
    this.nodes.splice(this.nodes.indexOf(node), 1)
    await node.leave()
    await Promise.all(node.links.map((link) => link.close()))
  }

  /** A thread of a node does this as soon as it looks. */
  breakThread(node: Place, thread: number, fault: 'exit' | 'hang'): void {
    const folder = this.#faultsOf(node.name)
    writeFileSync(join(folder, 'next'), fault)
    // Whole or not at all: the thread looks at any moment.
    renameSync(join(folder, 'next'), join(folder, String(thread)))
  }

  /** Whether the thread has taken up what it was told. */
  hasBroken(node: Place, thread: number): boolean {
    return !existsSync(join(this.#faultsOf(node.name), String(thread)))
  }

  #faultsOf(name: string): string {
    return join(this.folder, 'faults', name)
  }

  /** Ends nodes and daemons in order. */
  async leaveAll(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.leave()))
    await Promise.all(this.nodes.map((node) => node.leave()))
  }

  /** `keep`: what the servers have stored remains in the folder. */
  async stop(keep = false): Promise<void> {
    this.#isEnding = true
    await this.#processes.endAll()
    await Promise.all(this.links.map((link) => link.close()))
    await this.servers.stop(keep)
  }

  /** What still runs of this run, servers apart. */
  strays(): string[] {
    return straysOf(this.folder, new Set([process.pid, ...[...this.nodes, ...this.daemons].map(({ pid }) => pid)]))
  }

  async #place(kind: Place['kind']): Promise<Place> {
    const name = `${kind}-${++this.#made}`
    if (kind === 'node') this.#builds.set(name, this.#build)
    const { databaseUrl, natsUrl } = this.servers
    const toNats = await openLink(`${name} to NATS`, Number(new URL(natsUrl).port))
    const nats = through(natsUrl, toNats)
    const logFile = join(this.folder, 'logs', `${name}.log`)
    if (kind === 'daemon') return this.#placeOf(kind, name, [toNats], logFile, this.#daemonArgs(name, nats))
    const toPostgres = await openLink(`${name} to Postgres`, Number(new URL(databaseUrl).port))
    const args = this.#nodeArgs(name, nats, through(databaseUrl, toPostgres))
    mkdirSync(this.#faultsOf(name), { recursive: true })
    return this.#placeOf(kind, name, [toPostgres, toNats], logFile, args)
  }

  /** Every other one has a data folder of its own, so that it fences its predecessor there at once; the others only join. */
  #nodeArgs(name: string, nats: string, database: string): string[] {
    const preload = pathToFileURL(join(this.#options.checkout, 'test/support/faulty-thread.mjs')).href
    const join_ = this.#made % 2 === 0 ? ['--join'] : []
    const servers = ['--nats-url', nats, '--database-url', database]
    const more = [
      '--threads',
      String(threadsPerNode),
      '--data-dir',
      join(this.folder, name),
      '--http',
      'off',
      '--keep-events',
      '5m',
      '--keep-journals',
      '1m',
      '--verbose',
    ]
    return ['--import', preload, this.#writ, 'up', ...join_, ...servers, ...more]
  }

  #daemonArgs(name: string, nats: string): string[] {
    const more = ['--name', name, '--slots', String(this.#options.slots), '--home', join(this.folder, name)]
    return [this.#writ, 'daemon', 'run', '--nats-url', nats, '--data-dir', join(this.folder, `${name}-data`), ...more]
  }

  #buildOf(build: number): { args: string[]; env: NodeJS.ProcessEnv } {
    if (build === 1) return { args: [], env: {} }
    const later = pathToFileURL(join(this.#options.checkout, 'test/support/later-build.mjs')).href
    return { args: ['--import', later], env: { BUILD: String(build) } }
  }

  get #writ(): string {
    return join(this.#options.checkout, 'dist/cli/main.js')
  }

  #placeOf(kind: Place['kind'], name: string, links: readonly Link[], logFile: string, args: readonly string[]): Place {
    let one: Tracked | null = null
    let wanted = false
    const begin = (): void => {
      wanted = true
      const build = this.#buildOf(this.#builds.get(name) ?? 1)
      const env = { ...cleanEnvironment(), ...build.env, FAULTS: this.#faultsOf(name) }
      const begun = this.#processes.start(name, [...build.args, ...args], { env, logFile })
      one = begun
      void begun.ended.then(async (how) => {
        const isOver = (): boolean => !wanted || one !== begun || this.#isEnding
        if (isOver()) return
        if (!passingExits.has(how) || begun.hasSaid(readyLine[kind]))
          return this.#options.wrong(`${name} ended by itself with ${how} (${logFile})`)
        // Where a server cannot be reached, or is too slow, none begins; whoever looks after it starts it again.
        await delay(againMs)
        if (!isOver()) begin()
      })
    }
    const untilReady = async (): Promise<void> => {
      const until = performance.now() + startsWithinMs
      while (one?.hasSaid(readyLine[kind]) !== true) {
        if (performance.now() > until) throw new Error(`${name} does not start (${logFile})`)
        await delay(lookMs, undefined, { signal: this.#options.signal })
      }
    }
    return {
      name,
      kind,
      links,
      get isUp() {
        return one?.isRunning === true
      },
      get pid() {
        return one?.pid ?? 0
      },
      begin,
      up: async () => {
        begin()
        await untilReady()
      },
      kill: async () => {
        wanted = false
        one?.send('SIGKILL')
        await one?.ended
      },
      leave: async () => {
        wanted = false
        const how = await one?.end()
        if (how !== 0) this.#options.wrong(`${name} was to end in order, and ended with ${how} (${logFile})`)
      },
      send: (signal) => one?.send(signal),
    }
  }
}

const through = (url: string, { port }: Link): string => {
  const address = new URL(url)
  address.port = String(port)
  return address.href
}

/** Nothing of whoever runs this: no servers, no configuration, no task. */
const cleanEnvironment = (): NodeJS.ProcessEnv => {
  const entries = Object.entries(process.env).filter(([name]) => !/^(WRIT_|NODE_OPTIONS$|PG|NATS_)/.test(name))
  return { ...Object.fromEntries(entries), NO_COLOR: '1', XDG_CONFIG_HOME: '/nowhere' }
}
