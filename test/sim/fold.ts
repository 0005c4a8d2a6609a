/** Folds the journal: what each actor is by its own history, beside what its snapshot says (DESIGN 13, 4). */
import { unpack } from '../../src/actors/codec.ts'
import type { JournalEntry } from '../../src/actors/draft.ts'
import { isStoredAs } from '../../src/actors/fold.ts'
import type { ActorRow, JournalRow } from '../../src/actors/ports/rows.ts'
import type { Defined } from '../../src/actors/settings.ts'
import { type Live, statusOf } from '../../src/machines/advance.ts'
import type { StepContext } from '../../src/machines/step-context.ts'
import { type ActorKey, actorKey, directiveOf, kindOf, readKey, readStepId } from '../../src/protocol/ids.ts'
import { grouped } from '../../src/verify/grouped.ts'
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
  /** The rows that were taken, and how many of each actor. */
  readonly #taken = new WeakSet<JournalRow>()
  readonly #versions = new Map<ActorKey, number>()

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
    this.#taken.add(row)
    this.#versions.set(row.key, (this.#versions.get(row.key) ?? 0) + 1)
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

  /** Which of them are not what their journals make of them as they are kept by now. */
  unkept(actors: readonly ActorRow[]): ActorRow[] {
    const journals = grouped([...this.#tables.journal.values()], ({ key }) => key)
    return actors.filter(({ key, snapshot }) => {
      const live = this.#liveBy(key, journals.get(key) ?? [])
      return live === null || !isStoredAs(live, snapshot)
    })
  }

  /** A journal of which nothing was cut is the one that was taken row by row. */
  #liveBy(key: ActorKey, rows: readonly JournalRow[]): Live | null {
    if (rows.length === this.#versions.get(key) && rows.every((row) => this.#taken.has(row))) return this.live(key)
    const history = this.#historyOf(key)
    for (const { version, entries } of rows.toSorted((a, b) => a.version - b.version))
      history.take(version, unpack(entries) as JournalEntry[])
    return history.live
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
