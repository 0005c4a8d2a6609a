/** How fast the steps of a directive pass, and how long the rest of them takes at that pace, where that can honestly be said. */
import type { EventLine } from '../protocol/commands.ts'
import type { DirectiveView } from '../protocol/views.ts'

export interface Pace {
  /** Steps that passed a minute, over the last minutes. Null: too little is known. */
  perMinute: number | null
  /** Null where nobody can say. */
  leftMs: number | null
}

export interface Pacing {
  /** Events come in their order. */
  heard: (event: EventLine) => void
  of: (view: DirectiveView, now: number) => Pace
}

const minuteMs = 60_000
/** What was longer ago says little of the present pace. */
const windowMs = 5 * minuteMs
/** Less than this is no time to measure a pace in. */
const windowMsMin = 10_000
/** What steps pass after: what was before it is another pace. */
const beginnings: ReadonlySet<string> = new Set(['directive_active', 'directive_resumed'])
/** An estimate rests on so many steps at least, and is of at most so many times as many. */
const passedMin = 3
const beyondMax = 20

const unknown: Pace = { perMinute: null, leftMs: null }

export const openPacing = (): Pacing => {
  let passed: number[] = []
  /** Since when steps have been passing without a pause, as far as it was heard. */
  let from: number | null = null
  return {
    heard: ({ type, time }) => {
      const at = Date.parse(time)
      if (from === null || beginnings.has(type)) {
        from = at
        passed = []
      }
      if (type === 'step_passed') passed.push(at)
    },
    of: (view, now) => {
      passed = passed.filter((at) => now - at <= windowMs)
      const ms = Math.min(windowMs, now - (from ?? now))
      if (ms < windowMsMin || passed.length === 0) return unknown
      const perMinute = (passed.length * minuteMs) / ms
      return { perMinute, leftMs: leftMs(view, passed.length, perMinute) }
    },
  }
}

/** What waits for a person, failed or is paused goes at no pace. */
const leftMs = ({ status, paused, counts, steps }: DirectiveView, sample: number, perMinute: number): number | null => {
  const left = steps - counts.passed
  const isSteady = status === 'active' && !paused && counts.held === 0 && counts.failed === 0
  if (!isSteady || left <= 0 || sample < passedMin || left > sample * beyondMax) return null
  return (left * minuteMs) / perMinute
}
