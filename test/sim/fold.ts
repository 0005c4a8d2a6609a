/** Folds the journal: what each actor is by its own history, beside what its snapshot says (DESIGN 13, 4). */
import { isDeepStrictEqual } from 'node:util'
import { packSnapshot, unpack, unpackSnapshot } from '../../src/actors/codec.ts'
import type { JournalEntry } from '../../src/actors/draft.ts'
import type { DirectiveFacts } from '../../src/actors/memory.ts'
import type { ActorRow, JournalRow } from '../../src/actors/ports/rows.ts'
import { directiveSettings, stepSettings } from '../../src/actors/settings.ts'
import { type Advance, advance, begin, fire, type Live, store } from '../../src/machines/advance.ts'
import type { Message } from '../../src/machines/message.ts'
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
      const { live, timers } = this.#next(row.key, this.lives.get(row.key), entry)
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
    if (live === undefined) return false
    const { value, context } = store(live)
    return isDeepStrictEqual(unpackSnapshot(packSnapshot(value, context)), unpackSnapshot(row.snapshot))
  }

  #next(key: ActorKey, live: Live | undefined, { message, timer, at, seed, origin }: JournalEntry): Advance {
    const given = { at, seed, settings: this.#settings(key) }
    if (origin === 'begin') return begin(kindOf(readKey(key).id), given)
    if (live === undefined) throw new Error(`the journal of ${key} does not begin at its beginning`)
    return message === null ? fire(live, timer ?? '', given) : advance(live, message as Message, given)
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
