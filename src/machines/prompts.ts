/** What agents are told: the plan of every task (R6, R20, R24, R25, R29). Scripts read these texts too. */
import type { Check, Definition } from '../protocol/directive.ts'
import type { PlanRow } from '../protocol/plan.ts'
import type { Purpose } from './effect.ts'

/** What a task's plan is made of. */
export interface PlanSubject {
  purpose: Purpose
  directive: { id: string; title: string; definition: Definition }
  task: { round: number; feedback: string | null }
  step: PlanRow | null
  /** What it starts from or judges, if that is known. */
  commit: string | null
  /** The id of the contract whose work is judged, if that is known. */
  work?: string | null
}

/** The plan of a task: a prompt, a script, or a sentence for the mergers, whose orders come beside it. */
export const planOf = (subject: PlanSubject): string => {
  const { purpose, directive, task, step } = subject
  switch (purpose) {
    case 'plan':
      return planningPrompt(directive)
    case 'work':
      return workPlan({ name: step?.name ?? directive.title, taskPlan: step?.taskPlan ?? '' }, task)
    case 'evaluate':
      return evaluationPrompt(subject)
    case 'accept':
      return acceptancePrompt(directive)
    case 'merge':
      return `Merge the work of the step "${step?.name ?? ''}" into the line of the directive "${directive.title}".`
    case 'prepare':
      return `Resolve the base branch of the directive "${directive.title}" to the commit that its line begins with.`
    case 'publish':
      return `Publish the line of the directive "${directive.title}" as it is recorded.`
  }
}

const pretty = (value: unknown): string => JSON.stringify(value, null, 2)
const section = (title: string, value: unknown): string =>
  `## ${title}\n\n${typeof value === 'string' ? value : pretty(value)}`

/** The five fields of a directive. */
const fields = ({ title, definition }: PlanSubject['directive']): string =>
  [
    section('Title', title),
    section('Goal', definition.goal),
    section('Requirements', pretty(definition.requirements)),
    section('Acceptance criteria', pretty(definition.acceptanceCriteria)),
    section('Constraints', pretty(definition.constraints)),
  ].join('\n\n')

const planFormat = `{
  "steps": [
    {
      "name": "unique-name",
      "description": "what this step brings about",
      "task_plan": "everything that whoever does this step has to know and do",
      "depends_on": ["name of a step that must have passed before"],
      "checks": [{ "name": "tests", "run": "a command that must succeed in the step's work", "timeout": 600 }]
    }
  ]
}`

/** R6. */
export const planningPrompt = (directive: PlanSubject['directive']): string =>
  `# Plan a directive

You plan how the goal below is reached: as a chain of steps that others carry out, each on its own.

${fields(directive)}

## The plan's format

\`\`\`json
${planFormat}
\`\`\`

\`depends_on\` and \`checks\` may be left out.

## Rules

- Steps without dependencies run in parallel, at once.
- A dependency is the exact name of another step. A step starts when all its dependencies have passed, and sees their work.
- Each step is self-contained and specific: whoever does it knows its \`task_plan\` and nothing else of this plan.
- As a rule a plan has 3 to 10 steps.

## Submitting the plan

Write the plan to a file and submit it for the directive \`${directive.id}\`:

    writ directive plan ${directive.id} --file plan.json

A plan with faults is refused with all of them listed; mend them and submit again. If the command cannot be run, leave the
plan in your contract's files instead: \`writ contract put plan.json\`.

## When you are done

Mark your work as complete: \`writ contract complete\`. Then end.
`

/** R24, R25: on a rework the round, the feedback and the instructions come first. */
export const workPlan = (
  { name, taskPlan }: { name: string; taskPlan: string },
  { round, feedback }: PlanSubject['task'],
): string => {
  const plan = taskPlan.trim() === '' ? `Execute step: ${name}` : taskPlan
  if (feedback === null || feedback === '') return plan
  return `# Rework, round ${round}

The work so far did not pass its evaluation. Do what follows, then make sure that the original plan is fulfilled.

## Feedback

${feedback}

## Original plan

${plan}`
}

const verdictFormat = `{
  "passed": true,
  "overallScore": 0.9,
  "confidenceLevel": "green",
  "criteriaResults": [{ "criterion": "…", "passed": true, "score": 0.9, "feedback": "…" }],
  "summaryFeedback": "what was found, in a few sentences",
  "reworkInstructions": null
}`

const checkList = (checks: readonly Check[]): string =>
  checks.map(({ name, run, timeout }) => `- ${name} (at most ${timeout} s): \`${run}\``).join('\n')

const scoring = ({ green, yellow }: Definition['thresholds']): string => `## Scoring

- \`overallScore\` is between 0 and 1.
- ${green} or more: \`confidenceLevel\` is "green", and \`passed\` is true.
- ${yellow} or more: "yellow"; use your judgment for \`passed\`.
- Below ${yellow}: "red", and \`passed\` is false.
- When it does not pass, \`reworkInstructions\` say specifically what is to be done; when it passes, they are null.`

const delivering = `## Delivering the verdict

Write the verdict to a file and put it into your contract, then end:

    writ contract put evaluation.json`

/** R29. */
export const evaluationPrompt = ({ directive, step, commit, work = null }: PlanSubject): string => {
  const { definition } = directive
  const checks = step?.checks ?? []
  const judged = commit === null ? '' : `\n\nThe work is in the current folder, at the commit \`${commit}\`.`
  const files =
    work === null
      ? ''
      : `\n\nThe step's contract is \`${work}\`. Its files: \`writ contract files --contract ${work}\`, and one of them: \`writ contract file NAME --contract ${work}\`.`
  return `# Evaluate a step

You judge whether the work of one step is good enough. You change nothing of it.

${fields(directive)}

## The step

- Name: ${step?.name ?? 'N/A'}
- Description: ${orNone(step?.description)}

### Its plan

${orNone(step?.taskPlan)}

## The work${judged}${files}${checks.length === 0 ? '' : `\n\nThese commands must succeed in it:\n\n${checkList(checks)}`}

## The verdict's format

\`\`\`json
${verdictFormat}
\`\`\`

${scoring(definition.thresholds)}

${delivering}
`
}

const orNone = (text: string | undefined): string => (text === undefined || text.trim() === '' ? 'N/A' : text)

/** R20: the acceptance checks of the whole directive. */
export const acceptancePrompt = (directive: PlanSubject['directive']): string => {
  const { definition } = directive
  return `# Accept a directive

All steps have passed. You judge whether the whole is what was asked for. You change nothing of it.

${fields(directive)}

## The acceptance checks

The merged work is in the current folder. These commands must succeed in it:

${checkList(definition.checks)}

## The verdict's format

As below; \`steps\` names the steps whose work is to be done again when it does not pass (the last step, when you name none).

\`\`\`json
${verdictFormat.replace('null\n}', 'null,\n  "steps": []\n}')}
\`\`\`

${scoring(definition.thresholds)}

${delivering}
`
}
