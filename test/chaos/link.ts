/** A TCP link that can be cut, blocked or slowed: what stands between a node or a daemon and a server. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

/**
 * `before`: what is sent next on each connection is lost with it. `after`: it arrives, and the answer is lost with the connection.
 * `half-open`: whatever is connected then hears nothing any more, and is not told so, not even when all is well again. `trickle`: some bytes at a time.
 */
export type LinkFault = 'before' | 'after' | 'half-open' | 'trickle'

export interface Link {
  name: string
  port: number
  readonly connections: number
  /** How many connections were cut or blocked. */
  readonly cuts: number
  break: (fault: LinkFault) => void
  heal: () => void
  close: () => Promise<void>
}

const trickleBytes = 64
const trickleMs = 20

interface Pair {
  client: Socket
  server: Socket
  /** What is done to this connection; `silent` remains for its whole life. */
  fault: LinkFault | 'silent' | null
}

export const openLink = async (name: string, port: number): Promise<Link> => {
  const pairs = new Set<Pair>()
  let [now, cuts]: [LinkFault | null, number] = [null, 0]
  const taken = (client: Socket): void => {
    const server = connect({ host: '127.0.0.1', port })
    const pair: Pair = { client, server, fault: now === 'half-open' ? 'silent' : now }
    pairs.add(pair)
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay(true)
      // A broken pipe is what this is for; the other side hears of it by `close`.
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        // Half open is half open: the other side of a silent one is not told.
        if (pair.fault !== 'silent') other.destroy()
        if (other.destroyed) pairs.delete(pair)
      })
    }
    client.on('data', (data) => {
      if (pair.fault === 'silent') return
      if (pair.fault === 'before' || pair.fault === 'after') cuts++
      if (pair.fault === 'before') return void client.destroy()
      // It arrives whole, and its answer finds nobody.
      if (pair.fault === 'after') return void server.end(data, () => client.destroy())
      pass(data, client, server, pair)
    })
    server.on('data', (data) => {
      if (pair.fault === 'silent' || pair.fault === 'after') return
      pass(data, server, client, pair)
    })
  }
  const listening = createServer({ allowHalfOpen: false }, taken)
  return {
    name,
    port: await portOf(listening),
    get connections() {
      return pairs.size
    },
    get cuts() {
      return cuts
    },
    break: (fault) => {
      now = fault
      for (const pair of pairs) {
        if (pair.fault === 'silent') continue
        if (fault === 'half-open') cuts++
        pair.fault = fault === 'half-open' ? 'silent' : fault
      }
    },
    heal: () => {
      now = null
      for (const pair of pairs) {
        // The server has noticed by now; the other side is for ever on its own.
        if (pair.fault === 'silent') pair.server.destroy()
        else pair.fault = null
      }
    },
    close: () =>
      new Promise((resolve) => {
        listening.close(() => resolve())
        for (const { client, server } of pairs) for (const socket of [client, server]) socket.destroy()
      }),
  }
}

const portOf = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** In order and with back pressure; slowly while the link is slow. */
const pass = (data: Buffer, from: Socket, to: Socket, pair: Pair): void => {
  if (pair.fault !== 'trickle') {
    if (!to.write(data)) {
      from.pause()
      to.once('drain', () => from.resume())
    }
    return
  }
  from.pause()
  let at = 0
  const next = (): void => {
    if (to.destroyed || from.destroyed) return
    const end = pair.fault === 'trickle' ? at + trickleBytes : data.length
    if (pair.fault !== 'silent') to.write(data.subarray(at, end))
    at = end
    if (at < data.length) setTimeout(next, trickleMs)
    else from.resume()
  }
  next()
}
