/** Goes through all there is of something, a bounded part at each look, and begins again after a while. */
import { retentionPassesMin, sweepMs, tidyAgainMs, tidyMs } from '../protocol/limits.ts'
import type { Clock } from './ports/clock.ts'

export class Walk<Place> {
  readonly #clock: Clock
  readonly #pauseMs: number
  readonly #step: (from: Place | null) => Promise<Place | null>
  #place: Place | null = null
  /** Monotonic ms of the next part. */
  #due = -Infinity

  /** `keptMs`: how long it is kept that is looked for. `step`: does the part that begins there; says where the next one does, null at the end. */
  constructor(clock: Clock, keptMs: number, step: (from: Place | null) => Promise<Place | null>) {
    this.#clock = clock
    this.#pauseMs = Math.min(tidyMs, Math.max(sweepMs, keptMs / retentionPassesMin))
    this.#step = step
  }

  /** Called every second. What fails is tried again a little later, from the same place. */
  async look(): Promise<void> {
    const now = this.#clock.monotonic()
    if (now < this.#due) return
    this.#due = now + tidyAgainMs
    this.#place = await this.#step(this.#place)
    this.#due = this.#place === null ? this.#clock.monotonic() + this.#pauseMs : now
  }
}
