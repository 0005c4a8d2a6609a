/** What a running Postgres writes about itself into its own folder, and whether it is still true. */
import { randomBytes } from 'node:crypto'
import { lchownSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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

/** Whether `one` was started with this cluster's path. */
export function serves(one: Living, cluster: string): boolean {
  return one.command.includes(`postgres -D ${cluster} `) && findsTheSame(one.pid, cluster)
}

/**
 * A pid that somebody else has now would stop Postgres from starting, and so would a record that holds none, as a loss of power
 * leaves it. One with a pid is not removed, because its other lines let Postgres find processes of the one that died; it gets our
 * pid, which Postgres, being our child, knows for stale.
 */
export function disownForeignPid(cluster: string): void {
  const file = join(cluster, 'postmaster.pid')
  const text = readIfThere(file)
  if (text === undefined || startingPostgres(cluster) !== undefined) return
  // Below 0 for a Postgres that somebody runs by hand, without a server.
  const pid = Number(/^-?\d+/.exec(text)?.[0] ?? 0)
  if (pid === 0) rmSync(file, { force: true })
  else if (pid > 0 && isTaken(pid)) replace(file, text.replace(/^\d+/, String(process.pid)))
}

/** As Postgres asks: also by one that has ended and that nobody reaps, as in a container whose first process does not. */
function isTaken(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Whole or not at all, and for the user as whom Postgres runs: that of its folder. */
function replace(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(temporary, text, { mode: 0o600, flush: true, flag: 'wx' })
  lchownSync(temporary, statSync(dirname(file)).uid, -1)
  renameSync(temporary, file)
}
