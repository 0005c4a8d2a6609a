/** What a directive remembers: counts and cursors, never a list that grows with its plan. */
import type { Effect } from './effect.ts'
import type { DirectiveSettings, Given } from './given.ts'
import type { DirectiveMessage, Message, PlanReading } from './message.ts'
import type { TaskContext } from './task.ts'

/** What is being told to many steps, slice by slice. `roots`: dispatch to those without dependencies; `wake`: to those alive. */
export type Telling = 'roots' | 'wake' | 'retry' | 'cancel'

export interface DirectiveContext extends TaskContext {
  given: Given<DirectiveSettings>
  /** The current chain. */
  chain: { generation: number; hash: string; steps: number } | null
  /** Chains made so far. */
  generations: number
  /** Plannings without a plan that were tried again (R18). */
  regenerations: number
  passed: number
  failures: number
  /** Indexes of failed steps, the first 100. */
  failed: readonly number[]
  /** The commit that the line is at; null before it was prepared. */
  line: string | null
  /** Where the next slice of each begins; null: nothing (more) to tell. */
  cursors: Readonly<Record<Telling, number | null>>
  /** The slice that is out: its `slice.done` has not come yet. */
  slice: Telling | null
  /** A step became ready when it could not be told to go: the steps alive are told again. */
  missed: boolean
  /** How often steps were told to stop, and their answers to that; counted over the directive's life, or since it last counted anew. */
  told: number
  stopped: number
  /** How often it has counted these anew, for a message was dropped; not there: never. Answers of an earlier count do not count. */
  recount?: number
  /** A message was dropped without which a retry would wait for ever, or go on where it must not. */
  unheard?: true
  /** That some never began was said already, before it counted anew. */
  skippedTold?: boolean
  /** Steps that had come to life when they were told to stop, the last time that it was ending. */
  alive: number
  /** Steps that were sent to rework by the acceptance checks, or to merge again, and have not said yet that they have left passed. */
  owed: number
  /** Verdicts on the whole, counted over the directive's life. */
  evaluations: number
  /** Acceptance checks without a verdict that were tried again. */
  acceptTries: number
  /** Why it failed. */
  reason: string | null
}

export type DirectiveEvent = DirectiveMessage

export const failedListMax = 100

const nothingToTell = { roots: null, wake: null, retry: null, cancel: null } as const

/** A directive that was just created. */
export const newDirective = (given: Given<DirectiveSettings>): DirectiveContext => ({
  given,
  report: null,
  task: null,
  tasks: 0,
  attempts: 0,
  chain: null,
  generations: 0,
  regenerations: 0,
  passed: 0,
  failures: 0,
  failed: [],
  line: null,
  cursors: nothingToTell,
  slice: null,
  missed: false,
  told: 0,
  stopped: 0,
  alive: 0,
  owed: 0,
  evaluations: 0,
  acceptTries: 0,
  reason: null,
})

/** Of the failed steps, those that the retry of one step does not take up: others than itself and its dependents. */
export const uncovered = (failed: readonly number[], event: DirectiveEvent): number[] => {
  if (event.type !== 'step.command') return []
  const covers = 'covers' in event ? event.covers : undefined
  return failed.filter((index) => index !== event.index && covers?.includes(index) !== true)
}

/** What the acceptance checks that have just ended say, if anything. */
export const acceptReading = ({ report }: DirectiveContext) =>
  report?.status === 'done' && report.verdict !== null && 'verdict' in report.verdict ? report.verdict : null

/** What comes first of all that is to be told while the directive is active. */
export const nextTelling = ({ cursors, missed }: DirectiveContext): { what: Telling; from: number } | null => {
  if (cursors.retry !== null) return { what: 'retry', from: cursors.retry }
  if (cursors.wake !== null) return { what: 'wake', from: cursors.wake }
  if (missed) return { what: 'wake', from: 0 }
  return cursors.roots === null ? null : { what: 'roots', from: cursors.roots }
}

const messages = { roots: 'dispatch', wake: 'dispatch', retry: 'retry' } as const

export const sliceOf = (what: Telling, from: number, recount?: number): Effect => ({
  kind: 'slice',
  from,
  create: what === 'roots',
  message: what === 'cancel' ? cancelOf(recount) : { type: messages[what] },
})

/** What a step is told to stop, in this count. */
export const cancelOf = (recount: number | undefined): Extract<Message, { type: 'cancel' }> => ({
  type: 'cancel',
  ...(recount === undefined ? {} : { recount }),
})

/** The plan that the message, or the planner's report, brings; null when it brings none that can be taken. */
export const planIn = (plan: PlanReading | null | undefined): { hash: string; steps: number } | null =>
  plan !== null && plan !== undefined && 'hash' in plan ? plan : null
