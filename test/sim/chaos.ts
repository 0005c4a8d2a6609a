/** What befalls the world from outside while it is not healing: threads and daemons die, freeze and come back, links are cut. */
import { noFaults } from './bus-links.ts'
import type { WorldDaemon } from './daemons.ts'
import { aloneAt, Disorder } from './disorder.ts'
import type { SimRandom } from './random.ts'
import type { SimThread } from './thread.ts'
import type { World } from './world.ts'

const tickMs = 500

export class Chaos {
  readonly #world: World
  readonly #random: SimRandom
  readonly #disorder: Disorder
  #incarnations = 0
  /** Daemons that are away, whether they come back with their records, and whether they would only once the world heals. */
  readonly #away = new Map<string, { daemon: WorldDaemon; keeps: boolean; isGone: boolean }>()

  constructor(world: World) {
    this.#world = world
    this.#random = world.random.fork()
    this.#disorder = new Disorder(world, this.#random.aside())
  }

  begin(): void {
    const { network, luck } = this.#world
    const { busDrop, busDuplicate, busReorder } = luck.faults
    network.faults = {
      ...noFaults,
      drop: busDrop,
      duplicate: busDuplicate,
      reorder: busReorder,
      delayMs: luck.strikes('busSlow', this.#random) ? [0, this.#random.pick([20, 200, 500]) ?? 20] : [0, 2],
    }
    this.#tick()
    this.#disorder.begin()
  }

  #tick(): void {
    const { clock, healing } = this.#world
    if (healing) return
    for (const thread of [...this.#world.threads]) this.#befall(thread)
    for (const daemon of [...this.#world.daemons.values()]) if (!daemon.process.isDead) this.#befallDaemon(daemon)
    this.#cut()
    clock.after(tickMs, () => this.#tick())
  }

  #befall(thread: SimThread): void {
    const { luck, clock } = this.#world
    if (thread.process.isDead) return this.#replace(thread, this.#random.between(0, 15_000))
    if (luck.strikes('engineFrozen', this.#random)) thread.freeze(this.#random.between(500, 25_000))
    if (luck.strikes('engineStopped', this.#random)) void thread.stop()
    // Not only on the tick: at any moment.
    if (luck.strikes('engineKilled', this.#random)) clock.after(this.#random.between(0, tickMs), () => thread.kill())
  }

  /** Under its old name (a process that was restarted) or a new one (another machine). */
  #replace(thread: SimThread, ms: number): void {
    const { threads, clock, fleet } = this.#world
    threads.splice(threads.indexOf(thread), 1)
    const isSame = this.#random.chance(0.5)
    const other = aloneAt(`e${isSame ? 0 : 10 + this.#incarnations++}`)
    clock.after(ms, () => {
      // By then its node may have been started again.
      const place = this.#disorder.placeAfter(thread, isSame) ?? other
      fleet.follows(place.node, thread.place.node)
      this.#world.startThread(place)
    })
  }

  #befallDaemon(daemon: WorldDaemon): void {
    const { luck } = this.#world
    if (luck.strikes('daemonGone', this.#random)) this.#lose(daemon, null, true)
    else if (luck.strikes('daemonRestarted', this.#random)) this.#lose(daemon, this.#random.between(100, 40_000), true)
    else if (luck.strikes('daemonForgets', this.#random)) this.#lose(daemon, this.#random.between(100, 40_000), false)
  }

  /** `backMs`: null when it stays away until the world heals. */
  #lose(daemon: WorldDaemon, backMs: number | null, keeps: boolean): void {
    daemon.kill()
    this.#away.set(daemon.spec.name, { daemon, keeps, isGone: backMs === null })
    if (backMs !== null) this.#world.clock.after(backMs, () => this.#bringBack(daemon))
  }

  #bringBack(daemon: WorldDaemon): void {
    const away = this.#away.get(daemon.spec.name)
    if (away?.daemon !== daemon) return
    this.#away.delete(daemon.spec.name)
    // Another of its name may have been started meanwhile.
    if (this.#world.daemons.get(daemon.spec.name) !== daemon) return
    this.#world.startAgain(daemon, away.keeps)
  }

  /** Where things last it does, beside the first of its owner, which can do all. */
  #mayStayAway({ spec: { owner, name } }: WorldDaemon): boolean {
    return this.#world.options.lasting && name !== `${owner}-d0`
  }

  #cut(): void {
    const { network, luck, threads, daemons, people, clock, trace } = this.#world
    if (network.faults.partition.length > 0 || !luck.strikes('partition', this.#random)) return
    const names = [...threads.map(({ name }) => name), ...daemons.keys(), ...people.map((one) => one.client)]
    const away = names.filter(() => this.#random.chance(0.4))
    trace.add(`cut off: ${away.join(' ')}`)
    network.faults = { ...network.faults, partition: [away] }
    clock.after(this.#random.between(200, 15_000), () => {
      network.faults = { ...network.faults, partition: [] }
    })
  }

  /** Everybody is back and well; threads that died are replaced. */
  heal(): void {
    const { network, threads, trace } = this.#world
    trace.add('the world heals')
    network.faults = { ...noFaults, delayMs: [0, 2] }
    this.#disorder.heal()
    for (const thread of [...threads]) {
      thread.thaw()
      if (thread.process.isDead) this.#replace(thread, 1_000)
    }
    for (const { daemon, isGone } of [...this.#away.values()])
      if (!isGone || !this.#mayStayAway(daemon)) this.#bringBack(daemon)
  }
}
