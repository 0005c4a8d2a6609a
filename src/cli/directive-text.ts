/** A directive as `show` and `watch` print it: for a person with its plan as a tree, for a pipe as tab-separated lines. */
import { isRepositoryUrl } from '../protocol/directive.ts'
import type { ChainView, DirectiveView } from '../protocol/views.ts'
import { since } from './ago.ts'
import { colorOf } from './outcome.ts'
import { planLines } from './plan-text.ts'
import { oneLine, type Terminal } from './terminal.ts'
import { byText, limitFacts, untilText } from './wait-text.ts'
import { fit } from './width.ts'

/** What of a directive is printed. */
export type ShownDirective = Pick<
  DirectiveView,
  'id' | 'address' | 'title' | 'status' | 'paused' | 'parked' | 'waiting' | 'since' | 'until' | 'by' | 'reason' | 'line'
> &
  Pick<DirectiveView, 'steps' | 'passed' | 'failed' | 'stepList'> & {
    definition: Pick<DirectiveView['definition'], 'repository' | 'checks'>
    chain: Pick<ChainView, 'generation'> | null
  }

/** Every line. `now`: ms since 1970, for "since when". */
export const directiveLines = (
  view: ShownDirective,
  terminal: Pick<Terminal, 'rich' | 'columns' | 'paint'>,
  now: number,
): string[] => (terminal.rich ? richLines(view, terminal, now) : plainLines(view))

/** `key<TAB>value`, then a line for each step: step, name, status, attempt, round, score, what it waits for, since, daemon, until, by whom it ends. */
const plainLines = (view: ShownDirective): string[] => [
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
  view: ShownDirective,
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

const statusOf = ({ status, paused }: ShownDirective): string => (paused ? `${status}, paused` : status)

const progress = ({ steps, passed, failed }: ShownDirective): string => {
  if (steps === 0) return ''
  return `  ${passed} of ${steps} steps passed${failed > 0 ? `, ${failed} failed` : ''}`
}

/** What there is to say, by name; `now` turns times into spans. */
const factsOf = (view: ShownDirective, now?: number): [name: string, value: string][] => {
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
