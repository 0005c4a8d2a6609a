/**
 * The Bus port over NATS. A subscriber's messages are handed over as they are read from the socket, and nothing is kept
 * here: a taker that is slow holds up this connection alone, until the server's own limit for it (64 MiB) cuts it off and it
 * reconnects; what was lost then is lost, as the port allows. So whoever takes must be quick, and bound what it keeps.
 */
import {
  type Msg,
  type NatsConnection,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from '@nats-io/transport-node'
import type { Bus, Incoming, Published, Subscription } from '../actors/ports/bus.ts'
import { WritError } from '../protocol/errors.ts'
import { answerOf } from './answer.ts'
import { type ConnectOptions, openConnection } from './connection.ts'
import { encode } from './json.ts'
import { Silence } from './silence.ts'
import { checkStream, ensureStream } from './stream.ts'
import { checkPattern, checkPlainSubject, checkQueue, checkSubject, isInbox } from './syntax.ts'
import { Taking } from './taking.ts'

/** How long `close` waits for what is under way. */
const drainMs = 5_000
/** How long a server may take to say that it sends no more to a subscription; one that is away says nothing. */
const unlistenMs = 2_000

export class NatsBus implements Bus {
  readonly #connection: NatsConnection
  readonly #log: (line: string) => void
  /** Requests under way: their answers cannot come any more when the connection is lost. */
  readonly #asking = new Set<(reason: WritError) => void>()
  readonly #taking = new Set<Taking>()
  #closing: Promise<void> | null = null

  constructor(connection: NatsConnection, log: (line: string) => void) {
    this.#connection = connection
    this.#log = log
    void this.#watch()
  }

  /** What the server calls itself, for `writ doctor` and logs. */
  get server(): string {
    return this.#connection.getServer()
  }

  /** Whether it was closed, or is gone for good. */
  get closed(): boolean {
    return this.#connection.isClosed()
  }

  publish(subject: string, body: object): void {
    checkSubject(subject)
    this.#send(subject, encode(body))
  }

  /**
   * What everybody answers who listens there, unread: `request` takes the first. Ends when nothing more has come for `stallMs`, or
   * nothing at all for `withinMs`: then it is empty, as it is when nobody listens. Throws UNREACHABLE, UNAUTHORIZED.
   */
  async gather(subject: string, body: object, { withinMs = 1000, stallMs = 250 } = {}): Promise<Uint8Array[]> {
    checkPlainSubject(subject)
    const answers: Uint8Array[] = []
    try {
      const options = { strategy: 'stall', maxWait: withinMs, stall: stallMs } as const
      for await (const { data } of await this.#connection.requestMany(subject, encode(body), options))
        answers.push(data)
    } catch (error) {
      const failed = failure(subject, withinMs, error)
      if (failed.code !== 'NO_ANSWER') throw failed
    }
    return answers
  }

  async request(subject: string, body: object, deadlineMs: number): Promise<unknown> {
    checkSubject(subject)
    const bytes = encode(body)
    const answer = await this.#ask(subject, bytes, Math.max(1, Math.ceil(deadlineMs)))
    return answerOf(subject, answer.data)
  }

  async deliver(subject: string, body: object, withinMs: number): Promise<boolean> {
    checkSubject(subject)
    const bytes = encode(body)
    try {
      await this.#ask(subject, bytes, Math.max(1, Math.ceil(withinMs)))
      return true
    } catch (error) {
      const { cause } = error as WritError
      if (cause instanceof TimeoutError) return true
      if (cause instanceof RequestError && cause.isNoResponders()) return false
      throw error
    }
  }

  subscribe(pattern: string, options: { queue?: string }, take: (message: Incoming) => void): Subscription {
    checkPattern(pattern)
    if (options.queue !== undefined) checkQueue(options.queue)
    const subscription = this.#connection.subscribe(pattern, {
      ...options,
      callback: (error, message) => {
        if (error === null) this.#hand(take, message)
        else this.#log(`listening on ${pattern} ended: ${error.message}`)
      },
    })
    return {
      drain: async () => {
        if (this.#connection.isClosed() || subscription.isClosed()) return
        await atMost(unlistenMs, subscription.drain())
      },
    }
  }

  async flush(): Promise<void> {
    try {
      await this.#connection.flush()
    } catch (cause) {
      throw new WritError('UNREACHABLE', 'the connection to NATS was lost', { hint: 'it reconnects by itself', cause })
    }
  }

  async consume(take: (message: Published) => void): Promise<Subscription> {
    const taking = new Taking(this.#connection, take, this.#log)
    await taking.start()
    this.#taking.add(taking)
    return {
      drain: async () => {
        this.#taking.delete(taking)
        await taking.stop()
      },
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#taking].map((taking) => taking.stop()))
    if (this.#connection.isClosed()) return
    // Draining rejects when the connection is lost meanwhile: then nothing is here to be handed over any more.
    const drained = this.#connection.drain().catch((error: Error) => this.#log(`closing: ${error.message}`))
    await atMost(drainMs, drained)
    await this.#connection.close()
  }

  /** What is published while there is no connection may be lost; after `close` it is. */
  #send(subject: string, bytes: Uint8Array): void {
    try {
      this.#connection.publish(subject, bytes)
    } catch (error) {
      this.#log(`not sent on ${subject}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #ask(subject: string, bytes: Uint8Array, timeout: number): Promise<Msg> {
    let giveUp: (reason: WritError) => void = () => undefined
    const asked = new Promise<Msg>((resolve, reject) => {
      giveUp = reject
      this.#asking.add(reject)
      this.#connection
        .request(subject, bytes, { timeout })
        .then(resolve, (error: unknown) => reject(failure(subject, timeout, error)))
    })
    return asked.finally(() => this.#asking.delete(giveUp))
  }

  /** A throw from a callback would end the client's reading for good, silently: nothing may leave here. */
  #hand(take: (message: Incoming) => void, message: Msg): void {
    const replyTo = this.#inboxOf(message)
    let open = replyTo !== null
    const reply = (body: object): void => {
      if (replyTo === null || !open) return
      open = false
      this.#send(replyTo, bytesOfReply(body))
    }
    try {
      take({ subject: message.subject, body: message.data, wantsReply: replyTo !== null, replyTo, reply })
    } catch (error) {
      this.#log(
        `taking ${message.subject} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      )
      reply(errorReply(error))
    }
  }

  #inboxOf(message: Msg): string | null {
    const { reply = '', subject } = message
    if (reply === '' || isInbox(reply)) return reply === '' ? null : reply
    this.#log(`a request on ${subject} wanted its answer on ${JSON.stringify(reply)}, which is no inbox: not answered`)
    return null
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect') this.#lose()
      if (status.type === 'disconnect' || status.type === 'reconnect')
        this.#log(`NATS: ${status.type} ${status.server}`)
      if (status.type === 'error') this.#log(`NATS: ${status.error.message}`)
    }
    this.#lose()
  }

  #lose(): void {
    const lost = new WritError('UNREACHABLE', 'the connection to NATS was lost before the answer came', {
      hint: 'it reconnects by itself: ask again',
    })
    for (const giveUp of this.#asking) giveUp(lost)
  }
}

/** Waits for it, but no longer. */
const atMost = async (ms: number, done: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([done, tooLong]).finally(() => clearTimeout(timer))
}

const errorReply = (error: unknown): object => {
  if (error instanceof WritError) return { error: error.body }
  return { error: new WritError('INTERNAL', 'taking the message failed', { hint: 'the log says why' }).body }
}

/** An answer that cannot be sent becomes one that says so: whoever asked must not wait in vain. */
const bytesOfReply = (body: object): Uint8Array => {
  try {
    return encode(body)
  } catch (error) {
    return encode(errorReply(error))
  }
}

const failure = (subject: string, timeout: number, cause: unknown): WritError => {
  if (cause instanceof TimeoutError) return new Silence(subject, timeout, cause)
  if (cause instanceof NoRespondersError || (cause instanceof RequestError && cause.isNoResponders())) {
    return new WritError('NO_ANSWER', `nobody listens on ${subject}`, {
      hint: 'is a node running? see `writ up`',
      cause,
    })
  }
  if (
    cause instanceof PermissionViolationError ||
    (cause instanceof RequestError && cause.cause instanceof PermissionViolationError)
  ) {
    const message = `these credentials do not allow to ask on ${subject}`
    return new WritError('UNAUTHORIZED', message, { hint: 'see `writ creds`', cause })
  }
  return new WritError('UNREACHABLE', `${subject} could not be asked: the connection to NATS is lost`, { cause })
}

/** Connects to NATS. Throws BAD_INPUT, UNREACHABLE, UNAUTHORIZED, OLD_SERVER or REFUSED, each with what to do about it. */
export const connect = async (options: ConnectOptions): Promise<NatsBus> => {
  const { log = () => undefined, stream = false } = options
  const connection = await openConnection(options)
  if (stream) {
    try {
      await ensureStream(connection)
    } catch (error) {
      await connection.close()
      throw error
    }
  }
  return new NatsBus(connection, log)
}

/** Whether a node could work with this server. Throws as `connect` with the stream does, and makes nothing there. */
export const checkNats = async (options: ConnectOptions): Promise<void> => {
  const connection = await openConnection(options)
  try {
    await checkStream(connection)
  } finally {
    await connection.close()
  }
}
