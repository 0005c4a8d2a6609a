/** `writ up --join`: one more node on servers that run already. It starts nothing else, makes no schema, and takes nothing of the data folder. */
import { join } from 'node:path'
import { clientOf, inboxPrefixOfUrl } from '../bus/permissions.ts'
import type { Folders } from '../embedded/folders.ts'
import { servingOf } from '../embedded/serving.ts'
import { startNode } from '../node.ts'
import { WritError } from '../protocol/errors.ts'
import { caOption } from './config.ts'
import { FreshFolder } from './fresh-folder.ts'
import { inspectorSecretFile } from './inspector-url.ts'
import { openLog } from './log-file.ts'
import type { Parts } from './parts.ts'
import { lookAtNamed, nodeName, ofNode, type Running, type UpOptions } from './up.ts'
import { serveUsers } from './up-users.ts'
import { loginOf, type Login } from './users.ts'

interface Servers {
  database: string
  login: (user: string) => Login
}

/** Throws UNREACHABLE when a server is neither named nor runs on the data folder, REFUSED for a database without Writ, and what the node throws. */
export const startJoined = async (options: UpOptions, parts: Parts): Promise<Running> => {
  const { owner, verbose, say } = options
  const { database, login } = serversOf(options)
  const node = nodeName()
  const fresh = new FreshFolder(options.folders.root)
  const { folders } = fresh
  let joined = false
  parts.add('what a refused join leaves', () => (joined ? undefined : fresh.remove()))
  const logFile = fresh.file(join(folders.logs, `${node}.log`))
  const log = openLog(logFile, verbose ? say : undefined)
  parts.add('log', () => log.close())
  fresh.file(inspectorSecretFile(folders))
  await lookAtNamed(options)
  const nodeOptions = { databaseUrl: database, nats: login('node'), name: node, join: true, log: log.line }
  const running = await startNode({ ...nodeOptions, ...ofNode({ ...options, folders }) })
  joined = true
  parts.add('node', () => running.stop())
  await serveUsers({ server: null, folders, owner, login: login('node'), say }, parts)()
  const nats = login(clientOf(owner).user).url
  return {
    node,
    data: folders.root,
    log: logFile,
    postgres: null,
    natsServer: null,
    database,
    nats,
    websocket: null,
    http: running.http,
    daemon: null,
    failed: running.failed,
  }
}

/** Each that is named, else that of the `writ up` on the data folder. */
const serversOf = ({ folders, nats, natsCa, database }: UpOptions): Servers => {
  const serving = servingOf(folders)
  const [natsUrl, databaseUrl] = [nats?.url ?? serving?.nats, database?.url ?? serving?.database]
  if (natsUrl === undefined || databaseUrl === undefined) throw nothingToJoin(folders)
  const inboxPrefix = inboxPrefixOfUrl(natsUrl)
  // The users of a private server are those of the folder; any other URL says itself who we are.
  const isPrivate = nats === null && inboxPrefix !== undefined
  const named = { url: natsUrl, ...caOption(natsCa), ...(inboxPrefix === undefined ? {} : { inboxPrefix }) }
  return { database: databaseUrl, login: (user) => (isPrivate ? loginOf(folders, natsUrl, user) : named) }
}

const nothingToJoin = ({ root }: Folders): WritError =>
  new WritError('UNREACHABLE', `there is nothing to join: no writ up serves the data folder ${root}`, {
    hint: 'start one with `writ up`, or name both servers with --nats-url and --database-url',
  })
