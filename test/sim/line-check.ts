/**
 * What is in the line of a directive, by what its commits really hold (DESIGN 13, 15): nothing enters that had not passed, and
 * nothing that has passed is missing.
 */
import type { Commit } from '../../src/actors/ports/rows.ts'
import type { DirectiveContext } from '../../src/machines/directive-context.ts'
import type { StepContext } from '../../src/machines/step-context.ts'
import { type ActorKey, actorKey, directiveKeyOf, readKey, readStepId, readTaskId } from '../../src/protocol/ids.ts'
import type { Fold } from './fold.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'

/** Commits by their ids, and the works that are in each, as `<task>/<attempt>`. */
export type Repository = ReadonlyMap<string, ReadonlySet<string>>

export class LineCheck {
  readonly #tables: Tables
  readonly #fold: Fold
  readonly #repository: Repository
  readonly #trace: Trace
  readonly #lines = new Map<ActorKey, string | null>()

  constructor(tables: Tables, fold: Fold, repository: Repository, trace: Trace) {
    this.#tables = tables
    this.#fold = fold
    this.#repository = repository
    this.#trace = trace
  }

  readonly check = ({ actors = [] }: Commit): void => {
    const keys = actors.flatMap(({ key, kind }) => (kind === 'registry' ? [] : [directiveKeyOf(key)]))
    for (const key of new Set(keys)) this.#checkLine(key)
  }

  /** At the end, where whatever was told has been taken. */
  checkAll(): void {
    for (const key of this.#tables.directives.keys()) {
      const context = this.#contextOf(key)
      if (context !== undefined) this.#checkAllPassed(key, context, () => false)
    }
  }

  /** All is as of before, as it is when a dump was restored. */
  forget(): void {
    this.#lines.clear()
  }

  #checkLine(key: ActorKey): void {
    const context = this.#contextOf(key)
    if (context === undefined) return
    const { line } = context
    const before = this.#lines.get(key)
    this.#lines.set(key, line)
    if (before !== undefined && before !== line) this.#checkNew(key, before, line)
    if (line !== null) this.#checkWhole(key, context)
  }

  #contextOf(key: ActorKey): DirectiveContext | undefined {
    return this.#fold.live(key)?.snapshot.context as DirectiveContext | undefined
  }

  #content(commit: string | null): ReadonlySet<string> {
    return this.#repository.get(commit ?? '') ?? new Set()
  }

  /** A step that has passed may have been sent back to be evaluated before its directive hears of it. */
  #checkNew(key: ActorKey, before: string | null, line: string | null): void {
    const old = this.#content(before)
    const now = this.#content(line)
    for (const work of old) if (!now.has(work)) this.#trace.violate('15', `${work} has left the line of ${key}`)
    for (const work of now) {
      if (old.has(work)) continue
      const actor = actorKey(readKey(key).owner, readTaskId(work.split('/')[0] ?? '')?.actor ?? '')
      const passed = [...(this.#fold.passedWith.get(actor) ?? [])].some((commit) => this.#content(commit).has(work))
      if (!passed) this.#trace.violate('15', `${work} is in the line of ${key}, and its step has not passed with it`)
    }
  }

  #checkWhole(key: ActorKey, context: DirectiveContext): void {
    // What it was told and has not taken, parked or not, may be of the line.
    const told = [...this.#tables.messages.values(), ...this.#tables.parked.map((row) => ({ ...row, to: row.actor }))]
    if (told.some(({ to, from }) => to === key && from !== key)) return
    // That it has merged onto a line that moved on, and merges again, may be on its way to it.
    const isTold = (step: ActorKey): boolean => told.some(({ to, from }) => to === step && from === key)
    this.#checkAllPassed(key, context, isTold)
  }

  /** One that is ending, and was to hear what a person dropped, has not heard all; it can have no retry. */
  #checkAllPassed(key: ActorKey, context: DirectiveContext, isTold: (step: ActorKey) => boolean): void {
    const { line, chain, unheard = false } = context
    if (chain === null || unheard) return
    const { owner, id } = readKey(key)
    const there = this.#content(line)
    for (const row of this.#tables.actors.values()) {
      const read = row.directive === key ? readStepId(row.id) : null
      if (read?.directive !== id || read.generation !== chain.generation || row.status !== 'passed') continue
      if (isTold(row.key)) continue
      const step = this.#fold.live(actorKey(owner, row.id))?.snapshot.context as StepContext | undefined
      for (const work of this.#content(step?.commit ?? null))
        if (!there.has(work))
          this.#trace.violate('15', `${work} of ${row.id} has passed, and is not in the line of ${key}`)
    }
  }
}
