/** Has the store delete what has outlived its time: at once, and then hourly, in the thread that holds the first shard. */
import { tidyMs } from '../protocol/limits.ts'
import type { Clock } from './ports/clock.ts'
import type { Store } from './ports/store.ts'

/** What of a host it needs. */
interface Around {
  clock: Clock
  store: Pick<Store, 'tidy'>
}

export class Tidying {
  readonly #host: Around
  /** Monotonic ms of the last time. */
  #at = -Infinity

  constructor(host: Around) {
    this.#host = host
  }

  /** Called every second. */
  async look(isHolder: boolean): Promise<void> {
    const now = this.#host.clock.monotonic()
    if (!isHolder || now - this.#at < tidyMs) return
    this.#at = now
    await this.#host.store.tidy()
  }
}
