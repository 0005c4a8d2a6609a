/** Composes what a node's main thread shows of the inside, from servers' addresses: for a node, and for tests. */
import { Observer } from './actors/observer.ts'
import type { Bus } from './actors/ports/bus.ts'
import { connect } from './bus/nats-bus.ts'
import { wireOf } from './bus/wire.ts'
import { openLog } from './log.ts'
import { openHistory } from './persistence/history.ts'
import { systemClock, systemRandom } from './system.ts'

export interface ObserverOptions {
  databaseUrl: string
  nats: { url: string; inboxPrefix?: string; caFile?: string }
  node: string
  /** Takes a line of the log: JSON, without its end. */
  log: (line: string) => void
}

export interface RunningObserver {
  bus: Bus
  stop: () => Promise<void>
}

/** Answers when it resolves. Throws UNREACHABLE, UNAUTHORIZED, SCHEMA_NEWER and the like. */
export const startObserver = async ({
  databaseUrl,
  nats,
  node,
  log: write,
}: ObserverOptions): Promise<RunningObserver> => {
  const logger = openLog(write, { node })
  const log = (text: string): void => logger.info({}, text)
  const bus = await connect({ ...nats, name: `writ ${node} observer`, log })
  const history = await openHistory({ url: databaseUrl, log, applicationName: `writ ${node} observer` }).catch(
    async (error: unknown) => {
      await bus.close()
      throw error
    },
  )
  const observer = new Observer({ history, wire: wireOf(bus, log), clock: systemClock, random: systemRandom })
  observer.start()
  return {
    bus,
    stop: async () => {
      await observer.stop()
      await bus.close()
      await history.close()
    },
  }
}
