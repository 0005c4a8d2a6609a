/** Whether the two servers are there and serve: those that are named or run already, else whether private ones could be started. */
import { openConnection } from '../bus/connection.ts'
import { inboxPrefixOfUrl } from '../bus/permissions.ts'
import { refuseForeignPlace } from '../embedded/cluster-place.ts'
import { findNats } from '../embedded/find-nats.ts'
import { compareVersions } from '../embedded/find-program.ts'
import { findPostgres } from '../embedded/find-postgres.ts'
import type { Folders } from '../embedded/folders.ts'
import { otherUser } from '../embedded/other-user.ts'
import { servingOf } from '../embedded/serving.ts'
import { askPostgres } from '../database-of.ts'
import { WritError } from '../protocol/errors.ts'
import { caOption, type Named, type Settings } from './config.ts'
import type { Look } from './doctor.ts'
import { shown } from './shown-url.ts'

const postgresMin = '14'
const MiB = 1024 * 1024

const sizeOf = (bytes: number): string => `${Math.ceil(bytes / MiB)} MiB`

/** Throws UNREACHABLE, UNAUTHORIZED, OLD_SERVER, NO_SERVER, or REFUSED for an encoding that cannot hold every text, or for a data folder without a database of its own. */
export const postgresFinding = async (settings: Settings, folders: Folders): Promise<Look> => {
  const server = settings.database ?? running(folders, 'database')
  if (server === null) {
    refuseForeignPlace(folders)
    const { version, source } = findPostgres({
      programs: folders.programs,
      user: otherUser(),
      path: settings.env['PATH'],
    })
    return `a private one can be started: ${version} (${source})`
  }
  const { version, encoding, bytes } = await reachable(server, () => askPostgres(server.url))
  const place = `${version} at ${shown(server.url)}`
  const remedy = { hint: `use Postgres ${postgresMin} or newer with a database in UTF8: correct ${server.from}` }
  if (compareVersions(version, postgresMin) < 0) throw new WritError('OLD_SERVER', `${place} is too old`, remedy)
  if (encoding !== 'UTF8') throw new WritError('REFUSED', `${place} has the encoding ${encoding}`, remedy)
  return `${place}; the database has ${sizeOf(bytes)}`
}

/** Throws UNREACHABLE, UNAUTHORIZED, OLD_SERVER, NO_SERVER, or REFUSED without JetStream or with too small a message limit. */
export const natsFinding = async (settings: Settings, folders: Folders): Promise<Look> => {
  const server = settings.nats ?? running(folders, 'nats')
  if (server === null) {
    const { version, source } = findNats({ path: settings.env['PATH'] })
    return `a private one can be started: ${version} (${source})`
  }
  const inboxPrefix = inboxPrefixOfUrl(server.url)
  const prefixed = inboxPrefix === undefined ? {} : { inboxPrefix }
  const connection = await reachable(server, () =>
    openConnection({ url: server.url, name: 'writ doctor', ...prefixed, ...caOption(settings.natsCa) }),
  )
  const { version = 'unknown', jetstream = false } = connection.info ?? {}
  await connection.close()
  const place = `${version} at ${shown(server.url)}`
  if (jetstream) return `${place}, with JetStream`
  throw new WritError('REFUSED', `${place} has no JetStream`, {
    hint: 'start it with -js, or jetstream {} in its configuration',
  })
}

const running = (folders: Folders, server: 'database' | 'nats'): Named | null => {
  const serving = servingOf(folders)
  return serving === undefined ? null : { url: serving[server], from: `the writ up of ${folders.root}` }
}

const reachable = async <T>({ from }: Named, ask: () => Promise<T>): Promise<T> => {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof WritError) || error.code !== 'UNREACHABLE') throw error
    const hint = `start that server, or correct ${from}`
    throw new WritError('UNREACHABLE', `${error.message}; the address is from ${from}`, { hint, cause: error })
  }
}
