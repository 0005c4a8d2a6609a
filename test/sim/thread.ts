/** One thread of the simulated world: the real engine over a bus, a store and a clock that are seen through its process. */
import { Engine } from '../../src/actors/engine.ts'
import type { Log } from '../../src/actors/host.ts'
import { Faulty } from '../../src/actors/parked.ts'
import type { Reader } from '../../src/actors/ports/reader.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import { wireOf } from '../../src/bus/wire.ts'
import { WritError } from '../../src/protocol/errors.ts'
import type { Retention } from '../../src/protocol/retention.ts'
import { takePublished } from '../../src/take-published.ts'
import type { SimBus, SimNetwork } from './bus.ts'
import type { SimClock } from './clock.ts'
import { MachineFault } from './faulty-machines.ts'
import { machinesOf } from './builds.ts'
import type { Luck } from './luck.ts'
import { oldVersionOf } from './old-version.ts'
import { clockOf, type Ear, Process, ProcessBus, storeOf } from './process.ts'
import type { SimRandom } from './random.ts'
import type { Trace } from './trace.ts'

export interface ThreadWorld {
  clock: SimClock
  random: SimRandom
  network: SimNetwork
  store: Store
  trace: Trace
  ear: Ear
  luck: Luck
  retention: Retention
  /** Nodes that live write machines that this thread's build does not know. */
  refused: (thread: SimThread) => void
}

/** Where a thread runs. `node` is new at each start of its node; so is the thread's name, unless it alone is started again. */
export interface Place {
  thread: string
  node: string
  home: string | null
  /** Which of its node's threads it is. */
  index: number
}

const noRecords = (): Promise<never> => Promise.reject(new WritError('NOT_FOUND', 'the simulator keeps no records'))
const reader: Reader = {
  directives: noRecords,
  directive: noRecords,
  step: noRecords,
  events: noRecords,
  allEvents: noRecords,
  tasks: noRecords,
  task: noRecords,
  daemons: noRecords,
  waiting: noRecords,
  parked: noRecords,
  parkedOne: noRecords,
  figures: noRecords,
  leases: noRecords,
  files: noRecords,
  close: () => Promise.resolve(),
}

export class SimThread {
  readonly name: string
  readonly place: Place
  /** Of an older version. */
  readonly isOld: boolean
  readonly build: number
  readonly process: Process
  readonly engine: Engine
  readonly #world: ThreadWorld
  readonly #bus: ProcessBus
  readonly #sim: SimBus
  readonly #aside: SimRandom
  #stopping = false

  constructor(world: ThreadWorld, place: Place, build: number) {
    const { clock, network, store, ear, luck, retention } = world
    const { thread: name, node, home } = place
    const random = world.random.fork()
    const drift = luck.faults.clockDrift
    if (drift > 0) luck.count('clockDrift')
    this.#world = world
    this.#aside = random.aside()
    this.name = name
    this.place = place
    this.build = build
    this.isOld = luck.strikes('nodeOld', this.#aside)
    this.process = new Process(name, (when) => this.#atCall(when))
    this.#sim = network.join(name)
    this.#bus = new ProcessBus(this.process, this.#sim, ear)
    const rate = 1 + drift * (2 * random.next() - 1)
    this.engine = new Engine({
      store: storeOf(this.process, this.isOld ? oldVersionOf(store) : store),
      wire: wireOf(this.#bus, this.#say),
      reader,
      clock: clockOf(this.process, clock, rate, random.between(0, 1_000_000)),
      random,
      log: this.#log(),
      thread: name,
      node,
      home,
      threads: random.between(1, 2),
      retention,
      machines: machinesOf(build),
      refused: (error) => this.#refused(error),
    })
  }

  /** Tries until it holds its share. Answers false when it died over it. */
  async start(): Promise<void> {
    const { trace } = this.#world
    const [old, later] = [this.isOld ? ', of an older version' : '', this.build > 1 ? `, of build ${this.build}` : '']
    trace.add(`${this.name} starts${old}${later}`)
    try {
      await this.engine.start()
      trace.add(`${this.name} has started`)
      await this.#bus.consume((message) => void takePublished(this.engine.host, message, this.#say))
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      trace.add(`${this.name} cannot start: ${error.code}`)
      this.#refused(error)
    }
  }

  /** It is over: what refuses it does not pass by itself, or it tries again as another process. */
  #refused(error: unknown): void {
    if (error instanceof WritError && error.code === 'REFUSED') this.#world.refused(this)
    this.kill()
  }

  /** At any moment that it speaks to the world, and right after. */
  #atCall(when: 'before' | 'after'): void {
    const { luck } = this.#world
    if (luck.strikes('engineKilledAtCall', this.#aside)) this.kill()
    else if (when === 'after' && luck.strikes('engineFrozenAtCall', this.#aside))
      this.freeze(this.#aside.between(500, 25_000))
  }

  kill(): void {
    if (this.process.isDead) return
    this.#world.trace.add(`${this.name} is killed`)
    this.process.kill()
    this.#sim.kill()
  }

  /** In order; then it is gone. */
  async stop(): Promise<void> {
    if (this.#stopping || !this.process.isUp) return
    this.#stopping = true
    this.#world.trace.add(`${this.name} stops`)
    try {
      await this.engine.stop()
    } catch (error) {
      if (!(error instanceof WritError)) throw error
    }
    this.kill()
  }

  freeze(ms: number): void {
    if (!this.process.isUp) return
    this.#world.trace.add(`${this.name} is frozen for ${ms} ms`)
    this.process.freeze()
    this.#world.clock.after(ms, () => this.thaw())
  }

  thaw(): void {
    if (this.process.isUp || this.process.isDead) return
    this.#world.trace.add(`${this.name} goes on`)
    this.process.thaw()
  }

  readonly #say = (line: string): void => this.#world.trace.add(`${this.name} ${line}`)

  /** A unit that fails by anything but a refusal, or its actor's own fault, is a fault of the engine. */
  #log(): Log {
    const { trace } = this.#world
    const say =
      (level: string) =>
      (fields: object, text: string): void => {
        trace.add(`${this.name} ${level} ${text} ${JSON.stringify(fields, errorsAsText)}`)
      }
    return {
      info: say('info'),
      warn: say('warn'),
      error: (fields, text) => {
        if (text === 'a unit failed' && !isOfMachine(fields))
          trace.violate('log', `${text} ${JSON.stringify(fields, errorsAsText)}`)
        else say('error')(fields, text)
      },
    }
  }
}

const isOfMachine = (fields: object): boolean =>
  'err' in fields && fields.err instanceof Faulty && isMachineFault(fields.err.cause)

/** That of a migration is told with which one it was. */
const isMachineFault = (cause: unknown): boolean =>
  cause instanceof MachineFault || (cause instanceof Error && isMachineFault(cause.cause))

const errorsAsText = (_: string, value: unknown): unknown =>
  value instanceof WritError ? `${value.code} ${value.message}` : value instanceof Error ? value.stack : value
