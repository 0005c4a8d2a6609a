/**
 * Where a data folder is served: by a running `writ up`, or by the private servers of one that was killed. Those live on, other nodes
 * work there still, and the next `writ up` takes them over.
 */
import { join } from 'node:path'
import { existingCluster } from './cluster-place.ts'
import { type Endpoints, lastEndpoints, readEndpoints } from './endpoints.ts'
import type { Folders } from './folders.ts'
import { runningNats } from './nats.ts'
import { postgresRecord, runningPostgres } from './postgres-record.ts'
import { readIfThere } from './private-file.ts'

export interface Serving extends Pick<Endpoints, 'nats' | 'database'> {
  /** The process that looks after the servers; null: it was killed. */
  pid: number | null
}

/** Undefined when nothing serves this data folder. */
export function servingOf(folders: Folders): Serving | undefined {
  const endpoints = readEndpoints(folders)
  if (endpoints !== undefined) return endpoints
  const last = lastEndpoints(folders)
  if (last === undefined || !natsLives(folders, last) || !databaseLives(folders, last)) return undefined
  return { nats: last.nats, database: last.database, pid: null }
}

function natsLives(folders: Folders, { nats }: Endpoints): boolean {
  return runningNats(folders)?.ports?.port === portOf(nats)
}

/** One of the person's own is not ours to look after: whoever connects sees whether it is there. */
function databaseLives(folders: Folders, { database }: Endpoints): boolean {
  const cluster = existingCluster(folders)
  if (cluster === undefined || !isPrivate(folders, database)) return true
  return runningPostgres(cluster) !== undefined && postgresRecord(cluster)?.port === portOf(database)
}

/** The folder may have a private database of before all the same. */
function isPrivate({ secrets }: Folders, database: string): boolean {
  const password = readIfThere(join(secrets, 'postgres'))?.trim()
  return database.includes(`:${password}@127.0.0.1:`)
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
