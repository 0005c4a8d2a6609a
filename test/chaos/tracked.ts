/** Processes of one run: started with their output in a file, ended by their id, and never forgotten. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { endProcess } from '../../src/embedded/end-process.ts'
import { living } from '../../src/embedded/living.ts'
import { atExit } from './at-exit.ts'

export interface Tracked {
  name: string
  pid: number
  logFile: string
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | string>
  readonly isRunning: boolean
  send: (signal: NodeJS.Signals) => void
  /** Whether it has written this since its start. */
  hasSaid: (text: string) => boolean
  /** In order, and by force when that takes longer; how it ended. */
  end: () => Promise<number | string>
}

const gentleMs = 60_000

export class Processes {
  readonly #all = new Set<Tracked & { started: string }>()
  /** Whatever ends this process, nothing of it runs on. */
  readonly #spared = atExit(() => this.killAll())
  #isClosed = false

  /** In a session of its own: a Ctrl-C is for the run alone, which ends everything in order. */
  start(name: string, args: readonly string[], options: { env: NodeJS.ProcessEnv; logFile: string }): Tracked {
    if (this.#isClosed) throw new Error(`${name} is not started any more: the run is being ended`)
    const { env, logFile } = options
    const log = openSync(logFile, 'a', 0o600)
    const from = statSync(logFile).size
    const child = spawn(process.execPath, args, { cwd: '/', env, detached: true, stdio: ['ignore', log, log] })
    closeSync(log)
    const pid = child.pid ?? 0
    const ended = new Promise<number | string>((resolve) => {
      child.once('error', (error) => resolve(String(error)))
      child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
    })
    const isRunning = (): boolean => child.exitCode === null && child.signalCode === null && child.pid !== undefined
    const send = (signal: NodeJS.Signals): void => void (isRunning() && child.kill(signal))
    const tracked = {
      name,
      pid,
      logFile,
      started: living(pid)?.started ?? 'ended',
      ended,
      get isRunning() {
        return isRunning()
      },
      send,
      hasSaid: (text: string) => readFileSync(logFile).subarray(from).includes(text),
      end: async () => {
        send('SIGCONT')
        send('SIGTERM')
        const late = new AbortController()
        void delay(gentleMs, undefined, { signal: late.signal }).then(
          () => send('SIGKILL'),
          () => undefined,
        )
        const how = await ended
        late.abort()
        return how
      },
    }
    this.#all.add(tracked)
    void ended.then(() => this.#all.delete(tracked))
    return tracked
  }

  /** At once, by their ids. */
  killAll(): void {
    for (const one of this.#all) if (living(one.pid)?.started === one.started) one.send('SIGKILL')
  }

  /** For good: nothing is started any more. */
  async endAll(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#all].map((one) => one.end()))
    this.#spared()
  }
}

/** Ends a process that is not our child. */
export const endStray = async (pid: number): Promise<void> => {
  const one = living(pid)
  if (one !== undefined) await endProcess(one, [{ signal: 'SIGKILL', waitMs: 5000 }])
}
