/** Runs a program that is to do one thing for us, out of reach of the Ctrl-C of our terminal: whether it is ended is ours to say. */
import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

export interface Apart {
  env: NodeJS.ProcessEnv
  uid?: number
  gid?: number
  /** When aborted, the program is ended with all that it has started. */
  stopping: AbortSignal | undefined
}

/** Between a word to end and the end of the patience with it, in ms. */
const gentleMs = 2_000

/** Resolves when it has ended with 0. Throws the reason of `stopping`, or an error whose `stderr` is what it said. */
export async function runApart(file: string, args: readonly string[], { stopping, ...as }: Apart): Promise<void> {
  stopping?.throwIfAborted()
  const child = spawn(file, args, { ...as, cwd: '/', detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<number | string | null>((resolve, reject) => {
    child.once('close', (code, signal) => resolve(code ?? signal))
    child.once('error', reject)
  })
  const end = (): void => void endGroup(child.pid, ended)
  stopping?.addEventListener('abort', end, { once: true })
  try {
    const how = await ended
    stopping?.throwIfAborted()
    if (how !== 0) throw Object.assign(new Error(`${file} ended with ${how}`), { stderr: said })
  } finally {
    stopping?.removeEventListener('abort', end)
  }
}

/** By a word that lets it take back what it has begun, then at once. */
async function endGroup(pid: number | undefined, ended: Promise<unknown>): Promise<void> {
  if (pid === undefined) return
  signalGroup(pid, 'SIGTERM')
  const patience = new AbortController()
  const late = delay(gentleMs, 'late', { signal: patience.signal }).catch(() => undefined)
  if ((await Promise.race([late, ended.catch(() => undefined)])) === 'late') signalGroup(pid, 'SIGKILL')
  patience.abort()
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal)
  } catch (error) {
    // It has ended since.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
