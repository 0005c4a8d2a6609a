/**
 * What fails again and again: a row is counted in the store, a timer in memory; at the limit the row is parked, or the
 * timer's actor is, and the rest goes on.
 */
import { WritError } from '../protocol/errors.ts'
import { parkTriesMax } from '../protocol/limits.ts'
import type { Host } from './host.ts'
import type { ActorKey } from '../protocol/ids.ts'
import { stopParked } from './parked.ts'
import type { AttemptRow, StoredMessage } from './ports/rows.ts'
import type { Turn } from './turn.ts'
import { type Unit, unitOf } from './unit.ts'

export class Parking {
  readonly #host: Host
  readonly #push: (unit: Unit) => void
  /** Called after the commit that parked a row. */
  readonly #parked: (row: StoredMessage) => void
  readonly #failures = new Map<string, number>()

  constructor(host: Host, push: (unit: Unit) => void, parked: (row: StoredMessage) => void) {
    this.#host = host
    this.#push = push
    this.#parked = parked
  }

  /** A unit failed by itself, or its commit was refused for it alone. What an actor that is parked is told waits, uncounted. */
  async failed(unit: Unit, error: unknown): Promise<void> {
    const { row, timer } = unit
    if ((error instanceof WritError && error.code === 'PARKED') || (row === null && timer === null)) return
    const reason = error instanceof Error ? error.message : String(error)
    const tries = row === null ? this.#count(unit.what) : await this.#countTry(row.id, reason)
    if (tries < parkTriesMax) return
    this.#failures.delete(unit.what)
    this.#host.log.error({ what: unit.what, tries, reason }, 'parked')
    const run: Unit['run'] = async (turn) => {
      const { draft } = turn
      draft.shards.add(unit.shard)
      if (row !== null)
        draft.parked.push({
          message: row.id,
          actor: row.to,
          from: row.from,
          body: row.body,
          reason,
          at: this.#host.now(),
        })
      if (timer !== null) await parkActor(turn, timer.key, reason)
      return {}
    }
    const asker = row === null ? null : { reply: () => this.#parked(row), fail: () => {} }
    this.#push(unitOf(unit.shard, `parking of ${unit.what}`, run, { asker }))
  }

  /** After a move: whose actors are parked among these open attempts is found out, and they are stopped. */
  find(attempts: readonly AttemptRow[]): void {
    for (const shard of new Set(attempts.map((attempt) => attempt.shard))) {
      const actors = attempts.filter((attempt) => attempt.shard === shard).map(({ actor }) => actor)
      this.#push(unitOf(shard, 'looking for parked actors', (turn) => stopThose(turn, actors)))
    }
  }

  /** A unit was committed: what it failed before does not count any more. */
  over(unit: Unit): void {
    this.#failures.delete(unit.what)
  }

  /** A try that could not be counted is not lost: the message stays, and fails again. */
  async #countTry(message: number, reason: string): Promise<number> {
    try {
      return await this.#host.store.countTry(message, reason)
    } catch (error) {
      this.#host.log.warn({ err: error, message }, 'counting a failed try failed')
      return 0
    }
  }

  #count(what: string): number {
    const count = (this.#failures.get(what) ?? 0) + 1
    this.#failures.set(what, count)
    return count
  }
}

const stopThose = async (turn: Turn, actors: readonly ActorKey[]): Promise<object> => {
  const { loader, memory } = turn.host
  await loader.actors(actors)
  for (const key of actors) if (memory.actors.get(key)?.parked != null) await stopParked(turn, key)
  return {}
}

/** Units from here on find it parked, as those after the commit do. */
const parkActor = async (turn: Turn, key: ActorKey, reason: string): Promise<void> => {
  const { memory } = turn.host
  turn.draft.faulted.push({ key, reason })
  const resident = memory.actors.get(key)
  if (resident !== undefined) memory.set(memory.actors, key, { ...resident, parked: reason })
  await stopParked(turn, key)
}
