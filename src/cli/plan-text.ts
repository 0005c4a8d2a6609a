/** The steps of a plan for a person, one line each: as a tree, or the ones that matter most where not all have room. */
import { isUnderWay, type StepCounts, type StepLine, type StepStatus } from '../protocol/views.ts'
import { since } from './ago.ts'
import { colorOf, signs } from './outcome.ts'
import { oneLine, type Terminal } from './terminal.ts'
import { depthsOf, treeOf, type Branch } from './tree.ts'
import { byText, untilText } from './wait-text.ts'
import { fit, widthOf } from './width.ts'

type Ground = Pick<Terminal, 'columns' | 'paint'>

const nameCharsMax = 48
/** Sign, status and the spaces around them; and what is left for the details at least. */
const frameChars = 16
const detailCharsMin = 10
const nameCharsMin = 8

/** All of them, with whole names. */
export const planLines = (steps: readonly StepLine[], ground: Ground, now: number): string[] =>
  branchLines(treeOf(steps), ground, now, Infinity)

/** Deeper steps are indented no further. */
const levelsMax = 8

/**
 * As many as `rows`: all when they fit; else those first that want attention or are worked on, then others under way, what comes next, and
 * what has passed last, in the plan's order and indented by how deep they depend, and a line about the rest. `counts`: of the whole
 * plan, of which `steps` may be a part.
 */
export const boundedPlanLines = (
  steps: readonly StepLine[],
  counts: StepCounts,
  ground: Ground,
  { rows, now }: { rows: number; now: number },
): string[] => {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const whole = steps.length <= rows && steps.length >= all
  const shown = whole ? steps : mostInteresting(steps, Math.max(1, rows - 1))
  const rest = whole ? [] : [ground.paint.dim(fit(restText(counts, shown), ground.columns))]
  const tree = whole ? treeOf(steps) : []
  const nameRoom = ground.columns - frameChars - detailCharsMin
  const leadMax = Math.max(0, Math.min(ground.columns / 4, nameRoom - nameCharsMin))
  const isTree = whole && tree.every(({ lead }) => lead.length <= leadMax)
  const branches = isTree ? tree : indented(shown, steps, Math.min(levelsMax, Math.floor(leadMax / 2)))
  return [...branchLines(branches, ground, now, nameRoom), ...rest]
}

const mostInteresting = (steps: readonly StepLine[], count: number): StepLine[] =>
  steps
    .toSorted(byInterest)
    .slice(0, count)
    .toSorted((a, b) => a.index - b.index)

/** Where steps are missing, or there is little room, lines between them would lead nowhere. */
const indented = (shown: readonly StepLine[], steps: readonly StepLine[], levels: number): Branch<StepLine>[] => {
  const depths = depthsOf(steps)
  const lead = ({ name }: StepLine): string => '  '.repeat(Math.min(levels, depths.get(name) ?? 0))
  return shown.map((step) => ({ step, lead: lead(step), also: [] }))
}

const restText = (counts: StepCounts, shown: readonly StepLine[]): string => {
  const rest = Object.entries(counts).map(([status, count]) => {
    const seen = shown.filter((step) => step.status === status).length
    return { status, count: count - seen }
  })
  const told = rest.filter(({ count }) => count > 0)
  const sum = told.reduce((total, { count }) => total + count, 0)
  return `… and ${sum} more: ${told.map(({ status, count }) => `${count} ${status}`).join(', ')}`
}

const byInterest = (a: StepLine, b: StepLine): number =>
  interestOf(a) - interestOf(b) || (a.status === 'passed' ? b.since.localeCompare(a.since) : 0) || a.index - b.index

const interestOf = (step: StepLine): number => {
  const { status, parked, daemon } = step
  if (status === 'held' || status === 'failed' || parked !== null) return 0
  if (isUnderWay(step)) return daemon === null ? 2 : 1
  return ({ pending: 3, passed: 4 } as Partial<Record<StepStatus, number>>)[status] ?? 5
}

/** `nameRoom`: for a name with its lead. */
const branchLines = (
  branches: readonly Branch<StepLine>[],
  { paint, columns }: Ground,
  now: number,
  nameRoom: number,
): string[] => {
  const longest = Math.max(...branches.map(({ lead, step }) => lead.length + widthOf(oneLine(step.name))))
  const width = Math.min(nameCharsMax, nameRoom, longest)
  return branches.map(({ lead, step, also }) => {
    const paintStep = colorOf(step.status, paint)
    const name = fit(oneLine(step.name), Math.max(nameCharsMin, nameRoom - lead.length))
    const nameWidth = widthOf(name)
    const space = ' '.repeat(Math.max(1, width - lead.length - nameWidth + 2))
    const taken = Math.max(width, lead.length + nameWidth)
    const rest = fit(detail(step, also, now), Math.max(detailCharsMin, columns - taken - frameChars))
    return `${paint.dim(lead)}${paintStep(signs[step.status])} ${name}${space}${paintStep(step.status.padEnd(10))} ${paint.dim(rest)}`.trimEnd()
  })
}

/** What is of interest about a step in this status. */
const detail = (step: StepLine, also: Branch<StepLine>['also'], now: number): string => {
  const { attempt, round, score, level, unevaluated, waiting, reason, daemon, parked } = step
  const ended = ['passed', 'failed', 'skipped', 'cancelled'].includes(step.status)
  const parts = [
    attempt > 0 ? `attempt ${attempt}` : null,
    round > 1 ? `round ${round}` : null,
    score === null ? null : `score ${score.toFixed(2)}${level === null ? '' : ` ${level}`}`,
    unevaluated ? 'unevaluated' : null,
    daemon === null || ended ? null : `on ${daemon}`,
    waiting === null || ended ? null : `waits for ${waiting}`,
    ended || (attempt === 0 && waiting === null) ? null : since(step.since, now),
    ...(ended ? [] : limits(step, now)),
    parked === null ? null : `parked: ${parked}`,
    reason === null || step.status === 'passed' ? null : reason,
    also.length > 0 && !ended ? `also after ${also.join(', ')}` : null,
  ]
  return oneLine(parts.filter((part) => part !== null).join(', '))
}

/** Whom its status, its daemon or its words tell already is not told again. */
const limits = (step: StepLine, now: number): string[] => {
  const until = untilText(step, now)
  const isTold = step.by == null || step.daemon !== null || ['person', 'steps'].includes(step.by.who)
  return [...(until === '' ? [] : [`${until} at the latest`]), ...(isTold ? [] : [`by ${byText(step)}`])]
}
