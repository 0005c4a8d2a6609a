/** A step as `writ step show` prints it: the facts, then its evaluations and attempts, oldest first. */
import type { EvaluationView, StepView, TaskView } from '../protocol/views.ts'
import { since } from './ago.ts'
import { colorOf } from './outcome.ts'
import { signs } from './outcome.ts'
import { oneLine, type Terminal } from './terminal.ts'
import { limitFacts } from './wait-text.ts'

type Facts = [name: string, value: string | null][]

/** Every line: `name<TAB>value` for a pipe. */
export const stepLines = (view: StepView, { rich, paint }: Pick<Terminal, 'rich' | 'paint'>, now: number): string[] => {
  const facts = [
    ...factsOf(view, rich ? now : null),
    ...view.evaluations.flatMap(evaluationFacts),
    ...view.tasks.flatMap(attemptFacts),
  ]
  const told = facts.flatMap(([name, value]) =>
    value === null || value === '' ? [] : [[name, oneLine(value)] as const],
  )
  if (!rich) return told.map(([name, value]) => `${name}\t${value}`)
  const width = Math.max(...told.map(([name]) => name.length))
  const heading = `${colorOf(view.status, paint)(`${signs[view.status]} ${oneLine(view.name)}`)}  ${oneLine(view.description)}`
  return [heading, ...told.map(([name, value]) => `  ${paint.dim(name.padEnd(width))}  ${value}`)]
}

const factsOf = (view: StepView, now: number | null): Facts => [
  ['status', view.status],
  ['directive', view.directive],
  ['id', view.id],
  ['address', view.address],
  [
    'waits for',
    view.waiting === null ? null : `${view.waiting}, ${now === null ? view.since : `for ${since(view.since, now)}`}`,
  ],
  ...limitFacts(view, now),
  ['reason', view.reason],
  ['after', view.dependsOn.join(', ')],
  ['checks', view.checks.map(({ name }) => name).join(' · ')],
  ['commit', view.commit],
]

const evaluationFacts = ({ verdict, evaluator, type }: EvaluationView): Facts => {
  const { passed, overallScore, confidenceLevel, summaryFeedback, reworkInstructions } = verdict
  const score = overallScore === null ? '' : ` ${overallScore.toFixed(2)}`
  const by = `${evaluator === 'manual' ? ', by hand' : ''}${type === 'acceptance' ? ', acceptance' : ''}`
  return [
    [
      'evaluation',
      `${passed ? 'passed' : 'not passed'}${score}${confidenceLevel === null ? '' : ` ${confidenceLevel}`}${by}: ${summaryFeedback}`,
    ],
    ['rework', reworkInstructions],
  ]
}

const attemptFacts = (task: TaskView): Facts => {
  const open =
    task.attempts.length === 0 ? [[`${task.role} task`, `${task.status}, ${task.address}`] as [string, string]] : []
  return [
    ...open,
    ...task.attempts.map(({ attempt, daemon, as, reason, late }): [string, string] => [
      `${task.role} attempt ${attempt}`,
      `${as ?? 'open'} on ${daemon}${reason === '' ? '' : `: ${reason}`}${late === null ? '' : `; reported ${late.outcome} too late`} (${task.address})`,
    ]),
  ]
}
