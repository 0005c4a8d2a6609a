/** Threads that run worlds, each one after the other, as long as there are any. */
import { Worker } from 'node:worker_threads'
import { type Result, textOf, withoutEnd } from './job.ts'
import type { Seed } from './seeds.ts'

/** A world that takes longer runs in a circle. */
const worldMsMax = 300_000

interface Lane {
  worker: Worker
  /** What it runs now. */
  at: Seed | null
  /** Why it ended before that was done. */
  why: string
  alarm: ReturnType<typeof setTimeout> | undefined
}

export class Pool {
  readonly #next: () => Seed | null
  readonly #done: (result: Result) => void
  readonly #lanes = new Set<Lane>()
  #isOver = false

  /** `next`: null when there are no more. */
  constructor(next: () => Seed | null, done: (result: Result) => void) {
    this.#next = next
    this.#done = done
  }

  /** Resolves when all are done, or after `stop`. */
  async run(jobs: number): Promise<void> {
    await Promise.all(Array.from({ length: jobs }, () => this.#work()))
  }

  /** What is under way is dropped. */
  stop(): void {
    this.#isOver = true
    for (const { worker } of this.#lanes) void worker.terminate()
  }

  /** A thread that ended by a fault is followed by another one. */
  async #work(): Promise<void> {
    for (let at = this.#take(); at !== null; at = this.#take()) await this.#workFrom(at)
  }

  #take(): Seed | null {
    return this.#isOver ? null : this.#next()
  }

  #workFrom(first: Seed): Promise<void> {
    const worker = new Worker(new URL('worker.js', import.meta.url))
    const lane: Lane = { worker, at: null, why: 'its thread ended', alarm: undefined }
    this.#lanes.add(lane)
    worker.on('message', (result: Result) => this.#heard(lane, result))
    worker.on('error', (error) => {
      lane.why = textOf(error)
    })
    this.#hand(lane, first)
    return new Promise((resolve) => worker.on('exit', () => resolve(this.#ended(lane))))
  }

  #heard(lane: Lane, result: Result): void {
    if (this.#isOver) return
    this.#done(result)
    this.#hand(lane, this.#take())
  }

  #hand(lane: Lane, at: Seed | null): void {
    clearTimeout(lane.alarm)
    lane.at = at
    if (at === null) return void lane.worker.terminate()
    lane.worker.postMessage(at)
    lane.alarm = setTimeout(() => {
      lane.why = `it did not end within ${worldMsMax / 1000} s`
      void lane.worker.terminate()
    }, worldMsMax)
  }

  #ended(lane: Lane): void {
    clearTimeout(lane.alarm)
    this.#lanes.delete(lane)
    if (lane.at !== null && !this.#isOver) this.#done(withoutEnd(lane.at, `thread: ${lane.why}`))
  }
}
