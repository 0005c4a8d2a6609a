/** Reads an evaluator's verdict (R31). What is no verdict is told with the reason; nothing is guessed. */
import { type Verdict, verdict as verdictSchema } from '../protocol/verdict.ts'
import { findJson } from './elements.ts'

/** `input`: JSON, or the text of a file that has it somewhere. Extra keys are ignored. */
export const readVerdict = (input: unknown): { verdict: Verdict } | { fault: string } => {
  const json = typeof input === 'string' ? findJson(input) : input
  if (json === null || json === undefined) return { fault: 'there is no JSON in it' }
  if (typeof json !== 'object' || Array.isArray(json)) return { fault: 'a verdict is a JSON object' }
  const read = verdictSchema.safeParse(json)
  if (!read.success) return { fault: read.error.issues.map(issueText).join('; ') }
  const { passed, overallScore, confidenceLevel, criteriaResults, summaryFeedback, reworkInstructions, steps } =
    read.data
  return {
    verdict: {
      passed,
      overallScore: overallScore ?? null,
      confidenceLevel: confidenceLevel ?? null,
      criteriaResults: criteriaResults ?? null,
      summaryFeedback: summaryFeedback ?? '',
      reworkInstructions: reworkInstructions ?? null,
      steps: steps ?? [],
    },
  }
}

const issueText = ({ path, message }: { path: readonly PropertyKey[]; message: string }): string =>
  `${path.length === 0 ? 'the verdict' : path.map(String).join('.')}: ${message}`
