/**
 * A child process as the leader of a group of its own, without a shell between. Whoever it leaves behind is killed when it
 * ends, and a pipe that somebody keeps open delays the end only so long.
 */
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import type { ProcessGroup } from './process-group.ts'
import { signalGroup, startedAt, termMs } from './process-group.ts'

export type Stream = 'stdout' | 'stderr'

export interface Command {
  file: string
  args: readonly string[]
  cwd: string
  /** The whole environment: nothing is inherited. */
  env: Record<string, string>
  /** A file that is its standard input; else it has none. */
  input?: string
  /**
   * Called with the group before the program begins, and awaited: what must be recorded first, so that no crash leaves a
   * process that nobody knows.
   */
  gate?: (group: ProcessGroup) => Promise<void>
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface Running {
  ended: Promise<Ended>
  /** TERM to the group, KILL 10 s later (at once with `force`); resolves when it has ended. */
  stop: (force?: boolean) => Promise<void>
}

/** What a process writes; a number asks to read on only after so many ms. */
export type Take = (chunk: Buffer, stream: Stream) => number

/** The program could not be started at all: a failure of the means. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart'
}

/** How long open pipes are waited for after the leader's end, in ms. */
const pipeMs = 2000

/** Waits for a line on descriptor 3 and becomes the program; ends when the daemon dies first. */
const gateScript = 'read -r _ <&3 || exit 125; exec 3<&-; exec "$@"'

/** Starts a command. Throws CannotStart when its program or folder is not there. */
export const start = async (command: Command, take: Take): Promise<Running> => {
  const program = findProgram(command)
  const gated = command.gate !== undefined
  const [file, args] = gated
    ? ['/bin/sh', ['-c', gateScript, 'writ', program, ...command.args]]
    : [program, [...command.args]]
  const child = await spawned(file, args, command)
  const ended = endOf(child, take)
  const running = { ended, stop: stopper(child, ended) }
  if (command.gate !== undefined) await openGate(child, command.gate, running)
  return running
}

const findProgram = ({ file, cwd, env }: Command): string => {
  const candidates = file.includes('/')
    ? [resolve(cwd, file)]
    : (env['PATH'] ?? '')
        .split(delimiter)
        .filter((folder) => folder !== '')
        .map((folder) => resolve(cwd, folder, file))
  const found = candidates.find(isProgram)
  if (found !== undefined) return found
  throw new CannotStart(
    `the program ${JSON.stringify(file)} was not found${file.includes('/') ? '' : ' on PATH'}, or cannot be run`,
  )
}

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    // Not there, or not to be looked at: not this one.
    return false
  }
}

const spawned = (file: string, args: string[], { cwd, env, input, gate }: Command): Promise<ChildProcess> => {
  const stdin = input === undefined ? null : openSync(input, 'r')
  const stdio: StdioOptions = [stdin ?? 'ignore', 'pipe', 'pipe', ...(gate === undefined ? [] : ['pipe' as const])]
  return new Promise<ChildProcess>((done, fail) => {
    const child = spawn(file, args, { cwd, env, stdio, detached: true })
    child.once('spawn', () => done(child))
    child.once('error', (error) =>
      fail(new CannotStart(`${file} could not be started: ${error.message}`, { cause: error })),
    )
  }).finally(() => {
    if (stdin !== null) closeSync(stdin)
  })
}

/** Resolves when the leader has ended, its group is gone and the pipes are read (or were given up). */
const endOf = (child: ChildProcess, take: Take): Promise<Ended> => {
  for (const stream of ['stdout', 'stderr'] as const) read(child, stream, take)
  return new Promise((done) => {
    let ended: Ended = { code: null, signal: null }
    child.once('exit', (code, signal) => {
      ended = { code, signal }
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
      const giveUp = setTimeout(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
      }, pipeMs)
      child.once('close', () => clearTimeout(giveUp))
    })
    child.once('close', () => done(ended))
  })
}

const read = (child: ChildProcess, stream: Stream, take: Take): void => {
  const pipe = child[stream]
  pipe?.on('data', (chunk: Buffer) => {
    const waitMs = take(chunk, stream)
    if (waitMs <= 0) return
    pipe.pause()
    setTimeout(() => pipe.resume(), waitMs)
  })
  // A pipe that breaks says no more than that the process has closed it.
  pipe?.on('error', () => pipe.destroy())
}

const stopper = (child: ChildProcess, ended: Promise<Ended>) => {
  const lives = (): boolean => child.exitCode === null && child.signalCode === null
  return async (force = false): Promise<void> => {
    const signal = (name: NodeJS.Signals): void => {
      if (child.pid !== undefined && lives()) signalGroup(child.pid, name)
    }
    signal(force ? 'SIGKILL' : 'SIGTERM')
    const killing = setTimeout(() => signal('SIGKILL'), termMs)
    await ended
    clearTimeout(killing)
  }
}

const openGate = async (child: ChildProcess, gate: NonNullable<Command['gate']>, running: Running): Promise<void> => {
  const door = child.stdio[3]
  const id = child.pid ?? 0
  try {
    await gate({ id, started: startedAt(id) ?? '' })
  } catch (error) {
    await running.stop(true)
    throw error
  }
  if (door === null || door === undefined || !('end' in door)) throw new CannotStart('its gate is not a pipe')
  // Whoever was stopped while it waited does not read any more.
  door.on('error', () => door.destroy())
  door.end('\n')
}
