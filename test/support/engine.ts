/**
 * An engine on real servers, composed as a node's thread composes it, for tests that watch it from inside: a database and a
 * nats-server of the file's own, and a fresh owner for each test.
 */
import postgres from 'postgres'
import { Engine } from '../../src/actors/engine.ts'
import type { NatsBus } from '../../src/bus/nats-bus.ts'
import { connect } from '../../src/bus/nats-bus.ts'
import { type RunningEngine, startEngine } from '../../src/engine-of.ts'
import { wireOf } from '../../src/bus/wire.ts'
import type { Catalog } from '../../src/machines/versions.ts'
import { migrate } from '../../src/persistence/migrate.ts'
import { openStore } from '../../src/persistence/postgres-store.ts'
import { openRecords } from '../../src/persistence/records.ts'
import { forEver, type Retention } from '../../src/protocol/retention.ts'
import { systemClock, systemRandom } from '../../src/system.ts'
import { freshDatabase } from './database.ts'
import { ownNats } from './own-nats.ts'
import { World } from './world.ts'

export interface TestEngine {
  /** The engine that runs now. */
  readonly engine: Engine
  bus: NatsBus
  databaseUrl: string
  natsUrl: string
  sql: postgres.Sql
  /** Lines of warnings and errors so far. */
  log: string[]
  /** A fresh owner with all that a test does in its name. */
  world: () => Promise<World>
  /** Ends the engine in order; `start` begins another on the same servers. */
  end: () => Promise<void>
  start: (machines?: Catalog) => Promise<void>
  stop: () => Promise<void>
}

/** Starts an engine more on servers that are there already. */
export const joinEngine = (
  servers: { databaseUrl: string; natsUrl: string },
  name: string,
  log: (line: string) => void,
  { retention = forEver, machines }: { retention?: Retention; machines?: Catalog | undefined } = {},
): Promise<RunningEngine> =>
  startEngine({
    databaseUrl: servers.databaseUrl,
    nats: { url: servers.natsUrl },
    node: name,
    thread: `${name}-0`,
    threads: 1,
    home: null,
    retention,
    machines,
    log,
  })

export interface MortalEngine {
  engine: Engine
  /** Ends it as kill -9 ends a process: nothing is given back, nothing more is done. */
  kill: () => Promise<void>
}

/** An engine whose clock, store and connection to NATS can be cut off from one moment to the next. */
export const joinMortal = async (
  { databaseUrl, natsUrl }: { databaseUrl: string; natsUrl: string },
  name: string,
  log: (line: string) => void,
): Promise<MortalEngine> => {
  let dead = false
  const dying = <T extends object>(part: T): T =>
    new Proxy(part, {
      get: (target, property, receiver) => {
        if (!dead) return Reflect.get(target, property, receiver) as unknown
        return () => new Promise(() => undefined)
      },
    })
  const bus = await connect({ url: natsUrl, name, log })
  const store = await openStore({ url: databaseUrl, log, applicationName: name })
  const reader = await openRecords({ url: databaseUrl })
  const say = (_: object, text: string): void => log(`${name}: ${text}`)
  const engine = new Engine({
    store: dying(store),
    reader,
    wire: wireOf(bus, log),
    clock: { ...systemClock, after: (ms, call) => systemClock.after(ms, () => (dead ? undefined : call())) },
    random: systemRandom,
    log: { info: say, warn: say, error: say },
    thread: `${name}-0`,
    threads: 1,
    node: name,
    home: null,
  })
  await engine.start()
  return {
    engine,
    kill: async () => {
      dead = true
      await bus.close()
      await Promise.all([store.close(), reader.close()])
    },
  }
}

export const startTestEngine = async (retention: Retention = forEver): Promise<TestEngine> => {
  const [database, nats] = await Promise.all([freshDatabase(), ownNats()])
  const log: string[] = []
  const line = (text: string): void => void log.push(text)
  const servers = { databaseUrl: database.url, natsUrl: nats.url }
  await migrate({ url: database.url, log: () => undefined })
  const bus = await connect({ url: nats.url, name: 'test', log: line })
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined })
  let running: RunningEngine | null = null
  const start = async (machines?: Catalog): Promise<void> => {
    running ??= await joinEngine(servers, 'test', line, { retention, machines })
  }
  const end = async (): Promise<void> => {
    const ended = running
    running = null
    await ended?.stop()
  }
  await start()
  const worlds: World[] = []
  return {
    ...servers,
    get engine() {
      if (running === null) throw new Error('the engine is not running')
      return running.engine
    },
    bus,
    sql,
    log,
    world: async () => {
      const world = new World(bus, log)
      worlds.push(world)
      await world.open()
      return world
    },
    start,
    end,
    stop: async () => {
      await Promise.all(worlds.map((world) => world.close()))
      await end()
      await bus.close()
      await sql.end()
      await Promise.all([database.drop(), nats.stop()])
    },
  }
}
