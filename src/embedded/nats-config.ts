/** The generated configuration of the private nats-server. It is written as JSON, which its parser takes and whose strings need no guessing. */
import { WritError } from '../protocol/errors.ts'

/** What a user may publish or subscribe to; subjects may hold wildcards. */
export interface SubjectRules {
  allow?: readonly string[]
  deny?: readonly string[]
}

export interface NatsPermissions {
  publish?: SubjectRules
  subscribe?: SubjectRules
  /** Whether it may answer requests: once each within the server's default time, or so many within `expires` (`1m`). */
  allow_responses?: boolean | { max: number; expires: string }
}

/** A user without permissions may do everything. */
export interface NatsUser {
  user: string
  password: string
  permissions?: NatsPermissions
}

export interface NatsSettings {
  port: number
  /** The port for WebSocket clients (browsers); none when unset. */
  websocketPort: number | undefined
  users: readonly NatsUser[]
  storeDir: string
  durable: boolean
}

const MiB = 1024 * 1024

/** The text of the configuration file. Throws BAD_INPUT without users, and for a character that the file cannot hold. */
export function natsConfig(settings: NatsSettings): string {
  const { port, websocketPort, users, storeDir, durable } = settings
  if (users.length === 0)
    throw new WritError('BAD_INPUT', 'nats-server needs at least one user: it always asks who is there')
  const websocket = { host: '127.0.0.1', port: websocketPort, no_tls: true }
  const config = {
    host: '127.0.0.1',
    port,
    max_payload: MiB,
    ping_interval: '10s',
    ping_max: 2,
    jetstream: {
      store_dir: storeDir,
      max_mem: 64 * MiB,
      max_file: 2048 * MiB,
      ...(durable ? { sync_interval: 'always' } : {}),
    },
    authorization: { users },
    ...(websocketPort === undefined ? {} : { websocket }),
  }
  const text = `${JSON.stringify(config, null, 2)}\n`
  // The parser knows \x.. and not \u...., which is what JSON makes of the characters below a space.
  if (/\\[ubf]/.test(text.replaceAll('\\\\', ''))) {
    throw new WritError('BAD_INPUT', 'a user, password or subject for nats-server holds a control character')
  }
  return text
}
