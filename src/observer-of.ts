/** Composes what a node's main thread shows of the inside, from servers' addresses: for a node, and for tests. */
import { WritClient } from './bus/client.ts'
import { startInspector, type Watch } from './http/inspector.ts'
import { inspectionDeadlineMs } from './protocol/limits.ts'
import { present } from './protocol/present.ts'

import { Observer } from './actors/observer.ts'
import type { Bus } from './actors/ports/bus.ts'
import { connect } from './bus/nats-bus.ts'
import { wireOf } from './bus/wire.ts'
import type { Catalog } from './machines/versions.ts'
import { openLog } from './log.ts'
import { openHistory } from './persistence/history.ts'
import { systemClock, systemRandom } from './system.ts'

export interface ObserverOptions {
  databaseUrl: string
  nats: { url: string; inboxPrefix?: string; caFile?: string }
  node: string
  /** What it can open; all of this build when left out. */
  machines?: Catalog | undefined
  /** The inspector's socket; none when left out. */
  http?: HttpOptions | undefined
  /** Takes a line of the log: JSON, without its end. */
  log: (line: string) => void
}

export interface HttpOptions {
  /** This machine alone when left out. */
  host?: string
  /** Any free one when left out. */
  port?: number
  /** Tokens are made of it, one for each owner. */
  secret: string
  /** Pages of other origins that may connect. */
  origins?: readonly string[]
}

export interface RunningObserver {
  /** `http://host:port`, without a token; null when nothing listens. */
  url: string | null
  /** The database was restored from an earlier copy. */
  forget: () => void
  stop: () => Promise<void>
}

/** Answers when it resolves. Throws UNREACHABLE (also when the inspector cannot listen), UNAUTHORIZED, SCHEMA_NEWER and the like. */
export const startObserver = async (options: ObserverOptions): Promise<RunningObserver> => {
  const { databaseUrl, nats, node, http, machines } = options
  const logger = openLog(options.log, { node })
  const log = (text: string): void => logger.info({}, text)
  const ends: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).toReversed()) await end()
  }
  try {
    const bus = await connect({ ...nats, name: `writ ${node} observer`, log })
    ends.push(() => bus.close())
    const history = await openHistory({ url: databaseUrl, log, applicationName: `writ ${node} observer` })
    ends.push(() => history.close())
    const observer = new Observer({
      history,
      wire: wireOf(bus, log),
      clock: systemClock,
      random: systemRandom,
      machines,
    })
    observer.start()
    const forget = (): void => observer.replaying.forget()
    ends.push(() => observer.stop())
    if (http === undefined) return { url: null, forget, stop }
    const { host = '127.0.0.1', port = 0, origins = [], secret } = http
    const inspector = await startInspector({ host, port, origins, secret, watch: watchOn(bus), log })
    ends.push(() => inspector.stop())
    return { url: inspector.url, forget, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const watchOn =
  (bus: Bus): Watch =>
  async (query, watcher) => {
    const { owner, actor, directive, kind, coalesce: coalesceMs, max, replay: isReplay, from, to, speed } = query
    const client = new WritClient(bus, owner, { deadlineMs: inspectionDeadlineMs })
    const common = { selection: present({ actor, directive, kind }), ...watcher }
    if (isReplay === undefined) return client.inspect({ ...common, coalesceMs, max })
    return client.replay({ ...common, ...present({ fromVersion: from, toVersion: to, speed }) })
  }
