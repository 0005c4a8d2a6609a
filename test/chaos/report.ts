/** What a run has come to: for people, and as one value for programs. */
import type { Kind } from './kinds.ts'

export interface Inflicted {
  kind: Kind
  target: string
  /** ms of the epoch. */
  began: number
  healed: number
}

/** Of times in ms; `of`: what the longest one was of. */
interface Spread {
  p50: number
  p99: number
  max: number
  of: string
}

export interface Report {
  seed: number
  minutes: number
  /** How often each kind was inflicted. */
  faults: Partial<Record<Kind, number>>
  /** Kinds that this machine does not allow. */
  skipped: Kind[]
  operations: Record<string, number>
  /** From the end of a fault to the next hand-off, in ms; null without any. */
  recovery: Spread | null
  /** For how long each directive stood still at most (a person or a slot that it waited for is part of it), in ms. */
  stoodStill: Spread | null
  violations: string[]
  /** Where everything of it lies; null when it was removed. */
  folder: string | null
}

export const spreadOf = (times: readonly { ms: number; of: string }[]): Spread | null => {
  const sorted = times.toSorted((a, b) => a.ms - b.ms)
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]?.ms ?? 0
  const last = sorted.at(-1)
  return last === undefined ? null : { p50: at(0.5), p99: at(0.99), max: last.ms, of: last.of }
}

/** How long after each fault a task was given to a daemon again. `handOffs`: when, in ms of the epoch, in order. */
export const recoveryOf = (faults: readonly Inflicted[], handOffs: readonly number[]): Spread | null =>
  spreadOf(
    faults.flatMap(({ kind, target, healed }) => {
      const next = handOffs.find((at) => at >= healed)
      return next === undefined ? [] : [{ ms: next - healed, of: `${kind} of ${target}` }]
    }),
  )

export const countsOf = (faults: readonly Inflicted[]): Report['faults'] => {
  const counts: Report['faults'] = {}
  for (const { kind } of faults) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

const spreadLine = (title: string, spread: Spread | null): string[] => {
  if (spread === null) return []
  const { p50, p99, max, of } = spread
  return [title, `  p50 / p99 / max      ${[p50, p99, max].map(seconds).join(' / ')} (${of})`]
}

/** Ends with the line that says it all. */
export const textOf = (report: Report): string => {
  const { faults, skipped, operations, recovery, stoodStill, violations, folder, minutes, seed } = report
  const total = Object.values(faults).reduce((sum, count) => sum + count, 0)
  const rows = Object.entries(faults).toSorted(([, a], [, b]) => b - a)
  return [
    '',
    'Faults',
    ...rows.map(([kind, count]) => `  ${kind.padEnd(20)} ${count}`),
    ...(skipped.length === 0 ? [] : [`  not on this machine: ${skipped.join(', ')}`]),
    '',
    'Operations',
    ...Object.entries(operations).map(([name, count]) => `  ${name.padEnd(32)} ${count}`),
    '',
    ...spreadLine('From the end of a fault to the next hand-off', recovery),
    ...spreadLine('What a directive stood still at most', stoodStill),
    '',
    ...violations.map((violation) => `VIOLATION: ${violation}`),
    ...(folder === null ? [] : [`Logs and data: ${folder}`]),
    `chaos: ${violations.length} violations, ${total} faults of ${rows.length} kinds in ${minutes.toFixed(1)} minutes, ` +
      `${operations['directives ended'] ?? 0} directives ended, seed ${seed}`,
  ].join('\n')
}
