/**
 * The NATS users of a private nats-server. The data folder is the list of them: one file with the password per user. So a
 * command of the same person can make one more (a daemon's) or remove one, and the process that runs the server takes that
 * in when asked; one that is not running takes it in at its start.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { inboxPrefixOf, permissionsOf, readUser } from '../bus/permissions.ts'
import type { Folders } from '../embedded/folders.ts'
import type { NatsUser } from '../embedded/nats-config.ts'
import { keptSecret, readIfThere } from '../embedded/private-file.ts'

/** Sent to the process that runs the server: the list of users has changed. */
export const usersChanged = 'SIGUSR2'

/** A connection that is being opened while the server takes in its users is left hanging: whoever tries waits so long first, in ms. */
const takeInMs = 200

/** Tells the process that runs the server, and gives the server time to take it in. */
export const tellUsersChanged = async (pid: number): Promise<void> => {
  process.kill(pid, usersChanged)
  await delay(takeInMs)
}

const fileOf = (user: string): string => `nats-${user}`

/** Null: it is not there (any more). */
const passwordOf = (folders: Folders, user: string): string | null =>
  readIfThere(join(folders.secrets, fileOf(user)))?.trim() || null

const namesIn = ({ secrets }: Folders): string[] =>
  (existsSync(secrets) ? readdirSync(secrets) : [])
    .flatMap((name) => /^nats-([cd]_[A-Za-z0-9_-]+)$/.exec(name)?.[1] ?? [])
    .toSorted()

/** All users of this folder; the node's comes first. One that is removed meanwhile is not made again by this. */
export const natsUsers = (folders: Folders): NatsUser[] => {
  const passwords = new Map<string, string>()
  for (const user of namesIn(folders)) {
    const password = passwordOf(folders, user)
    if (password !== null) passwords.set(user, password)
  }
  const node = keptSecret(folders.secrets, fileOf('node'))
  return permissionsOf([...passwords.keys()]).map((user) => ({ ...user, password: passwords.get(user.user) ?? node }))
}

/** A user as people are shown it. */
export interface UserLine {
  user: string
  kind: 'client' | 'daemon'
  owner: string
  /** The daemon's. */
  name: string | null
  /** ISO 8601. */
  created: string
}

/** The users that have an owner: all but the node's. */
export const listUsers = (folders: Folders): UserLine[] =>
  namesIn(folders).flatMap((user) => {
    const read = readUser(user)
    const file = statSync(join(folders.secrets, fileOf(user)), { throwIfNoEntry: false })
    if (read === null || file === undefined) return []
    const { owner, daemon } = read
    const kind = daemon === null ? 'client' : 'daemon'
    return [{ user, kind, owner, name: daemon, created: file.mtime.toISOString() }]
  })

/** How one user connects. */
export interface Login {
  /** With credentials. */
  url: string
  inboxPrefix?: string
  /** The file with the certificates of who may sign the server's. */
  caFile?: string
}

/** Makes a user of this folder unless it is there; true when the server does not know it yet. */
export const ensureUser = (folders: Folders, user: string): boolean => {
  const isNew = !existsSync(join(folders.secrets, fileOf(user)))
  keptSecret(folders.secrets, fileOf(user))
  return isNew
}

/** Removes a user of this folder; its password, or null when there was none of this name. */
export const removeUser = (folders: Folders, user: string): string | null => {
  const password = passwordOf(folders, user)
  rmSync(join(folders.secrets, fileOf(user)), { force: true })
  return password
}

/** The login of a user of this folder's server. */
export const loginOf = (folders: Folders, server: string, user: string): Login =>
  loginWith(server, user, keptSecret(folders.secrets, fileOf(user)))

/** The login of a user by its password. */
export const loginWith = (server: string, user: string, password: string): Login => {
  const url = new URL(server)
  const inboxPrefix = inboxPrefixOf(user)
  return {
    url: `${url.protocol}//${user}:${password}@${url.host}`,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  }
}
