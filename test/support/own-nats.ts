/** A nats-server of a test file's own: engines of other files hear the same shards, and one stream is shared by all who take. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { wipe } from '../../src/embedded/down.ts'
import { dataFolder } from '../../src/embedded/folders.ts'
import { startNats } from '../../src/embedded/nats.ts'

export interface OwnNats {
  /** With credentials of a user who may do everything. */
  url: string
  stop: () => Promise<void>
}

export const ownNats = async (): Promise<OwnNats> => {
  const folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-engine-')), env: {} })
  const users = [{ user: 'writ', password: 'test' }]
  const server = await startNats({ folders, log: () => undefined, port: 0, durable: false, users })
  return {
    url: server.url,
    stop: async () => {
      await server.stop()
      await wipe(folders)
    },
  }
}
