/**
 * Brings the watch in line with the attempts that the store says are open: after a move, and after a commit that may have
 * held without anybody being told. What was opened or closed while the store was read is newer than its answer.
 */
import { attemptKey } from './memory.ts'
import type { AttemptRow } from './ports/rows.ts'
import type { Store } from './ports/store.ts'
import type { Watch } from './watch.ts'

export class Reopening {
  readonly #store: Pick<Store, 'openAttempts'>
  readonly #watch: Pick<Watch, 'open' | 'forget'>
  /** Attempts that commits have touched, for each read that is under way. */
  readonly #reads = new Set<Set<string>>()

  constructor(store: Pick<Store, 'openAttempts'>, watch: Pick<Watch, 'open' | 'forget'>) {
    this.#store = store
    this.#watch = watch
  }

  /** A commit has held that carried these attempts, by `<owner>/<task> <attempt>`. */
  touched(attempts: Iterable<string>): void {
    if (this.#reads.size === 0) return
    for (const attempt of attempts) for (const read of this.#reads) read.add(attempt)
  }

  /** Answers with those that are open. */
  async reopen(shards: readonly number[]): Promise<readonly AttemptRow[]> {
    const touched = new Set<string>()
    this.#reads.add(touched)
    try {
      const open = await this.#store.openAttempts(shards)
      const names = new Set(open.map(attemptKey))
      const isOld = (attempt: AttemptRow): boolean => !touched.has(attemptKey(attempt))
      this.#watch.forget((each) => shards.includes(each.shard) && !names.has(attemptKey(each)) && isOld(each))
      const old = open.filter(isOld)
      for (const attempt of old) this.#watch.open(attempt)
      return old
    } finally {
      this.#reads.delete(touched)
    }
  }
}
