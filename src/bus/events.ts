/**
 * A directive's events in their order, each once. NATS brings them at once but may lose some: numbers have no gaps, so
 * what is missing shows, and is fetched; a look from time to time finds the last one when that is what was lost. The oldest may have
 * been forgotten: then they begin with the first that is there.
 */
import type { Bus, Incoming } from '../actors/ports/bus.ts'
import type { Clock } from '../actors/ports/clock.ts'
import { type EventLine, pageCountMax } from '../protocol/commands.ts'
import { Bell } from './bell.ts'
import { readEventLine } from './event-line.ts'
import { isPassing } from './retry.ts'

const lookMs = 5_000
/** Of live events that a slow reader has not come to; those beyond it are fetched when it is their turn. */
const aheadCountMax = 4 * pageCountMax

export interface EventsOptions {
  bus: Pick<Bus, 'subscribe'>
  clock: Clock
  /** Where the live ones come. */
  pattern: string
  /** The first page of events after a number. */
  fetch: (after: number) => Promise<readonly EventLine[]>
  after?: number
  signal?: AbortSignal
}

/** What is here and was not yet handed on, by number. */
class Ahead {
  readonly #lines = new Map<number, EventLine>()
  readonly bell = new Bell()

  readonly take = ({ body }: Incoming): void => {
    const line = readEventLine(body)
    if (line !== null && this.#lines.size < aheadCountMax) this.#lines.set(line.number, line)
    this.bell.ring()
  }

  /** A page of what there is after a number. Answers with the first number that may be there: those before it were forgotten. */
  add(lines: readonly EventLine[], next: number): number {
    for (const line of lines) this.#lines.set(line.number, line)
    return Math.max(next, lines[0]?.number ?? next)
  }

  pick(number: number): EventLine | undefined {
    const line = this.#lines.get(number)
    this.#lines.delete(number)
    return line
  }

  has(number: number): boolean {
    return this.#lines.has(number)
  }

  dropUntil(number: number): void {
    for (const one of this.#lines.keys()) if (one <= number) this.#lines.delete(one)
  }
}

export async function* eventsOf(options: EventsOptions): AsyncGenerator<EventLine, void, undefined> {
  const { bus, clock, pattern, fetch, signal, after = 0 } = options
  const ahead = new Ahead()
  // Listening comes before the first look: between the two nothing can be missed.
  const subscription = bus.subscribe(pattern, {}, ahead.take)
  const isOver = (): boolean => signal?.aborted === true
  let next = after + 1
  try {
    next = ahead.add(await fetch(after), next)
    /** Whether the last look brought something: then there may be another page, and nothing is waited for. */
    let behind = ahead.has(next)
    while (!isOver()) {
      const line = ahead.pick(next)
      if (line !== undefined) {
        next++
        yield line
        continue
      }
      ahead.dropUntil(next - 1)
      if (!behind) await ahead.bell.wait(clock, lookMs, signal)
      if (ahead.has(next) || isOver()) continue
      next = ahead.add(await page(fetch, next - 1), next)
      behind = ahead.has(next)
    }
  } finally {
    await subscription.drain()
  }
}

/** Once it has begun, a node that does not answer for a while does not end it. */
const page = async (fetch: EventsOptions['fetch'], after: number): Promise<readonly EventLine[]> => {
  try {
    return await fetch(after)
  } catch (error) {
    if (isPassing(error)) return []
    throw error
  }
}
