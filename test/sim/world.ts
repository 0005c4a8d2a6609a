/**
 * A whole Writ in one simulated world: threads with the real engine over a simulated store and bus, daemons and people, all
 * by one seed. First things go wrong; then the world heals, and everything must come to its end.
 */
import { Assignments } from './assignments.ts'
import { Blame } from './blame.ts'
import { checkBounds, checkMailboxes } from './bounds.ts'
import { buildsMax } from './builds.ts'
import { SimNetwork } from './bus.ts'
import type { ActorKey } from '../../src/protocol/ids.ts'
import { type Retention, forEver } from '../../src/protocol/retention.ts'
import { Chaos } from './chaos.ts'
import { Checkers } from './checkers.ts'
import { SimClock } from './clock.ts'
import { SimDaemon } from './daemon.ts'
import type { DaemonSpec, WorldDaemon } from './daemons.ts'
import { Duties } from './duties.ts'
import { ThreadEar } from './ear.ts'
import { Ending } from './ending.ts'
import { faultyAt } from './faulty-machines.ts'
import { Fleet } from './fleet.ts'
import { limitTo } from './limits.ts'
import { LineCheck } from './line-check.ts'
import { Luck } from './luck.ts'
import { offerBy, usual } from './offers.ts'
import type { SimOptions } from './options.ts'
import type { Faults } from './rates.ts'
import { OwnDaemon } from './own-daemon.ts'
import { Person } from './people.ts'
import { Presences } from './presences.ts'
import { Planner } from './planner.ts'
import { PublishedCheck } from './published-check.ts'
import { SimRandom } from './random.ts'
import { checkRemoval } from './removal-check.ts'
import { SimScript } from './script.ts'
import { SimStore } from './store.ts'
import { StoreFaults } from './store-faults.ts'
import { type Place, SimThread } from './thread.ts'
import { Trace } from './trace.ts'
import { VersionCheck } from './version-check.ts'
import type { DaemonWorld } from './work.ts'

export interface Outcome {
  digest: string
  violations: readonly string[]
  trace: Trace
  /** Commits and simulated ms, to see what a run is worth. */
  commits: number
  ms: number
  /** How often each fault has taken effect, and each deed was done, by name. */
  happened: ReadonlyMap<string, number>
  /** What the scheduler let happen: timers, arrivals and answers. */
  events: number
  /** Directives that have ended. */
  ended: number
  /** Actors that became of a later version of their machine. */
  migrated: number
  /** Pairs of a state and of what it has taken there. */
  visited: ReadonlySet<string>
}

const lookMs = 500
const keptMs = 4_000
const shortly: Retention = { directivesMs: null, eventsMs: keptMs, journalsMs: keptMs }
/** So many looks to a turn of the event loop: signals, and what other threads say, wait no longer. */
const looksATurn = 20
/** What the database's clock shows at the beginning of simulated time. */
const beginMs = Date.UTC(2030, 0, 1)

export class World {
  readonly options: SimOptions
  readonly clock = new SimClock()
  readonly trace = new Trace(this.clock)
  readonly random: SimRandom
  readonly network: SimNetwork
  readonly store: SimStore
  readonly checkers: Checkers
  readonly versions: VersionCheck
  readonly line: LineCheck
  readonly blame = new Blame(this.trace, () =>
    this.#started.filter(({ process }) => !process.isDead).flatMap(({ engine }) => [...engine.host.memory.actors]),
  )
  readonly duties: Duties
  readonly presences: Presences
  readonly ear: ThreadEar
  readonly repository = new Map<string, ReadonlySet<string>>()
  readonly threads: SimThread[] = []
  /** Those that are stopping are among them. */
  readonly #started: SimThread[] = []
  readonly daemons = new Map<string, WorldDaemon>()
  readonly people: Person[] = []
  readonly luck: Luck
  readonly fleet: Fleet
  readonly storeFaults: StoreFaults
  readonly retention: Retention
  readonly #planner: Planner
  healing = false
  /** What the database's clock shows beside the simulated time, in ms. */
  #skewMs = 0

  constructor(options: SimOptions) {
    this.options = options
    this.luck = new Luck(options.faults)
    this.random = new SimRandom(options.seed)
    const kept = options.removes ? { ...shortly, directivesMs: keptMs } : shortly
    this.retention = this.luck.strikes('keptShort', this.random.aside()) ? kept : forEver
    this.fleet = new Fleet(Math.min(options.builds, buildsMax), this.random.aside().fork())
    this.network = new SimNetwork(this.clock, this.random.fork())
    this.network.onFault = this.luck.count
    this.storeFaults = new StoreFaults(this.clock, this.luck, this.random.fork())
    const { call } = this.storeFaults
    const fate: StoreFaults['fate'] = (thread, commit) => {
      const one = this.storeFaults.fate(thread, commit)
      if (one.answer === 'refused') this.blame.refused(commit)
      return one
    }
    const now = (): number => beginMs + Math.floor(this.clock.monotonic()) + this.#skewMs
    const mailboxMessagesMax = options.mailboxMax
    const joined: VersionCheck['joined'] = (...told) => this.versions.joined(...told)
    const renewed: VersionCheck['renewed'] = (...told) => this.versions.renewed(...told)
    const takenIn: PublishedCheck['takenIn'] = (...told) => published.takenIn(...told)
    this.store = new SimStore({ clock: this.clock, now, fate, call, joined, renewed, mailboxMessagesMax, takenIn })
    this.versions = new VersionCheck(this.clock, this.store, this.trace)
    this.storeFaults.poison(this.store.tables)
    checkMailboxes(this.store.tables, mailboxMessagesMax, this.trace)
    this.checkers = new Checkers(this.store, this.trace)
    const published = new PublishedCheck(this.store.tables, this.checkers.fold, this.trace)
    this.line = new LineCheck(this.store.tables, this.checkers.fold, this.repository, this.trace)
    this.checkers.others.push(checkBounds(this.trace), this.line.check, this.versions.check, published.check)
    const assignments = new Assignments(this.store.tables, this.trace)
    this.checkers.others.push(
      assignments.check,
      this.blame.check,
      checkRemoval(this.store.tables, this.checkers.fold, this.trace),
    )
    this.#planner = new Planner(this)
    this.duties = new Duties(this)
    this.presences = new Presences(this)
    const mayFail = (): boolean => this.happened.has('machineThrows') || this.happened.has('migrationThrows')
    this.ear = new ThreadEar(this.store.tables, this.checkers, this.trace, this.duties, this.presences, mayFail)
    this.checkers.others.push(this.ear.committed, this.presences.committed)
  }

  /** Whether something could be parked for no fault of the code: then people mend it in the end. */
  get mayBeParked(): boolean {
    const parking = [
      'messagePoisoned',
      'registryPoisoned',
      'taskRefused',
      'machineThrows',
      'migrationThrows',
      'commitRefused',
    ]
    return parking.some((fault) => this.happened.has(fault))
  }

  /** Also one that was removed since. */
  hasEnded(directive: ActorKey): boolean {
    const { actors, removed } = this.store.tables
    return removed.has(directive) || actors.get(directive)?.ended === true
  }

  get happened(): ReadonlyMap<string, number> {
    return this.luck.happened
  }

  get faults(): Faults {
    return this.luck.faults
  }

  /** The database's clock is set forward or back by so many ms; nobody else's is. */
  jump(ms: number): void {
    this.checkers.noteTime()
    this.#skewMs += ms
  }

  async run(): Promise<Outcome> {
    const { owners, daemons, scripts, directives, chaosMs, healMs } = this.options
    const names = ['ann', 'bob'].slice(0, owners)
    limitTo(this.options.tight)
    faultyAt(
      this.#throwsAt('machineThrows', this.random.aside()),
      this.#throwsAt('migrationThrows', this.random.aside().fork()),
    )
    this.#startNodes()
    for (const owner of names)
      for (let at = 0; at < daemons; at++) {
        const name = `${owner}-d${at}`
        const home = this.random.chance(0.5) ? `home-${name}` : null
        const slots = this.random.between(1, 3)
        const offer = this.options.varied ? offerBy(this.random.aside(), at) : usual
        this.startDaemon({ owner, name, slots, home, offer }, this.#isOwn(name))
      }
    for (const owner of names) for (let at = 0; at < directives; at++) this.#bring(owner, `d${at}`)
    for (const owner of names)
      for (let at = 0; at < scripts; at++) void new SimScript(this.#daemonWorld(), owner, `${owner}-s${at}`).live()
    const chaos = new Chaos(this)
    chaos.begin()
    await this.#until(chaosMs, () => false)
    this.healing = true
    this.luck.end()
    chaos.heal()
    const ending = new Ending(this)
    // A clock that was set back lets every timer wait for as long.
    const behindMs = Math.max(0, -this.#skewMs)
    await this.#until(chaosMs + healMs + behindMs, () => ending.isOver())
    ending.check()
    return {
      digest: this.trace.digest(),
      violations: this.trace.violations,
      trace: this.trace,
      commits: this.store.tables.journal.size,
      ms: this.clock.monotonic(),
      happened: this.happened,
      events: this.clock.events,
      ended: this.people.filter(({ directive }) => this.hasEnded(directive)).length,
      migrated: this.versions.migrated,
      visited: this.checkers.fold.visited,
    }
  }

  /** What a machine throws at once it throws at always, until the world heals; null: at nothing. */
  #throwsAt(fault: 'machineThrows' | 'migrationThrows', random: SimRandom): Parameters<typeof faultyAt>[0] {
    if (this.faults[fault] === 0) return null
    const known = new Map<string, boolean>()
    return (what, context) => {
      if (this.healing) return false
      const throws = known.get(what) ?? this.luck.strikes(fault, random)
      known.set(what, throws)
      if (throws) this.blame.threw(context)
      return throws
    }
  }

  /** In small steps, so that it ends soon after the first violation. */
  async #until(ms: number, isOver: () => boolean): Promise<void> {
    const { clock, trace } = this
    for (let looks = 0; clock.monotonic() < ms && trace.violations.length === 0 && !isOver(); looks++) {
      const next = Math.min(ms, clock.monotonic() + lookMs)
      await (looks % looksATurn === 0 ? clock.run(next) : clock.go(next))
      this.duties.look()
      this.presences.look()
    }
  }

  #startNodes(): void {
    const { engines, threadsPerNode, homes } = this.options
    for (let at = 0; at < engines; at++)
      for (let index = 0; index < threadsPerNode; index++) {
        const node = `e${at}`
        const thread = threadsPerNode === 1 ? node : `${node}-${index}`
        this.startThread({ thread, node, home: homes ? `home-${node}` : null, index })
      }
  }

  startThread(place: Place): void {
    const { clock, random, network, store, trace, ear, luck, retention, fleet } = this
    const refused = ({ place: { node }, build }: SimThread): void => fleet.refused(node, build)
    const world = { clock, random, network, store, trace, ear, luck, retention, refused }
    const thread = new SimThread(world, place, fleet.of(place.node))
    this.threads.push(thread)
    this.#started.push(thread)
    void thread.start()
  }

  /** Whether it runs the client of production: all do, or every other one. */
  #isOwn(name: string): boolean {
    const { clients } = this.options
    return clients > 1 || (clients === 1 && Number(name.at(-1)) % 2 === this.options.seed % 2)
  }

  startDaemon(spec: DaemonSpec, isOwn = false): WorldDaemon {
    const daemon = new (isOwn ? OwnDaemon : SimDaemon)(this.#daemonWorld(), spec)
    this.#takeIn(daemon)
    return daemon
  }

  /** In the place of one that has died. */
  startAgain(daemon: WorldDaemon, keeps: boolean): void {
    this.#takeIn(daemon.successor(keeps))
  }

  #takeIn(daemon: WorldDaemon): void {
    this.daemons.set(daemon.spec.name, daemon)
    daemon.start()
  }

  #revive(name: string, ms: number): void {
    const daemon = this.daemons.get(name)
    this.clock.after(ms, () => {
      if (daemon !== undefined && this.daemons.get(name) === daemon) this.startAgain(daemon, true)
    })
  }

  #daemonWorld(): DaemonWorld {
    const { clock, random, network, trace, repository, checkers, store } = this
    return {
      clock,
      random,
      network,
      trace,
      repository,
      luck: this.luck,
      openAttempts: () => [...store.tables.attempts.values()].filter(({ closedAt }) => closedAt === null),
      reported: (report) => void checkers.reported.add(report),
      forged: (counted, what) => {
        if (counted) trace.violate('7', `a forged report of ${what} counted`)
      },
      revive: (name, ms) => this.#revive(name, ms),
      plan: (spawn, chance) => this.#planner.submit(spawn.owner, spawn.directive.id, chance),
    }
  }

  #bring(owner: string, id: string): void {
    const { clock, random, network, trace, store, options, checkers } = this
    const { stepsMax, ownRetries, eager, lasting, varied, deeds } = options
    const person = new Person(
      {
        clock,
        random,
        network,
        trace,
        tables: store.tables,
        stepsMax,
        ownRetries,
        eager,
        lasting,
        varied,
        deeds,
        healing: () => this.healing,
        mayBeParked: () => this.mayBeParked,
        count: this.luck.count,
        finished: (contract) => void checkers.finished.add(contract),
      },
      owner,
      id,
    )
    this.people.push(person)
    void person.live()
  }
}

/** Runs the world of these options to its end. */
export const simulate = (options: SimOptions): Promise<Outcome> => new World(options).run()
