// Loaded into a process of Writ before its own code (`--import`): lets a test break its worker threads from outside. A thread
// does what the file FAULTS/<its index> says as soon as that is there, and removes the file: each fault happens once.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, workerData } from 'node:worker_threads'

const faults = {
  throw: () => {
    throw new Error('a fault that a test has put in')
  },
  exit: () => process.exit(7),
  hang: () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },
}

const look = (file) => {
  try {
    const fault = readFileSync(file, 'utf8')
    rmSync(file)
    return faults[fault]
  } catch {
    return undefined
  }
}

const index = isMainThread ? undefined : /-(\d+)$/.exec(workerData?.thread)?.[1]
if (index !== undefined) {
  const file = join(process.env.FAULTS, index)
  setInterval(() => look(file)?.(), 50).unref()
}
