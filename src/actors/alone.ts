/** Whether units run one by one: one of them makes commits fail, and must take no others along. */
import { batchMessagesMax, unansweredAgainMs } from '../protocol/limits.ts'
import type { Clock } from './ports/clock.ts'

export class Alone {
  readonly #clock: Pick<Clock, 'monotonic'>
  /** So many of the next units do. */
  #next = 0
  /** All do until then. */
  #until = -Infinity
  #unansweredAt = -Infinity

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  get is(): boolean {
    return this.#next > 0 || this.#clock.monotonic() < this.#until
  }

  next(count: number): void {
    this.#next = Math.min(this.#next + count, batchMessagesMax)
  }

  /** A unit runs. */
  ran(): void {
    this.#next = Math.max(0, this.#next - 1)
  }

  /** The result of a commit is unknown; true: not for the first time of late. Then it may be at something that comes again, and nobody knows at what. */
  unanswered(): boolean {
    const now = this.#clock.monotonic()
    const isAgain = now - this.#unansweredAt < unansweredAgainMs
    this.#unansweredAt = now
    if (isAgain) this.#until = now + unansweredAgainMs
    return isAgain
  }
}
