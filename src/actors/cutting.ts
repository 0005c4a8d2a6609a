/**
 * Cuts journals that have grown old: of each actor of the held shards a checkpoint takes the place of what is older than journals
 * are kept. What it says is the fold of what goes, and never the snapshot, so that verify still holds one against the other.
 */
import { type ActorKey, actorKey, directiveOf, kindOf, readKey, readStepId } from '../protocol/ids.ts'
import { clearMs, foldedAtOnce, journalCutMin, journalsLookedAtOnce, journalCutRows } from '../protocol/limits.ts'
import { checkpointOf } from './checkpoint.ts'
import { packJournal, unpackJournal } from './codec.ts'
import type { JournalEntry } from './draft.ts'
import { Folded } from './folded.ts'
import type { Host } from './host.ts'
import type { JournalSpan } from './ports/store.ts'
import { directiveSettings, stepSettings } from './settings.ts'

type Around = Pick<Host, 'clock' | 'store' | 'loader' | 'now' | 'machines' | 'log'>

export class Cutting {
  readonly #host: Around
  readonly #keptMs: number

  constructor(host: Around, keptMs: number) {
    this.#host = host
    this.#keptMs = keptMs
  }

  /** A part of the walk through all actors, by their keys. */
  async step(shards: readonly number[], from: ActorKey | null): Promise<ActorKey | null> {
    const { clock, store, now } = this.#host
    const before = now() - this.#keptMs
    const until = clock.monotonic() + clearMs
    const { spans, next } = await store.journalSpans(shards, { before, after: from, limit: journalsLookedAtOnce })
    let place = from
    for (const span of spans) {
      const isMore = await this.#cut(span, before)
      // Of a long one the next part is cut at the next look.
      if (isMore || clock.monotonic() >= until) return isMore ? place : span.key
      place = span.key
    }
    return next
  }

  /** Cuts a part that is not too long; whether there may be more to cut. */
  async #cut({ key, first, ended }: JournalSpan, before: number): Promise<boolean> {
    const settings = await this.#settings(key)
    if (settings === null) return false
    const rows = await this.#host.store.journal(key, first - 1, journalCutRows)
    const folded = new Folded(key, { settings, machines: this.#host.machines })
    let last: JournalEntry | null = null
    for (const [at, row] of rows.entries()) {
      const entries = unpackJournal(row.entries)
      if (entries.some((entry) => entry.at >= before)) break
      if (!this.#fold(folded, row.version, entries)) return false
      last = entries.at(-1) ?? last
      if (at % foldedAtOnce === 0) await this.#pause()
    }
    const { live, version } = folded
    const isWorth = version - first >= (ended ? 1 : journalCutMin)
    if (live === null || last === null || !isWorth) return false
    await this.#host.store.cut({ key, version, entries: packJournal([checkpointOf(live, folded, last)]) })
    return rows.length === journalCutRows && rows.at(-1)?.version === version
  }

  /** What this node cannot fold keeps its journal whole, and keeps no other from being cut. */
  #fold(folded: Folded, version: number, entries: readonly JournalEntry[]): boolean {
    try {
      folded.take(version, entries)
      return true
    } catch (error) {
      this.#host.log.warn({ err: error, actor: folded.key, version }, 'its journal cannot be folded, and is not cut')
      return false
    }
  }

  /** Null: its directive is not there, or its plan was replaced: such a step takes nothing more. */
  async #settings(key: ActorKey): Promise<unknown> {
    const { owner, id } = readKey(key)
    if (kindOf(id) === 'registry') return {}
    const { loader } = this.#host
    const directive = await loader.directive(actorKey(owner, directiveOf(id)))
    const step = readStepId(id)
    if (directive === null || step === null) return directive === null ? null : directiveSettings(directive)
    const { chain } = directive
    if (chain === null || chain.generation !== step.generation) return null
    const row = await loader.planRow(chain.hash, step.index)
    return row === null ? null : stepSettings(directive, row)
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#host.clock.after(0, resolve)
    })
  }
}
