/**
 * A plain connection to NATS: bytes in and out, headers as they are, whatever the subject is. For people who talk to the
 * subjects by hand; Writ's own traffic goes through the Bus.
 */
import { setImmediate } from 'node:timers/promises'
import { headers, type Msg, type NatsConnection, NoRespondersError, RequestError } from '@nats-io/transport-node'
import { WritError } from '../protocol/errors.ts'
import { type ConnectOptions, openConnection } from './connection.ts'
import { checkPattern, checkPlainSubject, checkQueue } from './syntax.ts'

export type PlainHeaders = readonly (readonly [name: string, value: string])[]

export interface PlainMessage {
  subject: string
  /** Where an answer goes; null when none is wanted. */
  reply: string | null
  headers: PlainHeaders
  data: Uint8Array
}

export interface Plain {
  /** Resolves when the server has it. Throws BAD_INPUT, or UNAUTHORIZED when this user may not publish there. */
  publish: (subject: string, data: Uint8Array, options?: { headers?: PlainHeaders; reply?: string }) => Promise<void>
  /** Messages as they come, until the signal is aborted. Throws UNAUTHORIZED when this user may not listen there. */
  listen: (subject: string, options: { queue?: string; signal: AbortSignal }) => AsyncGenerator<PlainMessage, void>
  /** Answers as they come: as many as are wanted, or fewer when the time is over. Throws NO_ANSWER when nobody listens. */
  request: (
    subject: string,
    data: Uint8Array,
    options: { headers?: PlainHeaders; count: number; timeoutMs: number },
  ) => AsyncGenerator<PlainMessage, void>
  close: () => Promise<void>
}

/** Connects. Throws as `openConnection`. */
export const openPlain = async (options: ConnectOptions): Promise<Plain> => {
  const connection = await openConnection(options)
  const violation = violationsOf(connection)
  return {
    publish: async (subject, data, { headers: given = [], reply } = {}) => {
      checkPlainSubject(subject)
      if (reply !== undefined) checkPlainSubject(reply)
      connection.publish(subject, data, { ...headersOf(given), ...(reply === undefined ? {} : { reply }) })
      await connection.flush()
      // The word of the refusal came before the flush's answer, and is handed over after it.
      await setImmediate()
      violation.check()
    },
    listen: (subject, { queue, signal }) => listening(connection, subject, queue, signal),
    request: (subject, data, options) => asking(connection, subject, data, options),
    close: async () => {
      if (!connection.isClosed()) await connection.drain()
    },
  }
}

/** A refused publish is told by the server some time later, to nobody in particular: before the answer to a flush. */
const violationsOf = (connection: NatsConnection) => {
  let last: Error | null = null
  const watch = async (): Promise<void> => {
    for await (const status of connection.status())
      if (status.type === 'error' && /permissions violation/i.test(status.error.message)) last = status.error
  }
  void watch()
  return {
    check: (): void => {
      if (last !== null) throw refused(last)
    },
  }
}

const refused = (cause: Error): WritError =>
  new WritError('UNAUTHORIZED', `the server refuses: ${cause.message}`, {
    hint: 'docs/security.md says which user may use which subjects; --owner chooses another',
    cause,
  })

const headersOf = (given: PlainHeaders): { headers?: ReturnType<typeof headers> } => {
  if (given.length === 0) return {}
  const made = headers()
  for (const [name, value] of given) made.append(name, value)
  return { headers: made }
}

const plainOf = ({ subject, reply, data, headers: carried }: Msg): PlainMessage => ({
  subject,
  reply: reply === undefined || reply === '' ? null : reply,
  data,
  headers:
    carried === undefined
      ? []
      : [...carried].flatMap(([name, values]) => values.map((value) => [name, value] as const)),
})

async function* listening(
  connection: NatsConnection,
  subject: string,
  queue: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<PlainMessage, void> {
  checkPattern(subject)
  if (queue !== undefined) checkQueue(queue)
  const subscription = connection.subscribe(subject, queue === undefined ? {} : { queue })
  const stop = (): void => subscription.unsubscribe()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const message of subscription) yield plainOf(message)
  } catch (error) {
    throw error instanceof Error ? refused(error) : error
  } finally {
    signal.removeEventListener('abort', stop)
    if (!subscription.isClosed()) subscription.unsubscribe()
  }
}

async function* asking(
  connection: NatsConnection,
  subject: string,
  data: Uint8Array,
  { headers: given = [], count, timeoutMs }: { headers?: PlainHeaders; count: number; timeoutMs: number },
): AsyncGenerator<PlainMessage, void> {
  checkPlainSubject(subject)
  try {
    if (count === 1) {
      yield plainOf(await connection.request(subject, data, { timeout: timeoutMs, ...headersOf(given) }))
      return
    }
    const answers = await connection.requestMany(subject, data, {
      strategy: 'count',
      maxMessages: count,
      maxWait: timeoutMs,
      ...headersOf(given),
    })
    for await (const answer of answers) yield plainOf(answer)
  } catch (error) {
    throw failed(subject, timeoutMs, error)
  }
}

const failed = (subject: string, timeoutMs: number, cause: unknown): unknown => {
  if (!(cause instanceof Error) || cause instanceof WritError) return cause
  const nobody = cause instanceof NoRespondersError || (cause instanceof RequestError && cause.isNoResponders())
  if (nobody) return new WritError('NO_ANSWER', `nobody listens on ${subject}`, { hint: 'is a node up?', cause })
  if (/permissions violation/i.test(cause.message)) return refused(cause)
  return new WritError('NO_ANSWER', `no answer on ${subject} within ${timeoutMs / 1000} s`, { cause })
}
