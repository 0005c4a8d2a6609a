/** What a running Postgres writes about itself into its own folder, and whether it is still true. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findLiving, findsTheSame, living, type Living } from './living.ts'
import { readIfThere } from './private-file.ts'

/** The pid and port that a running Postgres writes into its own folder. */
export function postgresRecord(cluster: string): { pid: number; port: number } | undefined {
  const lines = readIfThere(join(cluster, 'postmaster.pid'))?.split('\n')
  return lines === undefined ? undefined : { pid: Number(lines[0]), port: Number(lines[3]) }
}

/** Where it listened the last time: Postgres keeps the command line of its last start in its own folder. */
export function lastPort(cluster: string): number | undefined {
  const port = /"port=(\d+)"/.exec(readIfThere(join(cluster, 'postmaster.opts')) ?? '')?.[1]
  return port === undefined ? undefined : Number(port)
}

/** The running Postgres of this cluster, by its record. */
export function runningPostgres(cluster: string): Living | undefined {
  const one = living(postgresRecord(cluster)?.pid ?? 0)
  return one !== undefined && serves(one, cluster) ? one : undefined
}

/** The same, also when it started a moment ago and has no record yet. */
export function startingPostgres(cluster: string): Living | undefined {
  return runningPostgres(cluster) ?? findLiving((one) => serves(one, cluster))
}

function serves(one: Living, cluster: string): boolean {
  return one.command.includes(`postgres -D ${cluster} `) && findsTheSame(one.pid, cluster)
}

/**
 * A pid that now belongs to a stranger would stop Postgres from starting. The record is not removed, because its other
 * lines let Postgres find processes of the one that died; it gets our pid, which Postgres, being our child, knows for stale.
 */
export function disownForeignPid(cluster: string): void {
  const file = join(cluster, 'postmaster.pid')
  const text = readIfThere(file)
  const pid = postgresRecord(cluster)?.pid
  if (text === undefined || pid === undefined || living(pid) === undefined) return
  if (runningPostgres(cluster) === undefined) writeFileSync(file, text.replace(/^\d+/, String(process.pid)))
}
