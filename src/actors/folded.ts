/** One actor by its own history: its journal folded entry by entry, with the timers, the events and the order that follow from it. */
import type { Live } from '../machines/advance.ts'
import type { ActorKey } from '../protocol/ids.ts'
import { isCheckpoint, readCheckpoint, type SetTimer } from './checkpoint.ts'
import type { JournalEntry } from './draft.ts'
import { type FoldedWith, foldEntry } from './fold.ts'

export class Folded {
  readonly key: ActorKey
  live: Live | null = null
  /** The last version that was taken. */
  version = 0
  /** Timers that the machine has set and that neither fired nor were cancelled. */
  readonly timers = new Map<string, SetTimer>()
  /** How many events of each type it told. */
  readonly events = new Map<string, number>()
  /** The first entry that does not come after the one before it, as `<version>`. */
  disorder: number | null = null
  readonly #with: FoldedWith
  #last: JournalEntry['order'] | undefined

  constructor(key: ActorKey, by: FoldedWith) {
    this.key = key
    this.#with = by
  }

  /** The entries that made a version. `fired` hears of each timer that fired, and of the version that had set it. Throws what the fold throws. */
  take(
    version: number,
    entries: readonly JournalEntry[],
    fired?: (timer: string, setBy: number | undefined) => void,
  ): void {
    for (const entry of entries) {
      if (entry.timer !== null) fired?.(entry.timer, this.timers.get(entry.timer)?.version)
      if (entry.timer !== null) this.timers.delete(entry.timer)
      this.#takeOrder(version, entry)
      if (isCheckpoint(entry)) this.#takeUp(entry)
      const { live, timers, effects } = foldEntry(this.key, this.live, entry, this.#with)
      this.live = live
      for (const effect of effects)
        if (effect.kind === 'event') this.events.set(effect.type, (this.events.get(effect.type) ?? 0) + 1)
      for (const timer of timers)
        if (timer.do === 'cancel') this.timers.delete(timer.id)
        else this.timers.set(timer.id, { version, due: entry.at + timer.delay })
    }
    this.version = version
  }

  /** A journal that begins with a checkpoint says what came of all before it. */
  #takeUp(entry: JournalEntry): void {
    const { timers, events } = readCheckpoint(entry)
    this.timers.clear()
    this.events.clear()
    for (const [id, timer] of Object.entries(timers)) this.timers.set(id, timer)
    for (const [type, count] of Object.entries(events)) this.events.set(type, count)
  }

  /** Entries from before the order was kept have none. */
  #takeOrder(version: number, { order }: Partial<Pick<JournalEntry, 'order'>>): void {
    if (order === undefined) return
    if (this.#last !== undefined && !isAfter(order, this.#last)) this.disorder ??= version
    this.#last = order
  }
}

const isAfter = ([epoch, place]: JournalEntry['order'], [before, at]: JournalEntry['order']): boolean =>
  epoch > before || (epoch === before && place > at)
