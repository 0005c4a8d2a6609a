/** Has the store delete what has outlived its time: at once, and then hourly, in the thread that holds the first shard. */
import { tidyAgainMs, tidyMs } from '../protocol/limits.ts'
import type { Clock } from './ports/clock.ts'
import type { Store } from './ports/store.ts'

/** What of a host it needs. */
interface Around {
  clock: Clock
  store: Pick<Store, 'tidy'>
}

export class Tidying {
  readonly #host: Around
  /** Monotonic ms of the next time. */
  #due = -Infinity

  constructor(host: Around) {
    this.#host = host
  }

  /** Called every second. While there is more than one call deletes, each of these calls deletes some; so what comes in does not pile up. */
  async look(isHolder: boolean): Promise<void> {
    const { clock, store } = this.#host
    const now = clock.monotonic()
    if (!isHolder || now < this.#due) return
    this.#due = now + tidyAgainMs
    const more = await store.tidy()
    this.#due = clock.monotonic() + (more ? 0 : tidyMs)
  }
}
