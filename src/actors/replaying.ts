/**
 * An actor's history, made from its journal: what it took, with its state after each. Folds a few entries at a time, so that others
 * have their turn in between, and keeps where it stopped, so that who turns the pages does not begin again at each.
 */
import type { Live } from '../machines/advance.ts'
import type { Catalog } from '../machines/versions.ts'
import { type ActorKey, actorKey, directiveOf, kindOf, readKey, readStepId } from '../protocol/ids.ts'
import { foldedAtOnce, foldsKeptMax, journalRowsAtOnce } from '../protocol/limits.ts'
import { unpackJournal } from './codec.ts'
import { foldEntry } from './fold.ts'
import type { Clock } from './ports/clock.ts'
import type { History } from './ports/history.ts'
import { directiveSettings, stepSettings } from './settings.ts'
import type { Seen } from './sighting.ts'

/** A fold that has come so far: all of this version is in it. */
interface Kept {
  version: number
  live: Live
}

/** One entry of a journal, folded. */
export interface Replayed extends Seen {
  /** Before the entry; null at the beginning. */
  before: Live | null
}

export class Replaying {
  readonly #history: History
  readonly #clock: Clock
  readonly #machines: Catalog | undefined
  /** By key and version, the latest used last. */
  readonly #kept = new Map<string, Kept>()

  constructor(history: History, clock: Clock, machines?: Catalog) {
    this.#history = history
    this.#clock = clock
    this.#machines = machines
  }

  /** What was folded was the history of a database that is not there any more. */
  forget(): void {
    this.#kept.clear()
  }

  /**
   * What the actor took after the version `after`, in order, up to the end of its journal. Throws INTERNAL when its journal cannot be
   * folded by the machines of this build.
   */
  async *of(key: ActorKey, after = 0): AsyncGenerator<Replayed> {
    const kept = this.#take(key, after)
    let [version, live]: [number, Live | null] = [kept?.version ?? 0, kept?.live ?? null]
    let settings: unknown
    let folded = 0
    for (;;) {
      const rows = await this.#history.journal(key, version, journalRowsAtOnce)
      // Of a step that nothing was ever told to there is nothing more to read.
      if (rows.length > 0) settings ??= await this.settings(key)
      for (const row of rows) {
        const entries = unpackJournal(row.entries)
        for (const [place, entry] of entries.entries()) {
          const before = live
          live = foldEntry(key, live, entry, { settings, machines: this.#machines }).live
          if (row.version > after) yield { key, version: row.version, entry, place, of: entries.length, before, live }
          if (++folded % foldedAtOnce === 0) await this.#pause()
        }
        version = row.version
        if (live !== null && version >= after) this.#keep(key, { version, live })
      }
      if (rows.length < journalRowsAtOnce) return
    }
  }

  /** As the turn gives them; they follow from the definition, and from the plan that the step is of. */
  async settings(key: ActorKey): Promise<unknown> {
    const { owner, id } = readKey(key)
    if (kindOf(id) === 'registry') return {}
    const directive = actorKey(owner, directiveOf(id))
    const defined = await this.#history.directive(directive)
    const step = readStepId(id)
    if (defined === null) return {}
    if (step === null) return directiveSettings(defined)
    const row = await this.#history.planRow(directive, step.generation, step.index)
    return row === null ? {} : stepSettings(defined, row)
  }

  /** The fold that comes nearest before `after`; states are never changed in place, so it may be used again. */
  #take(key: ActorKey, after: number): Kept | undefined {
    const kept = this.#kept.get(key)
    return kept !== undefined && kept.version <= after ? kept : undefined
  }

  #keep(key: ActorKey, kept: Kept): void {
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    const [first] = this.#kept.keys()
    if (this.#kept.size > foldsKeptMax && first !== undefined) this.#kept.delete(first)
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(0, resolve)
    })
  }
}
