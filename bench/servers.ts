/** The bench's own Postgres and nats-server, durable as a person's are, in a folder that goes with it. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { wipe } from '../src/embedded/down.ts'
import { dataFolder } from '../src/embedded/folders.ts'
import { lockFolder } from '../src/embedded/lock.ts'
import { startNats } from '../src/embedded/nats.ts'
import { startPostgres } from '../src/embedded/postgres.ts'
import type { Server } from '../src/embedded/server.ts'
import { migrate } from '../src/persistence/migrate.ts'

export interface Servers {
  databaseUrl: string
  natsUrl: string
  pids: { postgres: number; nats: number }
  stop: () => Promise<void>
}

export const startServers = async (): Promise<Servers> => {
  const folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-bench-')), env: {} })
  const lock = lockFolder(folders.root)
  const log = (): void => undefined
  const started: Server[] = []
  const keep = async <S extends Server>(starting: Promise<S>): Promise<S> => {
    const server = await starting
    started.push(server)
    return server
  }
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()))
    lock.release()
    await wipe(folders)
  }
  try {
    const database = await keep(startPostgres({ folders, log, port: 0 }))
    const nats = await keep(startNats({ folders, log, port: 0, users: [{ user: 'writ', password: 'bench' }] }))
    await migrate({ url: database.url, log })
    return { databaseUrl: database.url, natsUrl: nats.url, pids: { postgres: database.pid, nats: nats.pid }, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
