/** An evaluator's verdict on a step, or on the whole directive (R31). */
import { z } from 'zod'
import { textBytesMax } from './limits.ts'

export const verdict = z.object({
  passed: z.boolean(),
  overallScore: z.number().min(0).max(1).nullish(),
  confidenceLevel: z.string().max(100).nullish(),
  criteriaResults: z.json().nullish(),
  summaryFeedback: z.string().max(textBytesMax).nullish(),
  reworkInstructions: z.string().max(textBytesMax).nullish(),
  /** Only in a verdict on the whole directive: names of the steps whose work is to be done again (R20). */
  steps: z.array(z.string()).max(1000).nullish().catch(null),
})

/** With the defaults of R31 filled in. */
export interface Verdict {
  passed: boolean
  overallScore: number | null
  confidenceLevel: string | null
  criteriaResults: unknown
  summaryFeedback: string
  reworkInstructions: string | null
  steps: readonly string[]
}
