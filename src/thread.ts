/** A worker thread of a node: one engine, a heartbeat that shows that its event loop turns, and the word to stop. */
import { parentPort, workerData } from 'node:worker_threads'
import { type EngineOptions, startEngine } from './engine-of.ts'

export interface ThreadData extends Omit<EngineOptions, 'log' | 'refused' | 'restored'> {
  /** One counter, raised by this thread's own event loop. */
  heartbeat: SharedArrayBuffer
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

const run = async ({ heartbeat, ...options }: ThreadData): Promise<void> => {
  const beats = new Int32Array(heartbeat)
  const beating = setInterval(() => Atomics.add(beats, 0, 1), heartbeatMs)
  const running = await startEngine({
    ...options,
    log: (line) => tell({ type: 'log', line }),
    refused: end,
    restored: () => {
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
  process.exit(1)
}

run(workerData as ThreadData).catch(end)
