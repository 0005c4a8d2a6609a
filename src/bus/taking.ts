/**
 * One node's share of the stream of plain publishes, for as long as it wants it: through lost connections, restarted
 * servers, a deleted consumer and a deleted stream. What it was handed and did not acknowledge comes again, to any node.
 */
import { type Consumer, type ConsumerMessages, jetstream, JetStreamApiError, type JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { setTimeout as delay } from 'node:timers/promises'
import type { Published } from '../actors/ports/bus.ts'
import { dropAhead, ensureConsumer, streamName, unackedCountMax } from './stream.ts'

const aheadCountMax = 100
const pullMs = 30_000
const heartbeatMs = 5_000
const lookMs = 10_000
const backoffMs = [100, 500, 2_000, 5_000] as const

/** How many deliveries it has made, when more are waiting; `well` when none is, or when nothing can be said. */
type State = number | 'well' | 'gone'

export class Taking {
  readonly #connection: NatsConnection
  readonly #take: (message: Published) => void
  readonly #log: (line: string) => void
  readonly #stopped = new AbortController()
  #messages: ConsumerMessages | null = null
  #running: Promise<void> = Promise.resolve()

  constructor(connection: NatsConnection, take: (message: Published) => void, log: (line: string) => void) {
    this.#connection = connection
    this.#take = take
    this.#log = log
  }

  /** Throws what keeps it from beginning; later faults are logged and tried again. */
  async start(): Promise<void> {
    const first = await this.#open()
    this.#running = this.#run(first)
  }

  /** Takes no more; what comes too late for that is handed to another node after the wait for the acknowledgement. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#messages?.stop()
    await this.#running
  }

  #isOver(): boolean {
    return this.#stopped.signal.aborted || this.#connection.isClosed()
  }

  async #run(first: ConsumerMessages): Promise<void> {
    let messages: ConsumerMessages | null = first
    for (let fails = 0; !this.#isOver();) {
      if (messages !== null) {
        fails = 0
        await messages.closed()
      }
      if (this.#isOver()) return
      await this.#pause(fails)
      messages = await this.#reopen()
      fails++
    }
    messages?.stop()
  }

  async #reopen(): Promise<ConsumerMessages | null> {
    if (this.#isOver()) return null
    try {
      return await this.#open()
    } catch (error) {
      this.#log(
        `the stream ${streamName} cannot be taken from: ${error instanceof Error ? error.message : String(error)}`,
      )
      return null
    }
  }

  async #open(): Promise<ConsumerMessages> {
    const { name, incarnation } = await ensureConsumer(this.#connection)
    const consumer = await jetstream(this.#connection).consumers.get(streamName, name)
    const messages = await consumer.consume({
      max_messages: aheadCountMax,
      expires: pullMs,
      idle_heartbeat: heartbeatMs,
      // Without it a deleted consumer is waited for silently, for ever.
      abort_on_missing_resource: true,
      callback: (message) => this.#hand(message, incarnation),
    })
    this.#messages = messages
    if (this.#stopped.signal.aborted) messages.stop()
    void this.#look(consumer, messages)
    return messages
  }

  #hand(message: JsMsg, incarnation: string): void {
    const { subject, data, seq, timestampNanos } = message
    try {
      this.#take({ subject, body: data, incarnation, sequence: seq, at: `${timestampNanos}`, ack: () => message.ack() })
    } catch (error) {
      this.#log(`taking ${subject} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
  }

  /** Consumers have been seen to fall silent: one that has something to hand over, and hands over nothing, is opened anew. */
  async #look(consumer: Consumer, messages: ConsumerMessages): Promise<void> {
    const ended = new AbortController()
    void messages.closed().then(() => ended.abort())
    let before: State = 'well'
    while (await slept(lookMs, ended.signal)) {
      const state = await this.#stateOf(consumer)
      if (state === 'gone' || (state !== 'well' && state === before)) {
        this.#log(`the stream ${streamName} has fallen silent: it is opened anew`)
        messages.stop()
      }
      before = state
    }
  }

  async #stateOf(consumer: Consumer): Promise<State> {
    try {
      const { name, num_pending: waiting, num_ack_pending: unacked, delivered } = await consumer.info()
      if (await dropAhead(this.#connection, name)) return 'gone'
      return waiting > 0 && unacked < unackedCountMax ? delivered.consumer_seq : 'well'
    } catch (error) {
      if (error instanceof JetStreamApiError) return 'gone'
      this.#log(
        `the stream ${streamName} does not say how it is: ${error instanceof Error ? error.message : String(error)}`,
      )
      return 'well'
    }
  }

  async #pause(fails: number): Promise<void> {
    const ms = backoffMs[Math.min(fails, backoffMs.length - 1)] ?? 0
    await slept(ms * (0.5 + Math.random() / 2), this.#stopped.signal)
  }
}

/** Whether the whole time has passed; false at once when it is called off. */
const slept = async (ms: number, signal: AbortSignal): Promise<boolean> => {
  if (signal.aborted) return false
  try {
    await delay(ms, undefined, { signal, ref: false })
    return true
  } catch {
    return false
  }
}
