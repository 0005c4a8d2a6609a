/** A directive as `show` and `watch` print it: for a person with its plan as a tree, for a pipe as tab-separated lines. */
import { isRepositoryUrl } from '../protocol/directive.ts'
import type { DirectiveView, StepLine, StepStatus } from '../protocol/views.ts'
import { since } from './ago.ts'
import { signs } from './outcome.ts'
import { fit } from './table.ts'
import { oneLine, type Colors, type Terminal } from './terminal.ts'
import { treeOf, type Branch } from './tree.ts'
import { byText, limitFacts, untilText } from './wait-text.ts'

/** Every line. `now`: ms since 1970, for "since when". */
export const directiveLines = (
  view: DirectiveView,
  terminal: Pick<Terminal, 'rich' | 'columns' | 'paint'>,
  now: number,
): string[] => (terminal.rich ? richLines(view, terminal, now) : plainLines(view))

/** `key<TAB>value`, then a line for each step: step, name, status, attempt, round, score, what it waits for, since, daemon, until, by whom it ends. */
const plainLines = (view: DirectiveView): string[] => [
  ...factsOf(view).map(([name, value]) => `${name}\t${oneLine(value)}`),
  ...view.stepList.map((step) => {
    const { name, status, attempt, round, score, waiting, since: from, daemon } = step
    return [
      'step',
      name,
      status,
      attempt,
      round,
      score ?? '',
      waiting ?? '',
      from,
      daemon ?? '',
      untilText(step, null),
      byText(step),
    ]
      .map((cell) => oneLine(String(cell)))
      .join('\t')
  }),
]

const richLines = (
  view: DirectiveView,
  { paint, columns }: Pick<Terminal, 'columns' | 'paint'>,
  now: number,
): string[] => {
  const { status, stepList } = view
  const heading = `${paint.bold(oneLine(view.title))}  ${colorOf(status, paint)(statusOf(view))}${progress(view)}`
  const facts = factsOf(view, now).filter(([name]) => !['title', 'status', 'steps'].includes(name))
  const width = Math.max(...facts.map(([name]) => name.length))
  return [
    heading,
    ...facts.map(([name, value]) => `  ${paint.dim(name.padEnd(width))}  ${fit(oneLine(value), columns - width - 4)}`),
    ...(stepList.length === 0 ? [] : ['', ...planLines(stepList, { paint, columns }, now)]),
  ]
}

const statusOf = ({ status, paused }: DirectiveView): string => (paused ? `${status}, paused` : status)

const progress = ({ steps, passed, failed }: DirectiveView): string => {
  if (steps === 0) return ''
  return `  ${passed} of ${steps} steps passed${failed > 0 ? `, ${failed} failed` : ''}`
}

/** What there is to say, by name; `now` turns times into spans. */
const factsOf = (view: DirectiveView, now?: number): [name: string, value: string][] => {
  const { definition, waiting, parked, reason, line, chain } = view
  const from = now === undefined ? view.since : `for ${since(view.since, now)}`
  const { repository } = definition
  const branch = `writ/${view.id}/line`
  const facts: [string, string | null][] = [
    ['title', view.title],
    ['status', statusOf(view)],
    ['id', view.id],
    ['address', view.address],
    ['steps', `${view.passed} of ${view.steps} passed`],
    ['waits for', waiting === null ? null : `${waiting}, ${from}`],
    ...limitFacts(view, now ?? null),
    ['parked', parked],
    ['reason', reason],
    ['repository', repository === undefined ? null : repositoryText(repository)],
    ['line', line === null ? null : `${line.slice(0, 12)} (branch ${branch})`],
    ['plan', chain === null || chain.generation === 1 ? null : `generation ${chain.generation}`],
    ['acceptance', definition.checks.length === 0 ? null : definition.checks.map(({ name }) => name).join(' · ')],
  ]
  return facts.flatMap(([name, value]) => (value === null ? [] : [[name, value]]))
}

const repositoryText = (repository: string): string =>
  isRepositoryUrl(repository) ? repository.replace(/(:\/\/)[^/@]*@/, '$1') : repository

const planLines = (
  steps: readonly StepLine[],
  { paint, columns }: Pick<Terminal, 'columns' | 'paint'>,
  now: number,
): string[] => {
  const branches = treeOf(steps)
  const width = Math.min(48, Math.max(...branches.map(({ lead, step }) => lead.length + step.name.length)))
  return branches.map(({ lead, step, also }) => {
    const paintStep = colorOf(step.status, paint)
    const name = oneLine(step.name)
    const space = ' '.repeat(Math.max(1, width - lead.length - name.length + 2))
    const rest = fit(detail(step, also, now), Math.max(10, columns - width - 16))
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

/** Green has got there, red has failed, yellow wants attention, cyan is at work. */
export const colorOf = (status: StepStatus | DirectiveView['status'], paint: Colors): ((text: string) => string) => {
  if (status === 'passed' || status === 'completed') return paint.green
  if (['failed', 'failing', 'cancelled', 'cancelling'].includes(status)) return paint.red
  if (status === 'held' || status === 'rework') return paint.yellow
  if (['pending', 'draft', 'skipped'].includes(status)) return paint.dim
  return paint.cyan
}
