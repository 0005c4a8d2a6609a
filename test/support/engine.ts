/** One engine on real servers, for tests that watch it from inside: its own database, its own owner on the shared bus. */
import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { Engine } from '../../src/actors/engine.ts'
import type { Bus } from '../../src/actors/ports/bus.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import { connect } from '../../src/bus/nats-bus.ts'
import { wireOf } from '../../src/bus/wire.ts'
import { systemClock, systemRandom } from '../../src/system.ts'
import { openRecords } from '../../src/persistence/records.ts'
;({ close: async () => undefined }) as never as import('../../src/actors/ports/reader.ts').Reader
import { migrate } from '../../src/persistence/migrate.ts'
import { openStore } from '../../src/persistence/postgres-store.ts'
import { freshDatabase } from './database.ts'

export interface TestEngine {
  engine: Engine
  bus: Bus
  store: Store
  databaseUrl: string
  owner: string
  /** Lines of warnings and errors so far. */
  log: string[]
  stop: () => Promise<void>
}

export const startTestEngine = async (): Promise<TestEngine> => {
  const database = await freshDatabase()
  const log: string[] = []
  const line = (text: string): void => void log.push(text)
  const bus = await connect({ url: inject('natsUrl'), name: 'test', log: line })
  await migrate({ url: database.url, log: line })
  const store = await openStore({ url: database.url, log: line, applicationName: 'test' })
  const reader = await openRecords({ url: database.url })
  const say = (level: string) => (fields: object, text: string) =>
    line(
      `${level} ${text} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? `${value.stack} ${String(value.cause)}` : value))}`,
    )
  const engine = new Engine({
    store,
    reader,
    wire: wireOf(bus, line),
    clock: systemClock,
    random: systemRandom,
    log: { info: () => undefined, warn: say('warn'), error: say('error') },
    thread: 'test-0',
    node: 'test',
    home: null,
    threads: 1,
  })
  await engine.start()
  const owner = `o${randomBytes(5).toString('hex')}`
  const stop = async (): Promise<void> => {
    await engine.stop()
    await bus.close()
    await Promise.all([store.close(), reader.close()])
    await database.drop()
  }
  return { engine, bus, store, databaseUrl: database.url, owner, log, stop }
}
