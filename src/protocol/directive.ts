/** What a person submits: the directive, its checks and how its tasks are to be run. One schema for the wire and for files. */
import { z } from 'zod'
import {
  checkCountMax,
  evaluatorRetriesDefault,
  labelCountMax,
  maxRegenerationsDefault,
  maxReworkDefault,
  nameCharsMax,
  textBytesMax,
  thresholdGreenDefault,
  thresholdYellowDefault,
  totalMs,
} from './limits.ts'
import { isBranch, isRepository, repositoryForms } from './repository.ts'

/** A year: longer is not waited for. */
const secondsMax = 31_536_000

const label = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/, 'a label is 1 to 63 characters of A-Z a-z 0-9 . _ / -')

/** A command that must succeed (exit code 0), in a shell, in the work that it judges. `timeout` in seconds. */
export const check = z.object({
  name: z.string().min(1).max(nameCharsMax),
  run: z.string().min(1).max(textBytesMax),
  timeout: z
    .number()
    .positive()
    .max(totalMs / 1000)
    .default(600)
    .describe('seconds'),
})
export type Check = z.infer<typeof check>

/** What a task needs of a daemon, and how the daemon is to run it. */
export const needs = z.object({
  labels: z
    .record(label, label)
    .refine((l) => Object.keys(l).length <= labelCountMax, `at most ${labelCountMax} labels`)
    .optional(),
  executor: label.optional().describe('shell, command, checks, or one that a daemon declares'),
  command: z
    .array(z.string().min(1))
    .min(1)
    .max(100)
    .optional()
    .describe('program and arguments, for the executor "command"'),
})
export type Needs = z.infer<typeof needs>

export const roles = ['planner', 'worker', 'evaluator', 'merger'] as const
export type Role = (typeof roles)[number]
/** Of R3, R24, R29 and, for the merger, BEHAVIOUR's words: higher is more urgent. */
export const priorityOf: Record<Role, number> = { planner: 10, merger: 9, evaluator: 8, worker: 5 }

const anyJson = z.json()

/** As a directive names them: a key that is mistyped is a fault here; in a plan, which a model writes, it is passed over (R9). */
const [namedCheck, namedNeeds] = [z.strictObject(check.shape), z.strictObject(needs.shape).optional()]

/** The directive as submitted (R-numbers in BEHAVIOUR "Words"); `plan` carries it ready-made and then no planner is needed. */
export const directiveInput = z.strictObject({
  id: z
    .string()
    .optional()
    .describe('chosen by the caller; creating again with the same id and content answers with the directive (R53)'),
  title: z.string().min(1).max(nameCharsMax),
  goal: anyJson,
  requirements: anyJson.default([]),
  acceptanceCriteria: anyJson.default([]),
  constraints: anyJson.default([]),
  repository: z
    .string()
    .min(1)
    .max(4096)
    .refine(isRepository, `it is not a repository that Writ uses: ${repositoryForms}`)
    .optional()
    .describe(
      'a URL (https, ssh, file), user@host:path, or an absolute path; in a file also one from its folder, with ./ or ../',
    ),
  baseBranch: z
    .string()
    .min(1)
    .max(255)
    .refine(isBranch, "it is not a branch's name: see git help check-ref-format")
    .optional(),
  checks: z
    .array(namedCheck)
    .max(checkCountMax)
    .default([])
    .describe('acceptance checks, run on the line when all steps have passed (R20)'),
  evaluate: z.boolean().default(true),
  onEvaluatorFailure: z
    .strictObject({
      retries: z.int().min(0).max(20).default(evaluatorRetriesDefault),
      then: z.enum(['pass', 'hold', 'fail']).default('pass'),
    })
    .default({ retries: evaluatorRetriesDefault, then: 'pass' }),
  autonomy: z.enum(['full', 'guarded', 'manual']).default('full'),
  holdTimeout: z
    .strictObject({ seconds: z.number().positive().max(secondsMax), decision: z.enum(['approve', 'reject', 'cancel']) })
    .optional()
    .describe('what becomes of a held step when nobody decides (R51)'),
  maxRegenerations: z.int().min(0).max(100).default(maxRegenerationsDefault),
  maxRework: z.int().min(0).max(100).default(maxReworkDefault),
  thresholds: z
    .strictObject({
      green: z.number().min(0).max(1).default(thresholdGreenDefault),
      yellow: z.number().min(0).max(1).default(thresholdYellowDefault),
    })
    .default({ green: thresholdGreenDefault, yellow: thresholdYellowDefault }),
  needs: z
    .strictObject({
      planner: namedNeeds,
      worker: namedNeeds,
      evaluator: namedNeeds,
      merger: namedNeeds,
    })
    .default({}),
  limits: z
    .strictObject({
      stallSeconds: z.number().positive().max(secondsMax).optional(),
      totalSeconds: z.number().positive().max(secondsMax).optional(),
      retries: z.int().min(0).max(20).optional().describe('of a failure of the means (R28); 2 when unset'),
    })
    .default({}),
  plan: z.unknown().optional().describe('a plan ready-made, as R9 has it'),
})

/** A directive's definition: everything that was submitted, defaults filled in, without the plan. Never changes. */
export type Definition = Omit<z.infer<typeof directiveInput>, 'id' | 'plan'>
export type DirectiveInput = z.input<typeof directiveInput>

/** Whether a repository is named by URL, or in git's short form of one (else by a path on a daemon's host). */
export const isRepositoryUrl = (repository: string): boolean => /^[^/]+:/.test(repository)
