/** Lets pass at most one state of each actor in a while: the latest, with how many were left out before it. */
import type { Alarm, Clock } from '../actors/ports/clock.ts'
import type { Sighting } from '../protocol/inspection.ts'

interface Paced {
  /** Monotonic ms. */
  shownAt: number
  waiting: { sighting: Sighting; skipped: number; alarm: Alarm } | null
}

export class Coalescing {
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #show: (sighting: Sighting) => void
  readonly #actors = new Map<string, Paced>()

  /** `everyMs` 0: everything passes. */
  constructor(clock: Clock, everyMs: number, show: (sighting: Sighting) => void) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#show = show
  }

  take(sighting: Sighting): void {
    if (this.#everyMs === 0) return this.#show(sighting)
    const { sessionId: id } = sighting
    const paced = this.#actors.get(id)
    const now = this.#clock.monotonic()
    if (paced === undefined || (paced.waiting === null && now - paced.shownAt >= this.#everyMs)) {
      this.#actors.set(id, { shownAt: now, waiting: null })
      return this.#show(sighting)
    }
    const { waiting } = paced
    const alarm = waiting?.alarm ?? this.#clock.after(this.#everyMs - (now - paced.shownAt), () => this.#late(id))
    this.#actors.set(id, {
      ...paced,
      waiting: { sighting, skipped: waiting === null ? 0 : waiting.skipped + 1, alarm },
    })
  }

  /** Shows what waits, and stops. */
  end(): void {
    for (const [id, { waiting }] of this.#actors) {
      waiting?.alarm.cancel()
      this.#late(id)
    }
  }

  #late(id: string): void {
    const waiting = this.#actors.get(id)?.waiting ?? null
    if (waiting === null) return
    this.#actors.set(id, { shownAt: this.#clock.monotonic(), waiting: null })
    const { sighting, skipped } = waiting
    this.#show(skipped === 0 ? sighting : { ...sighting, writ: { ...sighting.writ, skipped } })
  }
}
