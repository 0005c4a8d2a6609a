/** How the bytes travel to NATS: over TCP, TCP with TLS, or a WebSocket with or without TLS. */
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import {
  connect,
  type NatsConnection,
  type NodeConnectionOptions,
  type WsSocketFactory,
  wsconnect,
} from '@nats-io/transport-node'
import { WritError } from '../protocol/errors.ts'
import type { Address } from './addresses.ts'

type Socket = Awaited<ReturnType<WsSocketFactory>>['socket']

/** Connections of this process that are open, by kind: the client library reconnects all of them in the way that was used last. */
const open = { webSocket: 0, tcp: 0 }

/**
 * `ca`: certificates (PEM) that are trusted in place of the system's; null: the system's. They ask for TLS, whatever the addresses say.
 * Throws BAD_INPUT for a WebSocket without TLS among those that ask for it, and REFUSED while the process has connections of the other kind.
 */
export const connectTo = async (
  addresses: readonly Address[],
  ca: string | null,
  options: NodeConnectionOptions,
): Promise<NatsConnection> => {
  mustAgreeOnTls(addresses, ca)
  const [kind, other] = addresses.some(({ webSocket }) => webSocket)
    ? (['webSocket', 'tcp'] as const)
    : (['tcp', 'webSocket'] as const)
  if (open[other] > 0)
    throw new WritError('REFUSED', 'one process cannot use NATS over a WebSocket and without one at the same time', {
      hint: 'close the other connections first, or use one kind of URL for all of them',
    })
  open[kind]++
  try {
    const connection = await dial(addresses, ca, options)
    void connection.closed().finally(() => open[kind]--)
    return connection
  } catch (error) {
    open[kind]--
    throw error
  }
}

/** Over a WebSocket each address says for itself whether it has TLS: where it is asked for, one without would be used without. */
const mustAgreeOnTls = (addresses: readonly Address[], ca: string | null): void => {
  const bare = addresses.find(({ webSocket, tls }) => webSocket && !tls)
  if (bare === undefined || (ca === null && !addresses.some(({ tls }) => tls))) return
  const asking = ca === null ? 'a wss:// address beside it' : 'the file of certificates'
  throw new WritError('BAD_INPUT', `${bare.server} is without TLS, which ${asking} asks for`, {
    hint: 'write all addresses as wss://, or all as ws:// and name no WRIT_NATS_CA',
  })
}

const dial = (
  addresses: readonly Address[],
  ca: string | null,
  options: NodeConnectionOptions,
): Promise<NatsConnection> => {
  const named = { ...options, servers: addresses.map(({ server }) => server) }
  if (addresses.some(({ webSocket }) => webSocket)) return wsconnect({ ...named, wsFactory: socketsWith(ca) })
  // A connection that is lost goes on with any of them: none of them may be without TLS when one must have it.
  const secure = ca !== null || addresses.some(({ tls }) => tls)
  const tls = { checkServerIdentity: identityFor(addresses), ...(ca === null ? {} : { ca }) }
  return connect({ ...named, ...(secure ? { tls } : {}) })
}

/** Of a server that is named by its IP the client library hands on no name, which stands for localhost: then any IP that was named will do. */
const identityFor = (addresses: readonly Address[]) => {
  const hosts = addresses.map(({ server }) => server.replace(/:\d+$/, '').replaceAll(/[[\]]/g, ''))
  const numbers = hosts.filter((host) => isIP(host) !== 0)
  return (host: string, certificate: PeerCertificate): Error | undefined => {
    const names = host === 'localhost' && !hosts.includes(host) && numbers.length > 0 ? numbers : [host]
    const faults = names.map((name) => checkServerIdentity(name, certificate))
    return faults.includes(undefined) ? undefined : faults[0]
  }
}

/** Not the runtime's own WebSocket: Node 20 has none, and no other takes certificates. Loaded by whoever has such an address. */
const socketsWith =
  (ca: string | null): WsSocketFactory =>
  async (url) => {
    const { WebSocket } = await import('ws')
    const socket: object = new WebSocket(url, { perMessageDeflate: false, ...(ca === null ? {} : { ca }) })
    // What the client uses of it is as the web has it; it dispatches no events of others.
    return { socket: socket as Socket, encrypted: url.startsWith('wss:') }
  }
