/**
 * What befalls servers, links and whole nodes while the world is not healing: the stream, the database and its clock, words
 * that get nowhere, nodes that die with all their threads, come and leave. Beside `chaos.ts`, with chances of its own.
 */
import { subjects } from '../../src/bus/subjects.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { leaseMs } from '../../src/protocol/limits.ts'
import type { DaemonSpec, WorldDaemon } from './daemons.ts'
import { firstName } from './fleet.ts'
import { usual } from './offers.ts'
import type { Fault } from './rates.ts'
import type { SimRandom } from './random.ts'
import type { Place, SimThread } from './thread.ts'
import type { World } from './world.ts'

const tickMs = 500
const second = 1_000
const minute = 60 * second
/** Threads of a world: more would only be slower. */
const threadsMax = 5
/** Mostly little, seldom a whole hour, forward or back. */
const jumpsMs = [2, 11, 11, 40, 120, 600, 3600].flatMap((seconds) => [seconds * second, -seconds * second])
const longJumpMs = 10 * minute

/** The place of a thread that is a node of its own. */
export const aloneAt = (name: string): Place => ({ thread: name, node: name, home: null, index: 0 })

export class Disorder {
  readonly #world: World
  readonly #random: SimRandom
  /** How often each node was started again, by its first name. */
  readonly #starts = new Map<string, number>()
  #joined = 0
  #herd: WorldDaemon[] = []

  constructor(world: World, random: SimRandom) {
    this.#world = world
    this.#random = random
  }

  begin(): void {
    const { clock, healing } = this.#world
    if (healing) return
    this.#befallLinks()
    this.#befallStream()
    this.#befallStore()
    this.#befallNodes()
    this.#befallDaemons()
    clock.after(tickMs, () => this.begin())
  }

  #strikes(fault: Fault): boolean {
    return this.#world.luck.strikes(fault, this.#random)
  }

  #befallLinks(): void {
    const { network } = this.#world
    if (network.faults.mute.length + network.faults.deaf.length > 0) return
    if (this.#strikes('busOneWay')) {
      const [mute, deaf] = this.#random.chance(0.5) ? [this.#some(), []] : [[], this.#some()]
      this.#silence(mute, deaf, this.#random.between(200, 15_000))
    } else if (this.#strikes('busHalfOpen')) {
      const one = this.#random.pick(this.#names())
      const names = one === undefined ? [] : [one]
      this.#silence(names, names, this.#random.between(500, 25_000))
    }
  }

  #names(): string[] {
    const { threads, daemons, people } = this.#world
    return [...threads.map(({ name }) => name), ...daemons.keys(), ...people.map((one) => one.client)]
  }

  #some(): string[] {
    return this.#names().filter(() => this.#random.chance(0.4))
  }

  #silence(mute: readonly string[], deaf: readonly string[], ms: number): void {
    const { network, clock, trace } = this.#world
    trace.add(`not heard: ${mute.join(' ')}; not hearing: ${deaf.join(' ')}`)
    network.faults = { ...network.faults, mute, deaf }
    clock.after(ms, () => {
      network.faults = { ...network.faults, mute: [], deaf: [] }
    })
  }

  #befallStream(): void {
    const { network, trace } = this.#world
    const { stream } = network
    if (this.#strikes('streamRedelivers')) trace.add(`the stream hands over ${stream.redeliver()} once more`)
    if (this.#strikes('streamLosesTail')) {
      trace.add('the stream loses what came last')
      stream.loseTail(this.#random.between(1, 3))
    }
    if (this.#strikes('streamWiped')) {
      trace.add('the stream is wiped and made anew')
      stream.wipe()
    }
    if (this.#strikes('streamSilent')) stream.silence(this.#random.between(1_000, 30_000))
  }

  #befallStore(): void {
    const { storeFaults, threads, trace } = this.#world
    if (this.#strikes('storeDown')) {
      const ms = this.#random.between(300, 25_000)
      trace.add(`the database is down for ${ms} ms`)
      storeFaults.down(ms)
      for (const { process } of threads) process.disconnect()
    }
    for (const { name, process } of threads)
      if (this.#strikes('backendKilled')) trace.add(`${name} loses its connections, with ${process.disconnect()} calls`)
    if (this.#strikes('databaseClockJumps')) this.#jump()
  }

  #jump(): void {
    const ms = this.#random.pick(jumpsMs) ?? 0
    // An hour's wait is long also for a simulator.
    const isRare = Math.abs(ms) > longJumpMs && this.#random.chance(0.7)
    const jumpMs = isRare ? Math.sign(ms) * minute : ms
    this.#world.trace.add(`the database's clock jumps by ${jumpMs} ms`)
    this.#world.jump(jumpMs)
  }

  #befallNodes(): void {
    const { threads } = this.#world
    for (const node of new Set(threads.map(({ place }) => place.node))) {
      const own = threads.filter(({ place, process }) => place.node === node && !process.isDead)
      if (own.length === 0) continue
      if (this.#strikes('nodeKilled')) this.#kill(node, own)
      else if (this.#strikes('nodeFrozen')) this.#freeze(own)
      else if (threads.length > 1 && own.every(({ process }) => process.isUp) && this.#strikes('engineLeaves'))
        this.#leave(own)
      else this.#befallBuild(node, own)
    }
    if (threads.length < threadsMax && this.#strikes('engineJoins'))
      this.#world.startThread(aloneAt(`j${this.#joined++}`))
  }

  #kill(node: string, own: readonly SimThread[]): void {
    this.#startedAgain(node)
    for (const thread of own) thread.kill()
  }

  /** Whoever takes the places of its threads does so under another name. */
  #startedAgain(node: string): void {
    const first = firstName(node)
    this.#starts.set(first, (this.#starts.get(first) ?? 0) + 1)
  }

  #befallBuild(node: string, own: readonly SimThread[]): void {
    const { fleet, threads } = this.#world
    const build = fleet.of(node)
    const some = (): readonly SimThread[] => (this.#random.chance(0.5) ? own : [...threads])
    if (fleet.mayBe(build + 1) && this.#strikes('nodeUpgraded')) this.#deploy(some(), build + 1)
    else if (fleet.mayBe(build - 1) && this.#strikes('nodeDowngraded')) this.#deploy(some(), build - 1)
  }

  /** Their nodes end together, in order or not, and are started again as of that build. */
  #deploy(some: readonly SimThread[], build: number): void {
    const { fleet, trace } = this.#world
    for (const node of new Set(some.map(({ place }) => place.node))) {
      trace.add(`${node} is to be of build ${build}`)
      fleet.deploy(node, build)
      this.#startedAgain(node)
    }
    const inOrderMs = this.#random.chance(0.7) ? this.#random.between(1_000, leaseMs) : 0
    for (const thread of some) this.#restart(thread, inOrderMs)
  }

  /** By force where it takes longer. */
  #restart(thread: SimThread, inOrderMs: number): void {
    const { threads, clock } = this.#world
    threads.splice(threads.indexOf(thread), 1)
    if (inOrderMs > 0) void thread.stop()
    clock.after(inOrderMs, () => thread.kill())
    const backMs = inOrderMs + this.#random.between(0, 2_000)
    clock.after(backMs, () => this.#world.startThread(this.placeAfter(thread, true) ?? thread.place))
  }

  #freeze(own: readonly SimThread[]): void {
    const ms = this.#random.between(500, 40_000)
    for (const thread of own) thread.freeze(ms)
  }

  /** For good, unless nobody else is left; and by force where it takes too long. */
  #leave(own: readonly SimThread[]): void {
    const { threads, clock } = this.#world
    for (const thread of own) {
      if (threads.length === 1) return
      threads.splice(threads.indexOf(thread), 1)
      void thread.stop()
      clock.after(leaseMs, () => thread.kill())
    }
  }

  #befallDaemons(): void {
    const { daemons } = this.#world
    const one = this.#random.pick([...daemons.values()])
    if (one !== undefined && this.#strikes('daemonImpostor')) void this.#pose(one.spec)
    const owner = this.#random.pick([...new Set([...daemons.values()].map(({ spec }) => spec.owner))])
    if (owner !== undefined && this.#herd.length === 0 && this.#strikes('daemonHerd')) this.#gather(owner)
  }

  /** Says hello under somebody else's name, and nothing ever after. */
  async #pose({ owner, name }: DaemonSpec): Promise<void> {
    const { network, trace } = this.#world
    const hello = { session: this.#random.token(8), slots: 3, roles: ['worker'], executors: [], running: [] }
    const bus = network.join(`impostor-${hello.session}`)
    try {
      await bus.request(subjects.daemon.at({ owner, id: name, verb: 'hello' }), hello, 5 * second)
      trace.add(`an impostor is ${name} now`)
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      trace.add(`an impostor is not ${name}: ${error.code}`)
    }
  }

  /** Many daemons that come at once, vanish together, and come back together. */
  #gather(owner: string): void {
    const { clock } = this.#world
    const count = this.#random.between(10, 25)
    const specs = Array.from({ length: count }, (_, at) => ({
      owner,
      name: `${owner}-h${at}`,
      slots: 1,
      home: null,
      offer: usual,
    }))
    const start = (): void => {
      // One of its name may have been brought back meanwhile.
      for (const daemon of specs.flatMap(({ name }) => this.#world.daemons.get(name) ?? []))
        if (!daemon.process.isDead) daemon.kill()
      this.#herd = specs.map((spec) => this.#world.startDaemon(spec))
    }
    start()
    clock.after(this.#random.between(1_000, 10_000), () => {
      this.#scatter()
      clock.after(this.#random.between(100, 40_000), start)
    })
  }

  #scatter(): void {
    for (const daemon of this.#herd) daemon.kill()
    this.#herd = []
  }

  /** Where a thread is that takes a dead one's place; null: on another machine. */
  placeAfter({ place }: SimThread, isSame: boolean): Place | null {
    const { threadsPerNode, homes } = this.#world.options
    if (threadsPerNode === 1 && !homes) return isSame ? place : null
    const { node, home, index } = place
    const first = firstName(node)
    const starts = this.#starts.get(first) ?? 0
    const again = starts === 0 ? first : `${first}~${starts}`
    const thread = threadsPerNode === 1 ? again : `${again}-${index}`
    return { thread, node: again, home, index }
  }

  /** Nodes of an older version are replaced as well, and all are of the newest build. */
  heal(): void {
    const { storeFaults, threads, fleet } = this.#world
    storeFaults.up()
    fleet.heal()
    for (const thread of threads) if (thread.isOld || thread.build < fleet.newest) thread.kill()
  }
}
