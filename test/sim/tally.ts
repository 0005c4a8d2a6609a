/** What came of all worlds together. */
import { deedRates, faultRates } from './rates.ts'
import type { Result } from './job.ts'

export interface Count {
  name: string
  count: number
}

export class Tally {
  seeds = 0
  events = 0
  /** Directives that have ended. */
  ended = 0
  /** Actors that became of a later version of their machine. */
  migrated = 0
  /** Worlds that were run twice, with the same trace. */
  again = 0
  readonly failed: Result[] = []
  readonly visited = new Set<string>()
  readonly #happened = new Map<string, number>()

  add(result: Result): void {
    this.seeds++
    this.events += result.events
    this.ended += result.ended
    this.migrated += result.migrated
    this.again += result.again ? 1 : 0
    if (result.violations.length > 0) this.failed.push(result)
    for (const pair of result.visited) this.visited.add(pair)
    for (const [name, count] of result.happened) this.#happened.set(name, (this.#happened.get(name) ?? 0) + count)
  }

  /** Every kind of fault, in the order of rates.ts, with how often it took effect. */
  get faults(): Count[] {
    return this.#countsOf(faultRates)
  }

  get deeds(): Count[] {
    return this.#countsOf(deedRates)
  }

  #countsOf(rates: object): Count[] {
    return Object.keys(rates).map((name) => ({ name, count: this.#happened.get(name) ?? 0 }))
  }
}
