/** A directive's file as JSON Schema, for editors: made of the schema that files are read with, and of the form that plans have (R9). */
import { z } from 'zod'
import { check, directiveInput, needs } from '../../src/protocol/directive.ts'
import { checkCountMax, nameCharsMax, stepCountMax, textBytesMax } from '../../src/protocol/limits.ts'

const text = z.string().max(textBytesMax)

/** Further keys are accepted in a plan, and a step may write the camelCase names; this is the spelling that people are offered. */
const plan = z
  .looseObject({
    steps: z
      .array(
        z
          .looseObject({
            name: z
              .string()
              .min(1)
              .max(nameCharsMax)
              .describe('of this plan alone: other steps depend on it by this name'),
            description: text.describe('what it is about, for whoever does or judges it'),
            task_plan: text.optional().describe('what is to be done; a script, for the executor shell'),
            taskPlan: text.optional().describe('as task_plan'),
            depends_on: z.array(z.string()).optional().describe('names of the steps that must have passed before'),
            checks: z.array(check).max(checkCountMax).optional().describe('commands that must succeed in its work'),
            needs: needs.optional().describe('of the daemon that does it, beside what the directive says for workers'),
            evaluate: z.boolean().optional().describe('whether its work is judged; else as the directive says'),
            requires_approval: z.boolean().optional().describe('whether a person has to approve what has passed'),
          })
          .meta({ anyOf: [{ required: ['task_plan'] }, { required: ['taskPlan'] }] }),
      )
      .min(1)
      .max(stepCountMax),
  })
  .describe('a plan ready-made; without one a planner task makes it')

/** docs/directive.schema.json, as an object. */
export const directiveSchema = (): Record<string, unknown> => {
  const made = z.toJSONSchema(directiveInput.extend({ plan: plan.optional() }), {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
  })
  return {
    $comment: 'Made from src/protocol/directive.ts: WRITE_DOCS=1 npx vitest run test/cli/directive-schema.test.ts',
    title: 'A directive of Writ',
    ...(JSON.parse(JSON.stringify(made)) as Record<string, unknown>),
  }
}
