/** Ports on loopback. A free one may be taken the moment after, so whoever starts a server on it must be ready to ask again. */
import { createServer } from 'node:net'

/** `preferred` when it can be bound on 127.0.0.1, else any free port. 0 asks for any. */
export async function freePort(preferred: number): Promise<number> {
  return (await bind(preferred)) ?? (await bind(0)) ?? freePort(0)
}

/** Binds the port for a moment; the port that was bound, or undefined when it is taken or not allowed. */
function bind(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}
