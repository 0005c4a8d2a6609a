/**
 * A node: the main thread that starts worker threads, watches that each lives and that its event loop turns, and starts
 * another in the place of one that does not. What a dead thread held is taken over by the others within two leases.
 */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type Log, openLog } from './log.ts'
import { type HttpOptions, type RunningObserver, startObserver } from './observer-of.ts'
import { migrate } from './persistence/migrate.ts'
import { type Code, codes, WritError } from './protocol/errors.ts'
import { leaseMs } from './protocol/limits.ts'
import type { Retention } from './protocol/retention.ts'
import type { FromThread, ThreadData } from './thread.ts'

export interface NodeOptions {
  databaseUrl: string
  /** As `connect` takes it. */
  nats: { url: string; inboxPrefix?: string; caFile?: string }
  /** The node's name: one token. */
  name: string
  /** Worker threads; one per core when unset. */
  threads?: number
  /** The id of the data folder that this node has locked for itself, if it has one: its predecessor there is fenced at once. */
  home?: string
  /** How long what is over is kept; for ever when left out. */
  retention?: Retention
  /** The inspector's socket; none when left out. */
  http?: HttpOptions
  /** Takes a line of the log: JSON, without its end. */
  log: (line: string) => void
}

export interface RunningNode {
  /** Where the inspector listens, as `http://host:port`; null without one. */
  http: string | null
  /** Finishes what is under way and gives back all shards. Called again: the same promise. */
  stop: () => Promise<void>
}

/** A thread whose heartbeat stands still for so long is ended: its lease is over soon, and it would not notice. */
const hangMs = leaseMs
const lookMs = 1000
const restartMs = 500

interface Running {
  worker: Worker
  heartbeat: Int32Array
  beats: number
  movedAt: number
}

/** Resolves when every thread holds its share. Throws what the first thread that fails throws. */
export const startNode = async (options: NodeOptions): Promise<RunningNode> => {
  const log = openLog(options.log, { node: options.name })
  await migrate({ url: options.databaseUrl, log: (text) => log.info({}, text) })
  const count = options.threads ?? availableParallelism()
  // New at every start: how the store tells this node's threads from those of a predecessor on the same folder, and of others of its name.
  const node = `${options.name}-${randomBytes(4).toString('hex')}`
  const running = new Map<number, Running>()
  let stopping: Promise<void> | null = null

  const start = (index: number): Promise<void> => {
    const thread = `${node}-${index}`
    const data = {
      databaseUrl: options.databaseUrl,
      nats: options.nats,
      node,
      thread,
      home: options.home ?? null,
      threads: count,
      ...(options.retention === undefined ? {} : { retention: options.retention }),
    }
    const { entry, ready } = startThread(data, log, options.log)
    running.set(index, entry)
    entry.worker.once('exit', (code) => {
      if (running.get(index) === entry) running.delete(index)
      if (stopping !== null) return
      log.warn({ thread, code }, 'a thread ended; another takes its place')
      setTimeout(() => again(index), restartMs)
    })
    return ready
  }

  /** One that fails to start has said so in the log, and its end brings the next try. */
  const again = (index: number): void => {
    if (stopping === null) start(index).catch((error: unknown) => log.error({ err: error }, 'a thread did not start'))
  }
  const watching = setInterval(() => {
    for (const entry of running.values()) endHanging(entry, log)
  }, lookMs)
  const stop = async (): Promise<void> => {
    clearInterval(watching)
    // However the observer ends, the threads finish and give back their shards.
    const unseen = observer?.stop().catch((error: unknown) => log.error({ err: error }, 'the observer did not stop'))
    await Promise.all([unseen, ...[...running.values()].map(stopThread)])
  }
  let observer: RunningObserver | null = null
  try {
    await Promise.all(Array.from({ length: count }, (_, index) => start(index)))
    observer = await startObserver({ ...options, node })
  } catch (error) {
    stopping = stop()
    await stopping
    throw error
  }
  return { http: observer.url, stop: () => (stopping ??= stop()) }
}

const startThread = (
  data: Omit<ThreadData, 'heartbeat'>,
  log: Log,
  write: (line: string) => void,
): { entry: Running; ready: Promise<void> } => {
  const shared = new SharedArrayBuffer(4)
  const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js'
  const worker = new Worker(new URL(file, import.meta.url), { workerData: { ...data, heartbeat: shared } })
  const entry = { worker, heartbeat: new Int32Array(shared), beats: 0, movedAt: performance.now() }
  const ready = new Promise<void>((resolve, reject) => {
    worker.on('message', (message: FromThread) => {
      if (message.type === 'log') write(message.line)
      else if (message.type === 'ready') resolve()
      else reject(errorOf(message))
    })
    worker.once('error', (error) => {
      log.error({ err: error, thread: data.thread }, 'a thread failed')
      reject(error)
    })
    worker.once('exit', () => reject(new WritError('INTERNAL', `the thread ${data.thread} ended before it was ready`)))
  })
  return { entry, ready }
}

const errorOf = ({ code, message, hint }: Extract<FromThread, { type: 'failed' }>): WritError =>
  new WritError(code in codes ? (code as Code) : 'INTERNAL', message, hint === undefined ? {} : { hint })

const endHanging = (entry: Running, log: Log): void => {
  const beats = Atomics.load(entry.heartbeat, 0)
  const now = performance.now()
  if (beats !== entry.beats) {
    entry.beats = beats
    entry.movedAt = now
  } else if (now - entry.movedAt >= hangMs) {
    log.error({ stoodStillMs: Math.round(now - entry.movedAt) }, "a thread's event loop stands still; it is ended")
    void entry.worker.terminate()
  }
}

/** A thread that does not stop by itself within a lease is ended. */
const stopThread = async ({ worker }: Running): Promise<void> => {
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.postMessage('stop')
  const force = setTimeout(() => void worker.terminate(), leaseMs)
  await ended
  clearTimeout(force)
}
