/** The daemon's own folder: who it is, its records and its workspaces. One process at a time may use it. */
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { WritError } from '../protocol/errors.ts'
import { writeDurably } from './durable-file.ts'
import { startedAt } from './process-group.ts'

export interface Home {
  root: string
  /** One file per attempt. */
  attempts: string
  /** One folder per attempt: its workspace. */
  work: string
  /** One folder per attempt: its plan and feedback. */
  plans: string
  logs: string
  repos: string
  bin: string
  /** The same for every start on this folder. */
  id: string
  /** Of the session that this folder had last: a restart resumes it. */
  session: string
  remember: (session: string) => Promise<void>
  release: () => void
}

/** Where a daemon of this name lives: the flag, else WRIT_DAEMON_HOME, else below the user's data folder. */
export const homeFolder = (name: string, flag: string | undefined, env: NodeJS.ProcessEnv): string => {
  const data = env['WRIT_HOME'] ?? join(env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'writ')
  return resolve(flag ?? env['WRIT_DAEMON_HOME'] ?? join(data, 'daemons', name))
}

/** Makes the folder when it is not there, and takes its lock. Throws LOCKED, naming the process that has it. */
export const openHome = async (root: string): Promise<Home> => {
  const folder = (name: string): string => {
    mkdirSync(join(root, name), { recursive: true, mode: 0o700 })
    return join(root, name)
  }
  const folders = {
    attempts: 'attempts',
    work: 'work',
    plans: 'plans',
    logs: 'logs',
    repos: 'repos',
    bin: 'bin',
  } as const
  mkdirSync(root, { recursive: true, mode: 0o700 })
  const release = takeLock(join(root, 'lock'), root)
  const identity = readIdentity(join(root, 'identity.json'))
  const remember = (session: string): Promise<void> =>
    writeDurably(join(root, 'identity.json'), JSON.stringify({ id: identity.id, session }))
  await remember(identity.session)
  const made = Object.fromEntries(Object.entries(folders).map(([key, name]) => [key, folder(name)])) as Record<
    keyof typeof folders,
    string
  >
  return { root, ...made, ...identity, remember, release }
}

const newId = (): string => randomBytes(8).toString('hex')
const identityForm = z.object({ id: z.string().min(1).max(100), session: z.string().min(1).max(100) })

const readIdentity = (file: string): z.infer<typeof identityForm> => {
  const known = identityForm.safeParse(readJson(file))
  return known.success ? known.data : { id: newId(), session: newId() }
}

/** What the file holds, or null when there is none that can be read. */
const readJson = (file: string): unknown => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

const lockForm = z.object({ pid: z.int(), started: z.string() })

/** A lock names its process by id and start time, so one that a crash left behind is known as such. */
const takeLock = (file: string, root: string): (() => void) => {
  const mine = { pid: process.pid, started: startedAt(process.pid) ?? '' }
  const temporary = `${file}.${newId()}`
  writeFileSync(temporary, JSON.stringify(mine), { mode: 0o600 })
  try {
    for (let tries = 0; !linked(temporary, file); tries++) {
      refuseLiving(file, root)
      if (tries > 10) throw new WritError('LOCKED', `the lock of ${root} changes all the time`, { hint: 'try again' })
      rmSync(moved(file), { force: true })
    }
  } finally {
    rmSync(temporary)
  }
  return () => rmSync(file, { force: true })
}

/** A link shows the content at once and refuses to replace. */
const linked = (from: string, to: string): boolean => {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

const refuseLiving = (file: string, root: string): void => {
  const holder = lockForm.safeParse(readJson(file))
  if (!holder.success || startedAt(holder.data.pid) !== holder.data.started) return
  throw new WritError('LOCKED', `the daemon's folder ${root} is used by process ${holder.data.pid}`, {
    hint: 'stop that daemon, or give this one another name or another home',
  })
}

const moved = (file: string): string => {
  const aside = `${file}.stale.${newId()}`
  try {
    renameSync(file, aside)
  } catch (error) {
    // Somebody else was faster; the next try sees what is there now.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return aside
}
