/** Folds the journal: what each actor is by its own history, beside what its snapshot says (DESIGN 13, 4). */
import { unpack } from '../../src/actors/codec.ts'
import type { JournalEntry } from '../../src/actors/draft.ts'
import { isStoredAs } from '../../src/actors/fold.ts'
import type { ActorRow, JournalRow } from '../../src/actors/ports/rows.ts'
import type { Defined } from '../../src/actors/settings.ts'
import { type Live, statusOf } from '../../src/machines/advance.ts'
import type { StepContext } from '../../src/machines/step-context.ts'
import { type ActorKey, actorKey, directiveOf, kindOf, readKey, readStepId } from '../../src/protocol/ids.ts'
import { History, settingsOf } from '../../src/verify/history.ts'
import { allMachines } from './builds.ts'
import { pairsOf } from './coverage.ts'
import type { Tables } from './tables.ts'

export class Fold {
  readonly histories = new Map<ActorKey, History>()
  /** Pairs of a state and of what it has taken there. */
  readonly visited = new Set<string>()
  /** Actors that an entry has left in the state passed, with the version of the last of them: another entry of it may have led on. */
  readonly passed = new Map<ActorKey, number>()
  /** Of steps: the commits with which they have passed, ever. */
  readonly passedWith = new Map<ActorKey, Set<string>>()
  readonly #tables: Tables

  constructor(tables: Tables) {
    this.#tables = tables
  }

  live(key: ActorKey): Live | null {
    return this.histories.get(key)?.live ?? null
  }

  /** Takes one row of the journal; `fired` are the timers of its commit, with the generation that each had. */
  take(row: JournalRow, fired: ReadonlyMap<string, number>): { entries: JournalEntry[]; wrong: string[] } {
    const entries = unpack(row.entries) as JournalEntry[]
    const wrong: string[] = []
    const history = this.histories.get(row.key) ?? this.#historyOf(row.key)
    this.histories.set(row.key, history)
    const heard = (timer: string, setBy: number | undefined): void => {
      const name = `${row.key} ${timer}`
      if (setBy === undefined || fired.get(name) !== setBy)
        wrong.push(`timer ${name} of version ${fired.get(name)} fired, and was set by version ${setBy}`)
    }
    for (const entry of entries) {
      if (history.live !== null) for (const pair of pairsOf(history.live, entry)) this.visited.add(pair)
      history.take(row.version, [entry], heard)
      if (history.live !== null && statusOf(history.live) === 'passed') this.#notePassed(row, history.live)
    }
    return { entries, wrong }
  }

  #notePassed({ key, version }: JournalRow, { snapshot }: Live): void {
    this.passed.set(key, version)
    const { commit } = snapshot.context as StepContext
    if (commit !== null) this.passedWith.set(key, (this.passedWith.get(key) ?? new Set()).add(commit))
  }

  /** Whether the snapshot of the row is what the journal says. */
  agrees(row: ActorRow): boolean {
    const live = this.live(row.key)
    return live !== null && isStoredAs(live, row.snapshot)
  }

  /** Whether it is what its journal makes of it as it is kept by now. */
  isKept({ key, snapshot }: ActorRow): boolean {
    const history = this.#historyOf(key)
    const rows = [...this.#tables.journal.values()].filter((row) => row.key === key)
    for (const { version, entries } of rows.toSorted((a, b) => a.version - b.version))
      history.take(version, unpack(entries) as JournalEntry[])
    return history.live !== null && isStoredAs(history.live, snapshot)
  }

  /** Whichever build wrote it. */
  #historyOf(key: ActorKey): History {
    return new History(key, { settings: this.settings(key), machines: allMachines })
  }

  /** As each turn lays them into what the actor remembers. */
  settings(key: ActorKey): unknown {
    const { owner, id } = readKey(key)
    if (kindOf(id) === 'registry') return {}
    const defined = this.#defined(actorKey(owner, directiveOf(id)))
    const step = readStepId(id)
    if (step === null) return settingsOf(key, defined, null)
    const hash = this.#tables.chains.get(`${actorKey(owner, step.directive)} ${step.generation}`)?.hash ?? ''
    const row = this.#tables.plans.get(hash)?.rows[step.index]
    if (row === undefined) throw new Error(`there is no plan for the step ${key}`)
    return settingsOf(key, defined, row)
  }

  #defined(key: ActorKey): Defined {
    const row = this.#tables.directives.get(key)
    if (row === undefined) throw new Error(`there is no definition of ${key}`)
    const { definition, plan, steps } = row
    return { definition, readyPlan: plan === null ? null : { hash: plan, steps } }
  }
}
