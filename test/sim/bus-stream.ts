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
  subject: string
  body: Uint8Array
  sequence: number
  at: string
}

interface Taker {
  client: string
  take: (message: Published) => void
}

export class SimStream {
  readonly #network: Network
  readonly #random: SimRandom
  readonly #kept = new Map<number, Kept>()
  readonly #takers = new Set<Taker>()
  /** Messages that some taker may still acknowledge. */
  readonly #handed = new Set<number>()
  #sequence = 0
  #incarnation = 1
  /** Ever, so that no two have the same time. */
  #published = 0

  constructor(network: Network, random: SimRandom) {
    this.#network = network
    this.#random = random
  }

  /** What nobody has acknowledged yet. */
  get waiting(): number {
    return this.#kept.size
  }

  keep(subject: string, body: Uint8Array): void {
    const kept = { subject, body, sequence: ++this.#sequence, at: `${++this.#published}` }
    this.#kept.set(kept.sequence, kept)
    this.#hand(kept)
  }

  /** Lost with all that it held, and made anew: numbers begin again, under another incarnation. */
  lose(): void {
    this.#kept.clear()
    this.#sequence = 0
    this.#incarnation++
  }

  join(client: string, take: (message: Published) => void): Subscription {
    const taker = { client, take }
    this.#takers.add(taker)
    for (const kept of this.#kept.values()) if (!this.#handed.has(kept.sequence)) this.#hand(kept)
    return {
      drain: async () => {
        this.#takers.delete(taker)
      },
    }
  }

  #hand(kept: Kept): void {
    const reachable = [...this.#takers].filter((taker) => this.#network.reaches(servers, taker.client))
    const taker = this.#random.pick(reachable)
    const incarnation = this.#incarnation
    const isHere = (): boolean => incarnation === this.#incarnation && this.#kept.get(kept.sequence) === kept
    this.#handed.delete(kept.sequence)
    if (taker === undefined && this.#takers.size === 0) return
    this.#handed.add(kept.sequence)
    this.#network.clock.after(ackWaitMs, () => {
      if (isHere()) this.#hand(kept)
    })
    if (taker === undefined) return
    const ack = (): void =>
      this.#network.travel(taker.client, servers, () => {
        if (isHere()) this.#kept.delete(kept.sequence)
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
