/** Readiness by a real round trip: a listening nats-server may still be recovering its streams. */
import { connect, type ConnectionOptions } from '@nats-io/transport-node'
import { WritError } from '../protocol/errors.ts'
import type { Exit } from './server.ts'
import { until } from './until.ts'

/** Waits until the server at `url` answers a flush; gives its version, or undefined when it ended or did not answer `withinMs`. */
export function natsAnswers(url: string, exited: Promise<Exit>, withinMs: number): Promise<string | undefined> {
  return until(() => ask(url), { withinMs, everyMs: 25, unless: exited })
}

async function ask(url: string): Promise<string | undefined> {
  try {
    const connection = await connect({ ...optionsOf(url), reconnect: false, timeout: 5_000 })
    await connection.flush()
    const version = connection.info?.version
    await connection.close()
    return version
  } catch (cause) {
    if (/authorization/i.test(String(cause))) {
      throw new WritError('UNAUTHORIZED', 'nats-server runs, but does not take our user', { cause })
    }
    // Everything else passes while it starts; the caller's time limit is the end of it.
    return undefined
  }
}

/** The client does not take a user and password from a URL. */
function optionsOf(url: string): ConnectionOptions {
  const { host, username, password } = new URL(url)
  return { servers: host, user: decodeURIComponent(username), pass: decodeURIComponent(password) }
}
