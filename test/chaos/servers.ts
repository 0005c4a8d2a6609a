/** A Postgres and a nats-server that are mistreated, each always on its port, in the folder of the run. */
import { chmodSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import { dataFolder, type Folders } from '../../src/embedded/folders.ts'
import { living } from '../../src/embedded/living.ts'
import { startNats } from '../../src/embedded/nats.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'
import type { Server } from '../../src/embedded/server.ts'
import { statOf } from '../../src/daemon/process-group.ts'
import { migrate } from '../../src/persistence/migrate.ts'
import { atExit } from './at-exit.ts'
import { type SmallDisk, smallDisk } from './small-disk.ts'
import { endStray } from './tracked.ts'

export interface MistreatedServers {
  /** With credentials, and not through any link. */
  databaseUrl: string
  natsUrl: string
  /** Null: this machine has none. */
  disk: SmallDisk | null
  /** Without a deadline of its own: whoever asks tries again. */
  sql: postgres.Sql
  nats: {
    kill: () => Promise<void>
    stopFor: (ms: number) => Promise<void>
    /** Ends it, deletes all that it has stored, and starts it. */
    wipe: () => Promise<void>
  }
  postgres: {
    terminate: () => Promise<void>
    crash: () => Promise<void>
    immediate: () => Promise<void>
    stopFor: (ms: number) => Promise<void>
    /** Starts it when it has ended, until it answers. */
    mend: () => Promise<void>
  }
  /** `keep`: what they have stored remains in the folder. */
  stop: (keep?: boolean) => Promise<void>
}

const users = [{ user: 'writ', password: 'chaos' }]
const answersWithinMs = 90_000
/** What the connections of the run itself are called in Postgres. */
const ownName = 'chaos'

/** `small`: Postgres lies on a file system that can be filled, where the machine allows it. `signal`: no start is waited for any more. */
export const startServers = async (root: string, small: boolean, signal: AbortSignal): Promise<MistreatedServers> => {
  mkdirSync(root, { recursive: true })
  const folders = dataFolder({ dataDir: root, env: {} })
  const disk = small ? smallDisk(folders.postgres) : null
  // Postgres may be another user, who has to get through: else its cluster would lie elsewhere, and outlive the folder.
  for (const passed of [dirname(root), root]) chmodSync(passed, 0o711)
  const log = (): void => undefined
  const common = { folders, log, durable: true, signal }
  const spared = atExit(() => killAll(folders))
  let [database, nats] = await bothOrNone(
    startPostgres({ ...common, port: 0 }),
    startNats({ ...common, port: 0, users }),
    async ({ url }) => {
      await migrate({ url, log })
      signal.throwIfAborted()
    },
    disk,
  )
  const sql = postgres(database.url, {
    ...{ max: 2, onnotice: log, connect_timeout: 5, idle_timeout: 5, max_lifetime: 60 },
    connection: { application_name: ownName },
  })
  let isClosed = false
  let starting: Promise<unknown> = Promise.resolve()
  const started = (start: () => Promise<void>): Promise<void> => {
    if (isClosed) throw new Error('no server is started any more: the run is being ended')
    const one = start()
    starting = Promise.allSettled([starting, one])
    return one
  }
  const startDatabase = (): Promise<void> =>
    started(async () => {
      database = await startPostgres({ ...common, port: database.port, stay: true })
    })
  const startBroker = (): Promise<void> =>
    started(async () => {
      nats = await startNats({ ...common, users, port: nats.port, stay: true })
    })
  const killBroker = async (): Promise<void> => {
    process.kill(nats.pid, 'SIGKILL')
    await nats.exited
  }
  const answers = async (): Promise<void> => untilAnswers(database)
  return {
    databaseUrl: database.url,
    natsUrl: nats.url,
    disk,
    sql,
    nats: {
      kill: async () => {
        await killBroker()
        await startBroker()
      },
      stopFor: (ms) => stopped([nats.pid], ms),
      wipe: async () => {
        await nats.stop()
        emptied(folders)
        await startBroker()
      },
    },
    postgres: {
      terminate: async () => {
        // Not our other one: what is asked next might be sent on it as it ends.
        await sql`select pg_terminate_backend(pid) from pg_stat_activity
                  where application_name <> ${ownName} and backend_type = 'client backend'`
      },
      crash: async () => {
        const [victim] = await sql<{ pid: number }[]>`
          select pid from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend' limit 1`
        if (victim !== undefined) await endStray(victim.pid)
        await answers()
      },
      immediate: async () => {
        process.kill(database.pid, 'SIGQUIT')
        await database.exited
        await startDatabase()
      },
      stopFor: (ms) => stopped([database.pid, ...childrenOf(database.pid)], ms),
      mend: async () => {
        if (statOf(database.pid) === null) await startDatabase()
        await answers()
      },
    },
    stop: async (keep = false) => {
      isClosed = true
      await starting
      // They may have been stopped as a fault.
      sendAll([nats.pid, database.pid, ...childrenOf(database.pid)], 'SIGCONT')
      await sql.end({ timeout: 1 })
      await Promise.all([database.stop(), nats.stop()])
      disk?.remove(keep)
      spared()
    },
  }
}

/** When one does not start, or the first cannot be made ready, nothing stays behind. */
const bothOrNone = async (
  first: Promise<Server>,
  second: Promise<Server>,
  madeReady: (one: Server) => Promise<void>,
  disk: SmallDisk | null,
): Promise<[Server, Server]> => {
  const both = await Promise.allSettled([first, second])
  try {
    const [database, nats] = [await first, await second]
    await madeReady(database)
    return [database, nats]
  } catch (error) {
    for (const one of both) if (one.status === 'fulfilled') await one.value.stop()
    disk?.remove()
    throw error
  }
}

/**
 * At once, whatever of them there is: one may have been started a moment ago, or an initdb may be at work. Postgres ends with all its own:
 * a backend that is killed alone would have the others wait for a recovery.
 */
const killAll = ({ root, postgres }: Folders): void => {
  const places = [root, ...(existsSync(postgres) ? [realpathSync(postgres)] : [])]
  for (const pid of childrenOf(process.pid)) {
    const command = living(pid)?.command ?? ''
    if (!places.some((place) => command.includes(place))) continue
    const own = allUnder(pid)
    if (!command.includes('/postgres -D ')) {
      sendAll([pid, ...own], 'SIGKILL')
      continue
    }
    sendAll([pid, ...own], 'SIGCONT')
    sendAll([pid], 'SIGQUIT')
  }
}

const stopped = async (pids: readonly number[], ms: number): Promise<void> => {
  sendAll(pids, 'SIGSTOP')
  try {
    await delay(ms)
  } finally {
    sendAll(pids, 'SIGCONT')
  }
}

const sendAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) if (statOf(pid) !== null) process.kill(pid, signal)
}

const childrenOf = (pid: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statOf(name)?.parent === pid)
    .map(Number)

const allUnder = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...allUnder(child)])

const emptied = ({ nats }: Folders): void => {
  for (const name of readdirSync(nats)) rmSync(join(nats, name), { recursive: true, force: true })
}

const untilAnswers = async ({ url }: Server): Promise<void> => {
  const until = performance.now() + answersWithinMs
  for (;;) {
    const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined })
    try {
      await sql`select 1`
      return
    } catch (error) {
      if (performance.now() > until) throw error
      await delay(200)
    } finally {
      await sql.end({ timeout: 1 })
    }
  }
}
