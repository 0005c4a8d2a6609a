/**
 * The NATS users of a private nats-server. The data folder is the list of them: one file with the password per user. So a
 * command of the same person can make one more (a daemon's), and the process that runs the server takes it in when asked.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { clientOf, daemonOf, inboxPrefixOf, nodeAnswering, type BusUser } from '../bus/permissions.ts'
import type { Folders } from '../embedded/folders.ts'
import type { NatsUser } from '../embedded/nats-config.ts'
import { keptSecret } from '../embedded/private-file.ts'

/** Sent to the process that runs the server: the list of users has changed. */
export const usersChanged = 'SIGUSR2'

const fileOf = (user: string): string => `nats-${user}`

/** All users of this folder; the node's comes first. */
export const natsUsers = (folders: Folders): NatsUser[] => {
  const others = readdirSync(folders.secrets).flatMap((name) =>
    readUser(/^nats-([cd]_[A-Za-z0-9_-]+)$/.exec(name)?.[1]),
  )
  const node = nodeAnswering(others.map(({ user }) => user))
  return [node, ...others].map((user) => ({ ...user, password: keptSecret(folders.secrets, fileOf(user.user)) }))
}

const readUser = (user: string | undefined): BusUser[] => {
  if (user === undefined) return []
  const [, owner, name] = /^d_(.+?)__(.+)$/.exec(user) ?? []
  if (owner !== undefined && name !== undefined) return [daemonOf(owner, name)]
  return user.startsWith('c_') ? [clientOf(user.slice(2))] : []
}

/** How one user connects. */
export interface Login {
  /** With credentials. */
  url: string
  inboxPrefix?: string
}

/** Makes a user of this folder unless it is there; true when the server does not know it yet. */
export const ensureUser = (folders: Folders, user: string): boolean => {
  const isNew = !existsSync(join(folders.secrets, fileOf(user)))
  keptSecret(folders.secrets, fileOf(user))
  return isNew
}

/** The login of a user of this folder's server. */
export const loginOf = (folders: Folders, server: string, user: string): Login => {
  const url = new URL(server)
  const password = keptSecret(folders.secrets, fileOf(user))
  const inboxPrefix = inboxPrefixOf(user)
  return {
    url: `${url.protocol}//${user}:${password}@${url.host}`,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  }
}
