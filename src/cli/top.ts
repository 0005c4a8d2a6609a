/** What `writ top` looks at, again and again: the threads' own figures, and what the database has of the owner. */
import { setTimeout as delay } from 'node:timers/promises'
import { type ThreadStats, threadStats } from '../bus/thread-stats.ts'
import { codes, WritError } from '../protocol/errors.ts'
import type { OwnerFigures } from '../protocol/figures.ts'
import type { Link } from './reach.ts'
import { ratesTogether, type Rates, threadLines, type ThreadLine } from './thread-rates.ts'

export interface TopView {
  /** ISO 8601, by the clock of the database; by this machine's own when nobody answers. */
  time: string
  owner: string
  threads: readonly ThreadLine[]
  /** Of all threads together. Null at a first look, and when none answers. */
  perSecond: Rates | null
  /** Null: no node answers just now. */
  figures: OwnerFigures | null
}

export interface Looking {
  /** Rates are of the time since the look before: the first has none. Throws what does not pass by itself. */
  look: () => Promise<TopView>
}

export const openTop = ({ bus, api, owner }: Link, now: () => number): Looking => {
  let before: readonly ThreadStats[] = []
  return {
    look: async () => {
      const [stats, figures] = await Promise.all([
        unlessPassing(threadStats(bus), []),
        soon(unlessPassing<OwnerFigures | null>(api.figures(), null)),
      ])
      const threads = threadLines(stats, before)
      before = stats
      const time = figures?.time ?? new Date(now()).toISOString()
      return { time, owner, threads, perSecond: ratesTogether(threads), figures }
    },
  }
}

/** A question is asked again for half a minute: nobody looks at an old picture for so long. */
const soonMs = 3000

const soon = <T>(asked: Promise<T | null>): Promise<T | null> =>
  Promise.race([asked, delay(soonMs, null, { ref: false })])

/** Nodes come and go: whoever looks on waits for them, and sees meanwhile that none is there. */
const unlessPassing = async <T>(asked: Promise<T>, otherwise: T): Promise<T> => {
  try {
    return await asked
  } catch (error) {
    if (error instanceof WritError && codes[error.code].retry) return otherwise
    throw error
  }
}
