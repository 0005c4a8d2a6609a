/**
 * The shards that a thread holds, each with its epoch: taken, given up in order, or lost. What is known here and what the
 * store says are held against each other, and where they differ the store is right.
 */
import { givenUpAtOnce, takenAtOnce } from '../protocol/limits.ts'
import type { Log } from './host.ts'
import type { Clock } from './ports/clock.ts'
import type { HeldShard, Store, ThreadIdentity } from './ports/store.ts'

/** What follows from holding and losing shards. */
export interface Holding {
  /** Shards are held now: subscribe, look into their mailboxes, send spawns again. */
  taken: (shards: readonly HeldShard[]) => Promise<void>
  /** Shards are to be given up: finish what is under way. They are still held while this runs. */
  leaving: (shards: readonly number[]) => Promise<void>
  /** Those that this node serves badly, with the machines that it lacks: they are handed to a thread that has them, or given up first. */
  foreign?: () => ReadonlyMap<number, ReadonlySet<string>>
  /** Shards are gone: forget them. */
  lost: (shards: readonly number[]) => void
  /** This thread has come, leaves, or has given shards up: the others had better look at once. */
  moved: () => void
  /** The store does not let this thread in any more: it ends. */
  refused: (error: unknown) => void
  /** The database is another one than it was: nothing that this thread remembers is worth anything. All shards are lost already. */
  restored: () => void
}

/** What of a store holding needs. */
export type HeldLeases = Pick<Store, 'claim' | 'reclaim' | 'release' | 'drain' | 'knowing' | 'hand'>

interface HeldParts {
  store: HeldLeases
  clock: Clock
  identity: ThreadIdentity
  holding: Holding
  log: Log
}

export class HeldShards {
  readonly epochs = new Map<number, number>()
  readonly #store: HeldLeases
  readonly #identity: ThreadIdentity
  readonly #holding: Holding
  readonly #log: Log
  readonly #clock: Clock
  #incarnation: string | null = null
  /** Shards that cannot be opened here are handed over again from then on. */
  #handsOverFrom = 0
  /** Those that are being given up. */
  readonly leaving = new Set<number>()

  constructor({ store, clock, identity, holding, log }: HeldParts) {
    this.#clock = clock
    this.#store = store
    this.#identity = identity
    this.#holding = holding
    this.#log = log
  }

  /** Whether the database is another one than it was at the first call. */
  isOther(incarnation: string): boolean {
    this.#incarnation ??= incarnation
    return incarnation !== this.#incarnation
  }

  /** The database was restored: all are lost, and nothing more is taken. */
  end(): void {
    this.#log.error({}, 'the database was restored from an earlier copy: this thread ends')
    this.lose(this.all)
    this.#holding.restored()
  }

  get all(): number[] {
    return [...this.epochs.keys()]
  }

  /** Takes up to so many that are free; how many it got. One that is held and not served is worse than one that nobody holds. */
  async take(count: number): Promise<number> {
    return this.#takeUp(await this.#store.claim(this.#identity, count))
  }

  async #takeUp(taken: readonly HeldShard[]): Promise<number> {
    if (taken.length === 0) return 0
    for (const { shard, epoch } of taken) this.epochs.set(shard, epoch)
    try {
      await this.#holding.taken(taken)
    } catch (error) {
      this.lose(taken.map(({ shard }) => shard))
      throw error
    }
    return taken.length
  }

  /** `to`: the thread that is to have them; whoever takes them when it is left out, or that one's lease is over. */
  async giveUp(shards: readonly number[], to?: string): Promise<void> {
    const held = shards.filter((shard) => this.epochs.has(shard) && !this.leaving.has(shard))
    if (held.length === 0) return
    for (const shard of held) this.leaving.add(shard)
    await this.#holding.leaving(held)
    for (const shard of held) {
      this.epochs.delete(shard)
      this.leaving.delete(shard)
    }
    this.#holding.lost(held)
    await (to === undefined ? this.#store.release(this.#identity, held) : this.#store.hand(this.#identity, held, to))
    this.#holding.moved()
  }

  /** So many, when any will do. */
  async giveUpSome(count: number): Promise<void> {
    const foreign = this.#foreign
    const inOrder = this.all.toSorted((a, b) => Number(foreign.has(b)) - Number(foreign.has(a)))
    await this.giveUp(inOrder.slice(0, count))
  }

  /** How many threads are there to take what this one has. A store that does not say is told once more when all is given back. */
  async drain(): Promise<number> {
    try {
      const { live } = await this.#store.drain(this.#identity)
      this.#holding.moved()
      return live
    } catch (error) {
      this.#log.warn({ err: error }, 'saying that this thread leaves failed')
      return 0
    }
  }

  /** Each with a new epoch; those that the store does not give are lost. */
  async reclaim(shards: readonly number[]): Promise<void> {
    const now = new Map((await this.#store.reclaim(this.#identity, shards)).map(({ shard, epoch }) => [shard, epoch]))
    for (const [shard, epoch] of now) if (this.epochs.has(shard)) this.epochs.set(shard, epoch)
    this.lose(shards.filter((shard) => !now.has(shard)))
  }

  /**
   * What the store says is held and is not known here: another thread has handed it over, or an answer was lost. Nobody else would serve
   * it.
   */
  async takeHanded(held: readonly HeldShard[]): Promise<void> {
    const strays = held.flatMap(({ shard }) => (this.epochs.has(shard) ? [] : [shard]))
    for (let at = 0; at < strays.length; at += takenAtOnce)
      await this.#takeUp(await this.#store.reclaim(this.#identity, strays.slice(at, at + takenAtOnce)))
  }

  /**
   * What cannot be opened here goes to a thread that can, and can open all that this one can: it does not come back from there. A few at
   * a time, and then not for so many ms: where hardly anything can be opened here, what comes in its place is not served here either.
   */
  async handOver(pauseMs: number): Promise<void> {
    const now = this.#clock.monotonic()
    if (now < this.#handsOverFrom) return
    let left = givenUpAtOnce
    for (const [machines, shards] of this.#lacked) {
      if (left <= 0) break
      const to = await this.#able(machines)
      if (to === null) continue
      const theirs = shards.slice(0, left)
      left -= theirs.length
      await this.giveUp(theirs, to)
    }
    if (left < givenUpAtOnce) this.#handsOverFrom = now + pauseMs
  }

  /** A thread that knows all of these machines; where there is none, one that knows some of them. */
  async #able(machines: readonly string[]): Promise<string | null> {
    const all = await this.#store.knowing(this.#identity, machines)
    if (all !== null || machines.length === 1) return all
    for (const machine of machines) {
      const some = await this.#store.knowing(this.#identity, [machine])
      if (some !== null) return some
    }
    return null
  }

  /** Machines that are lacked together, with the shards that need them: those that nobody has keep no others from being handed over. */
  get #lacked(): [machines: readonly string[], shards: readonly number[]][] {
    const lacked = new Map<string, [machines: readonly string[], shards: number[]]>()
    for (const [shard, names] of this.#foreign) {
      if (!this.epochs.has(shard) || this.leaving.has(shard)) continue
      const machines = [...names].toSorted()
      const [, shards] = lacked.get(machines.join()) ?? [machines, []]
      lacked.set(machines.join(), [machines, [...shards, shard]])
    }
    return [...lacked.values()]
  }

  get #foreign(): ReadonlyMap<number, ReadonlySet<string>> {
    return this.#holding.foreign?.() ?? new Map()
  }

  /** `before`: as it was when the store was asked. What changed here meanwhile is left alone: the answer is older. */
  compare(before: ReadonlyMap<number, number>, held: readonly HeldShard[]): void {
    const now = new Map(held.map(({ shard, epoch }) => [shard, epoch]))
    const unchanged = [...before].filter(([shard, epoch]) => this.epochs.get(shard) === epoch)
    this.lose(unchanged.filter(([shard, epoch]) => now.get(shard) !== epoch).map(([shard]) => shard))
  }

  lose(shards: readonly number[]): void {
    if (shards.length === 0) return
    for (const shard of shards) this.epochs.delete(shard)
    this.#log.warn({ shards: shards.length }, 'shards were lost')
    this.#holding.lost(shards)
  }
}
