/**
 * The private nats-server: started as a child in its own process group, adopted when a killed process of ours left it
 * running. It always asks for a user, and listens on 127.0.0.1 alone. The caller holds the lock of the data folder.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { mustEnd } from './end-process.ts'
import { findNats } from './find-nats.ts'
import type { Program } from './find-program.ts'
import type { Folders } from './folders.ts'
import { freePort } from './free-port.ts'
import { findLiving, findsTheSame, stillLives, type Living } from './living.ts'
import { keepShort } from './log-length.ts'
import { natsAnswers } from './nats-answers.ts'
import { natsConfig, type NatsUser } from './nats-config.ts'
import { readIfThere, writePrivately } from './private-file.ts'
import {
  didNotStart,
  launch,
  logFromHere,
  logOf,
  natsStops,
  orEnded,
  portTaken,
  stopper,
  watchAdopted,
  type Exit,
  type Server,
  type StartOptions,
} from './server.ts'
import {
  endMoved,
  isStartOurs,
  lastStarted,
  refuseServerOfAnother,
  sourceOf,
  writeStart,
  writeStarted,
} from './server-start.ts'
import { until } from './until.ts'

export const natsPort = 17422
const readyWithinMs = 30_000
const reloadWithinMs = 10_000
const startTriesMax = 5

export interface NatsOptions extends StartOptions {
  /** Who may do what. The first one is the one that `url` names, and needs no permissions to be connected. */
  users: readonly NatsUser[]
  /** A port for WebSocket clients to try first; true for any free one. */
  websocket?: number | true
  /** false gives up safety against power loss for speed: for tests, never for work that matters. */
  durable?: boolean
  env?: Readonly<Record<string, string | undefined>>
  /** See NatsSearch. */
  packageFolder?: string | null
}

export interface NatsServer extends Server {
  /** For WebSocket clients; undefined unless asked for. */
  websocketPort: number | undefined
  /** Replaces all users; connections of users that are gone are cut. Throws UNREACHABLE when the server refuses. */
  reload(users: readonly NatsUser[]): Promise<void>
}

interface Ports {
  port: number
  websocketPort: number | undefined
}

interface Found extends Living {
  /** undefined when its configuration does not say any more where it listens. */
  ports: Ports | undefined
}

interface Running extends Living, Ports {
  exited: Promise<Exit>
  /** The configuration that it is known to have: started with it, or said to have taken it. */
  inForce: string | undefined
}

/** Starts, or adopts, the nats-server of this data folder. Throws NO_SERVER, OLD_SERVER or UNREACHABLE (with the log's end). */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const began = performance.now()
  const { folders, env = process.env, packageFolder } = options
  await endMoved(options, 'nats', natsStops, (one) => isHere(folders, one))
  const found = natsHere(folders)
  if (found !== undefined && !isNatsOurs(folders, found)) refuseServerOfAnother(folders, found)
  const adopted = found === undefined ? undefined : await adopt(options, found)
  if (adopted !== undefined) {
    const source = sourceOf(folders, 'nats')
    writeStarted(folders, 'nats', source, adopted)
    return toServer(options, adopted, { source, adopted: true, began })
  }
  const program = findNats({ path: env['PATH'], packageFolder })
  writeStart(folders, 'nats', program.source)
  const started = await start(options, program)
  writeStarted(folders, 'nats', program.source, started)
  return toServer(options, started, { source: program.source, adopted: false, began })
}

/** The running nats-server of this data folder, whoever started it. */
export function runningNats(folders: Folders): Found | undefined {
  if (!existsSync(configFile(folders))) return undefined
  const one = lastStarted(folders, 'nats') ?? natsHere(folders)
  return one !== undefined && isNatsOurs(folders, one) ? { ...one, ports: lastPorts(folders) } : undefined
}

/** Ours was started with our configuration: without one, it is that of a folder which was here before. */
function isNatsOurs(folders: Folders, one: Living): boolean {
  return existsSync(configFile(folders)) && isStartOurs(folders, 'nats', one)
}

/**
 * The one that runs by the paths of this data folder. Looked up by its command line: a pid file comes some moments too
 * late for a starter that was killed, and two servers on one store would ruin it.
 */
export function natsHere(folders: Folders): Found | undefined {
  const one = findLiving((each) => isHere(folders, each) && findsTheSame(each.pid, folders.root))
  return one === undefined ? undefined : { ...one, ports: lastPorts(folders) }
}

function isHere(folders: Folders, { command }: Living): boolean {
  return command.endsWith(`nats-server -c ${configFile(folders)}`)
}

/** undefined also for a file that is not as we write it: a full disk or an editor has been there, and the next start writes it anew. */
function lastPorts(folders: Folders): Ports | undefined {
  try {
    const config: unknown = JSON.parse(readIfThere(configFile(folders)) ?? 'null')
    const port = portIn(config)
    const websocketPort = portIn((config as { websocket?: unknown } | null)?.websocket)
    return port === undefined ? undefined : { port, websocketPort }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function portIn(config: unknown): number | undefined {
  if (typeof config !== 'object' || config === null || !('port' in config)) return undefined
  const { port } = config
  return typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 2 ** 16 ? port : undefined
}

/** Where the server of this data folder listens: at its last start, or at its first when nothing is in the way. Without credentials. */
export function natsAddress(folders: Folders): string {
  return `nats://127.0.0.1:${lastPorts(folders)?.port ?? natsPort}`
}

type Answering = Running & { version: string }

/** Takes over a server that runs already, with today's users; one that does not take them, does not answer or is nowhere known is ended instead. */
async function adopt(options: NatsOptions, { ports, ...found }: Found): Promise<Answering | undefined> {
  const { users, signal, log } = options
  if (ports === undefined || (options.websocket !== undefined && ports.websocketPort === undefined)) {
    await mustEnd('NATS', found, natsStops.gentle)
    return undefined
  }
  const running: Running = { ...found, ...ports, exited: watchAdopted(found), inForce: undefined }
  try {
    const version = await orEnded(found, { stops: natsStops, signal }, async () => {
      await reload(options, running, users)
      return natsAnswers(urlOf(users, ports.port), running.exited, readyWithinMs)
    })
    return version === undefined ? undefined : { ...running, version }
  } catch (error) {
    signal?.throwIfAborted()
    // Two on one store would ruin it.
    if (stillLives(found)) throw error
    log(`NATS that ran already is started anew: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

async function start(options: NatsOptions, { file }: Program): Promise<Answering> {
  const { folders, log, stay = false, signal } = options
  const last = lastPorts(folders)
  const wanted = options.port ?? last?.port ?? natsPort
  const websocket = options.websocket === true ? (last?.websocketPort ?? true) : options.websocket
  const logFile = join(folders.logs, 'nats.log')
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted()
    // After a failed bind, somebody else was quicker: any other port will do.
    const elsewhere = tries > 1 && !stay
    const ports = await choosePorts(elsewhere ? 0 : wanted, elsewhere ? websocket && true : websocket)
    if (stay) mustBe(wanted, ports.port)
    if (stay && typeof websocket === 'number') mustBe(websocket, ports.websocketPort)
    const inForce = configText(options, ports, options.users)
    writePrivately(configFile(folders), inForce)
    const one = await launch({ program: file, args: ['-c', configFile(folders)], logFile })
    const version = await orEnded(one, { stops: natsStops, signal }, () =>
      natsAnswers(urlOf(options.users, ports.port), one.exited, readyWithinMs),
    )
    if (version !== undefined) {
      if (wanted !== 0 && ports.port !== wanted) log(`port ${wanted} is taken: NATS listens on ${ports.port}`)
      return { ...one, ...ports, version, inForce }
    }
    const said = one.said()
    if (tries >= startTriesMax || !said.includes('address already in use')) throw didNotStart('NATS', logFile, said)
  }
}

async function choosePorts(port: number, websocket: number | true | undefined): Promise<Ports> {
  const chosen = await freePort(port)
  if (websocket === undefined) return { port: chosen, websocketPort: undefined }
  return { port: chosen, websocketPort: await freePort(websocket === true ? 0 : websocket) }
}

function mustBe(wanted: number, chosen: number | undefined): void {
  if (chosen !== wanted) throw portTaken('NATS', wanted)
}

function toServer(
  options: NatsOptions,
  running: Answering,
  { source, adopted, began }: { source: Program['source']; adopted: boolean; began: number },
): NatsServer {
  const { version, port, websocketPort, pid, exited } = running
  keepShort(join(options.folders.logs, 'nats.log'), exited)
  return {
    name: 'NATS',
    version,
    source,
    url: urlOf(options.users, port),
    port,
    websocketPort,
    pid,
    data: options.folders.nats,
    adopted,
    startedInMs: performance.now() - began,
    exited,
    stop: stopper(running, natsStops, options.isTaken),
    reload: (users) => reload(options, running, users),
  }
}

/**
 * nats-server reads its file again at SIGHUP, and says in its log how that went. What the file says proves nothing: a
 * process that was killed may have written it without asking, or the server may have refused it. It is not asked in vain:
 * whoever is just connecting is refused by a server that reads its users.
 */
async function reload(options: NatsOptions, running: Running, users: readonly NatsUser[]): Promise<void> {
  const { folders } = options
  const logFile = join(folders.logs, 'nats.log')
  const said = logFromHere(logOf(running.pid, logFile))
  const text = configText(options, running, users)
  if (text === running.inForce) return
  running.inForce = undefined
  writePrivately(configFile(folders), text)
  // Its pid may be a stranger's by now.
  if (!stillLives(running)) throw new WritError('UNREACHABLE', 'nats-server has ended, and did not take its new users')
  process.kill(running.pid, 'SIGHUP')
  const answer = await until(() => /Reloaded server configuration|Failed to reload.*/.exec(said())?.[0], {
    withinMs: reloadWithinMs,
    // One that has only begun to start knows no SIGHUP yet, and ends of it.
    unless: running.exited,
  })
  if (answer?.startsWith('Reloaded') === true) {
    running.inForce = text
    return
  }
  throw new WritError(
    'UNREACHABLE',
    `nats-server did not take its new users: ${answer ?? 'it said nothing'} (${logFile})`,
  )
}

function configText(options: NatsOptions, ports: Ports, users: readonly NatsUser[]): string {
  const { folders, durable = true } = options
  return natsConfig({ ...ports, users, storeDir: folders.nats, durable })
}

function urlOf(users: readonly NatsUser[], port: number): string {
  const first = users[0]
  if (first === undefined) throw new WritError('BAD_INPUT', 'nats-server needs at least one user')
  return `nats://${encodeURIComponent(first.user)}:${encodeURIComponent(first.password)}@127.0.0.1:${port}`
}

function configFile(folders: Folders): string {
  return join(folders.run, 'nats.conf')
}
