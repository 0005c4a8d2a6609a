/** What `writ up` does for the users of its data folder while it runs: tells the server who there is, and makes their registries. */
import { WritClient } from '../bus/client.ts'
import { connect } from '../bus/nats-bus.ts'
import type { Folders } from '../embedded/folders.ts'
import type { NatsServer } from '../embedded/nats.ts'
import { requestDeadlineMs } from '../protocol/limits.ts'
import type { Kept } from './keep-up.ts'
import type { Parts } from './parts.ts'
import { listUsers, natsUsers, usersChanged, type Login } from './users.ts'

export interface UsersOptions {
  /** Null: a server of the person's own, whose users are not ours. */
  server: Pick<Kept<NatsServer>, 'running'> | null
  folders: Folders
  /** Whose `writ up` this is. */
  owner: string
  /** The node's. */
  login: Login
  say: (line: string) => void
}

/** How long a registry may take to be made, in ms: the node may have no share of the shards yet. */
const openMs = 3 * requestDeadlineMs

/**
 * Listens for changes that other commands of this person make; what it returns takes in the users as they are now. Whatever
 * goes wrong is told. The server is told at once: it waits for no registry.
 */
export const serveUsers = (options: UsersOptions, parts: Parts): (() => Promise<void>) => {
  const { server, folders, say } = options
  const told = (error: unknown): void => say(error instanceof Error ? error.message : String(error))
  const tell = oneByOne(async () => (await server?.running())?.reload(natsUsers(folders)), told)
  const opened = new Set<string>()
  const open = oneByOne(() => openRegistries(options, opened), told)
  let stopped = false
  const take = async (): Promise<void> => {
    if (stopped) return
    await tell()
    await open()
  }
  // For good: a signal that comes too late would end the process before it has stopped its servers.
  process.on(usersChanged, () => void take())
  parts.add('users', () => {
    stopped = true
  })
  return take
}

/** Calls wait for the one before, and none is left out: it may have been too early for what the next one is for. */
const oneByOne = (act: () => Promise<unknown>, told: (error: unknown) => void): (() => Promise<void>) => {
  let last = Promise.resolve()
  return () => (last = last.then(act).then(() => undefined, told))
}

const openRegistries = async ({ server, folders, owner, login }: UsersOptions, opened: Set<string>): Promise<void> => {
  const owners = server === null ? [owner] : [owner, ...listUsers(folders).map((user) => user.owner)]
  const missing = [...new Set(owners)].filter((name) => !opened.has(name))
  if (missing.length === 0) return
  const bus = await connect({ ...login, name: 'writ up' })
  try {
    for (const name of missing) {
      await new WritClient(bus, name, { deadlineMs: openMs }).openOwner()
      opened.add(name)
    }
  } finally {
    await bus.close()
  }
}
