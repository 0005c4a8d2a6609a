/** Who holds the shards of a healed world: soon all of them, by threads that are there, and then nothing moves any more. */
import { leaseMs } from '../../src/protocol/limits.ts'
import type { World } from './world.ts'

/** From the healing on until every shard is held by a thread that lives: two leases, and the time to start again who is dead. */
const heldWithinMs = 2 * leaseMs + 10_000
/** After that much more, no shard changes its holder. */
const quietAfterMs = 3 * leaseMs

export class HoldingCheck {
  readonly #world: World
  readonly #healedAt: number
  #areHeld = false
  /** The epochs of all shards, once nothing is to move any more. */
  #epochs: string | null = null

  constructor(world: World) {
    this.#world = world
    this.#healedAt = world.clock.monotonic()
  }

  look(): void {
    const { trace, clock } = this.#world
    const ms = clock.monotonic() - this.#healedAt
    const free = this.#free()
    if (free.length === 0) this.#areHeld = true
    if (ms < heldWithinMs) return
    if (!this.#areHeld) trace.violate('L1', `after ${ms} ms nobody holds the shards ${free.join(' ')}`)
    if (ms < heldWithinMs + quietAfterMs) return
    const epochs = this.#world.store.tables.shards.map(({ epoch }) => epoch).join(' ')
    if (this.#epochs !== null && this.#epochs !== epochs)
      trace.violate('L5', `shards still change hands after ${ms} ms: ${this.#epochs} became ${epochs}`)
    this.#epochs = epochs
  }

  #free(): number[] {
    const { store, threads } = this.#world
    return store.tables.shards.flatMap(({ thread, epoch }, shard) => {
      const holder = threads.find(({ name, process }) => name === thread && process.isUp)
      return holder?.engine.holder.epoch(shard) === epoch ? [] : [shard]
    })
  }
}
