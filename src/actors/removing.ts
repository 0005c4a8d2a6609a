/** Has directives go that have outlived their time, each by a unit of its own shard, and what is left of any that went cleared away. */
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, readKey, shardOf } from '../protocol/ids.ts'
import { clearMs, endedLookedAtOnce, tidyMs } from '../protocol/limits.ts'
import type { Host } from './host.ts'
import type { DirectivePlace } from './ports/store.ts'
import { removeDirective } from './removal.ts'
import { type Unit, unitOf } from './unit.ts'
import { Walk } from './walk.ts'

type Around = Pick<Host, 'clock' | 'store' | 'now' | 'log'>

export class Removing {
  readonly #host: Around
  readonly #push: (unit: Unit) => void
  readonly #walk: Walk<DirectivePlace> | null
  /** Of this thread, as of the last look. */
  #shards: readonly number[] = []
  /** Something may be left of what went: at the start, and now and then, whatever others have left that died. */
  #isUncleared = true
  /** Monotonic ms. */
  #clearedAt = 0

  /** `keptMs`: how long ended directives are kept; null: for ever. */
  constructor(host: Around, keptMs: number | null, push: (unit: Unit) => void) {
    this.#host = host
    this.#push = push
    this.#walk = keptMs === null ? null : new Walk(host.clock, keptMs, (from) => this.#find(keptMs, from))
  }

  /** A commit has held that removed some. */
  removed(): void {
    this.#isUncleared = true
  }

  /** Called every second, with the shards that are held. */
  async look(shards: readonly number[]): Promise<void> {
    this.#shards = shards
    if (shards.length > 0) await this.#walk?.look()
    const now = this.#host.clock.monotonic()
    if (this.#isUncleared || now - this.#clearedAt >= tidyMs) await this.#clear()
  }

  async #find(keptMs: number, after: DirectivePlace | null): Promise<DirectivePlace | null> {
    const part = { before: this.#host.now() - keptMs, after, limit: endedLookedAtOnce }
    const { keys, next } = await this.#host.store.ended(this.#shards, part)
    for (const key of keys) this.#push(this.#unit(key))
    return next
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
    const from = clock.monotonic()
    this.#clearedAt = from
    let more = true
    while (more && clock.monotonic() < from + clearMs) more = await store.clear()
    this.#isUncleared = more
  }
}
