/** Composes one thread's engine from servers' addresses: the adapters meet the ports here, for a worker thread and for tests. */
import { Engine } from './actors/engine.ts'
import type { Take } from './actors/ports/wire.ts'
import { connect } from './bus/nats-bus.ts'
import { subjects } from './bus/subjects.ts'
import { type Service, serviceName, serviceOf, timed } from './bus/service.ts'
import { wireOf } from './bus/wire.ts'
import { openLog } from './log.ts'
import type { Catalog } from './machines/versions.ts'
import { openStore } from './persistence/postgres-store.ts'
import { openRecords } from './persistence/records.ts'
import { present } from './protocol/present.ts'
import type { Retention } from './protocol/retention.ts'
import { version } from './protocol/version.ts'
import { systemClock, systemRandom } from './system.ts'
import { takePublished } from './take-published.ts'
import { figuresOf } from './thread-figures.ts'

export interface EngineOptions {
  databaseUrl: string
  nats: { url: string; inboxPrefix?: string; caFile?: string }
  node: string
  thread: string
  home: string | null
  /** How many threads of the node start together. */
  threads: number
  /** Of its lease, in ms. */
  leaseMs?: number | undefined
  /** Called when the store does not let it in any more: it had better end. */
  refused?: (error: unknown) => void
  /** How long what is over is kept; for ever when left out. */
  retention?: Retention | undefined
  /** What it can open; all of this build when left out. */
  machines?: Catalog | undefined
  /** As an engine tells it. */
  restored?: () => void
  turning?: (message: number | null) => void
  /** Takes a line of the log: JSON, without its end. */
  log: (line: string) => void
}

export interface RunningEngine {
  engine: Engine
  stop: () => Promise<void>
}

/** Connects, joins and holds its share of the shards when it resolves. Throws UNREACHABLE, UNAUTHORIZED, SCHEMA_NEWER and the like. */
export const startEngine = async (options: EngineOptions): Promise<RunningEngine> => {
  const {
    databaseUrl,
    nats,
    node,
    thread,
    home,
    threads,
    leaseMs,
    retention,
    restored,
    turning,
    machines,
    refused = () => undefined,
  } = options
  const logger = openLog(options.log, { node, thread })
  const log = (text: string): void => logger.info({}, text)
  const bus = await connect({ ...nats, name: `writ ${node} ${thread}`, log, stream: true })
  const store = await openStore({ url: databaseUrl, log, applicationName: `writ ${node} ${thread}`, leaseMs })
  const reader = await openRecords({ url: databaseUrl })
  const plain = wireOf(bus, log)
  let service: Service | null = null
  const wire = {
    ...plain,
    serveApi: (take: Take) => plain.serveApi(timed(take, (tookMs, error) => service?.count('api', tookMs, error))),
  }
  const parts = {
    store,
    wire,
    reader,
    clock: systemClock,
    random: systemRandom,
    log: logger,
    thread,
    node,
    home,
    threads,
    leaseMs,
    refused,
    ...present({ retention, restored, turning, machines }),
  }
  const engine = new Engine(parts)
  const close = async (): Promise<void> => {
    await bus.close()
    await Promise.all([store.close(), reader.close()])
  }
  await engine.start().catch(async (error: unknown) => {
    await close()
    throw error
  })
  const api = { name: 'api', subject: subjects.api.pattern(), queue: 'api', data: () => figuresOf(engine, node) }
  const about = {
    name: serviceName,
    id: thread,
    version,
    description: `thread ${thread} of the node ${node}`,
    endpoints: [api],
  }
  const answering = serviceOf(bus, about)
  service = answering
  const stream = await bus.consume((message) => void takePublished(engine.host, message, log))
  return {
    engine,
    stop: async () => {
      await Promise.all([stream.drain(), answering.drain()])
      await engine.stop()
      await close()
    },
  }
}
