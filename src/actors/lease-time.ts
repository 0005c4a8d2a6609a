/** What a thread knows of its lease by its own monotonic clock: how long it may trust it, when it is over, and the database's time. */
import type { Clock } from './ports/clock.ts'
import type { Renewal } from './ports/store.ts'

/** The database's clock may have been set forward by more than this: then what is known of it counts no more. */
const leapMs = 1000

export class LeaseTime {
  readonly #clock: Clock
  readonly #leaseMs: number
  /** Monotonic ms. */
  #renewedAt = 0
  #trustedUntil = 0
  #offset = 0

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock
    this.#leaseMs = leaseMs
  }

  /** The database's time, ms since 1970, as of the last renewal. */
  now(): number {
    return Math.floor(this.#clock.monotonic() + this.#offset)
  }

  /** At two thirds of the lease the thread stops by itself. */
  get isTrusted(): boolean {
    return this.#clock.monotonic() < this.#trustedUntil
  }

  /** Others may have its shards. */
  get isOver(): boolean {
    return this.silentMs >= this.#leaseMs
  }

  /** Since it was renewed. */
  get silentMs(): number {
    return this.#clock.monotonic() - this.#renewedAt
  }

  /** Counted from before the question: the store's lease began after it. */
  renewed(asked: number, { now }: Renewal): void {
    this.#renewedAt = asked
    this.#trustedUntil = asked + (this.#leaseMs * 2) / 3
    const offset = now - this.#clock.monotonic()
    this.#offset = this.#offset === 0 ? offset : Math.min(this.#offset, offset)
    if (offset > this.#offset + leapMs) this.#offset = offset
  }

  /** It is gone. */
  end(): void {
    this.#trustedUntil = 0
  }
}
