/**
 * Who watches what this thread's actors take: watches with a lease, which their watchers renew. While there is none, nothing is
 * made and nothing is sent; a watch that is not renewed ends by itself.
 */
import { type ActorKey, directiveOf, kindOf, readKey } from '../protocol/ids.ts'
import { type InspectOrder, selects } from '../protocol/inspection.ts'
import { inspectionCountMax } from '../protocol/limits.ts'
import type { Clock } from './ports/clock.ts'

interface Open {
  owner: string
  selects: ReturnType<typeof selects>
  until: number
}

export class Inspections {
  readonly #clock: Clock
  /** By owner and inspection. */
  readonly #open = new Map<string, Open>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Opens one, or renews it; one without a lease is over. False: there are too many already. */
  open({ inspection, owner, leaseMs, ...selection }: InspectOrder): boolean {
    const until = this.#clock.monotonic() + leaseMs
    this.#endOver()
    // Watchers may name their watches: that of one owner is not another's.
    const name = `${owner}/${inspection}`
    if (leaseMs === 0) {
      this.#open.delete(name)
      return true
    }
    if (!this.#open.has(name) && this.#open.size >= inspectionCountMax) return false
    this.#open.set(name, { owner, selects: selects(selection), until })
    return true
  }

  /** Whether anybody is to be shown what this actor takes. */
  isWatched(key: ActorKey): boolean {
    if (this.#open.size === 0) return false
    this.#endOver()
    const { owner, id } = readKey(key)
    for (const open of this.#open.values())
      if (open.owner === owner && open.selects(id, directiveOf(id), kindOf(id))) return true
    return false
  }

  #endOver(): void {
    const now = this.#clock.monotonic()
    for (const [name, { until }] of this.#open) if (until <= now) this.#open.delete(name)
  }
}
