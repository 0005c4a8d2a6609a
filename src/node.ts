/** A node: worker threads that hold shards and do the work, and beside them what shows the inside. */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { checkNats } from './bus/nats-bus.ts'
import { openLog } from './log.ts'
import { type HttpOptions, type RunningObserver, startObserver } from './observer-of.ts'
import { countEnded } from './persistence/ended-threads.ts'
import { migrate } from './persistence/migrate.ts'
import { Threads } from './threads.ts'
import type { Retention } from './protocol/retention.ts'

export interface NodeOptions {
  databaseUrl: string
  /** As `connect` takes it. */
  nats: { url: string; inboxPrefix?: string; caFile?: string }
  /** The node's name: one token. */
  name: string
  /** Worker threads; one per core when unset. */
  threads?: number
  /** Of the threads' leases, in ms; 10 s when unset. */
  leaseMs?: number
  /** The id of the data folder that this node has locked for itself, if it has one: its predecessor there is fenced at once. */
  home?: string
  /** Only beside nodes that there are, or have been: a database without Writ is refused. */
  join?: boolean
  /** How long what is over is kept; for ever when left out. */
  retention?: Retention | undefined
  /** The inspector's socket; none when left out. */
  http?: HttpOptions
  /** Takes a line of the log: JSON, without its end. */
  log: (line: string) => void
}

export interface RunningNode {
  /** Where the inspector listens, as `http://host:port`; null without one. */
  http: string | null
  /** Rejects when the node cannot go on: a thread that ends again and again, or that the database does not let in any more. */
  failed: Promise<never>
  /** Finishes what is under way and gives back all shards. Called again: the same promise. */
  stop: () => Promise<void>
}

/** Resolves when every thread holds its share. Throws what a server refuses it with, or the first thread that fails throws. */
export const startNode = async (options: NodeOptions): Promise<RunningNode> => {
  const { databaseUrl, nats, name, home = null, leaseMs, threads: count = availableParallelism() } = options
  const log = openLog(options.log, { node: name })
  // First: a start that NATS refuses leaves the database as it was.
  await checkNats({ ...nats, name, log: (text) => log.info({}, text) })
  await migrate({ url: databaseUrl, join: options.join ?? false, log: (text) => log.info({}, text) })
  // New at every start: how the store tells this node's threads from those of a predecessor on the same folder, and of others of its name.
  const node = `${name}-${randomBytes(4).toString('hex')}`
  let failed: (error: unknown) => void = () => undefined
  const failure = new Promise<never>((_, reject) => (failed = reject))
  // Whoever waits for it hears of it; until somebody does, it is in the log.
  failure.catch(() => undefined)
  const data = { databaseUrl, nats, node, home, threads: count, leaseMs, retention: options.retention }
  const threads = new Threads({
    ...{ data, log, write: options.log, failed },
    countTry: (message, reason) => countEnded(databaseUrl, (line) => log.info({}, line), message, reason),
    restored: () => observer?.forget(),
  })
  let observer: RunningObserver | null = null
  const stop = async (): Promise<void> => {
    // However the observer ends, the threads finish and give back their shards.
    const unseen = observer?.stop().catch((error: unknown) => log.error({ err: error }, 'the observer did not stop'))
    await Promise.all([unseen, threads.stop()])
  }
  try {
    await threads.start()
    observer = await startObserver({ ...options, node })
  } catch (error) {
    await stop()
    throw error
  }
  let stopping: Promise<void> | null = null
  return { http: observer.url, failed: failure, stop: () => (stopping ??= stop()) }
}
