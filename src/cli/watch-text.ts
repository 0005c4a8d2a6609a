/** The picture of `writ directive watch`: how far it is, what it waits for, its steps, and what has happened last, in the size of the terminal. */
import type { EventLine } from '../protocol/commands.ts'
import type { DirectiveView, StepCounts } from '../protocol/views.ts'
import { since, span } from './ago.ts'
import { eventText } from './event-text.ts'
import type { Size } from './live-picture.ts'
import { colorOf, exitOf } from './outcome.ts'
import type { Pace } from './pace.ts'
import { boundedPlanLines } from './plan-text.ts'
import { type Colors, oneLine } from './terminal.ts'
import { fit } from './width.ts'

export interface Watched {
  view: DirectiveView
  pace: Pace
  /** The last ones, oldest first, each with the name of its step. */
  events: readonly { event: EventLine; step: string | null }[]
  /** Why the node does not answer just now. */
  silence: string | null
}

/** Of the terminal's height: the last events, and the steps at least. */
const eventRowsMax = 5
const stepRowsMin = 3
const spinner = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'
export const spinMs = 250

/** `now`: ms since 1970. */
export const watchLines = (watched: Watched, paint: Colors, { columns, rows }: Size, now: number): string[] => {
  const { view } = watched
  const head = headLines(watched, paint, columns, now)
  const eventRows = Math.max(0, Math.min(eventRowsMax, rows - head.length - stepRowsMin - 2))
  const events = watched.events
    .slice(Math.max(0, watched.events.length - eventRows))
    .map(({ event, step }) => eventText(event, step, paint, columns))
  const room = Math.max(stepRowsMin, rows - head.length - events.length - 2)
  const steps =
    view.stepList.length === 0
      ? []
      : boundedPlanLines(view.stepList, view.counts, { paint, columns }, { rows: room, now })
  return [...head, ...(steps.length === 0 ? [] : ['', ...steps]), ...(events.length === 0 ? [] : ['', ...events])]
}

const headLines = ({ view, pace, silence }: Watched, paint: Colors, columns: number, now: number): string[] => {
  const { status, paused, waiting, parked, reason } = view
  const standing = paused ? `${status}, paused` : status
  const title = fit(oneLine(view.title), Math.max(8, columns - standing.length - 2))
  const facts: [string, string | null][] = [
    ['steps', othersText(view.counts)],
    ['waits for', waiting === null ? null : `${waiting}, for ${since(view.since, now)}`],
    ['parked', parked],
    ['reason', reason],
    ['node', silence === null ? null : `${silence}; waiting for one`],
  ]
  return [
    `${paint.bold(title)}  ${colorOf(status, paint)(standing)}`,
    ...(view.steps === 0 ? [] : [progressLine(view, pace, paint, columns, now)]),
    ...facts.flatMap(([name, text]) =>
      text === null ? [] : [`${paint.dim(name.padEnd(9))}  ${fit(oneLine(text), columns - 11)}`],
    ),
  ]
}

const progressLine = (view: DirectiveView, pace: Pace, paint: Colors, columns: number, now: number): string => {
  const { counts, steps, status } = view
  const sign = exitOf(status) === null ? (spinner[Math.floor(now / spinMs) % spinner.length] ?? '') : ' '
  const width = columns < 70 ? 10 : columns < 100 ? 16 : 30
  const text = `${counts.passed} of ${steps} passed${paceText(pace)}`
  return `${paint.cyan(sign)} ${bar(counts, steps, width, paint)} ${fit(text, columns - width - 3)}`
}

/** Beside those that have passed; what wants attention first. */
const othersText = (counts: StepCounts): string | null =>
  otherStatuses.flatMap((each) => (counts[each] > 0 ? [`${counts[each]} ${each}`] : [])).join(', ') || null

const otherStatuses = [
  'failed',
  'held',
  'rework',
  'running',
  'evaluating',
  'merging',
  'skipped',
  'cancelled',
  'pending',
] as const

const paceText = ({ perMinute, leftMs }: Pace): string => {
  if (perMinute === null) return ''
  const left = leftMs === null ? '' : `, about ${span(Math.max(1000, leftMs))} left`
  return `; ${perMinute.toFixed(perMinute < 10 ? 1 : 0)} a minute${left}`
}

/** Passed, failed, under way, and the rest: also to be told apart without colours. */
const bar = (counts: StepCounts, steps: number, width: number, paint: Colors): string => {
  const { passed, failed, running, evaluating, merging, rework, held } = counts
  const busy = running + evaluating + merging + rework + held
  const ends = [passed, passed + failed, passed + failed + busy].map((end) =>
    Math.floor((end * width) / Math.max(1, steps)),
  )
  const [green = 0, red = 0, cyan = 0] = ends
  return [
    paint.green('█'.repeat(green)),
    paint.red('✗'.repeat(red - green)),
    paint.cyan('▒'.repeat(cyan - red)),
    paint.dim('░'.repeat(width - cyan)),
  ].join('')
}
