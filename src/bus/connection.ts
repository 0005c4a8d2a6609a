/** Opens the connection to NATS, and says what is wrong in words for people when it cannot. No message ever holds a password. */
import { readFile } from 'node:fs/promises'
import { AuthorizationError, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { WritError } from '../protocol/errors.ts'
import { payloadBytesMax } from '../protocol/limits.ts'
import { type Address, readAddresses } from './addresses.ts'
import { inboxPrefixOf } from './permissions.ts'
import { connectTo } from './transport.ts'

export interface ConnectOptions {
  /**
   * `nats://[user:password@]host[:port]`, or `tls://…`, `ws://…`, `wss://…`; several of one cluster with commas between them. One
   * `tls://` among them asks all of them for TLS; `ws://` and `wss://` do not go together.
   */
  url: string
  /** A file with the certificates (PEM) of who may sign the server's; else those that the system trusts. Asks for TLS, which `ws://` has not. */
  caFile?: string
  /** Who this is, as the server shows it. */
  name: string
  user?: string
  password?: string
  /** What answers come in on, beginning with `_`. When unset, that of the user where `writ creds` or `writ up` has made it, else NATS's own. */
  inboxPrefix?: string
  log?: (line: string) => void
  /** Whether this process sees to the stream of plain publishes (nodes do). */
  stream?: boolean
  /** How often the server is asked whether it is still there; one that leaves two of these unanswered is not. In ms. */
  pingMs?: number
}

const versionMin = [2, 10] as const
const connectMs = 5_000
const pingEveryMs = 10_000
const reconnectMs = 250
const reconnectJitterMs = 500

/** A name without a password is a token, as everywhere in NATS. */
const credentials = (options: ConnectOptions, first: Address | undefined): NodeConnectionOptions => {
  const user = options.user ?? first?.user ?? ''
  const pass = options.password ?? first?.password ?? ''
  if (user === '') return {}
  const inboxPrefix = inboxPrefixOf(user)
  if (pass === '') return { token: user }
  return { user, pass, ...(inboxPrefix === undefined ? {} : { inboxPrefix }) }
}

const optionsFor = (options: ConnectOptions, addresses: readonly Address[]): NodeConnectionOptions => ({
  name: options.name,
  ...credentials(
    options,
    addresses.find((address) => address.user !== ''),
  ),
  ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
  timeout: connectMs,
  // The default gives up for good after ten tries, and finds a half-open connection after four minutes.
  maxReconnectAttempts: -1,
  ignoreAuthErrorAbort: true,
  reconnectTimeWait: reconnectMs,
  reconnectDelayHandler: () => reconnectMs + Math.random() * reconnectJitterMs,
  pingInterval: options.pingMs ?? pingEveryMs,
  // Stack traces for each request cost more than the request.
  noAsyncTraces: true,
})

const couldNot = (shown: string, cause: unknown): WritError => {
  if (cause instanceof AuthorizationError) {
    return new WritError('UNAUTHORIZED', `the NATS server at ${shown} does not accept these credentials`, {
      hint: 'put user and password into the URL (nats://user:password@host:port), or see `writ env`',
      cause,
    })
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  return new WritError('UNREACHABLE', `no NATS server can be reached at ${shown} (${why})`, {
    hint: hintFor(why),
    cause,
  })
}

const hintFor = (why: string): string => {
  if (/certificate/i.test(why)) return "name the file with the certificates that sign the server's with WRIT_NATS_CA"
  if (/does not support 'tls'/.test(why)) return 'the server has no TLS: write nats:// and name no WRIT_NATS_CA'
  return 'start one with `writ up`, or name yours with WRIT_NATS_URL'
}

const certificatesIn = async (file: string): Promise<string> => {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new WritError('BAD_INPUT', `the certificates for NATS cannot be read: ${cause.message}`, {
      hint: 'WRIT_NATS_CA names a file in PEM form',
      cause,
    })
  })
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw new WritError('BAD_INPUT', `there is no certificate in ${file}`, {
    hint: 'WRIT_NATS_CA names a file in PEM form',
  })
}

/** What keeps this server from being used, or null. */
const unfit = (connection: NatsConnection, shown: string): WritError | null => {
  const { version = '0.0.0', max_payload: largest = 0 } = connection.info ?? {}
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin, minorMin] = versionMin
  if (major < majorMin || (major === majorMin && minor < minorMin)) {
    const message = `the NATS server at ${shown} is version ${version}`
    return new WritError('OLD_SERVER', message, { hint: `use version ${versionMin.join('.')} or newer` })
  }
  if (largest >= payloadBytesMax) return null
  return new WritError('REFUSED', `the NATS server at ${shown} takes messages of at most ${largest} bytes`, {
    hint: `set max_payload in its configuration to ${payloadBytesMax} or more`,
  })
}

/**
 * Opens a connection that from then on reconnects for ever. Throws BAD_INPUT (the URL, the file of certificates, a `ws://` where TLS is asked for), UNREACHABLE, UNAUTHORIZED,
 * OLD_SERVER, or REFUSED: a server whose message limit is too small, or WebSocket and TCP in one process.
 */
export const openConnection = async (options: ConnectOptions): Promise<NatsConnection> => {
  if (options.inboxPrefix !== undefined && !/^_[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(options.inboxPrefix)) {
    throw new WritError('BAD_INPUT', `${JSON.stringify(options.inboxPrefix)} is not an inbox prefix`, {
      hint: 'write it as _INBOX_name',
    })
  }
  const addresses = readAddresses(options.url)
  const ca = options.caFile === undefined ? null : await certificatesIn(options.caFile)
  const shown = addresses.map((address) => address.server).join(', ')
  let connection: NatsConnection
  try {
    connection = await connectTo(addresses, ca, optionsFor(options, addresses))
  } catch (cause) {
    throw cause instanceof WritError ? cause : couldNot(shown, cause)
  }
  const fault = unfit(connection, shown)
  if (fault === null) return connection
  await connection.close()
  throw fault
}
