/** One run of chaos: a site, its work, its faults, and the judgement over all of it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { SimRandom } from '../sim/random.ts'
import { Archive } from './archive.ts'
import { repositoryViolations, violationsOf } from './checks.ts'
import { inflict } from './faults.ts'
import { type History, readHistory, rowsLeft } from './history.ts'
import type { Kind } from './kinds.ts'
import type { Inflicted } from './report.ts'
import { Site, type SiteOptions } from './site.ts'
import { Workload } from './workload.ts'

export interface ChaosSetup extends Pick<
  SiteOptions,
  'checkout' | 'folder' | 'nodes' | 'daemons' | 'slots' | 'smallDisk' | 'signal'
> {
  seed: number
  /** What is found to be wrong comes here. */
  violations: string[]
  /** What was stored is kept although nothing was wrong. */
  keep: boolean
  say: (line: string) => void
}

/** All is healthy, something is open, and nothing has gone on for so long. */
const stuckMs = 240_000
const lookMs = 500
/** What lies in a mailbox when the last directive ends is taken soon after; a registry looks what it has granted every minute. */
const leftWithinMs = 150_000
const strayWithinMs = 20_000
const straysTold = 5

export class Chaos {
  readonly site: Site
  readonly workload: Workload
  readonly faults: Inflicted[] = []
  readonly skipped = new Set<Kind>()
  readonly #setup: ChaosSetup
  readonly #bus: NatsBus
  readonly #archive: Archive
  readonly #random: SimRandom
  #lastFaultAt = performance.now()
  #stopped: Promise<void> | null = null

  private constructor(
    setup: ChaosSetup,
    site: Site,
    { bus, archive }: { bus: NatsBus; archive: Archive },
    workload: Workload,
    random: SimRandom,
  ) {
    this.site = site
    this.workload = workload
    this.#setup = setup
    this.#bus = bus
    this.#archive = archive
    this.#random = random
  }

  /** Throws, with nothing left that runs, when the signal comes first. */
  static async start(setup: ChaosSetup): Promise<Chaos> {
    const wrong = (what: string): void => tellWrong(setup, what)
    const site = await Site.start({ ...setup, wrong })
    const random = new SimRandom(setup.seed)
    try {
      const repository = join(setup.folder, 'repository')
      makeRepository(repository)
      const bus = await connect({ url: site.servers.natsUrl, name: 'chaos', log: () => undefined })
      const places = { effects: join(setup.folder, 'effects'), repository }
      const { natsUrl } = site.servers
      const archive = new Archive(site.servers.sql)
      const workload = new Workload({
        bus,
        natsUrl,
        random: random.fork(),
        places,
        folder: setup.folder,
        archive,
        wrong,
      })
      return new Chaos(setup, site, { bus, archive }, workload, random.fork())
    } catch (error) {
      await site.stop()
      throw error
    }
  }

  get violations(): readonly string[] {
    return this.#setup.violations
  }

  get repository(): string {
    return join(this.#setup.folder, 'repository')
  }

  /** Does it, and heals it. */
  async inflict(kind: Kind): Promise<void> {
    const began = Date.now()
    try {
      const target = await inflict(kind, this.site, this.#random)
      const healed = Date.now()
      if (target === null) {
        this.skipped.add(kind)
        return this.#setup.say(`${kind}: this machine does not allow it; skipped`)
      }
      this.faults.push({ kind, target, began, healed })
      this.#setup.say(`${kind}: ${target} (${((healed - began) / 1000).toFixed(1)} s)`)
    } catch (error) {
      // What is being ended heals no more.
      if (!this.#setup.signal.aborted)
        this.wrong(`${kind} did not heal: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      this.#lastFaultAt = performance.now()
    }
  }

  wrong(what: string): void {
    tellWrong(this.#setup, what)
  }

  /** Resolves once `work` has, or when nothing has gone on for minutes although all is healthy: that is a violation. */
  async unlessStuck(work: Promise<unknown>): Promise<void> {
    let over = false
    const done = work.finally(() => {
      over = true
    })
    const watch = async (): Promise<void> => {
      let [before, movedAt] = ['', performance.now()]
      while (!over) {
        await delay(lookMs)
        const now = await this.#progress().catch(() => before)
        if (now !== before) [before, movedAt] = [now, performance.now()]
        if (performance.now() - Math.max(movedAt, this.#lastFaultAt) < stuckMs) continue
        this.wrong(`nothing has gone on for ${stuckMs / 1000} s: ${await this.#waits()}`)
        return
      }
    }
    await Promise.race([done, watch()])
    over = true
  }

  /** Ends everything in order, and judges. Nothing runs any more when it resolves. Throws when the signal comes first: then there is no judgement. */
  async judge(): Promise<History> {
    const { servers } = this.site
    const { signal } = this.#setup
    this.#setup.say('All has ended: what is left?')
    await this.#untilNothingIsLeft()
    await this.workload.stop()
    await this.#tellStrays('all has ended')
    await this.site.leaveAll()
    await this.#tellStrays('all have left')
    signal.throwIfAborted()
    const history = this.#archive.merged(await readHistory(servers.sql, join(this.#setup.folder, 'effects')))
    const { shapes, receipts, heard, publishing } = this.workload
    const { repository } = this
    const known = { shapes, receiptsOf: (id: string) => receipts.of(id), heard, published: publishing.all, repository }
    for (const violation of [...violationsOf(history, known), ...repositoryViolations(history, known)])
      this.wrong(violation)
    signal.throwIfAborted()
    this.#setup.say('writ verify')
    for (const { code, table, key, found, right } of await this.site.verify())
      this.wrong(`writ verify: ${code} in ${table}, ${key}: ${found}; right is ${right}`)
    await this.stop()
    signal.throwIfAborted()
    return history
  }

  /** Ends everything without a judgement. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop())
  }

  async #stop(): Promise<void> {
    await this.workload.stop()
    await this.#bus.close()
    await this.site.stop(this.#setup.keep || this.violations.length > 0)
  }

  async #progress(): Promise<string> {
    const [row] = await this.site.servers.sql<{ count: string }[]>`
      select (select count(*) from writ.events) || ' ' || (select count(*) from writ.attempts) || ' ' ||
             (select count(*) from writ.attempts where closed_at is not null) as count`
    return row?.count ?? ''
  }

  /** What all that is open waits for, as `writ waiting` has it. */
  async #waits(): Promise<string> {
    const lines = await this.workload.client.listWaiting({ limit: 50 }).then(
      (page) => page.lines.map(({ id, status, waiting, since }) => `${id} ${status} ${waiting} since ${since}`),
      (error: unknown) => [String(error)],
    )
    return `open are ${this.workload.open.join(', ')}\n  ${lines.join('\n  ')}`
  }

  async #untilNothingIsLeft(): Promise<void> {
    const until = performance.now() + leftWithinMs
    while (performance.now() < until) {
      const left = await rowsLeft(this.site.servers.sql).catch(() => ({ unknown: 1 }))
      if (Object.keys(left).length === 0) return
      await this.#pause()
    }
  }

  /** Until the next look, unless the signal comes. */
  #pause(): Promise<void> {
    return delay(lookMs, undefined, { signal: this.#setup.signal })
  }

  /** A task that has been reported is about to end. */
  async #tellStrays(although: string): Promise<void> {
    const until = performance.now() + strayWithinMs
    let strays = this.site.strays()
    for (; strays.length > 0 && performance.now() < until; strays = this.site.strays()) await this.#pause()
    for (const stray of strays.slice(0, straysTold)) this.wrong(`a process is left although ${although}: ${stray}`)
    if (strays.length > straysTold) this.wrong(`${strays.length} processes in all are left although ${although}`)
  }
}

const tellWrong = ({ violations, say }: ChaosSetup, what: string): void => {
  violations.push(what)
  say(`VIOLATION: ${what}`)
}

/** Bare, with one commit on its branch. */
const makeRepository = (folder: string): void => {
  const work = `${folder}-first`
  const env = { PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const git = (cwd: string, ...args: string[]): void => void execFileSync('git', args, { cwd, env, stdio: 'ignore' })
  mkdirSync(work)
  git(work, 'init', '-b', 'main')
  git(
    work,
    '-c',
    'user.name=chaos',
    '-c',
    'user.email=chaos@example.org',
    'commit',
    '--allow-empty',
    '-m',
    'The beginning',
  )
  git(work, 'clone', '--bare', work, folder)
}
