/**
 * Has directives go that have outlived their time, each by a unit of its own shard, and what is left of any that went cleared away:
 * a bounded part at each look, and none for a while when there is much to do.
 */
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, readKey, shardOf } from '../protocol/ids.ts'
import { clearMs, endedLookedAtOnce, retentionPassesMin, sweepMs, tidyAgainMs, tidyMs } from '../protocol/limits.ts'
import type { Host } from './host.ts'
import type { DirectivePlace } from './ports/store.ts'
import { Pausing } from './pausing.ts'
import { removeDirective } from './removal.ts'
import { type Unit, unitOf } from './unit.ts'

export class Removing {
  readonly #host: Pick<Host, 'clock' | 'store' | 'now' | 'log'>
  /** How long ended directives are kept, in ms; null: for ever. */
  readonly #keptMs: number | null
  readonly #push: (unit: Unit) => void
  readonly #pausing: Pausing
  /** Where this walk through the directives stands. */
  #place: DirectivePlace | null = null
  /** Monotonic ms of the next part of it. */
  #due = -Infinity
  /** Something may be left of what went: at the start, whatever others have left. */
  #isUncleared = true
  #isLooking = false

  /** `depth`: how many units are in line. */
  constructor(
    host: Pick<Host, 'clock' | 'store' | 'now' | 'log'>,
    keptMs: number | null,
    push: (unit: Unit) => void,
    depth: () => number,
  ) {
    this.#host = host
    this.#keptMs = keptMs
    this.#push = push
    this.#pausing = new Pausing(host.clock, depth)
  }

  /** A commit has held that removed some. */
  removed(): void {
    this.#isUncleared = true
  }

  /** Called every second, with the shards that are held. */
  async look(shards: readonly number[]): Promise<void> {
    const now = this.#host.clock.monotonic()
    if (this.#isLooking || (now < this.#due && !this.#isUncleared) || this.#pausing.isBusy) return
    this.#isLooking = true
    try {
      if (now >= this.#due) await this.#find(shards, now)
      if (this.#isUncleared) await this.#clear()
    } finally {
      this.#isLooking = false
    }
  }

  async #find(shards: readonly number[], now: number): Promise<void> {
    this.#due = now + tidyAgainMs
    // What a thread that died has left is cleared away by whichever comes first.
    if (this.#place === null) this.#isUncleared = true
    if (this.#keptMs === null || shards.length === 0) return this.#endPass(tidyMs)
    const before = this.#host.now() - this.#keptMs
    const part = { before, after: this.#place, limit: endedLookedAtOnce }
    const { keys, next } = await this.#host.store.ended(shards, part)
    for (const key of keys) this.#push(this.#unit(key))
    this.#place = next
    if (next === null) this.#endPass(Math.min(tidyMs, Math.max(sweepMs, this.#keptMs / retentionPassesMin)))
    else this.#due = now
  }

  /** What is kept for seconds is looked for every second, and what is kept for months every hour. */
  #endPass(pauseMs: number): void {
    this.#place = null
    this.#due = this.#host.clock.monotonic() + pauseMs
  }

  /** One that somebody has taken up again meanwhile, or of which something is under way, is found by a later walk. */
  #unit(key: ActorKey): Unit {
    const { owner, id } = readKey(key)
    return unitOf(shardOf(owner, id), `the end of ${key}`, async (turn) => {
      try {
        return await removeDirective(turn, owner, id)
      } catch (error) {
        if (!(error instanceof WritError) || error.code === 'UNREACHABLE') throw error
        this.#host.log.info(
          { directive: key, code: error.code },
          'a directive that has outlived its time stays for now',
        )
        return {}
      }
    })
  }

  async #clear(): Promise<void> {
    const { clock, store } = this.#host
    const until = clock.monotonic() + clearMs
    let more = true
    while (more && clock.monotonic() < until) more = await store.clear()
    this.#isUncleared = more
  }
}
