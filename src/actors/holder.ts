/**
 * Holds shards for a thread: keeps its lease, takes its fair share of the shards that are free, gives up what is too much,
 * and knows the epochs that every commit must carry. The lease is only for liveness: what keeps two holders apart is the
 * epoch that the commit compares (DESIGN 5).
 */
import { WritError } from '../protocol/errors.ts'
import { leaseMs, renewMs, shardCount } from '../protocol/limits.ts'
import type { Log } from './host.ts'
import type { Alarm, Clock } from './ports/clock.ts'
import type { HeldShard, Renewal, Store, ThreadIdentity } from './ports/store.ts'

/** What of a store a holder needs. */
export type Leases = Pick<Store, 'join' | 'renew' | 'claim' | 'reclaim' | 'release' | 'leave'>

/** What follows from holding and losing shards. */
export interface Holding {
  /** Shards are held now: subscribe, look into their mailboxes, send spawns again. */
  taken: (shards: readonly HeldShard[]) => Promise<void>
  /** Shards are to be given up: finish what is under way. They are still held while this runs. */
  leaving: (shards: readonly number[]) => Promise<void>
  /** Shards are gone: forget them. */
  lost: (shards: readonly number[]) => void
}

/** The most shards that a thread takes at once, so that a start does not load everything in one go. */
const claimedAtOnce = 64
/** How soon a thread that has less than its share looks for free shards again. */
const behindMs = 250
/** And gives up at once when others have too few. */
const releasedAtOnce = 32

export class Holder {
  readonly #store: Leases
  readonly #clock: Clock
  readonly #identity: ThreadIdentity
  readonly #holding: Holding
  readonly #log: Log
  readonly #epochs = new Map<number, number>()
  #leaving = new Set<number>()
  /** Monotonic ms up to which this thread may trust its lease. */
  #trustedUntil = 0
  #offset = 0
  #alarm: Alarm | null = null
  /** It takes nothing any more; and it renews nothing any more. */
  #stopped = false
  #isOver = false
  /** It has less than its share: what others give up is taken soon, for nobody answers for it meanwhile. */
  #isBehind = false
  /** The renewal and the sharing out that are under way. They do not wait for each other: a drain takes longer than trust lasts. */
  #renewing: Promise<void> | null = null
  #sharing: Promise<void> | null = null

  constructor(store: Leases, clock: Clock, identity: ThreadIdentity, holding: Holding, log: Log) {
    this.#store = store
    this.#clock = clock
    this.#identity = identity
    this.#holding = holding
    this.#log = log
  }

  /** The database's time, ms since 1970, as of the last renewal and this thread's monotonic clock. */
  now(): number {
    return Math.floor(this.#clock.monotonic() + this.#offset)
  }

  epochs(): ReadonlyMap<number, number> {
    return this.#epochs
  }

  /** Null when the shard is not held, or the lease may be over: at two thirds of it the thread stops by itself. */
  epoch(shard: number): number | null {
    if (this.#clock.monotonic() >= this.#trustedUntil) return null
    return this.#epochs.get(shard) ?? null
  }

  get shards(): number[] {
    return [...this.#epochs.keys()]
  }

  /** `expected`: how many threads start together; each takes only its share, and nothing has to move at once. */
  async start(expected: number): Promise<void> {
    const asked = this.#clock.monotonic()
    const joined = await this.#store.join(this.#identity)
    this.#trust(asked, joined)
    this.#schedule()
    try {
      await this.#alone(() => this.#balance(Math.max(joined.live, expected)))
    } catch (error) {
      this.#stopped = true
      this.#renewNoMore()
      throw error
    }
  }

  /** Gives everything back, in order. The lease is kept until it has. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#sharing
    await this.#giveUp(this.shards)
    this.#renewNoMore()
    await this.#renewing
    await this.#store.leave(this.#identity)
  }

  /**
   * A commit was fenced: what the store does not say is held is lost. Nothing is given up or taken here: the loop waits for
   * this, and giving up waits for the loop.
   */
  async fenced(): Promise<void> {
    await this.#extend()
  }

  /** New epochs for shards whose last commit nobody knows the result of. Tries until the lease is over. */
  async reclaim(shards: readonly number[]): Promise<void> {
    const held = shards.filter((shard) => this.#epochs.has(shard))
    while (!this.#stopped && this.#clock.monotonic() < this.#trustedUntil) {
      try {
        const now = new Map((await this.#store.reclaim(this.#identity, held)).map(({ shard, epoch }) => [shard, epoch]))
        for (const [shard, epoch] of now) if (this.#epochs.has(shard)) this.#epochs.set(shard, epoch)
        this.#lose(held.filter((shard) => !now.has(shard)))
        return
      } catch (error) {
        this.#log.warn({ err: error }, 'taking new epochs failed')
        await this.#pause(200)
      }
    }
    this.#lose(held)
  }

  #schedule(): void {
    this.#alarm?.cancel()
    if (this.#isOver) return
    this.#alarm = this.#clock.after(this.#isBehind ? behindMs : renewMs, () => {
      this.#renewing = this.#renew().finally(() => {
        this.#renewing = null
        this.#schedule()
      })
    })
  }

  #renewNoMore(): void {
    this.#isOver = true
    this.#alarm?.cancel()
  }

  async #renew(): Promise<void> {
    const renewal = await this.#extend()
    if (renewal !== null && !this.#stopped && this.#sharing === null) void this.#share(renewal)
  }

  async #share({ held, live }: Renewal): Promise<void> {
    try {
      await this.#alone(async () => {
        await this.#releaseStrays(held)
        await this.#balance(live)
      })
    } catch (error) {
      this.#log.warn({ err: error }, 'sharing the shards failed')
    }
  }

  /** Shards are taken and given up by one at a time; `stop` waits for it, and what goes wrong is not its matter. */
  async #alone(run: () => Promise<void>): Promise<void> {
    const running = run()
    this.#sharing = running.then(
      () => undefined,
      () => undefined,
    )
    try {
      await running
    } finally {
      this.#sharing = null
      if (this.#isBehind && this.#renewing === null) this.#schedule()
    }
  }

  /** The renewal, or null when there was none. */
  async #extend(): Promise<Renewal | null> {
    const asked = this.#clock.monotonic()
    const before = new Map(this.#epochs)
    try {
      const renewal = await this.#store.renew(this.#identity)
      this.#trust(asked, renewal)
      this.#compare(before, renewal.held)
      return renewal
    } catch (error) {
      await this.#renewFailed(error)
      return null
    }
  }

  /** What the store says is held and is not known here (an answer was lost, or a lease was over): nobody would serve it. */
  async #releaseStrays(held: readonly HeldShard[]): Promise<void> {
    const strays = held.flatMap(({ shard }) => (this.#epochs.has(shard) ? [] : [shard]))
    if (strays.length > 0) await this.#store.release(this.#identity, strays)
  }

  /** The lease is gone: everything is lost, and the thread joins anew. Out of reach: it goes on until it trusts no more. */
  async #renewFailed(error: unknown): Promise<void> {
    this.#log.warn({ err: error }, 'renewing the lease failed')
    if (error instanceof WritError && error.code === 'FENCED') {
      this.#trustedUntil = 0
      this.#lose(this.shards)
      if (!this.#stopped) await this.#join()
    } else if (this.#clock.monotonic() >= this.#trustedUntil) this.#lose(this.shards)
  }

  async #join(): Promise<void> {
    const asked = this.#clock.monotonic()
    try {
      this.#trust(asked, await this.#store.join(this.#identity))
    } catch (error) {
      this.#log.warn({ err: error }, 'joining failed')
    }
  }

  /** Counted from before the question: the store's lease began after it. */
  #trust(asked: number, { now }: Renewal): void {
    this.#trustedUntil = asked + (leaseMs * 2) / 3
    const offset = now - this.#clock.monotonic()
    this.#offset = this.#offset === 0 ? offset : Math.min(this.#offset, offset)
    if (offset > this.#offset + 1000) this.#offset = offset
  }

  /** What changed here while the answer was under way is left alone: the answer is older. */
  #compare(before: ReadonlyMap<number, number>, held: readonly HeldShard[]): void {
    const now = new Map(held.map(({ shard, epoch }) => [shard, epoch]))
    const unchanged = [...before].filter(([shard, epoch]) => this.#epochs.get(shard) === epoch)
    this.#lose(unchanged.filter(([shard, epoch]) => now.get(shard) !== epoch).map(([shard]) => shard))
  }

  #lose(shards: readonly number[]): void {
    if (shards.length === 0) return
    for (const shard of shards) this.#epochs.delete(shard)
    this.#log.warn({ shards: shards.length }, 'shards were lost')
    this.#holding.lost(shards)
  }

  /** Every live thread holds its fair share, give or take one. */
  async #balance(live: number): Promise<void> {
    const share = Math.ceil(shardCount / Math.max(1, live))
    this.#isBehind = false
    const spare = this.#epochs.size - share
    if (spare > 0) return this.#giveUp(this.shards.slice(0, Math.min(spare, releasedAtOnce)))
    while (this.#epochs.size < share && !this.#stopped) {
      const taken = await this.#store.claim(this.#identity, Math.min(claimedAtOnce, share - this.#epochs.size))
      this.#isBehind = taken.length === 0 && this.#epochs.size < Math.floor(shardCount / Math.max(1, live))
      if (taken.length === 0) return
      for (const { shard, epoch } of taken) this.#epochs.set(shard, epoch)
      await this.#take(taken)
    }
  }

  /** A shard that is held and not served is worse than one that nobody holds. */
  async #take(taken: readonly HeldShard[]): Promise<void> {
    try {
      await this.#holding.taken(taken)
    } catch (error) {
      this.#lose(taken.map(({ shard }) => shard))
      throw error
    }
  }

  async #giveUp(shards: readonly number[]): Promise<void> {
    const held = shards.filter((shard) => this.#epochs.has(shard) && !this.#leaving.has(shard))
    if (held.length === 0) return
    for (const shard of held) this.#leaving.add(shard)
    await this.#holding.leaving(held)
    for (const shard of held) {
      this.#epochs.delete(shard)
      this.#leaving.delete(shard)
    }
    this.#holding.lost(held)
    await this.#store.release(this.#identity, held)
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.after(ms, resolve))
  }
}
