/**
 * What `writ up` and the example run: private servers where none are named, a node, and on request a daemon, all in one
 * process and on one data folder. Whatever was started is stopped again, in the opposite order, also when a later start fails.
 */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { connect } from '../bus/nats-bus.ts'
import { clientOf, daemonUser, inboxPrefixOfUrl } from '../bus/permissions.ts'
import { runDaemon } from '../daemon/daemon.ts'
import { removeEndpoints, writeEndpoints } from '../embedded/endpoints.ts'
import { type FolderId, idOf, isStillAt } from '../embedded/folder-id.ts'
import type { Folders } from '../embedded/folders.ts'
import { keptSecret } from '../embedded/private-file.ts'
import { type FolderLock, lockOnceStill } from '../embedded/lock.ts'
import { startNats, type NatsServer } from '../embedded/nats.ts'
import { startPostgres } from '../embedded/postgres.ts'
import type { Server, StartOptions } from '../embedded/server.ts'
import { WritError } from '../protocol/errors.ts'
import type { Retention } from '../protocol/retention.ts'
import { type NodeOptions, startNode } from '../node.ts'
import { caOption, type Named } from './config.ts'
import type { Config } from './config-schema.ts'
import { daemonOptions } from './daemon-options.ts'
import { keepUp, type Kept } from './keep-up.ts'
import { inspectorSecret } from './inspector-url.ts'
import { openLog, type LogFile } from './log-file.ts'
import { daemonsFolder } from './own-folders.ts'
import type { Parts } from './parts.ts'
import { connectNamed } from './reach.ts'
import { interrupted, Interrupted } from './signals.ts'
import { serveUsers } from './up-users.ts'
import { ensureUser, loginOf, natsUsers, type Login } from './users.ts'

type LocalDaemon = Config['daemon'] & { name: string }

export interface UpOptions {
  folders: Folders
  /** Servers to use in place of private ones. */
  nats: Named | null
  /** For a NATS server of the person's own: the file with the certificates of who may sign its. */
  natsCa: string | undefined
  /** A port for WebSocket clients of the private nats-server; true for any free one. */
  websocket: number | true | undefined
  database: Named | null
  owner: string
  /** Worker threads; the node's own choice when unset. */
  threads: number | undefined
  /** Of its threads' leases. */
  leaseMs: number
  /** Where the inspector listens, and for pages of which other origins; null: nowhere. */
  http: { host: string; port: number; origins: readonly string[] } | null
  retention: Retention
  daemon: LocalDaemon | null
  version: string
  verbose: boolean
  say: (line: string) => void
  /** Aborted when the person wants to stop already. */
  signal: AbortSignal
}

/** What runs, and where it is reached. */
export interface Running {
  node: string
  data: string
  log: string
  /** Null: named by the person, not ours. */
  postgres: Server | null
  natsServer: Server | null
  /** URLs with credentials: of the database, and of a client. */
  database: string
  nats: string
  /** For WebSocket clients, without credentials; null unless asked for. */
  websocket: string | null
  /** Of the inspector, without a token; null when it is off. */
  http: string | null
  daemon: string | null
  /** Rejects when the node cannot go on. */
  failed: Promise<never>
}

/** Starts everything; each part is added to `parts`, which stop it. Throws what the parts throw, LOCKED for a folder in use. */
export const startUp = async (options: UpOptions, parts: Parts): Promise<Running> => {
  const { folders, owner, daemon, version } = options
  const lock = await lockOnceStill(folders.root, options)
  const locked = idOf(folders.root)
  parts.add('lock', () => lock.release())
  const robbed = endIfLost(lock, parts)
  const logFile = join(folders.logs, 'node.log')
  const log = openLog(logFile, options.verbose ? options.say : undefined)
  parts.add('log', () => log.close())
  await lookAtNamed(options)
  const isTaken = (): boolean => lock.lostTo() !== undefined
  const lost = (): WritError | undefined => lostFolder(folders, locked) ?? lock.lostTo()
  const [postgres, natsServer] = await startServers({ ...options, lost, isTaken }, parts)
  const database = options.database?.url ?? urlOf(postgres)
  const login = loginsOf(options, natsServer)
  const node = nodeName()
  goOn(options)
  const nodeOptions = { databaseUrl: database, nats: login('node'), name: node, home: homeId(folders), log: log.line }
  const running = await startNode({ ...nodeOptions, ...ofNode(options) })
  parts.add('node', () => running.stop())
  goOn(options)
  if (daemon !== null) await startDaemon(options, daemon, login(daemonUser(owner, daemon.name)), log, parts)
  const nats = login(clientOf(owner).user).url
  // Before and after the endpoints: whoever changes the users is either heard or was quicker, and taken in here.
  const takeUsers = serveUsers({ server: natsServer, folders, owner, login: login('node'), say: options.say }, parts)
  const { http } = running
  const endpoints = { version, data: folders.root, database, nats, ...(http === null ? {} : { http }) }
  const wroteFor = writeEndpoints(folders, endpoints)
  // Who has the folder now has written others there.
  parts.add('endpoints', () => (isTaken() ? undefined : removeEndpoints(folders, wroteFor)))
  await takeUsers()
  const servers = { postgres: postgres?.current() ?? null, natsServer: natsServer?.current() ?? null }
  const websocket = webSocketUrl(natsServer)
  const where = { database, nats, websocket, http }
  const failed = Promise.race([robbed, ...[running, postgres, natsServer].flatMap((one) => one?.failed ?? [])])
  return { node, data: folders.root, log: logFile, ...servers, ...where, daemon: daemon?.name ?? null, failed }
}

/** What the settings say of the node itself. */
export const ofNode = ({
  threads,
  leaseMs,
  http,
  retention,
  folders,
}: UpOptions): Pick<NodeOptions, 'threads' | 'leaseMs' | 'http' | 'retention'> => ({
  leaseMs,
  retention,
  ...(threads === undefined ? {} : { threads }),
  ...(http === null ? {} : { http: { ...http, secret: inspectorSecret(folders) } }),
})

/** Of the folder itself and not of its path: folders on two hosts have one path, and share a database. */
const homeId = ({ secrets }: Folders): string => keptSecret(secrets, 'home')

/** Before anything is started that would only have to be stopped again. */
export const lookAtNamed = async ({ nats, natsCa, signal }: UpOptions): Promise<void> => {
  if (nats === null) return
  const look = connectNamed({ ...nats, ca: natsCa }, 'writ up', () => undefined).then((connection) =>
    connection.close(),
  )
  await Promise.race([look, interrupted(signal)])
}

/** A person who has pressed Ctrl-C meanwhile does not wait for the rest. */
const goOn = ({ signal }: UpOptions): void => {
  if (signal.aborted) throw new Interrupted()
}

/** Two servers on one store ruin it: those here go by force, with all that needs them, and write as little as possible. Rejects then. */
const endIfLost = (lock: FolderLock, parts: Parts): Promise<never> => {
  const ended = lock.lost.catch(async (why: unknown) => {
    await parts.force()
    throw why
  })
  // Who started us may still be starting other things.
  ended.catch(() => undefined)
  return ended
}

/** Why nothing more may be started on the folder, and whether what runs is to leave it as it is. */
type OnFolder = UpOptions & { lost: () => WritError | undefined; isTaken: () => boolean }

/** Both at once; when one fails, the other is stopped like every part that was started. */
const startServers = async (
  options: OnFolder,
  parts: Parts,
): Promise<[Kept<Server> | null, Kept<NatsServer> | null]> => {
  const nats = (where: StartOptions, before: NatsServer | null): Promise<NatsServer> => {
    const websocket = before?.websocketPort ?? options.websocket
    return startNats({ ...where, users: usersFor(options), ...(websocket === undefined ? {} : { websocket }) })
  }
  const results = await Promise.allSettled([
    options.database === null ? keptServer<Server>('Postgres', startPostgres, options, parts) : null,
    options.nats === null ? keptServer('NATS', nats, options, parts) : null,
  ])
  const [first, second] = results
  if (first.status === 'rejected') throw first.reason
  if (second.status === 'rejected') throw second.reason
  return [first.value, second.value]
}

/** A part from the first moment on: one that is told to stop while it starts must not be left behind. */
const keptServer = <S extends Server>(
  name: string,
  start: (where: StartOptions, before: S | null) => Promise<S>,
  { folders, lost, isTaken, say, signal }: OnFolder,
  parts: Parts,
): Promise<Kept<S>> => {
  const atOnce = new AbortController()
  const common = { folders, log: say, signal: atOnce.signal, stopping: signal, isTaken }
  // The node, daemons and all who have read the endpoints know its port, and nobody tells them of another.
  const again = ({ port }: S): StartOptions => ({ ...common, port, stay: true })
  const kept = keepUp<S>((before) => start(before === null ? common : again(before), before), say, lost)
  parts.add(name, async (force) => {
    if (force) atOnce.abort(new Interrupted())
    await (await kept.catch(() => null))?.stop(force)
  })
  return kept
}

/** What is at the path instead may be another folder, which is not locked, and whose servers are not ours to start. */
const lostFolder = ({ root }: Folders, locked: FolderId): WritError | undefined =>
  isStillAt(root, locked)
    ? undefined
    : new WritError(
        'REFUSED',
        `the data folder of this writ up is no longer at ${root}: it was removed, or has another name`,
        { hint: 'all that ran on it is stopped: start writ up again where it is now, or on what is there now' },
      )

/** Those that the folder knows, and those that this run needs. */
const usersFor = ({ folders, owner, daemon }: UpOptions): ReturnType<typeof natsUsers> => {
  for (const user of [clientOf(owner).user, ...(daemon === null ? [] : [daemonUser(owner, daemon.name)])]) {
    ensureUser(folders, user)
  }
  return natsUsers(folders)
}

/** With a server of the person's own, everybody uses the credentials that came with its URL. */
const loginsOf = (options: UpOptions, server: Kept<NatsServer> | null): ((user: string) => Login) => {
  if (server !== null) return (user) => loginOf(options.folders, server.current().url, user)
  const url = options.nats?.url ?? ''
  const inboxPrefix = inboxPrefixOfUrl(url)
  return () => ({ url, ...caOption(options.natsCa), ...(inboxPrefix === undefined ? {} : { inboxPrefix }) })
}

const startDaemon = async (
  options: UpOptions,
  local: LocalDaemon,
  login: Login,
  log: LogFile,
  parts: Parts,
): Promise<void> => {
  const { folders, owner } = options
  const { name } = local
  const daemonLog = log.of({ daemon: name })
  const bus = await connect({ ...login, name: `daemon ${name}`, log: (text) => daemonLog.info({}, text) })
  parts.add('connection of the daemon', () => bus.close())
  const home = join(folders.root, daemonsFolder, name)
  const daemon = await runDaemon({ ...daemonOptions(local), bus, owner, name, home, log: daemonLog })
  parts.add('daemon', (force) => daemon.stop(force))
  // By order: the node goes on without it.
  void daemon.drained
    .then(() => daemon.stop())
    .catch((error: unknown) => daemonLog.warn({ error: String(error) }, 'stop'))
}

const urlOf = (server: Kept<Server> | null): string => server?.current().url ?? ''

const webSocketUrl = (server: Kept<NatsServer> | null): string | null => {
  const port = server?.current().websocketPort
  return port === undefined ? null : `ws://127.0.0.1:${port}`
}

/** Two nodes of one host may run at once, and a name is one token. */
export const nodeName = (): string =>
  `${hostname()
    .replaceAll(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, 40)}-${process.pid}`
