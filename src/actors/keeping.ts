/** What a thread does so that nothing grows for ever: a bounded part every second, and nothing for a while when much is in line. */
import type { ActorKey } from '../protocol/ids.ts'
import type { Retention } from '../protocol/retention.ts'
import { Cutting } from './cutting.ts'
import type { Host } from './host.ts'
import { Pausing } from './pausing.ts'
import type { EventPlace } from './ports/store.ts'
import { Removing } from './removing.ts'
import { Tidying } from './tidying.ts'
import type { Unit } from './unit.ts'
import { Walk } from './walk.ts'

export class Keeping {
  readonly #pausing: Pausing
  readonly #removing: Removing
  /** Of the thread that holds the first shard. */
  readonly #tidying: Tidying
  readonly #events: Walk<EventPlace> | null
  readonly #journals: Walk<ActorKey> | null
  /** As of the last look. */
  #shards: readonly number[] = []
  #isLooking = false

  /** `depth`: how many units are in line. */
  constructor(
    host: Host,
    { directivesMs, eventsMs, journalsMs }: Retention,
    push: (unit: Unit) => void,
    depth: () => number,
  ) {
    const { clock, store, now } = host
    this.#pausing = new Pausing(clock, depth)
    this.#removing = new Removing(host, directivesMs, push)
    this.#tidying = new Tidying(host)
    const forget = (from: EventPlace | null) => store.forgetEvents(now() - (eventsMs ?? 0), from)
    this.#events = eventsMs === null ? null : new Walk(clock, eventsMs, forget)
    const cutting = new Cutting(host, journalsMs ?? 0)
    const cut = (from: ActorKey | null) => cutting.step(this.#shards, from)
    this.#journals = journalsMs === null ? null : new Walk(clock, journalsMs, cut)
  }

  /** A commit has held that removed directives. */
  removed(): void {
    this.#removing.removed()
  }

  /** Called every second, with the shards that are held. Throws what failed once all of it was tried: none is held up by another. */
  async look(shards: readonly number[]): Promise<void> {
    if (this.#isLooking || this.#pausing.isBusy) return
    this.#isLooking = true
    this.#shards = shards
    const failures: unknown[] = []
    for (const work of this.#works(shards)) await work()?.catch((error: unknown) => failures.push(error))
    this.#isLooking = false
    if (failures.length > 0)
      throw failures.length === 1 ? failures[0] : new AggregateError(failures, 'more than one part')
  }

  /** One after the other: they share a connection. */
  #works(shards: readonly number[]): (() => Promise<unknown> | undefined)[] {
    const isFirst = shards.includes(0)
    return [
      () => this.#removing.look(shards),
      () => this.#tidying.look(isFirst),
      () => (isFirst ? this.#events?.look() : undefined),
      () => (shards.length > 0 ? this.#journals?.look() : undefined),
    ]
  }
}
