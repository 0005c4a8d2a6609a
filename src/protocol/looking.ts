/**
 * What is asked of one actor, and what it is answered with: its snapshot, now or then, what it took, what it would take next, and what
 * a message would do. All of it is read from what was committed; secrets are left out.
 */
import { z } from 'zod'
import type { Change } from './changes.ts'
import type { ActorKind } from './ids.ts'
import type { DirectiveStatus, StepCounts, StepLine } from './views.ts'

const version = z.int().min(1)
const moment = z
  .union([version, z.iso.datetime({ offset: true })])
  .describe('a version of the actor, or a time as ISO 8601: the last state until then')

export const lookCommands = {
  get: z.object({ at: moment.optional() }),
  journal: z.object({
    fromVersion: version.optional(),
    toVersion: version.optional(),
    after: z.string().max(200).optional().describe('the `next` of the page before'),
    limit: z.int().min(1).max(500).default(200),
  }),
  diff: z.object({ from: version, to: version }),
  next: z.object({ type: z.string().max(100).optional().describe('only messages of this type') }),
  try: z.object({
    message: z
      .looseObject({ type: z.string().min(1).max(100) })
      .optional()
      .describe('what is left out is filled in from the present state: the open attempt, the task, a usual value'),
    timer: z.string().min(1).max(200).optional().describe('fires this timer instead: its id, or its name'),
  }),
  past: z.object({ at: moment, from: z.int().min(0).default(0).describe('the index of the first step of the page') }),
}

/** Where an actor stands. */
export interface Standing {
  status: string
  /** XState's state value. */
  state: unknown
}

export interface ActorTimer {
  id: string
  /** ISO 8601; null where it is not known: of a state that is past. */
  due: string | null
}

export interface ActorView extends Standing {
  id: string
  address: string
  kind: ActorKind
  machine: string
  machineVersion: string
  version: number
  /** Of the last message that it took. ISO 8601. */
  since: string
  tags: readonly string[]
  context: unknown
  waiting: string | null
  timers: readonly ActorTimer[]
  /** Of now, whichever state is shown: why it is parked, and how many messages wait for it. */
  parked: string | null
  mailbox: number
}

/** One message that an actor took. */
export interface JournalLine {
  version: number
  /** Which message of that version it is, from 0. */
  entry: number
  time: string
  type: string
  /** Who told it: an actor's id, `user`, `daemon …`, `timer`, `begin`. */
  from: string
  message: unknown
  before: Standing | null
  after: Standing
  /** In its context, and in its state. */
  changes: readonly Change[]
}

export interface JournalLines {
  lines: readonly JournalLine[]
  next: string | null
}

export interface ActorDiff {
  from: ActorView
  to: ActorView
  changes: readonly Change[]
}

export interface Refusal {
  code: string
  message: string
  hint: string | null
}

/** What comes, or would come, of a message. */
export interface Coming extends Standing {
  /** `taken`: it changes the state, or asks for something; `nothing`: neither. */
  outcome: 'taken' | 'refused' | 'nothing'
  changed: boolean
  /** What it asks of the world, in words. */
  asks: readonly string[]
  refusal: Refusal | null
}

export interface NextLine extends Coming {
  type: string
  /** Which messages of this type, in words; empty: all. */
  about: string
  /** Which guards keep it from being taken, and what they ask for. */
  heldBack: readonly { guard: string; needs: string }[]
  /** One such message. */
  message: unknown
}

/** `migrates`: the machine that its next message makes it one of before it is taken, as `name@version`; what is shown is of that one. */
export interface NextView extends Standing {
  id: string
  address: string
  version: number
  waiting: string | null
  migrates: string | null
  messages: readonly NextLine[]
  timers: readonly (Coming & ActorTimer)[]
  /** Types that change nothing in this state, whatever they say. */
  unanswered: readonly string[]
}

/** `migrates` as in `NextView`. */
export interface TrialView {
  id: string
  address: string
  version: number
  migrates: string | null
  /** The whole message; null for a timer. */
  message: unknown
  timer: string | null
  outcome: Coming['outcome']
  refusal: Refusal | null
  before: Standing
  after: Standing
  changes: readonly Change[]
  asks: readonly string[]
  effects: readonly object[]
  timers: readonly object[]
  heldBack: NextLine['heldBack']
}

/** A step as it was. */
export type PastStep = Pick<
  StepLine,
  'id' | 'address' | 'index' | 'name' | 'status' | 'attempt' | 'round' | 'score' | 'level' | 'unevaluated' | 'waiting'
> &
  Pick<StepLine, 'since' | 'reason' | 'dependsOn'> & { version: number; state: unknown }

/** A directive with its steps as they were. */
export interface PastDirective {
  id: string
  address: string
  title: string
  /** Of the last message that it had taken by then. */
  version: number
  time: string
  status: DirectiveStatus
  paused: boolean
  state: unknown
  waiting: string | null
  reason: string | null
  steps: number
  passed: number
  failed: number
  generation: number | null
  line: string | null
  /** Of the steps of this page. */
  counts: Partial<StepCounts>
  stepList: readonly PastStep[]
  nextStep: number | null
}

const typed = <T>(schema: z.ZodType): z.ZodType<T> => schema as z.ZodType<T>
const time = z.string().describe('ISO 8601, by the clock of the database')
const standing = { status: z.string(), state: z.unknown().describe("XState's state value") }
const place = { id: z.string(), address: z.string(), version: z.int() }
const changes = z.array(z.looseObject({ path: z.string() })).describe('path, before and after of what differs')
const timer = z.looseObject({ id: z.string(), due: time.nullable() })
const view = z.looseObject({
  ...place,
  ...standing,
  kind: z.string(),
  context: z.unknown(),
  waiting: z.string().nullable(),
  parked: z.string().nullable(),
  mailbox: z.int().describe('messages that wait for it'),
  timers: z.array(timer),
})
const outcome = z.enum(['taken', 'refused', 'nothing'])
const refusal = z.looseObject({ code: z.string(), message: z.string(), hint: z.string().nullable() }).nullable()
const coming = { ...standing, outcome, changed: z.boolean(), asks: z.array(z.string()), refusal }
const heldBack = z.array(z.looseObject({ guard: z.string(), needs: z.string() }))

const migrates = z
  .string()
  .nullable()
  .describe(
    'the machine that its next message makes it one of before it is taken, as `name@version`; what is shown is of that one',
  )

export const actorAnswer = typed<ActorView>(view)
export const journalAnswer = typed<JournalLines>(
  z.looseObject({
    lines: z.array(
      z.looseObject({ version: z.int(), entry: z.int(), time, type: z.string(), from: z.string(), changes }),
    ),
    next: z.string().nullable().describe('what `after` takes for the next page'),
  }),
)
export const diffAnswer = typed<ActorDiff>(z.looseObject({ from: view, to: view, changes }))
export const nextAnswer = typed<NextView>(
  z.looseObject({
    ...place,
    ...standing,
    migrates,
    messages: z.array(z.looseObject({ type: z.string(), about: z.string(), ...coming, heldBack })),
    timers: z.array(timer.extend(coming)),
    unanswered: z.array(z.string()),
  }),
)
export const trialAnswer = typed<TrialView>(
  z.looseObject({
    ...place,
    migrates,
    outcome,
    refusal,
    before: z.looseObject(standing),
    after: z.looseObject(standing),
    changes,
    asks: z.array(z.string()),
    effects: z.array(z.looseObject({ kind: z.string() })),
    timers: z.array(z.looseObject({ do: z.string(), id: z.string() })),
    heldBack,
  }),
)
export const pastAnswer = typed<PastDirective>(
  z.looseObject({
    ...place,
    ...standing,
    title: z.string(),
    time,
    stepList: z.array(z.looseObject({ ...place, ...standing, index: z.int(), name: z.string() })),
    nextStep: z.int().nullable().describe('what `from` takes for more steps'),
  }),
)
