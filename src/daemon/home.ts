/** The daemon's own folder: who it is, its records and its workspaces. One process at a time may use it. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { writeDurably } from './durable-file.ts'
import { takeLock } from './home-lock.ts'
import { readJson } from './read-json.ts'

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
    make(join(root, name))
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
  make(root)
  const release = takeLock(root)
  try {
    const identity = readIdentity(join(root, 'identity.json'))
    const remember = (session: string): Promise<void> =>
      writeDurably(join(root, 'identity.json'), JSON.stringify({ id: identity.id, session }))
    await remember(identity.session)
    const made = Object.fromEntries(Object.entries(folders).map(([key, name]) => [key, folder(name)])) as Record<
      keyof typeof folders,
      string
    >
    return { root, ...made, ...identity, remember, release }
  } catch (error) {
    release()
    throw error
  }
}

/** One by one: a recursive `mkdirSync` of Node 20 never ends where none can be made, as below /proc. */
const make = (folder: string): void => {
  if (existsSync(folder)) return
  make(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Another process was quicker.
    if (!existsSync(folder)) throw error
  }
}

const newId = (): string => randomBytes(8).toString('hex')
const identityForm = z.object({ id: z.string().min(1).max(100), session: z.string().min(1).max(100) })

const readIdentity = (file: string): z.infer<typeof identityForm> => {
  const known = identityForm.safeParse(readJson(file))
  return known.success ? known.data : { id: newId(), session: newId() }
}
