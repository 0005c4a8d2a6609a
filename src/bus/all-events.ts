/**
 * What all directives of an owner tell: each event once, and those of one directive in their order. NATS brings them at once
 * but may lose some: numbers have no gaps within a directive, so what is missing shows, and is fetched; a look from time to
 * time finds the last ones, and directives of which nothing arrived.
 */
import type { Bus } from '../actors/ports/bus.ts'
import type { Clock } from '../actors/ports/clock.ts'
import { type EventLine, pageCountMax } from '../protocol/commands.ts'
import type { EventsPage } from '../protocol/event-views.ts'
import { Bell } from './bell.ts'
import { readEventLine } from './event-line.ts'
import { isPassing } from './retry.ts'

const lookMs = 5_000
/** An event has the time of its turn, and is to be read once its commit has held: so much later at most, in ms. */
const commitMs = 30_000
/** Of live events that a slow reader has not come to; those beyond it are found by the next look. */
const aheadCountMax = 20 * pageCountMax
/** Directives that are remembered. */
const knownCountMax = 100_000
/** Of a directive that tells something for the first time, so many events before that are looked through at a time. */
const backCount = 50

export interface AllEventsOptions {
  bus: Pick<Bus, 'subscribe'>
  clock: Clock
  /** Where the live ones come. */
  pattern: string
  /** A page of what all have told since a time; without one, only what time it is. */
  list: (query: { since?: string; after?: string }) => Promise<EventsPage>
  /** A page of a directive's events after a number. */
  fetch: (directive: string, after: number, limit: number) => Promise<readonly EventLine[]>
  /** ISO 8601; from now on when unset. */
  since?: string
  signal?: AbortSignal
}

export async function* allEventsOf(options: AllEventsOptions): AsyncGenerator<EventLine, void, undefined> {
  const { bus, clock, pattern, signal } = options
  const heard: EventLine[] = []
  const bell = new Bell()
  // Listening comes before the first look: between the two nothing can be missed.
  const subscription = bus.subscribe(pattern, {}, ({ body }) => {
    const line = readEventLine(body)
    if (line !== null && heard.length < aheadCountMax) heard.push(line)
    bell.ring()
  })
  const isOver = (): boolean => signal?.aborted === true
  const following = new Following(options)
  try {
    yield* following.look()
    let lookAt = clock.monotonic() + lookMs
    while (!isOver()) {
      const line = heard.shift()
      if (line !== undefined) yield* patient(following.take(line))
      else await bell.wait(clock, Math.max(1, Math.ceil(lookAt - clock.monotonic())), signal)
      if (isOver() || clock.monotonic() < lookAt) continue
      yield* patient(following.look())
      lookAt = clock.monotonic() + lookMs
    }
  } finally {
    await subscription.drain()
  }
}

/** Once it has begun, a node that does not answer for a while does not end it: the next look finds what was missed. */
async function* patient(lines: AsyncGenerator<EventLine>): AsyncGenerator<EventLine, void, undefined> {
  try {
    yield* lines
  } catch (error) {
    if (!isPassing(error)) throw error
  }
}

/** Which events of which directive were handed on. */
class Following {
  readonly #options: AllEventsOptions
  /** The last number, by directive. */
  readonly #known = new Map<string, number>()
  /** All that was told before this time (ms since 1970) was handed on, or is not wanted. */
  #from: number | null = null

  constructor(options: AllEventsOptions) {
    this.#options = options
  }

  /** What was told since the last look, as far as it is not known. */
  async *look(): AsyncGenerator<EventLine, void, undefined> {
    const { list, since } = this.#options
    const from = this.#from === null ? since : new Date(this.#from).toISOString()
    let page = await list(from === undefined ? {} : { since: from })
    const asOf = Date.parse(page.asOf)
    // Whoever only wants what comes is not told what was under way before.
    this.#from ??= since === undefined ? asOf : Date.parse(since)
    for (;;) {
      this.#meet(page.lines, asOf - commitMs)
      for (const line of page.lines) yield* this.take(line)
      if (page.next === null || from === undefined) break
      page = await list({ since: from, after: page.next })
    }
    this.#from = Math.max(this.#from, asOf - commitMs)
  }

  /**
   * Of a directive that was not heard of, the first of what was told since then is the first that is wanted. Of what is not so old that
   * all before it was there at the first page, that is not said: what came between two pages may belong on the one that was read.
   */
  #meet(lines: readonly EventLine[], settled: number): void {
    const first = new Map<string, number>()
    for (const { directive, number, time } of lines)
      if (!this.#known.has(directive) && Date.parse(time) < settled)
        first.set(directive, Math.min(number, first.get(directive) ?? number))
    for (const [directive, number] of first) this.#known.set(directive, number - 1)
  }

  /** The line, unless it is known, behind what of its directive comes before it. */
  async *take(line: EventLine): AsyncGenerator<EventLine, void, undefined> {
    const { directive, number } = line
    const known = this.#known.get(directive) ?? (await this.#before(line))
    if (number <= known) return
    for (let next = known + 1; next < number; next = (this.#known.get(directive) ?? next) + 1) {
      const missed = await this.#options.fetch(directive, next - 1, pageCountMax)
      if (missed[0]?.number !== next) break
      for (const each of missed) if (each.number < number) yield* this.#handOn(each)
    }
    yield* this.#handOn(line)
  }

  *#handOn(line: EventLine): Generator<EventLine, void, undefined> {
    // The one that told nothing for longest comes first, and is forgotten first: what it told then, no look finds any more.
    this.#known.delete(line.directive)
    this.#known.set(line.directive, line.number)
    if (this.#known.size > knownCountMax) this.#known.delete(this.#known.keys().next().value ?? '')
    yield line
  }

  /** The number of the last event of its directive that is not wanted: what was told later is, though it did not arrive. */
  async #before({ directive, number }: EventLine): Promise<number> {
    const from = this.#from ?? 0
    for (let last = number - 1; last > 0;) {
      const after = Math.max(0, last - backCount)
      const page = await this.#options.fetch(directive, after, last - after)
      const old = page.findLast((line) => Date.parse(line.time) < from)
      if (old !== undefined) return old.number
      last = after
    }
    return 0
  }
}
