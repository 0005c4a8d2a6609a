/**
 * The stream of plain publishes: what a person sends with `nats pub` and nobody answers is kept here until a node has
 * written it into the database. It never acknowledges to publishers: that would answer requests on these subjects falsely.
 */
import {
  type ConsumerConfig,
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import { nanos, type NatsConnection } from '@nats-io/transport-node'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { WritError } from '../protocol/errors.ts'
import { payloadBytesMax } from '../protocol/limits.ts'
import { subjects } from './subjects.ts'

export const streamName = 'WRIT_PUBLISHED'
/** How long a node may keep a message before it is handed to another one. */
export const ackWaitMs = 30_000
export const unackedCountMax = 1000

const dayMs = 24 * 60 * 60 * 1000
const ageMs = 7 * dayMs
const streamBytesMax = 512 * 1024 * 1024
const duplicateMs = 2 * 60 * 1000
const apiMs = 5_000
const consumerPrefix = 'node_'
/** Codes of the JetStream interface. */
const storeNotMade = 10049
const [storeTriesMax, storeAgainMs] = [10, 100]
const [streamNotFound, streamNameInUse, consumerNotFound, ...consumerNotUnique] = [10059, 10058, 10014, 10099, 10100]

/** Every declared message that is streamed, by the exact place of its tokens. */
export const streamedSubjects: readonly string[] = [subjects.contract, subjects.task].flatMap((subject) =>
  Object.entries(subject.messages)
    .filter(([, message]) => message.kind === 'streamed')
    .map(([verb]) => `${subject.pattern().slice(0, -1)}${verb}`),
)

/** What is taken is deleted, so that a consumer that is made anew is not handed what counted long ago. */
const config = {
  name: streamName,
  description: 'Writ: plain publishes, until a node has taken them',
  subjects: [...streamedSubjects],
  retention: RetentionPolicy.Workqueue,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  no_ack: true,
  // `nats stream view` reads a work queue only so.
  allow_direct: true,
  max_age: nanos(ageMs),
  max_bytes: streamBytesMax,
  max_msg_size: payloadBytesMax,
  duplicate_window: nanos(duplicateMs),
} satisfies Partial<StreamConfig>

const errorCode = (error: unknown): number | null => (error instanceof JetStreamApiError ? error.code : null)

const managerOf = (connection: NatsConnection): Promise<JetStreamManager> =>
  jetstreamManager(connection, { timeout: apiMs, checkAPI: false })

const streamInfo = async (manager: JetStreamManager): Promise<StreamInfo | null> => {
  try {
    return await manager.streams.info(streamName)
  } catch (error) {
    if (errorCode(error) === streamNotFound) return null
    throw error
  }
}

const differs = (present: StreamConfig): boolean =>
  Object.entries(config).some(([key, value]) => {
    const there: unknown = Object.entries(present).find(([name]) => name === key)?.[1]
    return !isDeepStrictEqual(sorted(there), sorted(value))
  })

const sorted = (value: unknown): unknown =>
  Array.isArray(value) ? value.toSorted((one, other) => String(one).localeCompare(String(other))) : value

const makeOrCorrect = async (manager: JetStreamManager): Promise<StreamInfo> => {
  const present = await streamInfo(manager)
  if (present !== null)
    return differs(present.config) ? manager.streams.update(streamName, { ...present.config, ...config }) : present
  try {
    return await manager.streams.add(config)
  } catch (error) {
    // Another version of Writ was quicker, and its stream is a little different.
    if (errorCode(error) !== streamNameInUse) throw error
    return manager.streams.update(streamName, config)
  }
}

const streamFault = (cause: unknown): WritError => {
  const why = cause instanceof Error ? cause.message : String(cause)
  if (cause instanceof JetStreamApiError) {
    return new WritError('REFUSED', `the stream ${streamName} cannot be made as it is needed: ${why}`, {
      hint: `when nothing in it is needed any more: nats stream rm ${streamName}`,
      cause,
    })
  }
  return new WritError('UNREACHABLE', `the NATS server does not answer for JetStream: ${why}`, {
    hint: 'start nats-server with --jetstream, and let this user use $JS.API.>',
    cause,
  })
}

/** A server that is just removing the files of one by this name, or has no room for new ones. */
const makeAgain = async (manager: JetStreamManager): Promise<StreamInfo> => {
  for (let tries = 1; ; tries++) {
    try {
      return await makeOrCorrect(manager)
    } catch (error) {
      if (errorCode(error) !== storeNotMade || tries >= storeTriesMax) throw error
      await delay(storeAgainMs)
    }
  }
}

/** Makes the stream, or corrects what differs. Throws REFUSED when the server will not have it, UNREACHABLE without JetStream. */
export const ensureStream = async (connection: NatsConnection): Promise<StreamInfo> => {
  try {
    return await makeAgain(await managerOf(connection))
  } catch (error) {
    throw streamFault(error)
  }
}

/** Throws what `ensureStream` throws where JetStream does not answer. Makes nothing. */
export const checkStream = async (connection: NatsConnection): Promise<void> => {
  try {
    await streamInfo(await managerOf(connection))
  } catch (error) {
    throw streamFault(error)
  }
}

const consumerConfig = (name: string): Partial<ConsumerConfig> => ({
  durable_name: name,
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.All,
  ack_wait: nanos(ackWaitMs),
  max_deliver: -1,
  max_ack_pending: unackedCountMax,
})

/**
 * The one consumer that all nodes share. Its name holds the stream's incarnation: a stream that was made anew numbers its
 * messages from 1 again, and no node may go on consuming it in the belief that it is the old one.
 */
export const ensureConsumer = async (connection: NatsConnection): Promise<{ name: string; incarnation: string }> => {
  const { created } = await ensureStream(connection)
  const name = `${consumerPrefix}${created.replaceAll(/\D/g, '')}`
  try {
    const manager = await managerOf(connection)
    await dropAhead(connection, name)
    await addConsumer(manager, name)
    const now = await streamInfo(manager)
    if (now?.created === created) return { name, incarnation: created }
    await manager.consumers.delete(streamName, name)
  } catch (error) {
    throw streamFault(error)
  }
  throw new WritError('UNREACHABLE', `the stream ${streamName} was made anew meanwhile`)
}

/**
 * Whether the consumer was ahead of its stream, and was deleted for that: the stream has lost what it took last (a power failure), and
 * would hand over nothing that comes until its numbers are there again. Made anew, the consumer is handed all that the stream has.
 */
export const dropAhead = async (connection: NatsConnection, name: string): Promise<boolean> => {
  const manager = await managerOf(connection)
  const stream = await streamInfo(manager)
  const consumer = await manager.consumers.info(streamName, name).catch((error: unknown) => {
    if (errorCode(error) === consumerNotFound) return null
    throw error
  })
  if (stream === null || consumer === null || consumer.delivered.stream_seq <= stream.state.last_seq) return false
  return manager.consumers.delete(streamName, name)
}

/** The stream has one consumer: one that is named for another incarnation is the trace of a node that died in the middle of this. */
const addConsumer = async (manager: JetStreamManager, name: string): Promise<void> => {
  try {
    await manager.consumers.add(streamName, consumerConfig(name))
  } catch (error) {
    if (!consumerNotUnique.some((code) => code === errorCode(error))) throw error
    for await (const other of manager.consumers.list(streamName)) {
      if (other.name !== name && other.name.startsWith(consumerPrefix))
        await manager.consumers.delete(streamName, other.name)
    }
    await manager.consumers.add(streamName, consumerConfig(name))
  }
}
