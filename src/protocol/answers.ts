/**
 * What requests are answered with, as schemas: what the wire's documentation shows and tests hold real answers against. Whoever answers
 * makes them from the types of `views.ts`, and whoever asks is given those types. Loose: fields may be added within a version of the
 * wire, never renamed.
 */
import { z } from 'zod'
import { type EventLine, eventLine } from './commands.ts'
import { codes } from './errors.ts'
import type { EventsPage } from './event-views.ts'
import type { OwnerFigures, Silences } from './figures.ts'
import type { Leases } from './nodes.ts'
import type { ParkedLine, ParkedView, Unparked } from './parked.ts'
import type { HelloReply, Receipt, SpawnReply } from './task.ts'
import type { WaitLine } from './waiting.ts'
import type {
  DaemonLine,
  DirectiveLine,
  DirectiveStatus,
  DirectiveView,
  FileLine,
  Page,
  StepView,
  TaskLine,
  TaskView,
} from './views.ts'

/** What a command is answered with: what it is about, as subjects name it. */
export interface Named {
  id: string
  /** `<shard>.<id>`. */
  address: string
}

/** What a command to a directive or a step is answered with: where the directive stands once the command has taken effect. */
export interface Brief extends Named {
  status: DirectiveStatus
  /** Beside its status: it starts nothing new until it is resumed. */
  paused: boolean
}

/** A chunk of a file's content. */
export interface FilePart {
  name: string
  /** SHA-256 of the whole file. */
  hash: string
  /** Of the whole file, in bytes. */
  total: number
  /** Of this chunk, in bytes. */
  offset: number
  /** Base64. */
  data: string
}

/** The schema names what is documented and tested; the type, all that the answer holds. */
const typed = <T>(schema: z.ZodType): z.ZodType<T> => schema as z.ZodType<T>

const time = z.string().describe('ISO 8601, by the clock of the database')
const address = z.string().describe('<shard>.<id>, as the subjects take it')

/** In place of any answer. */
export const refusal = z.looseObject({
  error: z.looseObject({
    code: z.enum(Object.keys(codes) as [string, ...string[]]),
    message: z.string().describe('what was wrong, and where'),
    hint: z.string().optional().describe('what would be right'),
    faults: z.array(z.string()).optional().describe('every fault of one input'),
  }),
})

/** To a command: where the directive stands now. */
export const briefAnswer = typed<{ directive: Brief }>(
  z.looseObject({ directive: z.looseObject({ id: z.string(), address, status: z.string(), paused: z.boolean() }) }),
)
export const taskAnswer = typed<{ task: Named }>(z.looseObject({ task: z.looseObject({ id: z.string(), address }) }))
export const contractAnswer = typed<{ contract: Named }>(
  z.looseObject({ contract: z.looseObject({ id: z.string(), address }) }),
)

const line = z.looseObject({ id: z.string(), address, status: z.string() })
const until = time.nullable().describe('when something happens by itself; null: never')
const by = z.looseObject({
  who: z.enum(['person', 'daemon', 'timer', 'steps', 'directive']).describe('who can end it'),
  names: z.array(z.string()).describe('the first of them, as far as they are known'),
})
const limits = { until, by: by.nullable() }
const waits = { waiting: z.string().nullable().describe('what it waits for, in words'), since: time }
const taskLine = line.extend({ directive: z.string(), role: z.string(), created: time, ended: time.nullable() })
const directiveLine = line.extend({ title: z.string(), paused: z.boolean(), created: time, ...waits })
const stepLine = line.extend({
  index: z.int(),
  name: z.string(),
  attempt: z.int(),
  round: z.int(),
  ...waits,
  ...limits,
})

const pageOf = <T extends z.ZodType>(of: T) =>
  z.looseObject({ lines: z.array(of), next: z.string().nullable().describe('what `after` takes for the next page') })
export const directivesAnswer = typed<Page<DirectiveLine>>(pageOf(directiveLine))
export const tasksAnswer = typed<Page<TaskLine>>(pageOf(taskLine))
export const daemonsAnswer = typed<Page<DaemonLine>>(
  pageOf(z.looseObject({ name: z.string(), session: z.string(), slots: z.int(), roles: z.array(z.string()) })),
)

export const waitingAnswer = typed<Page<WaitLine>>(
  pageOf(
    line.extend({
      kind: z.enum(['directive', 'step', 'registry']),
      directive: z.string().nullable(),
      step: z.string().nullable().describe("the step's name"),
      waiting: z.string().describe('what it waits for, in words'),
      since: time,
      until,
      by,
      next: z.string().describe('the command that goes on from here'),
    }),
  ),
)
const parkedLine = z.looseObject({
  id: z.string().describe('what `show`, `retry` and `drop` take'),
  kind: z.enum(['message', 'directive', 'step', 'registry']),
  actor: z.looseObject({ id: z.string(), address }).describe('whom the message is for, or the actor itself'),
  directive: z.string().nullable(),
  step: z.string().nullable().describe("the step's name"),
  message: z.string().nullable().describe('the id of the message; of an actor: of the one that it failed at'),
  type: z.string().nullable().describe('the kind of message; null: it cannot be read'),
  from: z.string().nullable().describe('who told it'),
  reason: z.string().describe('why it is parked'),
  since: time,
  tries: z.int().nullable(),
  mailbox: z.int().describe('how many messages wait until the actor is tried again'),
  next: z.string().describe('the command that goes on from here'),
})
export const parkedAnswer = typed<Page<ParkedLine>>(pageOf(parkedLine))
export const parkedViewAnswer = typed<ParkedView>(
  parkedLine.extend({ body: z.unknown(), bytes: z.int().nullable().describe('of the body, as it is stored') }),
)
export const unparkedAnswer = typed<Unparked>(
  z.looseObject({
    parked: z.looseObject({ id: z.string() }),
    actor: z.looseObject({ id: z.string(), address }),
    told: z.string().describe('who was told what'),
  }),
)
const counts = z.record(z.string(), z.int()).describe('how many are in each status')
export const leasesAnswer = typed<Leases>(
  z.looseObject({
    time,
    schema: z.int().describe('of the database'),
    threads: z.array(
      z.looseObject({
        thread: z.string(),
        node: z.string(),
        version: z.string().nullable(),
        schema: z.int().nullable().describe('the newest that it knows'),
        since: time,
        until: time.describe('when its lease is over unless it is renewed'),
        leaving: z.boolean(),
        shards: z.int(),
      }),
    ),
  }),
)

export const figuresAnswer = typed<OwnerFigures>(
  z.looseObject({
    time,
    directives: z.looseObject({
      open: counts,
      ended: counts.describe('of the newest, how many have ended in each way'),
      of: z.int().describe('how many of the newest are looked at for that'),
      parked: z.int().describe('actors that wait to be mended'),
    }),
    mailbox: z.looseObject({
      messages: z.int(),
      oldest: z.looseObject({ to: z.string(), since: time }).nullable(),
    }),
    daemons: z.looseObject({
      count: z.int(),
      pulls: z.int(),
      draining: z.int(),
      slots: z.int(),
      running: z.int().describe('attempts'),
    }),
    daemonLines: z.array(
      z.looseObject({
        name: z.string(),
        slots: z.int(),
        granted: z.int(),
        silentMs: z.number().nullable().describe('since its last sign of life; null: not known'),
      }),
    ),
    grants: z.looseObject({ open: z.int(), recalled: z.int() }),
    needs: z.array(z.looseObject({ role: z.string(), tasks: z.int().describe('that wait for a slot'), since: time })),
  }),
)
export const silencesAnswer = typed<Silences>(
  z.looseObject({ silentMs: z.record(z.string(), z.number()).describe('in ms, by the name of the daemon') }),
)

const steps = {
  stepList: z.array(stepLine),
  nextStep: z.int().nullable().describe('what `from` takes for more steps'),
}
export const stepsAnswer = typed<Pick<DirectiveView, 'stepList' | 'nextStep'>>(z.looseObject(steps))
export const directiveAnswer = typed<DirectiveView>(
  directiveLine.extend({
    ...steps,
    ...limits,
    definition: z.looseObject({}),
    tasks: z.array(taskLine),
  }),
)
export const stepAnswer = typed<StepView>(stepLine.extend({ directive: z.string(), tasks: z.array(taskLine) }))
export const taskViewAnswer = typed<TaskView>(
  taskLine.extend({
    contract: z.looseObject({ id: z.string(), address }),
    attempts: z.array(z.looseObject({ attempt: z.int(), daemon: z.string(), opened: time, closed: time.nullable() })),
  }),
)
export const eventsAnswer = typed<{ events: readonly EventLine[]; next: number | null }>(
  z.looseObject({ events: z.array(eventLine), next: z.int().nullable() }),
)
export const allEventsAnswer = typed<EventsPage>(pageOf(eventLine).extend({ asOf: time }))

export const filesAnswer = typed<{ files: readonly FileLine[] }>(
  z.looseObject({
    files: z.array(z.looseObject({ name: z.string(), hash: z.string(), bytes: z.int(), time })),
  }),
)
export const fileAnswer = typed<FilePart>(
  z.looseObject({
    name: z.string(),
    hash: z.string().describe('SHA-256 of the whole file'),
    total: z.int().describe('in bytes'),
    offset: z.int(),
    data: z.base64(),
  }),
)
export const putAnswer = typed<{ received: number } | { contract: Named }>(
  z.union([z.looseObject({ received: z.int().describe('the offset of the chunk') }), contractAnswer]),
)

export const receiptAnswer = typed<Receipt>(
  z.looseObject({
    received: z.literal(true),
    counted: z.boolean().describe('false: it was not from the open attempt, and changes nothing'),
  }),
)
export const helloAnswer = typed<HelloReply>(
  z.looseObject({
    session: z.string().describe('the session to use from now on'),
    beatMs: z.number(),
    leaseMs: z.number(),
  }),
)
export const beatAnswer = z.looseObject({ known: z.boolean().describe('false: say hello again') })
export const acceptedAnswer = typed<SpawnReply>(z.looseObject({ accepted: z.literal(true) }))
export const drainAnswer = z.looseObject({ daemon: z.looseObject({ name: z.string(), draining: z.literal(true) }) })
export const emptyAnswer = z.looseObject({})
