/** Where NATS servers are, as people write it: URLs of one cluster with commas between them, by TCP or by WebSocket. */
import { WritError } from '../protocol/errors.ts'

export interface Address {
  /** Without credentials: what may be shown, and what the client library takes. */
  server: string
  /** Only over TLS. */
  tls: boolean
  webSocket: boolean
  user: string
  password: string
}

const ports: Readonly<Record<string, number>> = { 'nats:': 4222, 'tls:': 4222, 'ws:': 80, 'wss:': 443 }

/** Throws BAD_INPUT, without the URL: it may hold a password. */
export const readAddresses = (urls: string): Address[] => {
  const addresses = urls.split(',').map((text) => readUrl(text.trim()))
  if (new Set(addresses.map(({ webSocket }) => webSocket)).size === 1) return addresses
  throw new WritError('BAD_INPUT', 'the NATS URLs are of two kinds', {
    hint: 'name all of them by WebSocket (ws://, wss://) or none: a connection that is lost goes on with the next one',
  })
}

const readUrl = (text: string): Address => {
  const bad = (hint: string): WritError => new WritError('BAD_INPUT', 'the NATS URL cannot be read', { hint })
  const url = URL.parse(text.includes('://') ? text : `nats://${text}`)
  if (url === null || url.hostname === '') throw bad('write it as nats://user:password@host:port')
  const { protocol, hostname, pathname, search } = url
  const usual = ports[protocol]
  if (usual === undefined) throw bad(`it begins with nats://, tls://, ws:// or wss://, not ${protocol}//`)
  const webSocket = protocol === 'ws:' || protocol === 'wss:'
  const place = `${hostname}:${url.port || usual}`
  return {
    server: webSocket ? `${protocol}//${place}${pathname}${search}` : place,
    tls: protocol === 'tls:' || protocol === 'wss:',
    webSocket,
    ...credentialsIn(url),
  }
}

const credentialsIn = ({ username, password }: URL): { user: string; password: string } => {
  try {
    return { user: decodeURIComponent(username), password: decodeURIComponent(password) }
  } catch (cause) {
    throw new WritError('BAD_INPUT', 'the NATS URL cannot be read', {
      hint: 'write % in user and password as %25',
      cause,
    })
  }
}
