/** One page of what actors took, from their journals: whole entries, as many as go into one answer, and where the next page begins. */
import { WritError } from '../protocol/errors.ts'
import { jsonBytes } from '../protocol/fitting.ts'
import { actorKey } from '../protocol/ids.ts'
import type { HistoryQuery, Sighting } from '../protocol/inspection.ts'
import { answerBytesMax, historyPageMs } from '../protocol/limits.ts'
import type { Clock } from './ports/clock.ts'
import type { History } from './ports/history.ts'
import type { Replaying } from './replaying.ts'
import { sightingOf } from './sighting.ts'

export interface HistoryParts {
  history: History
  clock: Clock
  replaying: Replaying
}

export interface HistoryLines {
  sightings: readonly Sighting[]
  /** Actors whose journals cannot be folded, and why. */
  faults: readonly { id: string; why: string }[]
  next: string | null
}

/** Where a page begins: at the entry of that place within that version of that actor. */
interface Place {
  id: string
  version: number
  entry: number
}

const actorsAtOnce = 20

export const historyPage = async (
  { history, clock, replaying }: HistoryParts,
  owner: string,
  query: HistoryQuery,
): Promise<HistoryLines> => {
  const page = new Page(query, clock)
  let place = placeOf(query.after)
  let including = true
  for (;;) {
    const list = { after: place?.id ?? '', including, ended: true, limit: actorsAtOnce }
    const { actors } = await history.actors(owner, query, list)
    for (const { row } of actors) {
      const from = place !== null && place.id === row.id ? place : { id: row.id, version: 1, entry: 0 }
      const stopped = await page.takeActor(replaying, actorKey(owner, row.id), from)
      if (stopped !== null) return page.lines(stopped)
      place = { id: row.id, version: 1, entry: 0 }
    }
    including = false
    if (actors.length < actorsAtOnce) return page.lines(null)
  }
}

class Page {
  readonly #sightings: Sighting[] = []
  readonly #faults: { id: string; why: string }[] = []
  readonly #query: HistoryQuery
  readonly #clock: Clock
  readonly #until: number
  #room = answerBytesMax

  constructor(query: HistoryQuery, clock: Clock) {
    this.#query = query
    this.#clock = clock
    this.#until = clock.monotonic() + historyPageMs
  }

  lines(next: Place | null): HistoryLines {
    return {
      sightings: this.#sightings,
      faults: this.#faults,
      next: next === null ? null : `${next.id}.${next.version}.${next.entry}`,
    }
  }

  /** Takes an actor's history from that place on. The answer is where the page ended, or null when all of it went in. */
  async takeActor(replaying: Replaying, key: ReturnType<typeof actorKey>, from: Place): Promise<Place | null> {
    const { fromVersion = 1, toVersion = Number.MAX_SAFE_INTEGER } = this.#query
    try {
      for await (const seen of replaying.of(key, Math.max(from.version, fromVersion) - 1)) {
        if (seen.version > toVersion) return null
        const isBefore = seen.version === from.version && seen.place < from.entry
        if (isBefore || this.#takes(sightingOf(seen))) continue
        return { id: from.id, version: seen.version, entry: seen.place }
      }
    } catch (error) {
      if (error instanceof WritError && error.code !== 'INTERNAL') throw error
      this.#faults.push({ id: from.id, why: error instanceof Error ? error.message : String(error) })
    }
    return null
  }

  #takes(sighting: Sighting): boolean {
    const bytes = jsonBytes(sighting) + 1
    const isFull = this.#sightings.length >= this.#query.limit || bytes > this.#room
    if (this.#sightings.length > 0 && (isFull || this.#clock.monotonic() > this.#until)) return false
    this.#room -= bytes
    this.#sightings.push(sighting)
    return true
  }
}

const placeOf = (after: string | undefined): Place | null => {
  if (after === undefined) return null
  const [, id, version, entry] = /^([A-Za-z0-9_-]+)\.(\d{1,15})\.(\d{1,9})$/.exec(after) ?? []
  if (id === undefined)
    throw new WritError('BAD_INPUT', `after ${JSON.stringify(after.slice(0, 80))} is not the place of a page`, {
      hint: 'give the `next` of the page before, as it is',
    })
  return { id, version: Number(version), entry: Number(entry) }
}
