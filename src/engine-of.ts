/** Composes one thread's engine from servers' addresses: the adapters meet the ports here, for a worker thread and for tests. */
import { pack } from './actors/codec.ts'
import { Engine } from './actors/engine.ts'
import { type StreamedMail, takeIn } from './actors/published.ts'
import type { Published } from './actors/ports/bus.ts'
import type { Take } from './actors/ports/wire.ts'
import { connect } from './bus/nats-bus.ts'
import type { Message } from './bus/subject.ts'
import { subjects } from './bus/subjects.ts'
import { checkPayload, decode } from './bus/json.ts'
import { type Service, serviceName, serviceOf, timed } from './bus/service.ts'
import { wireOf } from './bus/wire.ts'
import { openLog } from './log.ts'
import type { Catalog } from './machines/versions.ts'
import { openStore } from './persistence/postgres-store.ts'
import { openRecords } from './persistence/records.ts'
import { WritError } from './protocol/errors.ts'
import { kindOf, readTaskId } from './protocol/ids.ts'
import { present } from './protocol/present.ts'
import type { Retention } from './protocol/retention.ts'
import { version } from './protocol/version.ts'
import { systemClock, systemRandom } from './system.ts'
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
  const stream = await bus.consume((message) => void takePublished(engine, message, log))
  return {
    engine,
    stop: async () => {
      await Promise.all([stream.drain(), answering.drain()])
      await engine.stop()
      await close()
    },
  }
}

/** Acknowledged once its row is committed; what can never be taken is acknowledged as well, with a line in the log. */
const takePublished = async (engine: Engine, message: Published, log: (line: string) => void): Promise<void> => {
  const mail = mailOf(message, log)
  try {
    if (mail !== null) await takeIn(engine.host, mail)
    message.ack()
  } catch (error) {
    // A full mailbox may stay full. What waits for it would in the end keep the server from handing out anything to anybody.
    const isFull = error instanceof WritError && error.code === 'TOO_LARGE'
    if (isFull) message.ack()
    const what = isFull ? 'is not taken' : 'waits'
    log(`a publish on ${message.subject} ${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const mailOf = (
  { subject, body, incarnation, sequence, at }: Published,
  log: (line: string) => void,
): StreamedMail | null => {
  for (const noun of ['task', 'contract'] as const) {
    const tokens = subjects[noun].read(subject)
    const read = tokens === null ? null : readTaskId(tokens.id)
    if (tokens === null || read === null || kindOf(read.actor) === 'registry') continue
    try {
      const { owner, id, verb } = tokens
      const checked = checkPayload(payloadOf(noun, verb), decode(body))
      return {
        owner,
        incarnation,
        sequence,
        at,
        actor: read.actor,
        body: pack({ type: 'published', noun, verb, id, body: checked }),
      }
    } catch (error) {
      log(`a publish on ${subject} is no message: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return null
}

/** Of what the stream keeps: it keeps nothing else, but anybody may have made it otherwise. */
const payloadOf = (noun: 'task' | 'contract', verb: string): Message['payload'] => {
  const messages: Record<string, Message> = subjects[noun].messages
  const declared = Object.hasOwn(messages, verb) ? messages[verb] : undefined
  if (declared?.kind === 'streamed') return declared.payload
  throw new WritError('BAD_INPUT', `there is no ${noun} ${verb} to publish`)
}
