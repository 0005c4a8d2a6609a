/** What a daemon receives to run a task, and what it reports. JSON on the wire; unknown keys are ignored on both sides. */
import { z } from 'zod'
import { check, roles } from './directive.ts'
import { attemptNumberMax, labelCountMax, nameCharsMax, textBytesMax } from './limits.ts'

const commit = z.string().regex(/^[0-9a-f]{40,64}$/, 'a full commit id')

/** What a merger is to do: find the commit that the line begins with, merge a step's commit into the line, or publish the line. */
export const mergeOrder = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('prepare') }),
  z.object({ kind: z.literal('merge'), line: commit, commit, into: z.string() }),
  z.object({ kind: z.literal('publish'), line: commit, into: z.string() }),
])
export type MergeOrder = z.infer<typeof mergeOrder>

/** What a merger reports with `done`. `foreign`: commits on the published branch that the directive never recorded. */
export const mergeResult = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('prepared'), line: commit }),
  z.object({ kind: z.literal('merged'), base: commit, line: commit }),
  z.object({ kind: z.literal('published'), line: commit }),
  z.object({ kind: z.literal('conflict'), files: z.array(z.string()).max(1000) }),
  z.object({ kind: z.literal('foreign'), commits: z.array(z.string()).max(100) }),
])
export type MergeResult = z.infer<typeof mergeResult>

/** The spawn command (R40). Times in ms. */
export const spawn = z.object({
  task: z.object({
    id: z.string(),
    address: z.string().describe('for the subjects task.<addr>.… and report.<addr>.…'),
    name: z.string(),
    role: z.enum(roles),
    priority: z.int(),
    plan: z.string().describe('the prompt or script'),
    attempt: z.int().positive(),
    nonce: z.string(),
    supervisor: z.boolean(),
    orchestrator: z.literal(false),
    autonomous: z.boolean(),
    parent: z.string().nullable(),
    depth: z.int(),
  }),
  contract: z.object({ id: z.string(), address: z.string(), name: z.string() }),
  directive: z.object({ id: z.string(), address: z.string(), title: z.string() }),
  step: z.object({ id: z.string(), address: z.string(), name: z.string(), index: z.int() }).nullable(),
  owner: z.string(),
  grant: z.string(),
  executor: z.string().nullable().describe("null: the daemon's own choice for this role"),
  command: z.array(z.string()).nullable(),
  checks: z.array(check),
  feedback: z.object({ round: z.int(), text: z.string() }).nullable().describe('on a rework: what the evaluator said'),
  thresholds: z.object({ green: z.number(), yellow: z.number() }),
  repository: z.string().nullable().describe('URL or local path; null without one'),
  baseBranch: z.string().nullable(),
  targetBranch: z.string().nullable().describe('the branch that this attempt works on and pushes before `done`'),
  targetPath: z.string().nullable(),
  startCommit: z.string().nullable().describe('where the work starts, or the commit that is judged'),
  merge: mergeOrder.nullable(),
  completionAction: z.enum(['none', 'branch', 'merge']),
  continueFrom: z.string().nullable(),
  copyFiles: z.array(z.string()).nullable(),
  resumeSession: z.string().nullable(),
  history: z.json().nullable(),
  patch: z.object({ data: z.string(), base: z.string() }).nullable(),
  localOnly: z.boolean(),
  autoMergeLocal: z.literal(false),
  sharedWorktreeOf: z.string().nullable(),
  stallMs: z.number(),
  totalMs: z.number(),
})
export type Spawn = z.infer<typeof spawn>

/** A daemon's answer to `spawn`: accepted, or refused with BUSY or DRAINING as an error body. */
export interface SpawnReply {
  accepted: true
}

const stamp = {
  attempt: z.int().positive().max(attemptNumberMax),
  nonce: z.string().min(1).max(100),
  session: z.string().min(1).max(100),
}

/** Reports of a daemon: `report.<addr>.<daemon>.<verb>`. Each is answered with a receipt once it is durable. */
export const reports = {
  accepted: z.object(stamp),
  progress: z.object({ ...stamp, text: z.string().max(4096).optional() }),
  done: z.object({
    ...stamp,
    result: z.string().max(textBytesMax).optional(),
    commit: commit.optional(),
    /** As it came: what is no verdict is told to the step as such, not refused (R33). */
    verdict: z.unknown().optional(),
    merge: mergeResult.optional(),
  }),
  failed: z.object({
    ...stamp,
    reason: z.string().max(textBytesMax),
    /** A failure of the means (executor could not start, died by a signal, repository out of reach), not of the work (R28). */
    means: z.boolean().default(false),
  }),
}
export type Report = { [V in keyof typeof reports]: z.infer<(typeof reports)[V]> }
export type ReportVerb = keyof Report

/** The receipt: the report is durable, and whether it counted (a stale one is recorded and changes nothing). */
export interface Receipt {
  received: true
  counted: boolean
}

const labels = z
  .record(z.string().max(63), z.string().max(63))
  .refine((given) => Object.keys(given).length <= labelCountMax, `at most ${labelCountMax} labels`)

/**
 * `daemon.<id>.hello`: who the daemon is and what it can do. `running`: attempts that it still runs, or whose outcome has no receipt yet,
 * `<task id>/<attempt>`.
 */
export const hello = z.object({
  session: z.string().min(1).max(100),
  slots: z.int().min(0).max(1000),
  roles: z.array(z.enum(roles)).min(1),
  executors: z.array(z.string().max(63)).max(50).default([]),
  labels: labels.default({}),
  /** The same for every start on one locked home, so that a restarted daemon resumes its session at once. */
  home: z.string().max(100).optional(),
  version: z.string().max(nameCharsMax).optional(),
  running: z.array(z.string()).max(1000).default([]),
  draining: z.boolean().default(false),
})
export type Hello = z.infer<typeof hello>

export interface HelloReply {
  session: string
  beatMs: number
  leaseMs: number
}

/** `daemon.<id>.beat`: that it lives, how many attempts it runs, and how many slots it has now. */
export const beat = z.object({
  session: z.string().min(1).max(100),
  running: z.array(z.string()).max(1000),
  slots: z.int().min(0).max(1000).optional(),
  draining: z.boolean().optional(),
})
export type Beat = z.infer<typeof beat>

/** The answer to a beat: `unknown` asks the daemon to say hello again. */
export interface BeatReply {
  known: boolean
}

/** `daemon.<id>.<session>.cancel|finish`: end that attempt's process (finish: push the work first, then report `done`). */
export const order = z.object({ task: z.string(), attempt: z.int().positive(), nonce: z.string() })
export type Order = z.infer<typeof order>

/** `daemon.<id>.<session>.output`: what that attempt wrote, from this byte on. */
export const outputOrder = z.object({ task: z.string(), attempt: z.int().positive(), offset: z.int().min(0) })
export type OutputOrder = z.infer<typeof outputOrder>

/**
 * A part of an attempt's output. Places are counted in bytes of all that it wrote. `offset` is after the one that was asked
 * for where the middle of a long output was not kept; `next` is where to go on; nothing follows `total` once it has `ended`.
 */
export const outputPart = z.object({
  attempt: z.int().positive(),
  offset: z.int(),
  text: z.string(),
  next: z.int(),
  total: z.int(),
  ended: z.boolean(),
})
export type OutputPart = z.infer<typeof outputPart>
