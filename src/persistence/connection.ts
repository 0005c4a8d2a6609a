/**
 * A connection (or a few) to Postgres whose every call ends: with an answer, or at its deadline, which destroys the socket.
 * The driver alone promises neither: a half-open connection waits for ever, queries that were queued behind a broken one
 * never settle (porsager/postgres #1089, #1186), and a connection object that is used again after a break can mix the work
 * of two callers (#1204, #1215). So a driver whose connection broke is never used again, and nothing here sends `begin`.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'
import { WritError } from '../protocol/errors.ts'
import { reconnectCountMax, reconnectPauseMs } from '../protocol/limits.ts'
import { ConnectionLost, endsConnection } from './failures.ts'

export type Sql = postgres.Sql
/** A part of a statement, to be put into another. */
export type PendingQuery = postgres.PendingQuery<postgres.Row[]>

export interface ConnectionOptions {
  url: string
  applicationName: string
  /** Connections at most. */
  max: number
  /** How long a call may take, connecting included, in ms. */
  deadlineMs: number
  /** Turns whatever a call threw into the error that its caller throws. */
  translate: (error: unknown) => Error
  log: (line: string) => void
  /** Settings of the server's sessions, beside those that every connection has. */
  session?: Record<string, string>
}

interface Driver {
  sql: Sql
  sockets: Set<Socket>
  /** Sockets that it asked for. */
  asked: number
  /** When it is given up: a socket that it still waits for is not opened any more. */
  over: AbortController
}

/** What `postgres()` made of a URL: more than its types tell. */
interface Target {
  host: readonly string[]
  port: readonly number[]
  path: string | false
}

export class Connection {
  readonly #options: ConnectionOptions
  #driver: Driver | null = null
  #closed = false

  /** Opens nothing yet. Throws BAD_INPUT when the URL is none. */
  constructor(options: ConnectionOptions) {
    // The URL itself is not repeated: it may hold a password.
    if (!URL.canParse(options.url))
      throw new WritError('BAD_INPUT', 'the database URL is not a URL', {
        hint: 'postgres://user:password@host:port/database, with one host',
      })
    this.#options = options
  }

  get deadlineMs(): number {
    return this.#options.deadlineMs
  }

  /** Runs what is one statement, or reads only. Throws what `translate` makes of a failure. */
  async run<T>(ask: (sql: Sql) => PromiseLike<T>, deadlineMs: number = this.#options.deadlineMs): Promise<T> {
    if (this.#closed) throw this.#options.translate(new ConnectionLost('the store is closed'))
    const driver = (this.#driver ??= this.#open())
    let timer
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new ConnectionLost(`no answer within ${deadlineMs} ms`)), deadlineMs)
    })
    try {
      return await Promise.race([ask(driver.sql), late])
    } catch (error) {
      if (endsConnection(error)) this.#discard(driver, error)
      throw this.#options.translate(error)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends it; calls that are under way fail. */
  close(): Promise<void> {
    this.#closed = true
    if (this.#driver !== null) destroy(this.#driver)
    this.#driver = null
    return Promise.resolve()
  }

  #discard(driver: Driver, error: unknown): void {
    if (this.#driver !== driver) return
    this.#driver = null
    this.#options.log(
      `a connection to the database was given up: ${error instanceof Error ? error.message : String(error)}`,
    )
    destroy(driver)
  }

  /** An idle connection that the server closed: what still runs beside it may end. */
  #retire(driver: Driver): void {
    if (this.#driver !== driver) return
    this.#driver = null
    void driver.sql.end({ timeout: this.#options.deadlineMs / 1000 }).then(() => destroy(driver))
  }

  #open(): Driver {
    const { url, max, deadlineMs, applicationName } = this.#options
    const options = {
      max,
      fetch_types: false,
      // One host, whichever is tried: the driver would wait for its own next try where the caller wants to know.
      connect_timeout: Math.ceil(deadlineMs / 1000),
      max_lifetime: null,
      onnotice: () => undefined,
      onclose: () => this.#retire(driver),
      socket: (target: Target) => nextSocket(driver, max, target),
      transform: { column: { from: postgres.toCamel } },
      types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
      connection: { application_name: applicationName, ...session(deadlineMs), ...this.#options.session },
    }
    const driver: Driver = { sql: postgres(url, options), sockets: new Set(), asked: 0, over: new AbortController() }
    return driver
  }
}

/** The server gives up before we do, so that a holder that froze inside a statement blocks nobody for longer than that. */
const session = (deadlineMs: number): Record<string, string> => ({
  statement_timeout: String(Math.ceil(deadlineMs * 0.9)),
  lock_timeout: String(Math.ceil(deadlineMs / 2)),
  idle_in_transaction_session_timeout: String(deadlineMs),
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
  jit: 'off',
  // Every query of the engine has its index; plans may be made while the tables are empty and then stay.
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
})

/**
 * The driver wants another socket, and at once, when the server closes one before it let it in, as a web server does, or a
 * proxy with nothing behind it. That is a few tries with growing pauses; a connection that broke later gets no new socket.
 */
const nextSocket = async (driver: Driver, max: number, target: Target): Promise<Socket> => {
  const again = driver.asked++ - max
  if (again >= reconnectCountMax)
    throw new ConnectionLost('the server there accepts connections and closes each before it has let it in')
  if (again >= 0) await pause(reconnectPauseMs * 2 ** again, undefined, { signal: driver.over.signal })
  return openSocket(target, driver.sockets)
}

const openSocket = (target: Target, sockets: Set<Socket>): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const [host, port] = [target.host[0] ?? 'localhost', target.port[0] ?? 5432]
    const socket = typeof target.path === 'string' ? connect(target.path) : connect({ host, port })
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 10_000)
    socket.once('close', () => sockets.delete(socket))
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      // For the name that TLS asks the server to prove.
      resolve(Object.assign(socket, { host, port }))
    })
  })

const destroy = ({ sql, sockets, over }: Driver): void => {
  over.abort()
  for (const socket of sockets) socket.destroy()
  void sql.end({ timeout: 0 })
}
