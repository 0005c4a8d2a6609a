/** What a stretch of work has cost: time, CPU of each part, WAL, commits and rows, as the operating system and Postgres count. */
import type postgres from 'postgres'
import { cpuOf } from './cpu.ts'

export interface Reading {
  at: number
  cpu: Record<string, number | null>
  /** Bytes of WAL since the server began. */
  wal: number
  /** Calls of the commit function; rows written in Writ's tables; messages of the journal's actors. */
  commits: number
  rows: number
  actorRows: number
}

export type Gauge = () => Promise<Reading>

interface Counts {
  wal: string
  commits: number | null
  rows: string
  actors: string
}

export const gaugeOf =
  (sql: postgres.Sql, pids: Record<string, number>): Gauge =>
  async () => {
    const [counts] = await sql<Counts[]>`
      select pg_current_wal_lsn() - '0/0'::pg_lsn as wal,
             (select calls::int from pg_stat_user_functions where schemaname = 'writ' and funcname = 'commit') as commits,
             (select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) from pg_stat_user_tables) as rows,
             (select n_tup_ins from pg_stat_user_tables where schemaname = 'writ' and relname = 'journal') as actors`
    return {
      at: performance.now(),
      cpu: Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuOf(pid)])),
      wal: Number(counts?.wal),
      commits: counts?.commits ?? 0,
      rows: Number(counts?.rows),
      actorRows: Number(counts?.actors),
    }
  }

/** From one reading to the next. `settle`: time for Postgres to hand its statistics over, outside of what is measured. */
export const costOf = (before: Reading, after: Reading): Reading => ({
  at: after.at - before.at,
  cpu: Object.fromEntries(
    Object.entries(after.cpu).map(([name, ms]) => {
      const was = before.cpu[name]
      return [name, ms === null || was === null || was === undefined ? null : ms - was]
    }),
  ),
  wal: after.wal - before.wal,
  commits: after.commits - before.commits,
  rows: after.rows - before.rows,
  actorRows: after.actorRows - before.actorRows,
})
