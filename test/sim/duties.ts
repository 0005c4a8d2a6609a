/**
 * What whoever holds a shard owes its open attempts, whoever opened them: the spawn of each that has not been accepted, and the
 * order of each that is asked to end, are said anew by each holder (DESIGN 5). Looked at twice a second.
 */
import type { AttemptRow } from '../../src/actors/ports/rows.ts'
import { leaseMs, renewedPart } from '../../src/protocol/limits.ts'
import type { SimClock } from './clock.ts'
import type { SimStore } from './store.ts'
import type { Shard } from './tables.ts'
import type { SimThread } from './thread.ts'
import type { Trace } from './trace.ts'

/** A holder that is well says it sooner: it tries every half second, but its store may be slow. */
const saidWithinMs = 15_000

export interface DutiesWorld {
  clock: SimClock
  store: SimStore
  trace: Trace
  threads: readonly SimThread[]
}

interface Holding extends Shard {
  /** Since when it is this thread that holds the shard, and since when it was well at every look. */
  since: number
  wellSince: number
}

const nobody: Holding = { thread: null, nonce: null, epoch: 0, since: 0, wellSince: 0 }

/** What is to be said of it; null: nothing. A pull listens only once. */
const owed = ({ closedAt, inbox, asked, accepted }: AttemptRow): string | null => {
  if (closedAt !== null || inbox !== null) return null
  return asked === 'cancel' || accepted ? asked : 'spawn'
}

export class Duties {
  readonly #world: DutiesWorld
  /** When each was said last, and since when each is owed: by `<owner> <task> <attempt> <verb>`. */
  readonly #said = new Map<string, number>()
  #owedSince = new Map<string, number>()
  readonly #holdings = new Map<number, Holding>()
  /** What was said since then a holder may have said that is seen now for the first time. */
  #lookedAt = 0

  constructor(world: DutiesWorld) {
    this.#world = world
  }

  said(owner: string, task: string, attempt: number, verb: string): void {
    this.#said.set(`${owner} ${task} ${attempt} ${verb}`, this.#world.clock.monotonic())
  }

  look(): void {
    const { clock, store } = this.#world
    const now = clock.monotonic()
    const well = this.#well()
    for (const [shard, row] of store.tables.shards.entries()) this.#lookAtShard(this.#holding(shard), row, well, now)
    const owedSince = new Map<string, number>()
    for (const row of store.tables.attempts.values()) {
      const verb = owed(row)
      if (verb === null) continue
      const name = `${row.owner} ${row.task} ${row.attempt} ${verb}`
      owedSince.set(name, this.#owedSince.get(name) ?? now)
      this.#lookAt(name, owedSince.get(name) ?? now, this.#holdings.get(row.shard) ?? nobody, now)
    }
    this.#owedSince = owedSince
    this.#lookedAt = now
  }

  /** Since when it is one thread that holds it, and is well; never: now. */
  wellSince(shard: number): number {
    return this.#holdings.get(shard)?.wellSince ?? this.#world.clock.monotonic()
  }

  #holding(shard: number): Holding {
    const holding = this.#holdings.get(shard) ?? { ...nobody }
    this.#holdings.set(shard, holding)
    return holding
  }

  #lookAtShard(holding: Holding, { thread, nonce, epoch }: Shard, well: ReadonlySet<string>, now: number): void {
    const isOther = holding.nonce !== nonce || holding.epoch !== epoch
    if (holding.nonce !== nonce) holding.since = this.#lookedAt
    if (isOther || thread === null || !well.has(thread)) holding.wellSince = now
    holding.thread = thread
    holding.nonce = nonce
    holding.epoch = epoch
  }

  /** The threads that run, and have renewed their lease lately: the others say nothing, and rightly so. */
  #well(): Set<string> {
    const { store, threads } = this.#world
    const now = store.now()
    const isWell = ({ name, process }: SimThread): boolean =>
      process.isUp && (store.tables.threads.get(name)?.expires ?? 0) - now > leaseMs * (1 - 2 * renewedPart)
    return new Set(threads.filter(isWell).map(({ name }) => name))
  }

  #lookAt(name: string, owedSince: number, { thread, since, wellSince }: Holding, now: number): void {
    if (now - Math.max(owedSince, wellSince) < saidWithinMs || (this.#said.get(name) ?? -1) >= since) return
    this.#world.trace.violate('9', `${thread} holds the shard of an open attempt, and does not say: ${name}`)
  }
}
