/** The links between clients and servers of the simulated NATS: who reaches whom just now, and how long a message takes. */
import type { SimClock } from './clock.ts'
import type { SimRandom } from './random.ts'

/** What goes wrong. Probabilities are per message and receiver; but for those that overtake, what one client sends another stays in order. */
export interface BusFaults {
  drop: number
  duplicate: number
  /** Overtakes what was sent before it on the same way. */
  reorder: number
  /** From and to, both included. */
  delayMs: readonly [number, number]
  /** Names in different sets do not hear each other; who is in none is with the servers. */
  partition: readonly (readonly string[])[]
  /** Whose words get nowhere, and who hears nothing. Nobody notices: to the servers they are there. */
  mute: readonly string[]
  deaf: readonly string[]
}

export const noFaults: BusFaults = {
  drop: 0,
  duplicate: 0,
  reorder: 0,
  delayMs: [0, 0],
  partition: [],
  mute: [],
  deaf: [],
}

export class Links {
  faults: BusFaults
  readonly #clock: SimClock
  readonly #random: SimRandom
  readonly #aside: SimRandom
  readonly #count: (kind: string) => void
  /** When the last message of a pair of clients arrives: none overtakes it, unless it is to. */
  readonly #last = new Map<string, number>()

  constructor(clock: SimClock, random: SimRandom, faults: BusFaults, count: (kind: string) => void) {
    this.#clock = clock
    this.#random = random
    this.#aside = random.aside()
    this.faults = faults
    this.#count = count
  }

  /** How many of a message arrive. */
  copies(): number {
    const { drop, duplicate } = this.faults
    if (this.#random.chance(drop)) return this.#counted('busDrop', 0)
    return this.#random.chance(duplicate) ? this.#counted('busDuplicate', 2) : 1
  }

  #counted(kind: string, copies: number): number {
    this.#count(kind)
    return copies
  }

  /** In ms, from now. */
  delay(from: string, to: string): number {
    const link = `${from} ${to}`
    const now = this.#clock.monotonic()
    const own = now + this.#random.between(...this.faults.delayMs)
    const last = this.#last.get(link) ?? 0
    if (own < last && this.faults.reorder > 0 && this.#aside.chance(this.faults.reorder)) {
      this.#count('busReorder')
      return own - now
    }
    const at = Math.max(last, own)
    this.#last.set(link, at)
    return at - now
  }

  reaches(from: string, to: string): boolean {
    if (from === to) return true
    return this.seems(from, to) && !this.isMute(from) && !this.faults.deaf.includes(to)
  }

  /** As far as the servers can tell: they count on whoever has only fallen deaf. */
  seems(from: string, to: string): boolean {
    return from === to || this.faults.partition.length === 0 || this.#sideOf(from) === this.#sideOf(to)
  }

  #sideOf(name: string): number {
    return this.faults.partition.findIndex((set) => set.includes(name))
  }

  isMute(name: string): boolean {
    return this.faults.mute.includes(name)
  }

  /** Whether the servers would answer it. */
  isHeard(name: string): boolean {
    return !this.isMute(name) && !this.faults.deaf.includes(name)
  }
}
