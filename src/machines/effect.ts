/**
 * What a machine asks of the world. Effects leave a transition as data, through the one action `effect`; the turn turns
 * them into rows of the commit and, after it, into what goes out. A machine does nothing itself.
 */
import type { Role } from '../protocol/directive.ts'
import type { Code } from '../protocol/errors.ts'
import type { Verdict } from '../protocol/verdict.ts'
import type { Message } from './message.ts'

/** Whom a machine tells: the turn knows the addresses. A step tells its directive or its dependents, a directive one of its steps. */
export type Target = 'directive' | 'dependents' | { step: number }

export type Severity = 'info' | 'warn' | 'error'
export type Source = 'system' | 'user' | 'daemon'

/** Why an attempt was closed. */
export type Closed = 'done' | 'failed' | 'cancelled' | 'lost' | 'refused' | 'timed_out' | 'superseded'

/** How far a task got (its status in the records, beside pending, starting and running). */
export type TaskEnd = 'done' | 'failed' | 'cancelled'

/** Where the work of a spawn starts or what it judges: the directive's line as it is recorded, or a commit. */
export type Start = 'line' | 'none' | { commit: string }

export type Effect =
  /** A new contract with its task (both carry this number, counted over the actor's life). Comes before `ready`. */
  | {
      kind: 'task'
      role: Role
      number: number
      purpose: Purpose
      round: number
      feedback: string | null
      manual: boolean
    }
  /** That task waits for a slot; `unready` withdraws it (it was granted, ended or superseded). */
  | { kind: 'ready'; role: Role; number: number; manual: boolean }
  | { kind: 'unready' }
  /** The task has an open attempt: after the commit the spawn goes to the grant's daemon, and again on every activation while it is `starting`. */
  | {
      kind: 'spawn'
      role: Role
      number: number
      attempt: number
      nonce: string
      grant: string
      start: Start
      totalMs: number
    }
  /** Orders to the daemon that runs the open attempt. */
  | { kind: 'stop'; attempt: number; nonce: string; grant: string }
  | { kind: 'finish'; attempt: number; nonce: string; grant: string }
  /** The attempt is over; its grant is free for the next task, or goes back as suspect (nobody knows whether the process lives). */
  | {
      kind: 'closed'
      number: number
      attempt: number
      grant: string
      as: Closed
      suspect: boolean
      reason: string
      result: string | null
      commit: string | null
    }
  /** A grant that came when nothing waited for it. */
  | { kind: 'giveBack'; grant: string }
  /** The task (and with it its contract) has ended. */
  | { kind: 'taskEnded'; number: number; status: TaskEnd; reason: string }
  | { kind: 'tell'; to: Target; message: Message }
  /**
   * Tells the steps with index ≥ `from`, at most `sliceSteps` of them: with `create`, those without dependencies (they come
   * to life by it); else those that have come to life already. The turn answers with `slice.done`.
   */
  | { kind: 'slice'; from: number; create: boolean; message: Message }
  /** The staged plan with this hash is the directive's chain of this generation from now on. */
  | { kind: 'chain'; generation: number; hash: string; steps: number }
  /** A line of the directive's history, written with the change that it tells (R47). */
  | { kind: 'event'; type: string; severity: Severity; source: Source; data: Record<string, unknown> }
  /** An evaluation record (R35). `task`: the number of the evaluator's task. */
  | { kind: 'evaluation'; number: number; task: number; verdict: Verdict; by: 'automated' | 'manual' }
  /** The command changed nothing: the asker gets this. `steps` are named in the answer. */
  | { kind: 'refuse'; code: Code; text: string; hint?: string; faults?: readonly string[]; steps?: readonly number[] }

/** What a task is for: planning, a step's work, its evaluation, its merge; the line's beginning and publishing; the acceptance checks. */
export type Purpose = 'plan' | 'work' | 'evaluate' | 'merge' | 'prepare' | 'publish' | 'accept'

/** A durable timer's command, in order: a set replaces the timer of the same id. `delay` in ms. */
export type TimerCommand = { do: 'set'; id: string; delay: number } | { do: 'cancel'; id: string }
