/** The built `writ` command as people run it: real processes, with what they print. */
import { type ChildProcess, execFile, spawn, type SpawnOptions } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const root = join(import.meta.dirname, '../..')
const main = join(root, 'dist/cli/main.js')

export interface Started {
  process: ChildProcess
  /** Everything that it printed so far, on either stream. */
  printed: () => string
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | string>
  /** Resolves when it has printed this; throws with what it printed when it ends before. */
  says: (text: string | RegExp) => Promise<void>
}

/** That of a person who has named no servers and has no configuration file: those of the test run are not for it, which may be a task. */
export const environment = (): NodeJS.ProcessEnv => {
  const { WRIT_DATABASE_URL: _d, WRIT_NATS_URL: _n, WRIT_SOCKET: _s, WRIT_TOKEN: _t, ...rest } = process.env
  return { ...rest, NO_COLOR: '1', XDG_CONFIG_HOME: '/nowhere' }
}

/** Starts `writ` with these arguments, without a terminal. */
export const startWrit = (...args: string[]): Started => startWritWith({}, ...args)

/** The same, with these variables of the environment besides. */
export const startWritWith = (more: Record<string, string>, ...args: string[]): Started => launched(args, { env: more })

/** The same, as a shell starts it: a process group of its own, which gets what is typed at the terminal. */
export const startWritAsJob = (...args: string[]): Started => launched(args, { detached: true })

const launched = (
  args: readonly string[],
  { env = {}, detached = false }: Pick<SpawnOptions, 'env' | 'detached'>,
): Started => {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: root,
    env: { ...environment(), ...env },
    detached,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  const watchers = new Set<() => void>()
  const take = (chunk: Buffer): void => {
    printed += chunk.toString()
    for (const watch of watchers) watch()
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const ended = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown')),
  )
  const says = (text: string | RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        if (typeof text === 'string' ? !printed.includes(text) : !text.test(printed)) return
        watchers.delete(watch)
        resolve()
      }
      watchers.add(watch)
      watch()
      void ended.then((code) =>
        reject(new Error(`writ ${args.join(' ')} ended with ${code} before it said ${String(text)}:\n${printed}`)),
      )
    })
  return { process: child, printed: () => printed, ended, says }
}

/** Runs `writ` to its end; throws when the exit code is not 0. */
export const writ = async (...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { cwd: root, env: environment() })
  return stdout
}
