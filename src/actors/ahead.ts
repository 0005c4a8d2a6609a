/**
 * Parked messages of the held shards that later ones from the same actor to the same wait behind, until a person has decided about
 * them: actors count what they hear, and a word without the one before it would count wrongly (DESIGN 13, 5).
 */
import { type ActorKey, directiveKeyOf, shardOfKey } from '../protocol/ids.ts'
import type { Host } from './host.ts'
import type { ParkedAhead } from './ports/parked-rows.ts'
import { pairOf } from './letter.ts'
import { noLongerWaited, waited } from './waiting.ts'

type Needed = Pick<Host, 'store' | 'waiting' | 'parkedAhead'>

export class Ahead {
  readonly #host: Needed
  /** Their ids, by the pair. Cascades must not overtake them either: they are waited for as what is in line is. */
  readonly #ids: Map<string, Set<number>>
  /** How often some came back or were dropped: what a read that began before the last time says of them is old. */
  #turns = 0

  constructor(host: Needed) {
    this.#host = host
    this.#ids = host.parkedAhead
  }

  add(row: ParkedAhead): void {
    const pair = pairOf(row)
    this.#ids.set(pair, (this.#ids.get(pair) ?? new Set()).add(row.id))
    waited(this.#host.waiting, pair, row.id)
  }

  has(pair: string, id: number): boolean {
    return this.#ids.get(pair)?.has(id) === true
  }

  isBefore(row: ParkedAhead): boolean {
    for (const id of this.#ids.get(pairOf(row)) ?? []) if (id < row.id) return true
    return false
  }

  /** These are parked no more, nor what these directives and their steps were told. */
  decided(ids: ReadonlySet<number>, directives: readonly ActorKey[]): void {
    this.#turns++
    this.#drop((pair, id) => ids.has(id) || directives.includes(directiveKeyOf(toOf(pair))))
  }

  /** Shards that are held no more. */
  forget(shards: ReadonlySet<number>): void {
    this.#drop((pair) => shards.has(shardOfKey(toOf(pair))))
  }

  /** They may be parked by a commit that nobody heard of, or by another holder. `isKnown`: was parked here, and heard of. */
  async find(shards: readonly number[], isKnown: (id: number) => boolean): Promise<void> {
    for (;;) {
      const turns = this.#turns
      const found = await this.#host.store.parkedAhead(shards)
      if (turns !== this.#turns) continue
      const there = new Set(found.map(({ id }) => id))
      this.#drop((pair, id) => shards.includes(shardOfKey(toOf(pair))) && !there.has(id) && !isKnown(id))
      for (const row of found) this.add(row)
      return
    }
  }

  #drop(isOver: (pair: string, id: number) => boolean): void {
    for (const [pair, ids] of this.#ids) {
      for (const id of ids) if (isOver(pair, id) && ids.delete(id)) noLongerWaited(this.#host.waiting, pair, id)
      if (ids.size === 0) this.#ids.delete(pair)
    }
  }
}

const toOf = (pair: string): ActorKey => pair.slice(pair.lastIndexOf(' ') + 1) as ActorKey
