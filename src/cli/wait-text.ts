/** Until when something waits and who can end it, as people and pipes read it. */
import { byWords } from '../protocol/waiting.ts'
import type { StepLine } from '../protocol/views.ts'
import { span } from './ago.ts'

type Limits = Pick<StepLine, 'until' | 'by'>

/** `in 3 min`, or `due`; as it is when no `now` (ms since 1970) is given. An older node tells nothing. */
export const untilText = ({ until }: Pick<Limits, 'until'>, now: number | null): string => {
  if (until == null || now === null) return until ?? ''
  const left = Date.parse(until) - now
  return left <= 0 ? 'due' : `in ${span(left)}`
}

export const byText = ({ by }: Pick<Limits, 'by'>): string => (by == null ? '' : byWords(by))

/** Named, for the facts of a view; empty when there is nothing to tell. */
export const limitFacts = (limits: Limits, now: number | null): [name: string, value: string | null][] => [
  ['until', untilText(limits, now) || null],
  ['ended by', byText(limits) || null],
]
