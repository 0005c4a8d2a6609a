/** What a step remembers, and what may be asked about it; pure functions of that memory. */
import type { Verdict } from '../protocol/verdict.ts'
import type { StepStatus } from '../protocol/views.ts'
import type { Given, StepSettings } from './given.ts'
import type { TaskMessage, StepMessage } from './message.ts'
import type { TaskContext } from './task.ts'

export interface StepContext extends TaskContext {
  given: Given<StepSettings>
  /** Indexes of the steps that it still waits for, ascending. */
  waitsFor: readonly number[]
  /** It has been dispatched once: it has a contract. */
  worked: boolean
  /** 1 at first; the first rework is round 2. */
  round: number
  /** Reworks within the budget. */
  rework: number
  /** What the next work is told on a rework. */
  feedback: string | null
  /** The number of its last work's task (and contract) that was done. */
  work: number | null
  /** The commit of its last work, and whether the directive's line has it. */
  commit: string | null
  inLine: boolean
  /** The next work starts from the line, not from the last work's commit. */
  fromLine: boolean
  score: number | null
  level: string | null
  /** The number of the last evaluation record; counted over the step's life. */
  evaluations: number
  /** It passed without a verdict, because none could be had (R33). */
  unevaluated: boolean
  /** Evaluations without a verdict that were tried again. */
  evaluatorTries: number
  held: { why: string; since: number } | null
  /** A person asked for the evaluation that goes on (R38): the status to return to, and whether the directive lives. */
  manual: { from: StepStatus; live: boolean } | null
  /** While evaluated again after it had passed: some dependent has begun. */
  dependentsBegun: boolean
  /** Evaluated again as not passed when dependents had begun: `reject` is accepted (R54). */
  flagged: boolean
  /** How often it was told to stop and has not answered yet. */
  stops: number
  /** The count of its directive that these are for; not there: the first. */
  recount?: number
  /** Why it failed. */
  reason: string | null
}

export type StepEvent = StepMessage | TaskMessage

/** A step that has just come to life. */
export const newStep = (given: Given<StepSettings>): StepContext => ({
  given,
  report: null,
  task: null,
  tasks: 0,
  attempts: 0,
  waitsFor: [...new Set(given.settings.dependsOn)].sort((a, b) => a - b),
  worked: false,
  round: 1,
  rework: 0,
  feedback: null,
  work: null,
  commit: null,
  inLine: false,
  fromLine: true,
  score: null,
  level: null,
  evaluations: 0,
  unevaluated: false,
  evaluatorTries: 0,
  held: null,
  manual: null,
  dependentsBegun: false,
  flagged: false,
  stops: 0,
  reason: null,
})

/** The verdict that the task which has just ended brought, if any. */
export const verdictOf = ({ report }: StepContext): Verdict | null =>
  report?.status === 'done' && report.verdict !== null && 'verdict' in report.verdict ? report.verdict.verdict : null

/** Why there is no verdict. */
export const faultOf = ({ report }: StepContext): string => {
  if (report === null || report.status !== 'done') return report?.reason ?? ''
  return report.verdict !== null && 'fault' in report.verdict ? report.verdict.fault : 'the evaluator left no verdict'
}

const levelByScore = (score: number | null, { green, yellow }: StepSettings['thresholds']): string | null => {
  if (score === null) return null
  if (score >= green) return 'green'
  return score >= yellow ? 'yellow' : 'red'
}

/** The level of a verdict: its own word, else what its score says by the thresholds (R29). */
export const levelOf = ({ confidenceLevel, overallScore }: Verdict, thresholds: StepSettings['thresholds']) =>
  confidenceLevel ?? levelByScore(overallScore, thresholds)

/** The colour that counts for approval (R52): the word of the verdict when it is one, else what the score says. */
export const colourOf = ({ level, score, given }: StepContext): string | null => {
  const word = level?.toLowerCase() ?? ''
  return ['green', 'yellow', 'red'].includes(word) ? word : levelByScore(score, given.settings.thresholds)
}

/** What the next round is told: the evaluator's feedback and its instructions (R25); null without instructions. */
export const feedbackOf = ({ summaryFeedback, reworkInstructions }: Verdict): string | null => {
  if (reworkInstructions === null || reworkInstructions === '') return null
  return [summaryFeedback, reworkInstructions].filter((text) => text !== '').join('\n\n')
}

/** An evaluation that records its verdict and reopens nothing: the step or its directive has ended. */
export const isQuiet = ({ manual }: StepContext): boolean =>
  manual !== null && (!manual.live || ['failed', 'cancelled'].includes(manual.from))
