/**
 * The users of a private nats-server, as a person makes and removes them. They take effect at once while `writ up` runs, else
 * at its next start. The users of a server of the person's own are in that server's configuration, and not touched here.
 */
import { resolve } from 'node:path'
import { connect } from '../bus/nats-bus.ts'
import { clientOf, daemonUser, inboxPrefixOfUrl, readUser } from '../bus/permissions.ts'
import { readEndpoints, type Endpoints } from '../embedded/endpoints.ts'
import { dataFolder, type Folders } from '../embedded/folders.ts'
import { natsAddress, runningNats } from '../embedded/nats.ts'
import { createPrivately } from '../embedded/private-file.ts'
import { until } from '../embedded/until.ts'
import { WritError } from '../protocol/errors.ts'
import type { Settings } from './config.ts'
import { connectAs, foldersOf } from './reach.ts'
import { shown } from './shown-url.ts'
import { exported } from './shell-text.ts'
import {
  ensureUser,
  listUsers,
  loginOf,
  loginWith,
  removeUser,
  tellUsersChanged,
  type Login,
  type UserLine,
} from './users.ts'

export interface Made extends Login {
  user: string
  owner: string
  /** The daemon's. */
  name: string | null
  /** False: it was there, and its credentials are the same as before. */
  created: boolean
  /** Whether the server takes it already. */
  running: boolean
}

/** How long a server may take to forget a user, in ms. */
const forgetMs = 15_000

interface OwnServer {
  folders: Folders
  /** Undefined: `writ up` does not run. */
  endpoints: Endpoints | undefined
}

/** Throws REFUSED for a server of the person's own. */
const ownServer = (settings: Settings): OwnServer => {
  const folders = foldersOf(settings)
  const endpoints = readEndpoints(folders)
  const named = settings.nats?.url ?? endpoints?.nats
  if (named === undefined || (settings.nats === null && inboxPrefixOfUrl(named) !== undefined))
    return { folders, endpoints }
  throw new WritError('REFUSED', `the users of the NATS server ${shown(named)} are in its own configuration`, {
    hint: 'run this where its `writ up` runs; for a server of your own, `writ creds permissions` prints what to paste there',
  })
}

/** Makes the user of a client, or of the daemon of this name, unless it is there; the running server knows it afterwards. */
export const createUser = async (settings: Settings, name: string | null): Promise<Made> => {
  const { endpoints } = ownServer(settings)
  const { owner, dataDir, env } = settings
  const folders = dataFolder({ dataDir, env })
  const user = name === null ? clientOf(owner).user : daemonUser(owner, name)
  const created = ensureUser(folders, user)
  if (endpoints !== undefined) {
    const connection = await connectAs(settings, { user, name: 'writ creds', log: () => undefined })
    await connection.close()
  }
  const login = loginOf(folders, endpoints?.nats ?? natsAddress(folders), user)
  return { ...login, user, owner, name, created, running: endpoints !== undefined }
}

/** What a shell elsewhere evaluates to be that user. */
export const environmentOf = ({ url, owner }: Pick<Made, 'url' | 'owner'>): string[] =>
  exported({ WRIT_NATS_URL: url, WRIT_OWNER: owner })

/** Writes the lines for its user alone. Throws CONFLICT for a file that is there, BAD_INPUT for a place that cannot be written. */
export const writeEnvironment = (cwd: string, file: string, lines: readonly string[]): string => {
  const path = resolve(cwd, file)
  let written: boolean
  try {
    written = createPrivately(path, `${lines.join('\n')}\n`)
  } catch (cause) {
    throw new WritError('BAD_INPUT', `${path} cannot be written: ${cause instanceof Error ? cause.message : ''}`, {
      hint: 'name a file in a folder that is there and yours',
      cause,
    })
  }
  if (written) return path
  throw new WritError('CONFLICT', `${path} is there already`, { hint: 'remove it, or name another file with --out' })
}

/** The users of the private server; of one owner when it is named. */
export const usersOf = (settings: Settings, owner: string | undefined): UserLine[] =>
  listUsers(ownServer(settings).folders).filter((line) => owner === undefined || line.owner === owner)

/**
 * Removes a user and cuts its connections. `running`: whether a server had to be told. Throws NOT_FOUND for a user that is
 * not there, UNREACHABLE when the server still takes its credentials after a while.
 */
export const revokeUser = async (settings: Settings, user: string): Promise<{ user: string; running: boolean }> => {
  const { folders, endpoints } = ownServer(settings)
  if (user === 'node') {
    throw new WritError('REFUSED', 'without the user node, no node reaches the server', {
      hint: 'docs/security.md says how its password is changed',
    })
  }
  const password = readUser(user) === null ? null : removeUser(folders, user)
  if (password === null) {
    throw new WritError('NOT_FOUND', `there is no user ${JSON.stringify(user.slice(0, 200))}`, {
      hint: '`writ creds list` shows them',
    })
  }
  if (endpoints !== undefined) await forgotten(endpoints, loginWith(endpoints.nats, user, password), user)
  else if (runningNats(folders) !== undefined) throw leftRunning(user)
  return { user, running: endpoints !== undefined }
}

/** Resolves when the server refuses this login, which it does from the moment on in which it cuts the user's connections. */
const forgotten = async ({ pid, nats }: Endpoints, login: Login, user: string): Promise<void> => {
  await tellUsersChanged(pid)
  const refused = await until(() => isRefused(login), { withinMs: forgetMs, everyMs: 50 })
  if (refused !== undefined) return
  throw new WritError('UNREACHABLE', `${user} is removed, but the NATS server at ${shown(nats)} still takes it`, {
    hint: 'start `writ up` anew: it then knows the users of its data folder and no others',
  })
}

const isRefused = async (login: Login): Promise<true | undefined> => {
  try {
    const bus = await connect({ ...login, name: 'writ creds' })
    await bus.close()
    return undefined
  } catch (error) {
    return error instanceof WritError && error.code === 'UNAUTHORIZED' ? true : undefined
  }
}

const leftRunning = (user: string): WritError =>
  new WritError('UNREACHABLE', `${user} is removed, but a NATS server that a killed \`writ up\` left still knows it`, {
    hint: '`writ up` takes that server over and removes the user there; `writ down` stops it',
  })
