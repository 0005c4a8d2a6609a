/**
 * The inspector's socket: `ws://…/inspect?token=…&directive=…` brings one JSON frame per message, in the wire format of
 * @statelyai/inspect, live or replayed. Whoever reads too slowly is told so and dropped: nobody waits for him.
 */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { type WebSocket, WebSocketServer } from 'ws'
import { WritError } from '../protocol/errors.ts'
import type { InspectionFrame } from '../protocol/inspection.ts'
import { slowWatcherBytes, slowWatcherMs, watcherCountMax } from '../protocol/limits.ts'
import { type Gate, refusalOf } from './gate.ts'
import { type InspectQuery, readQuery } from './inspect-query.ts'

/** Brings a watcher his frames until the signal, or to the end of a replay. Throws what is wrong with what he asks for. */
export type Watch = (query: InspectQuery, watcher: Watcher) => Promise<void>

export interface Watcher {
  take: (frame: InspectionFrame) => void
  /** Resolves once there is room for more of what can wait. */
  ready: () => Promise<void>
  signal: AbortSignal
}

export interface InspectorOptions extends Gate {
  /** 0: any free one. */
  port: number
  watch: Watch
  /** How long a watcher may read nothing while there is no room for more; 5 s when unset. */
  slowMs?: number
  log: (line: string) => void
}

export interface Inspector {
  /** `http://host:port`, without a token. */
  url: string
  stop: () => Promise<void>
}

/** As RFC 6455 and IANA have them: going away, something broke, try again later; of our own: too slow, and what was asked for is wrong. */
const closes = { goingAway: 1001, broken: 1011, later: 1013, slow: 4008, wrong: 4000 } as const
const reasonBytesMax = 120
const pingMs = 30_000
/** How long one who is told that it is over may take to read that. */
const closeMs = 30_000
/** How often a full socket is looked at. */
const readyMs = 20

/** Throws UNREACHABLE when that port or host cannot be listened on. */
export const startInspector = async (options: InspectorOptions): Promise<Inspector> => {
  const { host, port } = options
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024, perMessageDeflate: false })
  const server = createServer((request, response) => {
    const { status, text } = answerOf(options, request)
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(`${text}\n`)
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    upgrade(options, sockets, request, socket, head)
  })
  await listening(server, host, port)
  return {
    url: `http://${shownHost(host)}:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      for (const socket of sockets.clients) end(socket, closes.goingAway, 'the node stops')
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      for (const socket of sockets.clients) socket.terminate()
      await closed
    },
  }
}

const listening = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    // One that comes later is of a single connection, and no reason to end the node.
    server.on('error', (error) =>
      reject(
        new WritError('UNREACHABLE', `the inspector cannot listen on ${host}:${port}: ${error.message}`, {
          hint: 'choose another place with --http [host:]port, or --http off',
          cause: error,
        }),
      ),
    )
    server.listen(port, host, () => resolve())
  })

const shownHost = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** To who comes without a WebSocket. */
const answerOf = (gate: Gate, request: IncomingMessage): { status: number; text: string } => {
  const { pathname } = urlOf(request)
  if (pathname !== '/inspect') return { status: 404, text: 'there is nothing here but /inspect' }
  const refusal = refused(gate, request)
  return refusal ?? { status: 426, text: 'this is a WebSocket: connect to it with one (docs/inspector.md)' }
}

const urlOf = ({ url = '/' }: IncomingMessage): URL =>
  URL.parse(url, 'http://inspector') ?? new URL('http://inspector/')

const refused = (gate: Gate, request: IncomingMessage): { status: number; text: string } | null => {
  try {
    const { owner, token = null } = readQuery(urlOf(request).searchParams)
    return refusalOf(gate, request, owner, token)
  } catch (error) {
    if (!(error instanceof WritError)) throw error
    // Whoever may not come in is not told what is wrong with what he asks for.
    const stranger = refusalOf(gate, request, 'default', urlOf(request).searchParams.get('token'))
    return stranger?.status === 403 ? stranger : { status: 400, text: `${error.message} (${error.hint ?? ''})` }
  }
}

const upgrade = (
  options: InspectorOptions,
  sockets: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void => {
  const isHere = urlOf(request).pathname === '/inspect'
  const refusal = isHere ? refused(options, request) : { status: 404, text: 'there is nothing here but /inspect' }
  const full = sockets.clients.size >= watcherCountMax ? { status: 503, text: 'too many watch already' } : null
  const wrong = refusal ?? full
  if (wrong !== null) return refuse(socket, wrong)
  const query = readQuery(urlOf(request).searchParams)
  sockets.handleUpgrade(request, socket, head, (opened) => serve(options, opened, query))
}

const refuse = (socket: Duplex, { status, text }: { status: number; text: string }): void => {
  const body = `${text}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  // Who keeps his half of it open would keep the server from its end.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

const serve = (options: InspectorOptions, socket: WebSocket, query: InspectQuery): void => {
  const { watch, log } = options
  const over = new AbortController()
  socket.on('error', () => socket.terminate())
  socket.on('close', () => over.abort())
  const take = (frame: InspectionFrame): void => {
    if (over.signal.aborted) return
    if (socket.bufferedAmount > slowWatcherBytes) drop()
    else socket.send(JSON.stringify(frame))
  }
  const drop = (): void => {
    over.abort()
    log('a watcher that did not keep up was dropped')
    end(socket, closes.slow, 'you read too slowly; ask for fewer actors, or with coalesce')
  }
  const ready = async (): Promise<void> => {
    if (!(await hasRoom(socket, options.slowMs ?? slowWatcherMs, over.signal))) drop()
  }
  const alive = pinging(socket)
  watch(query, { take, ready, signal: over.signal })
    .then(() => end(socket, 1000, 'that was all'))
    .catch((error: unknown) => end(socket, ...closeFor(error)))
    .finally(() => clearInterval(alive))
}

/** False when nothing of what waits was read for so long. */
const hasRoom = async (socket: WebSocket, slowMs: number, signal: AbortSignal): Promise<boolean> => {
  let [least, since] = [Infinity, performance.now()]
  while (socket.bufferedAmount > slowWatcherBytes / 2 && !signal.aborted) {
    if (socket.bufferedAmount < least) [least, since] = [socket.bufferedAmount, performance.now()]
    else if (performance.now() - since > slowMs) return false
    await pause(readyMs)
  }
  return true
}

/** A watcher that is gone without a word is noticed. */
const pinging = (socket: WebSocket): NodeJS.Timeout => {
  let heard = true
  socket.on('pong', () => (heard = true))
  return setInterval(() => {
    if (!heard) return socket.terminate()
    heard = false
    socket.ping()
  }, pingMs)
}

const closeFor = (error: unknown): [code: number, reason: string] => {
  if (!(error instanceof WritError)) return [closes.broken, 'something went wrong inside Writ']
  const passing = ['NO_ANSWER', 'UNREACHABLE', 'BUSY'].includes(error.code)
  return [passing ? closes.later : closes.wrong, `${error.code}: ${error.message}`]
}

/** A reason has room for 123 bytes. One who does not even read that is ended all the same. */
const end = (socket: WebSocket, code: number, reason: string): void => {
  if (socket.readyState > 1) return
  socket.close(
    code,
    Buffer.from(reason)
      .subarray(0, reasonBytesMax)
      .toString()
      .replace(/\uFFFD$/, ''),
  )
  const late = setTimeout(() => socket.terminate(), closeMs)
  socket.on('close', () => clearTimeout(late))
}
