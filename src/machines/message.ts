/**
 * What the machines receive. Everything that reaches an actor is one of these (or a due timer, whose type XState gives);
 * the turn validates and completes them before the transition: verdicts and plans are read from files, names resolved
 * to indexes. All are plain JSON, and are journaled as they were delivered.
 */
import type { MergeResult } from '../protocol/task.ts'
import type { Verdict } from '../protocol/verdict.ts'

/** Which attempt a report is about. Only the open attempt's own counts. */
export interface Stamp {
  attempt: number
  nonce: string
}

/** What a finished evaluation says: a verdict (with the steps to rework as indexes), or why there is none. */
export type VerdictReading = { verdict: Verdict; rework: readonly number[] } | { fault: string }

/** A plan that was staged, or its faults. */
export type PlanReading = { hash: string; steps: number } | { faults: readonly string[] }

/** For every machine with a task region. */
export type TaskMessage =
  /** A slot: the turn chose this actor's waiting task for it. */
  | { type: 'task.granted'; grant: string }
  | ({ type: 'task.accepted' } & Stamp)
  | ({
      type: 'task.done'
      result: string | null
      commit: string | null
      /** Evaluators: always there. */
      verdict?: VerdictReading
      /** Mergers. */
      merge?: MergeResult
      /** Planners: a plan found as a file of the contract (R13). */
      plan?: PlanReading
    } & Stamp)
  | ({ type: 'task.failed'; reason: string; means: boolean } & Stamp)
  /** The attempt is given up: its daemon or grant is gone, it stalled, was refused or not accepted in time. */
  | ({ type: 'task.lost'; why: 'daemon' | 'grant' | 'stall' | 'accept' | 'refused'; reason: string } & Stamp)
  /** A person ends the task by hand (or the stream brought their publish). `manual`: its daemon is a person's `pull`. */
  | {
      type: 'task.end'
      number: number
      outcome: 'done' | 'failed'
      result: string | null
      reason: string
      force: boolean
      manual: boolean
      verdict?: VerdictReading
      plan?: PlanReading
    }
  /** The contract was completed through the API (R14, R27). `inside`: by its own task; `manual`: its daemon is a person's `pull`. */
  | {
      type: 'contract.complete'
      number: number
      inside: boolean
      manual?: boolean
      verdict?: VerdictReading
      plan?: PlanReading
    }

/** For directives. */
export type DirectiveMessage =
  | TaskMessage
  | { type: 'start' }
  | { type: 'plan'; plan: PlanReading }
  | { type: 'pause' | 'resume' | 'cancel' | 'retry' }
  /** From its steps. `step.ready`: it may be dispatched (pending or rework, all dependencies passed). */
  | { type: 'step.ready'; index: number }
  /**
   * `merged` is null without a repository, and when the step's work was in the line already. `answers`: the step answers a
   * `line.moved`, which those of earlier versions did not.
   */
  | { type: 'step.passed'; index: number; merged: { base: string; line: string } | null; answers?: true }
  /**
   * The step left passed: its count is taken back. `sentBack`: it answers that it was sent back to rework, or to merge again;
   * earlier versions did not say, and it was taken for that. `before`: it had left passed already, so no count is taken back.
   */
  | { type: 'step.unpassed'; index: number; sentBack?: boolean; before?: boolean }
  | { type: 'step.failed'; index: number; name: string; reason: string }
  /** The answer of a step, once it is at rest, to each `cancel` that it was told. */
  | { type: 'step.stopped'; index: number; recount?: number }
  /** From the turn, after a `slice`: how many steps were told, and where the next slice begins (null: that was the last). */
  | { type: 'slice.done'; told: number; next: number | null; recount?: number }
  /**
   * A person dropped what it, or a step of it, was told while it was ending, or had ended. `needed`: a retry could not do without.
   * `failed`: it was that a step has failed, nobody knows which one. `root`: a step without dependencies was to begin with it, and is not there.
   */
  | { type: 'message.dropped'; needed: boolean; failed?: true; root?: true }
  /** A person steers a step: through its directive, which knows whether it still lives. */
  | { type: 'step.command'; index: number; verb: 'evaluate' | 'approve' | 'cancel' }
  /** `covers`: the step and all that wait for it, directly or not (R50). */
  | { type: 'step.command'; index: number; verb: 'retry'; covers?: readonly number[] }
  | { type: 'step.command'; index: number; verb: 'reject'; text: string }

/** For steps. `live`: the directive has not ended. */
export type StepMessage =
  | TaskMessage
  /** From the directive: run (R22, R23). */
  | { type: 'dispatch' }
  /** From the steps that it depends on; and the answer of a dependent that has begun already (R54). */
  | { type: 'dependency.passed' | 'dependency.withdrawn' | 'dependent.begun'; index: number }
  /** The line is not the one that the merge started from: merge again. `counted`: it counts as passed until it takes that back. */
  | { type: 'line.moved'; counted?: true }
  /**
   * Ends the step: what had begun as cancelled, the rest as skipped; each one is answered with a `step.stopped`. `recount`: its
   * directive counts anew, the how-manieth time; the answers say so, and those of an earlier count are owed no more.
   */
  | { type: 'cancel'; recount?: number }
  /** Pending again, with a fresh rework budget (R50). */
  | { type: 'retry' }
  /** The acceptance checks want this step's work done again (R20). */
  | { type: 'rework'; feedback: string }
  | { type: 'command'; verb: 'evaluate' | 'approve' | 'retry' | 'cancel'; live: boolean }
  | { type: 'command'; verb: 'reject'; text: string; live: boolean }

/** For registries: their tables are the store's; the machine keeps the control state alone. */
export type RegistryMessage =
  | { type: 'daemon.hello' | 'daemon.bye' | 'daemon.lost' | 'daemon.drain'; daemon: string; session: string }
  | { type: 'need' | 'release' | 'holding'; directive: string }
  /** Activated: the directives are asked what they hold. */
  | { type: 'audit' }
  | { type: 'settled' }

export type Message = DirectiveMessage | StepMessage | RegistryMessage
