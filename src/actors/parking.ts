/**
 * What fails again and again: a row is counted in the store, a timer in memory; at the limit the row is parked, or the
 * timer's actor is, and the rest goes on.
 */
import { WritError } from '../protocol/errors.ts'
import { parkTriesMax } from '../protocol/limits.ts'
import type { Host } from './host.ts'
import type { Resident } from './memory.ts'
import type { ActorKey } from '../protocol/ids.ts'
import { withField } from './codec.ts'
import { isFromRegistry } from './in-order.ts'
import { typeIn } from './parked-views.ts'
import { endedThread } from '../protocol/parked.ts'
import { Faulty, park, stopParked } from './parked.ts'
import type { ParkedRow } from './ports/parked-rows.ts'
import type { AttemptRow, StoredMessage } from './ports/rows.ts'
import { fromDesk } from './settle.ts'
import type { Turn } from './turn.ts'
import { type Unit, unitOf } from './unit.ts'

/**
 * A message at which threads have ended as often as is allowed: none of them came to park it, and it is not tried again. One that
 * failed otherwise as often is, for it may be the actor that is at fault.
 */
export class Spent extends Error {
  override readonly name = 'Spent'

  constructor({ reason }: Pick<StoredMessage, 'reason'>) {
    super(reason ?? '')
  }
}

export const isSpent = ({ tries, reason }: StoredMessage): boolean =>
  tries >= parkTriesMax && reason?.startsWith(endedThread) === true

/** Of what a desk tells itself each task that it gives a slot has its own tries. */
const isOfDesk = ({ row }: Unit, error: unknown): boolean => row?.from === fromDesk && error instanceof Faulty

/** A thread to which a shard could be handed that needs these machines, as `name@version`. */
export type Knowing = (machines: readonly string[]) => Promise<string | null>

interface Parts {
  push: (unit: Unit) => void
  knowing: Knowing
  /** Looks into the mailboxes of a shard soon. */
  look: (shard: number) => void
}

export class Parking {
  readonly #host: Host
  readonly #parts: Parts
  readonly #failures = new Map<string, number>()

  constructor(host: Host, parts: Parts) {
    this.#host = host
    this.#parts = parts
  }

  /**
   * A unit failed by itself, or its commit was refused for it alone. An actor whose machine is at fault is parked, and what
   * it was told waits; a row or a timer that fails for another reason is parked itself. What a parked actor is told waits, uncounted.
   */
  async failed(unit: Unit, error: unknown): Promise<void> {
    const { row, timer } = unit
    if (error instanceof Faulty && !error.counts) return
    const faulty = error instanceof Faulty ? error.actor : (timer?.key ?? null)
    if ((error instanceof WritError && error.code === 'PARKED') || (row === null && faulty === null)) return
    const reason = error instanceof Error ? error.message : String(error)
    const what = faulty ?? unit.what
    const tries = await this.#tries(unit, what, error, reason)
    // The slot that it was to get serves nobody before it is parked: that does not wait for sweeps.
    if (tries < parkTriesMax) return isOfDesk(unit, error) ? this.#parts.look(unit.shard) : undefined
    this.#failures.delete(what)
    this.#host.log.error({ what, tries, reason }, 'parked')
    if (faulty === null && row !== null) this.#parkRow(unit, row, { reason, tries })
    else if (faulty !== null) this.#parkActor(unit.shard, faulty, reason)
  }

  async #tries(unit: Unit, what: string, error: unknown, reason: string): Promise<number> {
    const { row } = unit
    if (row === null || isOfDesk(unit, error)) return this.#count(what)
    return error instanceof Spent ? row.tries : this.#countTry(row.id, reason)
  }

  #parkActor(shard: number, key: ActorKey, reason: string): void {
    const run: Unit['run'] = async (turn) => {
      await turn.host.loader.actors([key])
      await park(turn, key, reason)
      await turn.run()
      return {}
    }
    // Nobody would look at once for what is not parked: it may fail at that for ever.
    const asker = { reply: () => this.#parts.look(shard), fail: () => {} }
    this.#parts.push(unitOf(shard, `parking of ${key}`, run, { asker }))
  }

  #parkRow({ shard, what }: Unit, row: StoredMessage, why: Pick<ParkedRow, 'reason' | 'tries'>): void {
    const run: Unit['run'] = ({ draft }) => {
      draft.shards.add(shard)
      const { id: message, to: actor, from } = row
      draft.parked.push({ message, actor, from, body: late(row), ...why, at: this.#host.now() })
      return Promise.resolve({})
    }
    // Nobody hears of it, but it is not run again when it may have held: the row that is there still fails once more.
    const asker = { reply: () => {}, fail: () => {} }
    this.#parts.push(unitOf(shard, `parking of ${what}`, run, { asker }))
  }

  /** After a move: whose actors are parked among these open attempts is found out, and they are stopped. */
  find(attempts: readonly AttemptRow[]): void {
    for (const shard of new Set(attempts.map((attempt) => attempt.shard))) {
      const actors = attempts.filter((attempt) => attempt.shard === shard).map(({ actor }) => actor)
      this.#parts.push(
        unitOf(shard, 'looking for parked actors', (turn) => stopThose(turn, actors, this.#parts.knowing)),
      )
    }
  }

  /** A unit was committed: what it failed before does not count any more. */
  over(unit: Unit): void {
    this.#failures.delete(unit.timer?.key ?? unit.what)
  }

  /** These actors took something, and it was committed: their faults from before do not count any more. */
  worked(actors: Iterable<ActorKey>): void {
    if (this.#failures.size > 0) for (const key of actors) this.#failures.delete(key)
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

/** A grant that is put back one day must not count as new: the registry may have given its slot to another. It is not opened for that. */
const late = ({ from, body }: StoredMessage): Uint8Array =>
  isFromRegistry(from) && typeIn(body) === 'grant' ? withField(body, 'late', true) : body

/** But what is parked for this node alone: its shard is handed to one that knows its machine, where what its daemon does still counts. */
const stopThose = async (turn: Turn, actors: readonly ActorKey[], knowing: Knowing): Promise<object> => {
  const { loader, memory } = turn.host
  await loader.actors(actors)
  const parked = actors.flatMap((key) => {
    const resident = memory.actors.get(key)
    return resident?.parked == null ? [] : [{ key, lacks: resident.isForeign === true ? machineOf(resident) : null }]
  })
  const known = new Set<string | null>()
  for (const machine of new Set(parked.flatMap(({ lacks }) => lacks ?? [])))
    if ((await knowing([machine])) !== null) known.add(machine)
  for (const { key, lacks } of parked) if (!known.has(lacks)) await stopParked(turn, key)
  return {}
}

const machineOf = ({ row: { machine, machineVersion } }: Resident): string => `${machine}@${machineVersion}`
