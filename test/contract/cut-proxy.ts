/** A TCP proxy before Postgres that loses what a test tells it to lose: a request, or the answer to one. */
import { connect, createServer, type Socket } from 'node:net'

/** What becomes of the next commit: it never reaches the server, its answer is lost, or nothing moves any more. */
export type Cut = 'request' | 'answer' | 'freeze'

export interface CutProxy {
  url: string
  /** For the next commit that passes. */
  cutNext: (cut: Cut) => void
  /** How many commits were cut. */
  readonly cuts: number
  close: () => Promise<void>
}

export const cutProxy = async (target: string): Promise<CutProxy> => {
  const to = new URL(target)
  const sockets = new Set<Socket>()
  let [next, cuts]: [Cut | null, number] = [null, 0]

  const server = createServer((client) => {
    const upstream = connect({ host: to.hostname, port: Number(to.port) })
    let losing: Cut | null = null
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      // A broken pipe is what this proxy is for; the other side hears of it by `close`.
      socket.on('error', () => socket.destroy())
    }
    client.on('data', (data) => {
      if (losing === null && next !== null && data.includes('"shards"')) {
        losing = next
        next = null
        cuts += 1
        if (losing === 'request') client.destroy()
      }
      if (losing === null || losing === 'answer') upstream.write(data)
    })
    upstream.on('data', (data) => {
      if (losing === null) return void client.write(data)
      if (losing === 'answer') client.destroy()
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const url = new URL(target)
  url.host = `127.0.0.1:${address.port}`
  return {
    url: url.href,
    cutNext: (cut) => {
      next = cut
    },
    get cuts() {
      return cuts
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
