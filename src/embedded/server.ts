/** A server that Writ runs for itself: what `writ up` is told about it, and how it is started, watched and stopped. */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { WritError } from '../protocol/errors.ts'
import { logBytesMax } from '../protocol/limits.ts'
import { endProcess, mustEnd, type SignalStep } from './end-process.ts'
import type { Folders } from './folders.ts'
import { living, stillLives, type Living } from './living.ts'
import { asUser, type OtherUser } from './other-user.ts'
import { until } from './until.ts'

export interface Exit {
  /** null for an adopted server, whose end we see but not its code. */
  code: number | null
  signal: NodeJS.Signals | null
}

/** What every start of a server takes. */
export interface StartOptions {
  folders: Folders
  log: (line: string) => void
  /** The port to try first: that of the last start when unset, where its clients know it. Another free one is taken when it is in use. */
  port?: number
  /** No port but `port` will do: the start throws UNREACHABLE when it is in use. */
  stay?: boolean
  /** When aborted, a start under way ends at once what it has launched, and throws the reason. */
  signal?: AbortSignal
  /** When aborted, a data folder that is just being made is given up: the start throws the reason. */
  stopping?: AbortSignal
  /** Whether the data folder is another process's by now. */
  isTaken?: () => boolean
}

/** A running server. */
export interface Server {
  name: 'Postgres' | 'NATS'
  version: string
  source: 'bundled' | 'system'
  /** With credentials: for programs, not for the screen. */
  url: string
  port: number
  pid: number
  /** The folder that holds its data. */
  data: string
  /** It ran already: a process of ours that was killed had left it. */
  adopted: boolean
  startedInMs: number
  /** Resolves when it ends, asked for or not. */
  exited: Promise<Exit>
  /** Ends it in order; with `force` at once, leaving recovery to the next start. May be called more than once. */
  stop(force?: boolean): Promise<void>
}

/** Signals of growing force for one server. */
export interface Stops {
  name: Server['name']
  gentle: readonly SignalStep[]
  force: readonly SignalStep[]
}

/** Fast (sessions are ended, a checkpoint is written), then immediate, then none at all. */
export const postgresStops: Stops = {
  name: 'Postgres',
  gentle: [
    { signal: 'SIGINT', waitMs: 15_000 },
    { signal: 'SIGQUIT', waitMs: 5_000 },
    { signal: 'SIGKILL', waitMs: 5_000 },
  ],
  // Not SIGKILL at first: its sessions are process groups of their own, and only it can tell them to go.
  force: [
    { signal: 'SIGQUIT', waitMs: 3_000 },
    { signal: 'SIGKILL', waitMs: 5_000 },
  ],
}

export const natsStops: Stops = {
  name: 'NATS',
  gentle: [
    { signal: 'SIGINT', waitMs: 10_000 },
    { signal: 'SIGKILL', waitMs: 5_000 },
  ],
  force: [{ signal: 'SIGKILL', waitMs: 5_000 }],
}

const adoptedPollMs = 500
/** A server that cannot have its port says so and ends long before this. */
const endsWithinMs = 2_000

/** A process that we started; `said` gives what it has logged since. */
export interface Launched extends Living {
  exited: Promise<Exit>
  said(): string
}

/**
 * Starts a program that outlives us: its own process group (a Ctrl-C for us is not for it), no stdin, output to a log
 * file, and none of our environment, which may hold secrets and PG… variables.
 */
export async function launch(options: {
  program: string
  args: readonly string[]
  logFile: string
  user?: OtherUser | undefined
}): Promise<Launched> {
  const { program, args, logFile, user } = options
  rotate(logFile)
  const log = openSync(logFile, 'a', 0o600)
  const said = logFromHere(logFile)
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
  const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], cwd: '/', env, ...asUser(user) })
  closeSync(log)
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? 0))
    child.once('error', (cause) => reject(new WritError('UNREACHABLE', `${program} could not be started`, { cause })))
  })
  child.unref()
  const started = living(pid)?.started ?? 'ended'
  return { pid, started, command: program, exited, said }
}

/** The end of a process that is not our child. */
export function watchAdopted(one: Living): Promise<Exit> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (stillLives(one)) return
      clearInterval(timer)
      resolve({ code: null, signal: null })
    }, adoptedPollMs)
    timer.unref()
  })
}

/**
 * What `ask` finds out about a server that may not answer yet; undefined when it does not. One that does not, that answers
 * with an error, or that `signal` gives up (at once, whatever `ask` waits for) is ended: nobody else would know of it. Throws
 * REFUSED when it does not end.
 */
export async function orEnded<T>(
  one: { pid: number; started: string },
  { stops, signal }: { stops: Stops; signal: AbortSignal | undefined },
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const end = (): Promise<void> => mustEnd(stops.name, one, stops.force)
  // What it throws is thrown again below.
  const giveUp = (): void => void end().catch(() => undefined)
  signal?.addEventListener('abort', giveUp, { once: true })
  try {
    signal?.throwIfAborted()
    const found = await ask()
    signal?.throwIfAborted()
    if (found !== undefined) return found
  } catch (error) {
    if (signal?.aborted !== true && (await endsByItself(one))) return undefined
    await end()
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }
  await end()
  return undefined
}

/** Somebody who was quicker to take the port may have answered in its stead: then it could not have the port, and ends. */
const endsByItself = async (one: { pid: number; started: string }): Promise<boolean> =>
  (await until(() => (stillLives(one) ? undefined : true), { withinMs: endsWithinMs })) === true

/** A server that is to be where it was finds somebody else there. */
export function portTaken(name: Server['name'], port: number): WritError {
  return new WritError('UNREACHABLE', `port ${port} is taken, where all who are connected look for ${name}`, {
    hint: `end what listens there, or stop writ up: at its next start it takes another port`,
  })
}

/**
 * A `stop` for this process. Where another one has the folder only the hardest signal will do: at any other Postgres removes the
 * `postmaster.pid` that is that one's now, which would end of it within a minute, and have to recover from what both have written.
 */
export function stopper(
  one: { pid: number; started: string },
  { gentle, force }: Stops,
  isTaken = (): boolean => false,
): Server['stop'] {
  return async (byForce = false) => {
    await endProcess(one, isTaken() ? force.slice(-1) : byForce ? force : gentle)
  }
}

/** What the last lines of a server's log say about why it did not start. */
export function didNotStart(name: string, logFile: string, said: string): WritError {
  const lines = said.trim().split('\n').slice(-8).join('\n  ')
  return new WritError('UNREACHABLE', `${name} did not start; the end of its log (${logFile}):\n  ${lines}`)
}

function rotate(logFile: string): void {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0
  if (size > logBytesMax) renameSync(logFile, `${logFile}.1`)
}

/** A function that reads what is appended to the log from now on (its first 64 KiB), also where the log is cut, or removed, meanwhile. */
export function logFromHere(logFile: string): () => string {
  const size = (): number => statSync(logFile, { throwIfNoEntry: false })?.size ?? 0
  const from = size()
  return () => (existsSync(logFile) ? readFrom(logFile, size() < from ? 0 : from) : '')
}

/** What the server writes to, which may be at `file` no more, as only Linux shows: somebody removed it, or put another there. */
export function logOf(pid: number, file: string): string {
  const open = `/proc/${pid}/fd/1`
  return existsSync(open) ? open : file
}

function readFrom(file: string, from: number): string {
  const fd = openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(64 * 1024)
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, from))
  } finally {
    closeSync(fd)
  }
}
