/**
 * The private Postgres: made once, started as a child in its own process group, adopted when a killed process of ours
 * left it running. The caller holds the lock of the data folder (lock.ts). It listens on 127.0.0.1 alone.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { clusterFolder, existingCluster } from './cluster-place.ts'
import { clusterMajor, makeCluster, superuser } from './cluster.ts'
import { findPostgres } from './find-postgres.ts'
import type { Program } from './find-program.ts'
import type { Folders } from './folders.ts'
import { freePort } from './free-port.ts'
import type { Living } from './living.ts'
import { keepShort } from './log-length.ts'
import { otherUser, type OtherUser } from './other-user.ts'
import { postgresAnswers } from './postgres-answers.ts'
import {
  disownForeignPid,
  lastPort,
  postgresRecord,
  runningPostgres,
  serves,
  startingPostgres,
} from './postgres-record.ts'
import { keptSecret } from './private-file.ts'
import {
  didNotStart,
  launch,
  orEnded,
  portTaken,
  postgresStops,
  stopper,
  watchAdopted,
  type Server,
  type StartOptions,
} from './server.ts'
import { endMoved, isStartOurs, refuseServerOfAnother, sourceOf, writeStart, writeStarted } from './server-start.ts'
import { until } from './until.ts'

export const postgresPort = 17432
const database = 'writ'
const readyWithinMs = 60_000
/** How long we wait for the last processes of a Postgres that was killed to notice it. */
const leftoversWithinMs = 15_000
const othersEndWithinMs = 2_000

export interface PostgresOptions extends StartOptions {
  /** false gives up safety against power loss for speed: for tests, never for work that matters. */
  durable?: boolean
  env?: Readonly<Record<string, string | undefined>>
  /** See PostgresSearch. */
  packageFolder?: string | null
}

interface Setup {
  folders: Folders
  log: (line: string) => void
  port: number
  stay: boolean
  isTaken: (() => boolean) | undefined
  signal: AbortSignal | undefined
  durable: boolean
  cluster: string
  user: OtherUser | undefined
  password: string
  logFile: string
  began: number
}

/** Starts, or adopts, the Postgres of this data folder. Throws NO_SERVER, OLD_SERVER or UNREACHABLE (with the log's end), and as `clusterFolder` does. */
export async function startPostgres(options: PostgresOptions): Promise<Server> {
  const { folders, log, stay = false, signal, durable = true, env = process.env, packageFolder } = options
  const user = otherUser()
  // Before its cluster may be moved.
  const known = existingCluster(folders)
  if (known !== undefined) await endMoved(options, 'postgres', postgresStops, (one) => serves(one, known))
  const cluster = await clusterFolder(folders, user, log)
  await refuseOthers(folders, cluster)
  const port = options.port ?? lastPort(cluster) ?? postgresPort
  const setup: Setup = {
    folders,
    log,
    port,
    stay,
    isTaken: options.isTaken,
    signal,
    durable,
    user,
    cluster,
    password: keptSecret(folders.secrets, 'postgres'),
    logFile: join(folders.logs, 'postgres.log'),
    began: performance.now(),
  }
  let tried = port
  for (;;) {
    signal?.throwIfAborted()
    const adopted = await adopt(setup)
    if (adopted !== undefined) return adopted
    const major = clusterMajor(setup.cluster)
    const program = findPostgres({ programs: folders.programs, user, major, path: env['PATH'], packageFolder })
    if (major === undefined) await makeCluster({ ...setup, stopping: options.stopping, bin: dirname(program.file) })
    const started = await start(setup, program, tried)
    if ('server' in started) return started.server
    tried = await portForNextTry(setup, started.said, tried)
  }
}

/**
 * Where no cluster was made, whatever serves one is of a folder that was here before. What a Postgres that was killed had just made
 * goes by its words for a moment, and ends by itself.
 */
async function refuseOthers(folders: Folders, cluster: string): Promise<void> {
  const other = (): Living | undefined => {
    const found = startingPostgres(cluster)
    return found !== undefined && existsSync(cluster) && isStartOurs(folders, 'postgres', found) ? undefined : found
  }
  if (await until(() => other() === undefined || undefined, { withinMs: othersEndWithinMs })) return
  const found = other()
  if (found !== undefined) refuseServerOfAnother(folders, found)
}

async function adopt(setup: Setup): Promise<Server | undefined> {
  const { cluster, folders, began } = setup
  disownForeignPid(cluster)
  const one = runningPostgres(cluster)
  if (one === undefined) return undefined
  const exited = watchAdopted(one)
  const found = await orEnded(one, { stops: postgresStops, signal: setup.signal }, async () => {
    // The port is in its record only once it has got it.
    const port = await until(() => postgresRecord(cluster)?.port || undefined, { withinMs: 5_000 })
    if (port === undefined) return undefined
    const version = await postgresAnswers(urlOf(setup, port), database, exited, readyWithinMs)
    return version === undefined ? undefined : { port, version }
  })
  if (found === undefined) return undefined
  const source = sourceOf(folders, 'postgres')
  writeStarted(folders, 'postgres', source, one)
  const startedInMs = performance.now() - began
  const run = { ...found, source, url: urlOf(setup, found.port), pid: one.pid, exited, startedInMs } as const
  keepShort(setup.logFile, exited)
  return { name: 'Postgres', data: cluster, adopted: true, ...run, stop: stopper(one, postgresStops, setup.isTaken) }
}

async function start(
  setup: Setup,
  { file, source }: Program,
  tried: number,
): Promise<{ server: Server } | { said: string }> {
  const { folders, cluster, began, logFile, user, stay, signal } = setup
  const port = await freePort(tried)
  if (stay && port !== setup.port) throw portTaken('Postgres', setup.port)
  writeStart(folders, 'postgres', source)
  const one = await launch({ program: file, args: argumentsFor(setup, port), logFile, user })
  const url = urlOf(setup, port)
  const version = await orEnded(one, { stops: postgresStops, signal }, () =>
    postgresAnswers(url, database, one.exited, readyWithinMs),
  )
  if (version === undefined) return { said: one.said() }
  writeStarted(folders, 'postgres', source, one)
  if (port !== setup.port && setup.port !== 0) setup.log(`port ${setup.port} is taken: Postgres listens on ${port}`)
  const { pid, exited } = one
  keepShort(logFile, exited)
  const run = { version, source, url, port, pid, exited, startedInMs: performance.now() - began }
  return {
    server: {
      name: 'Postgres',
      data: cluster,
      adopted: false,
      ...run,
      stop: stopper(one, postgresStops, setup.isTaken),
    },
  }
}

/** The ways not to start that pass by themselves; every other one is told with the end of the log. */
async function portForNextTry(setup: Setup, said: string, tried: number): Promise<number> {
  // Somebody took the port between our look and its bind.
  if (/could not bind|Address already in use/.test(said)) return 0
  // A killed starter's Postgres that had not made its record when we looked (it can be adopted now), or the last
  // processes of a killed Postgres, which have yet to notice.
  const passing = /lock file "postmaster\.pid"|pre-existing shared memory block/.test(said)
  const waited = performance.now() - setup.began
  if (!passing || waited > leftoversWithinMs) throw didNotStart('Postgres', setup.logFile, said)
  await delay(200)
  return tried
}

function urlOf({ password }: Setup, port: number): string {
  return `postgres://${superuser}:${password}@127.0.0.1:${port}/${database}`
}

function argumentsFor({ cluster, durable }: Setup, port: number): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: durable ? 'on' : 'off',
    shared_buffers: '64MB',
    max_connections: 100,
    // Containers often have a small /dev/shm, and no query of ours gains from parallel workers.
    max_parallel_workers_per_gather: 0,
    jit: 'off',
    // Mailbox and timer rows live for milliseconds: their tables must be swept often to stay small.
    autovacuum_naptime: '10s',
    autovacuum_vacuum_scale_factor: 0.05,
    autovacuum_vacuum_cost_delay: 0,
    idle_in_transaction_session_timeout: '10s',
    wal_compression: 'on',
    min_wal_size: '64MB',
    max_wal_size: '512MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    // Without it a session whose client was killed keeps its locks until its statement ends. Not every system can.
    ...(process.platform === 'linux' ? { client_connection_check_interval: '1s' } : {}),
  }
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}
