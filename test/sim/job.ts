/** What a thread tells of a world that it has run. */
import type { Seed } from './seeds.ts'

export interface Result extends Seed {
  /** The hash of its trace. */
  digest: string
  /** What the scheduler let happen. */
  events: number
  /** Directives that have ended. */
  ended: number
  /** Actors that became of a later version of their machine. */
  migrated: number
  /** How often each fault took effect, and each deed was done. */
  happened: readonly (readonly [string, number])[]
  /** Pairs that this thread had not visited before. */
  visited: readonly string[]
  violations: readonly string[]
  /** Whether it was run twice, and had the same trace. */
  again: boolean
}

/** Of a world that did not come to its end. */
export const withoutEnd = ({ seed, size }: Seed, why: string): Result => ({
  seed,
  size,
  digest: '',
  events: 0,
  ended: 0,
  migrated: 0,
  happened: [],
  visited: [],
  violations: [why],
  again: false,
})

export const textOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)
