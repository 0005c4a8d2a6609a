/**
 * Holds shards for a thread: keeps its lease, takes its share of the shards that are free, gives up what is too much, and
 * knows the epochs that every commit must carry. The lease is only for liveness: what keeps two holders apart is the epoch
 * that the commit compares (DESIGN 5).
 */
import { codes, WritError } from '../protocol/errors.ts'
import { givenUpAtOnce, giveUpPauseMs, leaseMs, renewedPart, shardCount, takenAtOnce } from '../protocol/limits.ts'
import { type HeldLeases, HeldShards, type Holding } from './held-shards.ts'
import type { Log } from './host.ts'
import { LeaseTime } from './lease-time.ts'
import type { Alarm, Clock } from './ports/clock.ts'
import type { Renewal, Store, ThreadIdentity } from './ports/store.ts'

/** What of a store a holder needs. */
export type Leases = HeldLeases & Pick<Store, 'join' | 'renew' | 'leave'>

export interface HolderParts {
  store: Leases
  clock: Clock
  identity: ThreadIdentity
  holding: Holding
  log: Log
  /** As the store has it. */
  leaseMs?: number | undefined
}

/** How soon a thread that has less than its share looks for free shards again, at first; then twice as long each time. */
const behindMs = 250
/** How soon a renewal is tried again that the store did not answer. */
const againMs = 200

export class Holder {
  readonly #parts: HolderParts
  readonly #held: HeldShards
  readonly #time: LeaseTime
  readonly #renewMs: number
  /** The store did not answer the last renewal. */
  #isAway = false
  /** As of the last renewal. */
  #last: Pick<Renewal, 'machines' | 'share'> = { machines: [], share: 0 }
  #alarm: Alarm | null = null
  /** It takes nothing any more; and it renews nothing any more. */
  #stopped = false
  #isOver = false
  /** Others have moved shards: it looks as soon as it may. */
  #isCalled = false
  /** Set while it has less than its share and nothing is free: what others give up is taken soon, for nobody answers for it meanwhile. */
  #behindMs: number | null = null
  /** The renewal and the sharing out that are under way. They do not wait for each other: a drain takes longer than trust lasts. */
  #renewing: Promise<void> | null = null
  #sharing: Promise<void> | null = null

  constructor(parts: HolderParts) {
    this.#parts = parts
    this.#held = new HeldShards(parts)
    const ownMs = parts.leaseMs ?? leaseMs
    this.#time = new LeaseTime(parts.clock, ownMs)
    this.#renewMs = ownMs * renewedPart
  }

  /** The database's time, ms since 1970, as of the last renewal and this thread's monotonic clock. */
  now(): number {
    return this.#time.now()
  }

  /** Machines on which new actors may begin: every live node can open them. */
  get written(): readonly string[] {
    return this.#last.machines
  }

  epochs(): ReadonlyMap<number, number> {
    return this.#held.epochs
  }

  /** Null when the shard is not held, or the lease may be over: at two thirds of it the thread stops by itself. */
  epoch(shard: number): number | null {
    return this.#time.isTrusted ? (this.#held.epochs.get(shard) ?? null) : null
  }

  get shards(): number[] {
    return this.#held.all
  }

  /** Those that are not being given up: of the others nothing new is taken in. */
  get staying(): number[] {
    return this.#held.all.filter((shard) => this.stays(shard))
  }

  stays(shard: number): boolean {
    return this.epoch(shard) !== null && !this.#held.leaving.has(shard)
  }

  /** `expected`: how many threads start together; each takes only its share, and nothing has to move at once. */
  async start(expected: number): Promise<void> {
    const asked = this.#parts.clock.monotonic()
    try {
      const joined = await this.#parts.store.join(this.#parts.identity)
      this.#renewed(asked, joined)
      this.#schedule()
      this.#parts.holding.moved()
      await this.#alone(() => this.#balance(Math.min(joined.share, Math.ceil(shardCount / Math.max(1, expected)))))
    } catch (error) {
      this.#stopped = true
      this.#renewNoMore()
      throw error
    }
  }

  /** Gives everything back, in order: a few at a time while others are there to take them. The lease is kept until it has. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#sharing
    const others = await this.#held.drain()
    while (others > 0 && this.shards.length > givenUpAtOnce) {
      await this.#held.giveUp(this.shards.slice(0, givenUpAtOnce))
      await this.#pause(giveUpPauseMs)
    }
    await this.#held.giveUp(this.shards)
    this.#renewNoMore()
    await this.#renewing
    await this.#parts.store.leave(this.#parts.identity)
  }

  /** Others have come, are leaving, or have given shards up: it looks at once, or as soon as it is done with what it does. */
  look(): void {
    if (this.#stopped) return
    this.#isCalled = true
    if (this.#renewing !== null || this.#sharing !== null) return
    if (this.#behindMs === null) return this.#schedule()
    // What is free now nobody answers for: it is taken before the lease is renewed.
    this.#isCalled = false
    void this.#share(async () => {
      await this.#balance(this.#last.share)
      // What is not free may have been handed to this thread, and nobody answers for that either.
      if (this.#behindMs !== null && !this.#stopped) await this.#held.takeHanded((await this.#extend())?.held ?? [])
    })
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
    const held = shards.filter((shard) => this.#held.epochs.has(shard))
    while (!this.#stopped && this.#time.isTrusted) {
      try {
        return await this.#held.reclaim(held)
      } catch (error) {
        this.#parts.log.warn({ err: error }, 'taking new epochs failed')
        await this.#pause(200)
      }
    }
    this.#held.lose(held)
  }

  #schedule(): void {
    this.#alarm?.cancel()
    if (this.#isOver) return
    this.#alarm = this.#parts.clock.after(this.#nextMs(), () => {
      if (this.#sharing === null) this.#isCalled = false
      this.#renewing = this.#renew().finally(() => {
        this.#renewing = null
        this.#schedule()
      })
    })
  }

  /** While it shares out, a renewal is for the lease alone. */
  #nextMs(): number {
    if (this.#isAway) return Math.min(againMs, this.#renewMs)
    if (this.#sharing !== null) return this.#renewMs
    if (this.#isCalled) return 0
    return Math.min(this.#renewMs, this.#behindMs ?? this.#renewMs)
  }

  #renewNoMore(): void {
    this.#isOver = true
    this.#alarm?.cancel()
  }

  async #renew(): Promise<void> {
    const renewal = await this.#extend()
    if (renewal === null || this.#stopped || this.#sharing !== null) return
    void this.#share(async () => {
      await this.#held.takeHanded(renewal.held)
      await this.#held.handOver(this.#renewMs / 2)
      await this.#balance(renewal.share)
    })
  }

  async #share(run: () => Promise<void>): Promise<void> {
    try {
      await this.#alone(run)
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'sharing the shards failed')
    }
  }

  /** Shards are taken and given up by one at a time; `stop` waits for it, and what goes wrong is not its matter. */
  async #alone(run: () => Promise<void>): Promise<void> {
    const running = run()
    this.#sharing = running.catch(() => undefined)
    try {
      await running
    } finally {
      this.#sharing = null
      if (this.#renewing === null && this.#isCalled) this.look()
      else if (this.#renewing === null && this.#behindMs !== null) this.#schedule()
    }
  }

  /** The renewal, or null when there was none. */
  async #extend(): Promise<Renewal | null> {
    const { clock, store, identity } = this.#parts
    const asked = clock.monotonic()
    const before = new Map(this.#held.epochs)
    try {
      const renewal = await store.renew(identity)
      this.#renewed(asked, renewal)
      this.#held.compare(before, renewal.held)
      return renewal
    } catch (error) {
      await this.#renewFailed(error)
      return null
    }
  }

  /** The lease is gone: everything is lost, and the thread joins anew. Out of reach: everything is lost once others may have it. */
  async #renewFailed(error: unknown): Promise<void> {
    if (error instanceof WritError && error.code === 'FENCED') {
      const silentMs = Math.round(this.#time.silentMs)
      this.#parts.log.warn({ silentMs }, 'this thread is fenced: others have its shards, and it starts afresh')
      this.#time.end()
      this.#held.lose(this.shards)
      if (!this.#stopped) await this.#join()
      return
    }
    this.#isAway = true
    this.#parts.log.warn({ err: error }, 'renewing the lease failed')
    if (this.#time.isOver) this.#held.lose(this.shards)
  }

  /** What does not pass by itself (a newer schema, machines that are not known here) ends the thread. */
  async #join(): Promise<void> {
    const { clock, store, identity, holding, log } = this.#parts
    const asked = clock.monotonic()
    try {
      this.#renewed(asked, await store.join(identity))
      holding.moved()
    } catch (error) {
      log.warn({ err: error }, 'joining failed')
      if (error instanceof WritError && !codes[error.code].retry) holding.refused(error)
    }
  }

  #renewed(asked: number, renewal: Renewal): void {
    if (this.#held.isOther(renewal.incarnation)) return this.#end()
    this.#time.renewed(asked, renewal)
    this.#last = renewal
    this.#isAway = false
  }

  #end(): void {
    this.#stopped = true
    this.#renewNoMore()
    this.#held.end()
  }

  async #balance(share: number): Promise<void> {
    const waitedMs = this.#behindMs
    this.#behindMs = null
    if (this.#held.epochs.size > share) return this.#giveUp(share)
    while (this.#held.epochs.size < share && !this.#stopped) {
      const taken = await this.#held.take(Math.min(takenAtOnce, share - this.#held.epochs.size))
      if (taken > 0) continue
      this.#behindMs = waitedMs === null ? behindMs : Math.min(2 * waitedMs, this.#renewMs)
      return
    }
  }

  /** A few at a time, and asking anew each time: threads come and go meanwhile. */
  async #giveUp(share: number): Promise<void> {
    for (let now: number | undefined = share; now !== undefined && !this.#stopped;) {
      const spare = this.shards.length - now
      if (spare <= 0) return
      await this.#held.giveUpSome(Math.min(spare, givenUpAtOnce))
      await this.#pause(giveUpPauseMs)
      now = (await this.#extend())?.share
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.after(ms, resolve))
  }
}
