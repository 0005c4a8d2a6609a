/** What a directive's end means for the exit code, and which command is of use next, by status. */
import type { DirectiveStatus, StepStatus } from '../protocol/views.ts'
import { exits } from './failure.ts'
import type { Colors } from './terminal.ts'

/** Null: it has not ended. */
export const exitOf = (status: DirectiveStatus): number | null => {
  switch (status) {
    case 'completed':
      return exits.ok
    case 'failed':
      return exits.directiveFailed
    case 'cancelled':
      return exits.cancelled
    case 'draft':
    case 'planning':
    case 'active':
    case 'checking':
    case 'failing':
    case 'cancelling':
      return null
  }
}

/** Commands that are of use next, as they can be typed. `flags`: what had to be said to reach this node. */
export const nextFor = (view: { id: string; status: DirectiveStatus; paused: boolean }, flags: string): string[] => {
  const { id, status, paused } = view
  const writ = (rest: string): string => `writ ${rest}${flags}`
  if (status === 'draft') return [writ(`directive start ${id}`)]
  if (status === 'failed' || status === 'cancelled')
    return [writ(`directive events ${id}`), writ(`directive retry ${id}`)]
  if (status === 'completed') return [writ(`directive show ${id}`), writ(`directive events ${id}`)]
  if (paused) return [writ(`directive resume ${id}`)]
  return [writ(`directive watch ${id}`)]
}

/** One sign for each status of a step: a plan is read by its left edge. */
export const signs: Record<StepStatus, string> = {
  pending: '·',
  running: '▶',
  evaluating: '?',
  merging: '⇢',
  passed: '✓',
  rework: '↻',
  failed: '✗',
  skipped: '-',
  cancelled: '×',
  held: '!',
}

/** Green has got there, red has failed, yellow wants attention, cyan is at work. */
export const colorOf = (status: StepStatus | DirectiveStatus, paint: Colors): ((text: string) => string) => {
  if (status === 'passed' || status === 'completed') return paint.green
  if (['failed', 'failing', 'cancelled', 'cancelling'].includes(status)) return paint.red
  if (status === 'held' || status === 'rework') return paint.yellow
  if (['pending', 'draft', 'skipped'].includes(status)) return paint.dim
  return paint.cyan
}
