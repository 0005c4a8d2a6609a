/**
 * Time that only passes when it is told to: the queue of everything that will happen, in the order of its time, and of its
 * making where the times are the same. Between two events all promises that can settle do.
 */
import type { Alarm, Clock } from '../../src/actors/ports/clock.ts'

interface Event {
  at: number
  order: number
  call: () => void
  cancelled: boolean
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

export class SimClock implements Clock {
  #now = 0
  #made = 0
  /** Scheduled events that have happened. */
  events = 0
  /** A binary heap: the next event is at 0. */
  readonly #heap: Event[] = []

  monotonic(): number {
    return this.#now
  }

  after(ms: number, call: () => void): Alarm {
    const event: Event = { at: this.#now + Math.max(0, ms), order: this.#made++, call, cancelled: false }
    this.#push(event)
    return {
      cancel: () => {
        event.cancelled = true
      },
    }
  }

  /** When the next event is due, or null when nothing will ever happen. */
  get next(): number | null {
    while (this.#heap[0]?.cancelled) this.#pop()
    return this.#heap[0]?.at ?? null
  }

  /** Lets time pass until then; what is due exactly then happens too. */
  async run(until: number): Promise<void> {
    await settle()
    await this.go(until)
  }

  /** As `run`, for who simulates all that happens: nothing else of this process goes on meanwhile. */
  async go(until: number): Promise<void> {
    await drained()
    for (let at = this.next; at !== null && at <= until; at = this.next) {
      this.#step()
      await drained()
    }
    this.#now = Math.max(this.#now, until)
  }

  /** Lets time pass until it is settled, and hands on how. Throws when nothing is left that could settle it within `limitMs`. */
  async runFor<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let settled = false
    const mark = (): void => {
      settled = true
    }
    promise.then(mark, mark)
    const limit = this.#now + limitMs
    for (await settle(); !settled;) {
      const at = this.next
      if (at === null || at > limit)
        throw new Error(`still waiting at ${this.#now} ms: nothing that is to come can end it`)
      this.#step()
      await drained()
    }
    return promise
  }

  #step(): void {
    const event = this.#pop()
    if (event === undefined || event.cancelled) return
    this.#now = Math.max(this.#now, event.at)
    this.events++
    event.call()
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, event)) break
      heap[at] = above
      heap[parent] = event
      at = parent
    }
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (last === undefined || last === first) return first
    let at = 0
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]]
      const rightIsLess = right !== undefined && left !== undefined && isBefore(right, left)
      const child = rightIsLess ? right : left
      if (child === undefined || isBefore(last, child)) break
      heap[at] = child
      at = 2 * at + (rightIsLess ? 2 : 1)
    }
    heap[at] = last
    return first
  }
}

/** Every promise that can settle by others alone has settled after it: Node calls it once nothing of them is left to do. */
const drained = (): Promise<void> => new Promise(whenDrained)

const whenDrained = (resolve: () => void): void => process.nextTick(resolve)

/** A whole turn of the event loop, so that what else there is of this process goes on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
