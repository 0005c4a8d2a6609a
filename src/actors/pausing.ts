/** What is not urgent waits while much is in line, though not for ever: what comes in must not pile up either. */
import { tidyBusyUnits, tidyPutOffMs } from '../protocol/limits.ts'
import type { Clock } from './ports/clock.ts'

export class Pausing {
  readonly #clock: Clock
  readonly #depth: () => number
  /** Monotonic ms since when it has been put off; null: it is not. */
  #since: number | null = null

  /** `depth`: how many units are in line. */
  constructor(clock: Clock, depth: () => number) {
    this.#clock = clock
    this.#depth = depth
  }

  /** Whether it is to be put off once more. */
  get isBusy(): boolean {
    const now = this.#clock.monotonic()
    if (this.#depth() < tidyBusyUnits) this.#since = null
    else this.#since ??= now
    if (this.#since === null) return false
    if (now - this.#since < tidyPutOffMs) return true
    this.#since = null
    return false
  }
}
