/** Folds the journal: what each actor is by its own history, beside what its snapshot says (DESIGN 13, 4). */
import { unpack } from '../../src/actors/codec.ts'
import type { JournalEntry } from '../../src/actors/draft.ts'
import { foldEntry, isStoredAs } from '../../src/actors/fold.ts'
import type { DirectiveFacts } from '../../src/actors/memory.ts'
import type { ActorRow, JournalRow } from '../../src/actors/ports/rows.ts'
import { directiveSettings, stepSettings } from '../../src/actors/settings.ts'
import type { Live } from '../../src/machines/advance.ts'
import { type ActorKey, actorKey, directiveOf, kindOf, readKey, readStepId } from '../../src/protocol/ids.ts'
import type { Tables } from './tables.ts'

export class Fold {
  readonly lives = new Map<ActorKey, Live>()
  /** Timers that machines wait for, by `<key> <id>`, with the version that set each. */
  readonly #timers = new Map<string, number>()
  readonly #tables: Tables

  constructor(tables: Tables) {
    this.#tables = tables
  }

  /** Takes one row of the journal; `fired` are the timers of its commit, with the generation that each had. */
  take(row: JournalRow, fired: ReadonlyMap<string, number>): { entries: JournalEntry[]; wrong: string[] } {
    const entries = unpack(row.entries) as JournalEntry[]
    const wrong: string[] = []
    for (const entry of entries) {
      const name = `${row.key} ${entry.timer ?? ''}`
      const set = this.#timers.get(name)
      if (entry.timer !== null && (set === undefined || fired.get(name) !== set))
        wrong.push(`timer ${name} of version ${fired.get(name)} fired, and was set by version ${set}`)
      if (entry.timer !== null) this.#timers.delete(name)
      const { live, timers } = foldEntry(row.key, this.lives.get(row.key) ?? null, entry, this.#settings(row.key))
      this.lives.set(row.key, live)
      for (const timer of timers)
        if (timer.do === 'set') this.#timers.set(`${row.key} ${timer.id}`, row.version)
        else this.#timers.delete(`${row.key} ${timer.id}`)
    }
    return { entries, wrong }
  }

  /** Whether the snapshot of the row is what the journal says. */
  agrees(row: ActorRow): boolean {
    const live = this.lives.get(row.key)
    return live !== undefined && isStoredAs(live, row.snapshot)
  }

  #settings(key: ActorKey): unknown {
    const { owner, id } = readKey(key)
    if (kindOf(id) === 'registry') return {}
    const facts = this.#facts(actorKey(owner, directiveOf(id)))
    const step = readStepId(id)
    if (step === null) return directiveSettings(facts)
    const hash = this.#tables.chains.get(`${facts.key} ${step.generation}`)?.hash ?? ''
    const row = this.#tables.plans.get(hash)?.rows[step.index]
    if (row === undefined) throw new Error(`there is no plan for the step ${key}`)
    return stepSettings(facts, row)
  }

  #facts(key: ActorKey): DirectiveFacts {
    const row = this.#tables.directives.get(key)
    if (row === undefined) throw new Error(`there is no definition of ${key}`)
    const { owner, id, title, definition, content, plan, steps, at } = row
    const readyPlan = plan === null ? null : { hash: plan, steps }
    return { key, owner, id, title, definition, content, readyPlan, chain: null, events: 0, createdAt: at }
  }
}
