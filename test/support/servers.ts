/**
 * vitest's globalSetup: one Postgres and one nats-server for the whole run, in a temporary data folder and on free ports,
 * or those that WRIT_DATABASE_URL and WRIT_NATS_URL name. Tests get them by inject('databaseUrl') and inject('natsUrl').
 */
import { mkdtempSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { stopAll, wipe } from '../../src/embedded/down.ts'
import { dataFolder } from '../../src/embedded/folders.ts'
import { holderOf, lockFolder } from '../../src/embedded/lock.ts'
import { startNats } from '../../src/embedded/nats.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'
import { keptSecret } from '../../src/embedded/private-file.ts'
import type { Server } from '../../src/embedded/server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** With credentials of a superuser, who may create databases (see database.ts). */
    databaseUrl: string
    /** With credentials of a user who may do everything. */
    natsUrl: string
  }
}

const prefix = 'writ-test-'
/** A folder this young may not have its lock yet. */
const youngMs = 60_000

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const [databaseUrl, natsUrl] = [process.env['WRIT_DATABASE_URL'], process.env['WRIT_NATS_URL']]
  await sweep()
  const folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), prefix)), env: {} })
  const lock = lockFolder(folders.root)
  const common = { folders, log: () => undefined, port: 0, durable: false }
  const users = [{ user: 'writ', password: keptSecret(folders.secrets, 'nats') }]
  const started: Server[] = []
  const teardown = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()))
    lock.release()
    await wipe(folders)
  }
  const keep = async (starting: Promise<Server>): Promise<string> => {
    const server = await starting
    started.push(server)
    return server.url
  }
  try {
    provide('databaseUrl', databaseUrl || (await keep(startPostgres(common))))
    provide('natsUrl', natsUrl || (await keep(startNats({ ...common, users }))))
  } catch (error) {
    await teardown()
    throw error
  }
  return teardown
}

/** Ends and removes what runs that were killed have left. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    const dataDir = join(tmpdir(), name)
    const { uid, mtimeMs } = statSync(dataDir)
    if (uid !== process.getuid?.() || Date.now() - mtimeMs < youngMs || holderOf(dataDir) !== undefined) continue
    const folders = dataFolder({ dataDir, env: {} })
    await stopAll(folders)
    await wipe(folders)
  }
}
