/**
 * Who is at fault, by what the world itself has done to them: whoever is parked has failed alone, and not since somebody beside it did
 * (DESIGN 13, 10).
 */
import type { Commit } from '../../src/actors/ports/rows.ts'
import { type Live, store } from '../../src/machines/advance.ts'
import type { ActorKey } from '../../src/protocol/ids.ts'
import { parkTriesMax } from '../../src/protocol/limits.ts'
import type { Trace } from './trace.ts'

/** Actors as threads have them in memory. */
type Residents = Iterable<[ActorKey, { live: Live | null }]>

export class Blame {
  readonly #trace: Trace
  readonly #residents: () => Residents
  /** How often a commit was refused that took this message, and nothing besides. */
  readonly #messages = new Map<number, number>()
  /** As often, of a timer of this actor. */
  readonly #timers = new Map<ActorKey, number>()
  /** How often a commit was refused that took no more than one message, and changed this actor alone. */
  readonly #changed = new Map<ActorKey, number>()
  /** Whose machines have thrown, or migrations. */
  readonly #threw = new Set<ActorKey>()

  constructor(trace: Trace, residents: () => Residents) {
    this.#trace = trace
    this.#residents = residents
  }

  /** The database refuses this commit. Of several units none is to blame: they are tried alone. */
  refused({ consumed = [], fired = [], actors = [] }: Commit): void {
    const [message] = consumed
    const [timer] = fired
    if (consumed.length + fired.length > 1) return
    if (message !== undefined) count(this.#messages, message)
    if (timer !== undefined) count(this.#timers, timer.key)
    const [actor, ...others] = actors
    if (actor !== undefined && others.length === 0) count(this.#changed, actor.key)
  }

  /** The machine of whoever has this in mind throws; a migration has a copy of it. */
  threw(context: object): void {
    const all = [...this.#residents()].flatMap(([key, { live }]) => (live === null ? [] : [{ key, live }]))
    const itself = all.filter(({ live }) => live.snapshot.context === context)
    const like = (): typeof all => all.filter(({ live }) => textOf(store(live).context) === textOf(context))
    for (const { key } of itself.length > 0 ? itself : like()) this.#threw.add(key)
  }

  readonly check = ({ parked = [], faulted = [] }: Commit): void => {
    for (const { message, actor, reason } of parked)
      if (!this.#mayPark(message)) this.#wrong(`message ${message} to ${actor}`, reason)
    for (const { key, reason } of faulted) if (!this.#mayParkActor(key)) this.#wrong(key, reason)
  }

  /** What a machine throws at counts as a try of the message, too. */
  #mayPark(message: number | null): boolean {
    const refused = this.#messages.get(message ?? 0) ?? 0
    return refused >= parkTriesMax || (refused > 0 && this.#threw.size > 0)
  }

  #mayParkActor(key: ActorKey): boolean {
    const refused = Math.max(this.#timers.get(key) ?? 0, this.#changed.get(key) ?? 0)
    return this.#threw.has(key) || refused >= parkTriesMax
  }

  #wrong(what: string, reason: string): void {
    this.#trace.violate('10', `${what} is parked, and has not failed by itself as often as is allowed: ${reason}`)
  }
}

const count = <K>(counts: Map<K, number>, key: K): void => void counts.set(key, (counts.get(key) ?? 0) + 1)

/** What a later version remembers besides is no part of it. */
const textOf = (context: object): string => JSON.stringify({ ...context, versions: undefined })
