/** The twin of the stream of plain publishes: keeps each message until it is acknowledged, and hands it over again until then. */
import type { Published, Subscription } from '../../src/actors/ports/bus.ts'
import { ackWaitMs } from '../../src/bus/stream.ts'
import type { SimClock } from './clock.ts'
import type { SimRandom } from './random.ts'

/** The name of the servers, for `partition`: where the stream is. */
export const servers = 'nats'

/** What it needs of the network between it and its takers. */
interface Network {
  clock: SimClock
  log: string[]
  reaches: (from: string, to: string) => boolean
  travel: (from: string, to: string, arrive: () => void) => void
}

interface Kept {
  /** Of all that was ever kept: its own. */
  serial: number
  subject: string
  body: Uint8Array
  sequence: number
  at: string
}

interface Taker {
  client: string
  take: (message: Published) => void
}

/** The wait of a taker until it opens anew what was deleted under it. */
const reopenMs: readonly [number, number] = [100, 5_000]

export class SimStream {
  /** Those that were acknowledged: whoever did so has them. */
  readonly acked = new Set<number>()
  readonly #network: Network
  readonly #random: SimRandom
  readonly #aside: SimRandom
  readonly #kept = new Map<number, Kept>()
  readonly #takers = new Set<Taker>()
  readonly #gone = new WeakSet<Taker>()
  /** Messages that some taker may still acknowledge. */
  readonly #handed = new Set<number>()
  #serial = 0
  #sequence = 0
  #incarnation = 1
  #silentUntil = 0

  constructor(network: Network, random: SimRandom) {
    this.#network = network
    this.#random = random
    this.#aside = random.aside()
  }

  /** What nobody has acknowledged yet. */
  get waiting(): number {
    return this.#kept.size
  }

  keep(subject: string, body: Uint8Array): void {
    const kept = { serial: ++this.#serial, subject, body, sequence: ++this.#sequence, at: this.#time() }
    this.#kept.set(kept.sequence, kept)
    this.#hand(kept)
  }

  /** No two are taken in at one time. */
  #time(): string {
    return `${this.#network.clock.monotonic()}.${this.#serial}`
  }

  /** Lost with all that it held, and made anew: numbers begin again, under another incarnation. */
  lose(): void {
    this.#kept.clear()
    this.#sequence = 0
    this.#incarnation++
  }

  /** As `lose`; and whoever took from it has to come back. */
  wipe(): void {
    this.lose()
    const takers = [...this.#takers]
    this.#takers.clear()
    for (const taker of takers)
      this.#network.clock.after(this.#aside.between(...reopenMs), () => {
        if (!this.#gone.has(taker)) this.#open(taker)
      })
  }

  /** What came last was never written: it is gone, and its numbers are given to others. */
  loseTail(count: number): void {
    this.#sequence = Math.max(0, this.#sequence - count)
    for (const sequence of [...this.#kept.keys()]) if (sequence > this.#sequence) this.#kept.delete(sequence)
  }

  /** Hands over once more all that nobody has acknowledged. Answers how many that are. */
  redeliver(): number {
    for (const kept of [...this.#kept.values()]) this.#hand(kept)
    return this.#kept.size
  }

  /** Hands nothing over for a while. */
  silence(ms: number): void {
    this.#silentUntil = this.#network.clock.monotonic() + ms
    this.#network.clock.after(ms, () => this.redeliver())
  }

  join(client: string, take: (message: Published) => void): Subscription {
    const taker = { client, take }
    this.#open(taker)
    return {
      drain: async () => {
        this.#gone.add(taker)
        this.#takers.delete(taker)
      },
    }
  }

  #open(taker: Taker): void {
    this.#takers.add(taker)
    for (const kept of this.#kept.values()) if (!this.#handed.has(kept.sequence)) this.#hand(kept)
  }

  #hand(kept: Kept): void {
    const reachable = [...this.#takers].filter((taker) => this.#network.reaches(servers, taker.client))
    const taker = this.#random.pick(reachable)
    const incarnation = this.#incarnation
    const isHere = (): boolean => incarnation === this.#incarnation && this.#kept.get(kept.sequence) === kept
    this.#handed.delete(kept.sequence)
    if (this.#network.clock.monotonic() < this.#silentUntil) return
    if (taker === undefined && this.#takers.size === 0) return
    this.#handed.add(kept.sequence)
    this.#network.clock.after(ackWaitMs, () => {
      if (isHere()) this.#hand(kept)
    })
    if (taker === undefined) return
    const ack = (): void =>
      this.#network.travel(taker.client, servers, () => {
        if (!isHere()) return
        this.#kept.delete(kept.sequence)
        this.acked.add(kept.serial)
      })
    this.#network.travel(servers, taker.client, () => {
      if (!this.#takers.has(taker)) return
      this.#guarded(taker, { ...kept, incarnation: `sim-${incarnation}`, ack })
    })
  }

  #guarded(taker: Taker, message: Published): void {
    try {
      taker.take(message)
    } catch (error) {
      this.#network.log.push(`${taker.client}: taking ${message.subject} failed: ${String(error)}`)
    }
  }
}
