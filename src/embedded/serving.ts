/**
 * Where a data folder is served: by a running `writ up`, or by the private servers of one that was killed. Those live on, other nodes
 * work there still, and the next `writ up` takes them over.
 */
import { existingCluster } from './cluster-place.ts'
import { type Endpoints, lastEndpoints, readEndpoints } from './endpoints.ts'
import type { Folders } from './folders.ts'
import { runningNats } from './nats.ts'
import { postgresRecord, runningPostgres } from './postgres-record.ts'

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
  if (cluster === undefined) return true
  return runningPostgres(cluster) !== undefined && postgresRecord(cluster)?.port === portOf(database)
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
