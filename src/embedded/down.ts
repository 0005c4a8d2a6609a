/** What `writ down` does: ends whatever runs on a data folder, the servers that a killed process left included, and on request removes the folder. */
import { existsSync, readdirSync, rmdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { existingCluster, oursIn, removablePlaces } from './cluster-place.ts'
import { removeEndpoints } from './endpoints.ts'
import { mustEnd, type SignalStep } from './end-process.ts'
import type { Folders } from './folders.ts'
import type { Living } from './living.ts'
import { holderOf, lockOnceStill, type FolderLock } from './lock.ts'
import { natsHere, runningNats } from './nats.ts'
import { startingPostgres } from './postgres-record.ts'
import { natsStops, postgresStops } from './server.ts'
import { isStartOurs, lastStarted, serverOfAnother } from './server-start.ts'

export interface Stopped {
  what: 'writ up' | 'task' | 'NATS' | 'Postgres'
  pid: number
}

/** `writ up` stops its own servers at a SIGTERM, the database with a checkpoint: that is given time. */
const upSteps: readonly SignalStep[] = [
  { signal: 'SIGTERM', waitMs: 30_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
]

/**
 * Ends all that runs on this data folder, in the order of a normal stop; tells what it ended. `endTasks` ends what daemons
 * left, and answers the ids. Throws LOCKED for a `writ up` in another container or on another host, REFUSED for another user's.
 */
export async function stopAll(
  folders: Folders,
  endTasks: () => Promise<number[]> = async () => [],
  say: (line: string) => void = () => undefined,
): Promise<Stopped[]> {
  if (!existsSync(folders.run)) return []
  const stopped: Stopped[] = []
  const end = async (what: Stopped['what'], one: { pid: number; started: string }, steps: readonly SignalStep[]) => {
    await mustEnd(what, one, steps)
    stopped.push({ what, pid: one.pid })
  }
  const holder = holderOf(folders.root)
  if (holder !== undefined) await end('writ up', holder, upSteps)
  // From here on nobody can start anew beside us.
  const lock = await lockIfRoom(folders.root, say)
  try {
    for (const pid of await endTasks()) stopped.push({ what: 'task', pid })
    const { nats, postgres } = leftServers(folders)
    if (nats !== undefined) await end('NATS', nats, natsStops.gentle)
    if (postgres !== undefined) await end('Postgres', postgres, postgresStops.gentle)
    removeEndpoints(folders)
  } finally {
    lock.release()
  }
  return stopped
}

/**
 * Removes all that Writ keeps in the data folder, wherever its cluster lies, and the folder when nothing else is in it:
 * it may have been given one that holds other things. `removeOwn` removes first what others keep in it. Throws LOCKED or
 * REFUSED when something runs on it, REFUSED when its database is another folder's, and what `removeOwn` throws.
 */
export async function wipe(folders: Folders, removeOwn: () => Promise<void> = async () => {}): Promise<void> {
  if (!existsSync(folders.run)) return
  const lock = await lockIfRoom(folders.root)
  const { root, run, ...others } = folders
  try {
    refuseRunning(folders)
    const { places, links } = removablePlaces(folders)
    await removeOwn()
    for (const place of places) await emptyPlace(place)
    for (const link of links) await removeTree(link)
  } catch (error) {
    lock.release()
    throw error
  }
  for (const folder of Object.values(others)) await removeTree(folder)
  // Last, because the lock is in it.
  await removeTree(run)
  if (readdirSync(root).length === 0) rmdirSync(root)
}

async function emptyPlace(place: string): Promise<void> {
  for (const path of oursIn(place)) await removeTree(path)
  try {
    rmdirSync(place)
  } catch {
    // A person's: other things are in it, or it is a disk of its own.
  }
}

function refuseRunning(folders: Folders): void {
  const left = leftServers(folders)
  const running = left.nats ?? left.postgres
  if (running !== undefined) {
    const hint = 'writ down ends it'
    throw new WritError('REFUSED', `process ${running.pid} still runs on ${folders.root}`, { hint })
  }
  const other = leftByAnother(folders)
  if (other !== undefined) throw other
}

/** Why nothing starts on this folder, though nothing of its own runs: a server of one that had its name before, also where it has gone since. */
export function leftByAnother(folders: Folders): WritError | undefined {
  const own = leftServers(folders)
  const { nats, postgres } = serversHere(folders)
  const other = (own.nats === undefined && nats) || (own.postgres === undefined && postgres)
  return other ? serverOfAnother(folders, other) : undefined
}

/** On a disk that is full a lock cannot be written: not by us, and by nobody who would start beside us. */
async function lockIfRoom(
  root: string,
  say: (line: string) => void = () => undefined,
): Promise<Pick<FolderLock, 'release'>> {
  try {
    return await lockOnceStill(root, { say })
  } catch (error) {
    if (!full.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    return { release: () => undefined }
  }
}

const full = new Set(['ENOSPC', 'EDQUOT'])

/** Tried again for some seconds: an initdb that a killed process left may still be writing in there. */
function removeTree(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 10 })
}

interface Servers {
  nats: Living | undefined
  postgres: Living | undefined
}

function leftServers(folders: Folders): Servers {
  return { nats: runningNats(folders), postgres: lastStarted(folders, 'postgres') ?? postgresOf(folders) }
}

function postgresOf(folders: Folders): Living | undefined {
  const cluster = existingCluster(folders)
  const found = cluster === undefined ? undefined : startingPostgres(cluster)
  return found !== undefined && isStartOurs(folders, 'postgres', found) ? found : undefined
}

/** Also those of a folder that had our name before. */
function serversHere(folders: Folders): Servers {
  const cluster = existingCluster(folders) ?? join(folders.postgres, 'cluster')
  return { nats: natsHere(folders), postgres: startingPostgres(cluster) }
}
