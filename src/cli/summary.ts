/** The end of `npm start`: what happened to each step, what was a script, where the work is, and how to look further. */
import type { DirectiveView, StepView } from '../protocol/views.ts'
import { span } from './ago.ts'
import { colorOf } from './outcome.ts'
import { signs } from './outcome.ts'
import { oneLine, type Colors } from './terminal.ts'
import type { TestResult } from './test-merged.ts'

export interface Told {
  view: DirectiveView
  /** Its steps, in the order of the plan. */
  steps: readonly StepView[]
  repository: string
  /** Null: it did not come to that. */
  tests: TestResult | null
  tookMs: number
  flags: string
  /** Whether the servers go on. */
  stay: boolean
}

/** The lines. */
export const summary = ({ view, steps, repository, tests, tookMs, flags, stay }: Told, paint: Colors): string[] => {
  const { id, status } = view
  const branch = `writ/${id}/line`
  const reason = view.reason === null ? '' : `: ${oneLine(view.reason)}`
  return [
    '',
    `${paint.bold('SUMMARY')}  ${oneLine(view.title)}: ${colorOf(status, paint)(status)}${reason} in ${span(tookMs)}`,
    '',
    ...stepLines(steps, paint),
    '',
    'Planner and workers were scripts (examples/ledger/scripted), not agents; the checks, the merges and the tests were real.',
    ...(tests === null ? [] : [testLine(tests, paint)]),
    `Repository  ${repository}`,
    `Work        branch ${branch}:  git -C ${repository} log --oneline --graph ${branch}`,
    '',
    'Look further:',
    ...(stay ? [] : [`  npx writ up --daemon${flags}    (the servers are stopped now; everything is kept)`]),
    `  npx writ directive show ${id}${flags}`,
    `  npx writ directive events ${id}${flags}`,
    ...(stay
      ? [`  npx writ run examples/hello/directive.yaml${flags}`, '', 'Still serving; Ctrl-C stops everything.']
      : []),
  ]
}

/** Attempts at the work itself: evaluating and merging have theirs, too, which `writ step show` lists. */
const stepLines = (steps: readonly StepView[], paint: Colors): string[] => {
  const width = Math.max(4, ...steps.map(({ name }) => name.length))
  return [
    paint.dim(`  ${'STEP'.padEnd(width)}  STATUS     ATTEMPTS  SCORES`),
    ...steps.map((step) => {
      const attempts = step.tasks
        .filter(({ role }) => role === 'worker')
        .reduce((sum, task) => sum + task.attempts.length, 0)
      const cells = [
        oneLine(step.name).padEnd(width),
        step.status.padEnd(9),
        String(attempts).padStart(8),
        scoresOf(step),
      ]
      return `${colorOf(step.status, paint)(signs[step.status])} ${cells.join('  ')}`
    }),
  ]
}

/** `0.50, reworked with the feedback: 1.00` */
const scoresOf = ({ evaluations, unevaluated }: StepView): string => {
  if (unevaluated || evaluations.length === 0) return 'not evaluated'
  return evaluations
    .map(({ verdict }) => verdict.overallScore?.toFixed(2) ?? (verdict.passed ? 'passed' : 'not passed'))
    .join(', reworked with the feedback: ')
}

const testLine = ({ passed, text, commit }: TestResult, paint: Colors): string =>
  `Tests       ${passed ? paint.green('passed') : paint.red('failed')}: ran node --test on the merged work (commit ${commit.slice(0, 12)}): ${text}`
