/** A worker thread of a node: one engine, a heartbeat that shows that its event loop turns, and the word to stop. */
import { parentPort, workerData } from 'node:worker_threads'
import { type EngineOptions, startEngine } from './engine-of.ts'
import { Signs } from './signs.ts'

export interface ThreadData extends Omit<EngineOptions, 'log' | 'refused' | 'restored' | 'turning'> {
  /** Those of `Signs`. */
  signs: SharedArrayBuffer
}

/** What a thread tells its node. */
export type FromThread =
  | { type: 'log'; line: string }
  | { type: 'ready' }
  /** The database was restored from an earlier copy: this thread ends, and another is to begin. */
  | { type: 'restored' }
  | { type: 'failed'; code: string; message: string; hint?: string }

const heartbeatMs = 200

const tell = (message: FromThread): void => parentPort?.postMessage(message)

const run = async (options: Omit<ThreadData, 'signs'>): Promise<void> => {
  const beating = setInterval(() => signs.beat(), heartbeatMs)
  const running = await startEngine({
    ...options,
    log: (line) => tell({ type: 'log', line }),
    refused: end,
    turning: (message) => signs.turning(message),
    restored: () => {
      signs.turning(null)
      tell({ type: 'restored' })
      process.exit(1)
    },
  })
  parentPort?.once('message', () => {
    void running.stop().finally(() => {
      clearInterval(beating)
      parentPort?.close()
    })
  })
  tell({ type: 'ready' })
}

/** Says why, and ends: what it held others have already, or will take over. */
const end = (error: unknown): void => {
  const { code = 'INTERNAL', message, hint } = error as { code?: string; message: string; hint?: string }
  tell({ type: 'failed', code, message, ...(hint === undefined ? {} : { hint }) })
  // The message at which it happens to be has no part in it.
  signs.turning(null)
  process.exit(1)
}

const { signs: shared, ...data } = workerData as ThreadData
const signs = new Signs(shared)
run(data).catch(end)
