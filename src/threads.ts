/**
 * The worker threads of a node: started, watched that each lives and that its event loop turns, and started again in the
 * place of one that does not. What a dead thread held is taken over within two leases.
 */
import { Worker } from 'node:worker_threads'
import type { Log } from './log.ts'
import { type Code, codes, WritError } from './protocol/errors.ts'
import { leaseMs, threadStartMs } from './protocol/limits.ts'
import { endedThread } from './protocol/parked.ts'
import { Restarts } from './restarts.ts'
import { Signs } from './signs.ts'
import type { FromThread, ThreadData } from './thread.ts'

export interface ThreadsOptions {
  /** What each is told, beside its name. */
  data: Omit<ThreadData, 'signs' | 'thread'>
  log: Log
  /** Takes a line of a thread's log. */
  write: (line: string) => void
  /** Counts a try of the message that a thread did not outlive; answers with the count so far. */
  countTry: (message: number, reason: string) => Promise<number>
  /** The node cannot go on. */
  failed: (error: unknown) => void
  /** A thread has ended because the database was restored from an earlier copy. */
  restored: () => void
}

interface Running {
  worker: Worker
  signs: Signs
  beats: number
  movedAt: number
  /** Since when it has worked; null until it is ready. */
  readyAt: number | null
  /** What it said of why it ends. */
  error: unknown
  /** What is known of why it ended, when it said nothing. */
  why: string | null
}

const lookMs = 1000
/** After so long without a look the whole process stood still. */
const stoodStillMs = 3 * lookMs

export class Threads {
  readonly #options: ThreadsOptions
  readonly #running = new Map<number, Running>()
  readonly #restarts = new Restarts()
  /** A thread whose heartbeat stands still for so long is ended: its lease is over soon, and it would not notice. */
  readonly #hangMs: number
  #watching: NodeJS.Timeout | null = null
  #lookedAt = 0
  #stopped = false

  constructor(options: ThreadsOptions) {
    this.#options = options
    this.#hangMs = Math.max(leaseMs, options.data.leaseMs ?? 0)
  }

  /** Resolves when every thread holds its share. Throws what the first one that fails throws. */
  async start(): Promise<void> {
    this.#lookedAt = performance.now()
    this.#watching = setInterval(() => this.#look(), lookMs)
    await Promise.all(Array.from({ length: this.#options.data.threads }, (_, index) => this.#startOne(index)))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#watching !== null) clearInterval(this.#watching)
    await Promise.all([...this.#running.values()].map((entry) => this.#stopOne(entry)))
  }

  #startOne(index: number): Promise<void> {
    const { data, log, write, restored } = this.#options
    const thread = `${data.node}-${index}`
    const { entry, ready } = startThread({ ...data, thread }, { log, write, restored })
    this.#running.set(index, entry)
    entry.worker.once('exit', (code) => {
      if (this.#running.get(index) === entry) this.#running.delete(index)
      if (!this.#stopped) void this.#ended(index, thread, code, entry)
    })
    return ready
  }

  async #ended(index: number, thread: string, code: number, entry: Running): Promise<void> {
    const { log, failed } = this.#options
    const { readyAt, error } = entry
    const workedMs = readyAt === null ? 0 : performance.now() - readyAt
    // Before another takes its place, and is at the same message soon.
    const isCounted = await this.#countTry(thread, code, entry)
    if (this.#stopped) return
    try {
      const afterMs = this.#restarts.after({ index, workedMs, error, isCounted })
      log.warn({ thread, code, afterMs }, 'a thread ended; another takes its place')
      setTimeout(() => this.#again(index), afterMs)
    } catch (cause) {
      log.error({ thread, code, err: cause }, 'a thread ended, and no other can take its place: the node ends')
      failed(cause)
    }
  }

  /** Whether it has ended at a message, whose tries are counted: none when it is parked by now. One that could not be counted is made again. */
  async #countTry(thread: string, code: number, { signs: { message }, why }: Running): Promise<boolean> {
    if (message === null) return false
    const { log, countTry } = this.#options
    const reason = `${endedThread}${why ?? `its exit code was ${code}`}`
    try {
      const tries = await countTry(message, reason)
      log.error({ thread, message, tries, reason }, 'a thread ended at a message')
      return true
    } catch (error) {
      log.warn({ err: error, thread, message }, 'counting a failed try failed')
      return false
    }
  }

  /** One that fails to start has said so in the log, and its end brings the next try. */
  #again(index: number): void {
    if (this.#stopped) return
    this.#startOne(index).catch((error: unknown) => this.#options.log.error({ err: error }, 'a thread did not start'))
  }

  #look(): void {
    const now = performance.now()
    // Nothing is known of its threads then.
    const stoodStill = now - this.#lookedAt > stoodStillMs
    this.#lookedAt = now
    if (stoodStill) this.#options.log.warn({}, 'the process stood still')
    for (const entry of this.#running.values()) {
      const { beats } = entry.signs
      if (beats !== entry.beats || stoodStill) Object.assign(entry, { beats, movedAt: now })
      else if (now - entry.movedAt >= (entry.beats === 0 ? threadStartMs : this.#hangMs))
        this.#endHanging(entry, now - entry.movedAt)
    }
  }

  #endHanging(entry: Running, stoodStillMs: number): void {
    const { log } = this.#options
    log.error({ stoodStillMs: Math.round(stoodStillMs) }, "a thread's event loop stands still; it is ended")
    entry.why = `its event loop stood still for ${Math.round(stoodStillMs / 1000)} s`
    void entry.worker.terminate()
  }

  /** One that does not stop by itself within a lease is ended. */
  async #stopOne({ worker }: Running): Promise<void> {
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    worker.postMessage('stop')
    const force = setTimeout(() => void worker.terminate(), this.#hangMs)
    await ended
    clearTimeout(force)
  }
}

const startThread = (
  data: Omit<ThreadData, 'signs'>,
  { log, write, restored }: Pick<ThreadsOptions, 'log' | 'write' | 'restored'>,
): { entry: Running; ready: Promise<void> } => {
  const signs = new Signs()
  const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js'
  const worker = new Worker(new URL(file, import.meta.url), { workerData: { ...data, signs: signs.shared } })
  const entry: Running = { worker, signs, beats: 0, movedAt: performance.now(), readyAt: null, error: null, why: null }
  const ready = new Promise<void>((resolve, reject) => {
    worker.on('message', (message: FromThread) => {
      if (message.type === 'log') return write(message.line)
      if (message.type === 'restored') return restored()
      if (message.type === 'ready') {
        entry.readyAt = performance.now()
        return resolve()
      }
      entry.error = errorOf(message)
      reject(entry.error as WritError)
    })
    worker.once('error', (error) => {
      log.error({ err: error, thread: data.thread }, 'a thread failed')
      entry.why = error instanceof Error ? error.message : String(error)
      reject(error)
    })
    worker.once('exit', () => reject(new WritError('INTERNAL', `the thread ${data.thread} ended before it was ready`)))
  })
  return { entry, ready }
}

const errorOf = ({ code, message, hint }: Extract<FromThread, { type: 'failed' }>): WritError =>
  new WritError(code in codes ? (code as Code) : 'INTERNAL', message, hint === undefined ? {} : { hint })
