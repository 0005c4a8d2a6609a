/**
 * What clients ask (people, the CLI, scripts, agents) and the events that everybody may watch. `command` names one
 * command of one owner: the same one sent again has the same answer for a day, so whoever got no answer asks again.
 */
import { z } from 'zod'
import { directiveInput, roles } from './directive.ts'
import { isToken } from './ids.ts'
import {
  derivedIdCharsMax,
  fileBytesMax,
  fileChunkBytes,
  labelCountMax,
  nameCharsMax,
  pullWaitMs,
  textBytesMax,
} from './limits.ts'
import { verdict } from './verdict.ts'
import { directiveStatuses, taskStatuses } from './views.ts'

/** The most lines that one `list` or `events` answers with; the next ones are asked for with `after`. */
export const pageCountMax = 500

/** Names one command of one owner. */
export const commandId = z
  .string()
  .refine(isToken, `a command id is 1 to ${derivedIdCharsMax} characters of A-Z a-z 0-9 _ -`)
  .optional()
  .describe('chosen by the caller; the same id sent again has the same answer')
const text = z.string().max(textBytesMax)
const bare = z.object({ command: commandId })

/** Nothing is asked for but the subject itself. */
export const nothing = z.object({})

const listQuery = z.object({
  text: z.string().max(nameCharsMax).optional().describe('to be found in titles and names'),
  since: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('only what was made then or later, by the clock of the database'),
  after: z.string().max(nameCharsMax).optional().describe('the `next` of the page before'),
  limit: z.int().min(1).max(pageCountMax).default(100),
})

/** What a list may be narrowed to; `open` is all that have not ended. */
export const listedStates = {
  directive: ['open', ...directiveStatuses],
  task: ['open', ...taskStatuses],
  daemon: ['ready', 'draining'],
} as const
export type Listed = keyof typeof listedStates
export interface ListQuery<Of extends Listed = Listed> extends z.infer<typeof listQuery> {
  state?: (typeof listedStates)[Of][number] | undefined
}
export const directivesQuery = z.object({ state: z.enum(listedStates.directive).optional(), ...listQuery.shape })
export const tasksQuery = z.object({ state: z.enum(listedStates.task).optional(), ...listQuery.shape })
export const daemonsQuery = z.object({ state: z.enum(listedStates.daemon).optional(), ...listQuery.shape })

/** `api.event.list`: of all directives of an owner, in the order of time. */
export const eventsQuery = z.object({
  since: z.iso
    .datetime({ offset: true })
    .optional()
    .describe(
      'only what was told then or later, by the clock of the database; nothing of the past when it is left out',
    ),
  after: z.string().max(nameCharsMax).optional().describe('the `next` of the page before'),
  limit: z.int().min(1).max(pageCountMax).default(pageCountMax),
})
export type EventsQuery = z.output<typeof eventsQuery>

/** `api.directive.create`. */
export const createDirective = directiveInput.extend({ command: commandId })
export type CreateDirective = z.input<typeof createDirective>

/** `directive.<addr>.create`: what the node that took `api.directive.create` hands to the holder, the plan staged already. */
export const createInner = z.object({
  command: commandId,
  definition: directiveInput.omit({ id: true, plan: true }),
  content: z.string().max(nameCharsMax),
  plan: z.object({ hash: z.string().max(nameCharsMax), steps: z.int().positive() }).nullable(),
})

/** `directive.<addr>.<verb>`. A plan is taken as it is: whether it is one is looked at after the status (R7, R8). */
export const directiveCommands = {
  start: bare,
  pause: bare,
  resume: bare,
  cancel: bare,
  retry: bare,
  mend: bare,
  delete: bare,
  get: bare,
  plan: z.object({
    command: commandId,
    plan: z
      .unknown()
      .refine((plan) => plan !== undefined && plan !== null, 'plan is missing')
      .describe('an object, or JSON as text'),
  }),
  evaluate: z.object({ command: commandId, step: z.string().min(1).max(nameCharsMax).describe("a step's name or id") }),
  steps: z.object({
    from: z
      .int()
      .min(0)
      .default(0)
      .describe('the index of the first step that is wanted: the `nextStep` of the answer before'),
    limit: z.int().min(1).max(pageCountMax).default(pageCountMax),
    underWay: z.boolean().default(false).describe('only those that have begun and not ended, or are parked'),
  }),
  events: z.object({
    after: z.int().min(0).default(0).describe('the number of the last event that is known'),
    limit: z.int().min(1).max(pageCountMax).default(pageCountMax),
  }),
}

/** `step.<addr>.<verb>`. */
export const stepCommands = {
  approve: bare,
  reject: z.object({ command: commandId, text: text.min(1).describe('what is to be done otherwise') }),
  evaluate: bare,
  retry: bare,
  cancel: bare,
  get: bare,
}

const fileName = z.string().min(1).max(nameCharsMax)

/** `contract.<addr>.<verb>`. Files travel in chunks: `offset` and `total` in bytes of the file. */
export const contractCommands = {
  files: nothing,
  file: z.object({ name: fileName, offset: z.int().min(0).max(fileBytesMax).default(0) }),
  put: z.object({
    command: commandId,
    name: fileName,
    offset: z.int().min(0).max(fileBytesMax),
    total: z.int().min(0).max(fileBytesMax),
    data: z.base64().max(4 * Math.ceil(fileChunkBytes / 3)),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe('SHA-256 of the whole file: two uploads under one name do not mix, and what arrived is what was sent'),
  }),
  finish: bare,
  complete: nothing,
}

const pulledAttempt = z
  .int()
  .positive()
  .optional()
  .describe('whose end it is, as the spawn of a pull says: what comes too late for it then ends no other attempt')

/** `task.<addr>.<verb>`: a person ends a task, or looks at it. `force` also ends one that a daemon is running. */
export const taskCommands = {
  end: z.object({
    command: commandId,
    outcome: z.enum(['done', 'failed']),
    result: text.optional(),
    reason: text.optional(),
    verdict: verdict.optional(),
    force: z.boolean().default(false),
  }),
  get: bare,
  output: z.object({
    attempt: z.int().positive().optional().describe('else the last one'),
    offset: z.int().min(0).default(0).describe('the `next` of the answer before'),
  }),
  done: z.object({ attempt: pulledAttempt, result: text.optional(), verdict: verdict.optional() }),
  failed: z.object({ attempt: pulledAttempt, reason: text.optional() }),
}

/** `pull`: a script asks for one task and waits for it. */
export const pullInput = z.object({
  name: z.string().max(nameCharsMax).optional(),
  roles: z.array(z.enum(roles)).min(1).optional(),
  labels: z
    .record(z.string().max(63), z.string().max(63))
    .refine((labels) => Object.keys(labels).length <= labelCountMax, `at most ${labelCountMax} labels`)
    .optional(),
  executors: z.array(z.string().max(63)).max(50).optional(),
  waitMs: z.int().min(0).max(pullWaitMs).default(pullWaitMs),
})
export type PullInput = z.infer<typeof pullInput>

/** `event.<directive>.<type>`: a line of a directive's history. `number` counts from 1 within the directive, without gaps. */
export const eventLine = z.object({
  number: z.int().positive(),
  directive: z.string(),
  type: z.string(),
  severity: z.enum(['info', 'warn', 'error']),
  source: z.enum(['system', 'user', 'daemon']),
  time: z.string().describe('ISO 8601, by the clock of the database'),
  chain: z.int().nullish(),
  step: z.string().nullish(),
  data: z.json(),
})
export type EventLine = z.infer<typeof eventLine>

/** The answer to `directive.<addr>.events`, lowest number first. */
export const eventsAnswer = z.object({ events: z.array(eventLine) })

/** `output.<task>`: some lines that an attempt's process wrote. Lost lines are not sent again: the daemon keeps the log. */
export const outputLines = z.object({
  attempt: z.int().positive(),
  stream: z.enum(['stdout', 'stderr']),
  text: z.string(),
})
export type OutputLines = z.infer<typeof outputLines>
