/** Opens the connection to NATS, and says what is wrong in words for people when it cannot. No message ever holds a password. */
import { AuthorizationError, connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { WritError } from '../protocol/errors.ts'
import { payloadBytesMax } from '../protocol/limits.ts'
import { inboxPrefixOf } from './permissions.ts'

export interface ConnectOptions {
  /** `nats://[user:password@]host[:port]`, or `tls://…`; several of one cluster with commas between them. */
  url: string
  /** Who this is, as the server shows it. */
  name: string
  user?: string
  password?: string
  /** What answers come in on, beginning with `_`. When unset, that of the user where `writ creds` or `writ up` has made it, else NATS's own. */
  inboxPrefix?: string
  log?: (line: string) => void
  /** Whether this process sees to the stream of plain publishes (nodes do). */
  stream?: boolean
}

const versionMin = [2, 10] as const
const defaultPort = 4222
const connectMs = 5_000
const pingMs = 10_000
const reconnectMs = 250
const reconnectJitterMs = 500

interface Address {
  /** Without credentials: what may be shown. */
  server: string
  tls: boolean
  user: string
  password: string
}

const readUrl = (text: string): Address => {
  const bad = (hint: string): WritError => new WritError('BAD_INPUT', 'the NATS URL cannot be read', { hint })
  const url = URL.parse(text.includes('://') ? text : `nats://${text}`)
  if (url === null || url.hostname === '') throw bad('write it as nats://user:password@host:port')
  if (!['nats:', 'tls:'].includes(url.protocol)) throw bad(`it begins with nats:// or tls://, not ${url.protocol}//`)
  try {
    const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
    return { server: `${url.hostname}:${url.port || defaultPort}`, tls: url.protocol === 'tls:', user, password }
  } catch (cause) {
    throw new WritError('BAD_INPUT', 'the NATS URL cannot be read', {
      hint: 'write % in user and password as %25',
      cause,
    })
  }
}

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
  servers: addresses.map((address) => address.server),
  name: options.name,
  ...credentials(
    options,
    addresses.find((address) => address.user !== ''),
  ),
  ...(addresses.some((address) => address.tls) ? { tls: {} } : {}),
  ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
  timeout: connectMs,
  // The default gives up for good after ten tries, and finds a half-open connection after four minutes.
  maxReconnectAttempts: -1,
  ignoreAuthErrorAbort: true,
  reconnectTimeWait: reconnectMs,
  reconnectDelayHandler: () => reconnectMs + Math.random() * reconnectJitterMs,
  pingInterval: pingMs,
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
    hint: 'start one with `writ up`, or name yours with WRIT_NATS_URL',
    cause,
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
 * Opens a connection that from then on reconnects for ever. Throws BAD_INPUT (the URL), UNREACHABLE, UNAUTHORIZED,
 * OLD_SERVER, or REFUSED for a server whose message limit is too small.
 */
export const openConnection = async (options: ConnectOptions): Promise<NatsConnection> => {
  if (options.inboxPrefix !== undefined && !/^_[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(options.inboxPrefix)) {
    throw new WritError('BAD_INPUT', `${JSON.stringify(options.inboxPrefix)} is not an inbox prefix`, {
      hint: 'write it as _INBOX_name',
    })
  }
  const addresses = options.url.split(',').map((text) => readUrl(text.trim()))
  const shown = addresses.map((address) => address.server).join(', ')
  let connection: NatsConnection
  try {
    connection = await connect(optionsFor(options, addresses))
  } catch (cause) {
    throw couldNot(shown, cause)
  }
  const fault = unfit(connection, shown)
  if (fault === null) return connection
  await connection.close()
  throw fault
}
