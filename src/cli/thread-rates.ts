/** Threads as two looks show them: what they hold now, and what they did a second in between. */
import type { ThreadStats } from '../bus/thread-stats.ts'

/** Of one thread, or of many together. */
export interface Rates {
  /** A second. */
  commits: number
  units: number
  rows: number
  requests: number
  /** From 0 to 1: how much of the time its event loop was busy. Of many: in the mean. */
  load: number
}

export interface ThreadLine extends ThreadStats {
  /** Null at the first look, and of a thread that does not say. */
  perSecond: Rates | null
}

const msPerSecond = 1000

/** A thread's own clock measures the time in between: how long the answers took is not in it. */
export const threadLines = (now: readonly ThreadStats[], before: readonly ThreadStats[]): ThreadLine[] => {
  const known = new Map(before.map((stats) => [stats.thread, stats]))
  return now.map((stats) => ({ ...stats, perSecond: ratesOf(stats, known.get(stats.thread)) }))
}

const ratesOf = (now: ThreadStats, before: ThreadStats | undefined): Rates | null => {
  if (now.figures === null || before === undefined || before.figures === null) return null
  const [after, first] = [now.figures, before.figures]
  const ms = after.upMs - first.upMs
  if (ms <= 0) return null
  const rate = (count: number): number => (count * msPerSecond) / ms
  return {
    commits: rate(after.commits - first.commits),
    units: rate(after.units - first.units),
    rows: rate(after.rows - first.rows),
    requests: rate(now.requests - before.requests),
    load: (after.busyMs - first.busyMs) / ms,
  }
}

/** Null when none of them has any. */
export const ratesTogether = (lines: readonly ThreadLine[]): Rates | null => {
  const known = lines.flatMap(({ perSecond }) => perSecond ?? [])
  if (known.length === 0) return null
  const sum = (of: (rates: Rates) => number): number => known.reduce((total, rates) => total + of(rates), 0)
  return {
    commits: sum(({ commits }) => commits),
    units: sum(({ units }) => units),
    rows: sum(({ rows }) => rows),
    requests: sum(({ requests }) => requests),
    load: sum(({ load }) => load) / known.length,
  }
}

/** Of the threads that say. */
export const figureSum = (lines: readonly ThreadLine[], of: FigureName): number =>
  lines.reduce((total, { figures }) => total + (figures === null ? 0 : figures[of]), 0)

export type FigureName =
  | 'shards'
  | 'queue'
  | 'mailbox'
  | 'actors'
  | 'heapBytes'
  | 'commits'
  | 'units'
  | 'rows'
  | 'refusedCommits'
  | 'unknownCommits'
