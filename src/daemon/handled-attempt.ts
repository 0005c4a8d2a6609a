/** An attempt as the call of a function: what the function may use, how it hears that it is to end, and what comes of what it gives back. */
import { inspect } from 'node:util'
import type { z } from 'zod'
import { WritError } from '../protocol/errors.ts'
import type { MergeResult, Spawn } from '../protocol/task.ts'
import type { verdict } from '../protocol/verdict.ts'
import type { RunningAttempt, Surroundings } from './attempt.ts'
import { overseen } from './attempt.ts'
import type { AttemptRecord, Outcome } from './attempts.ts'
import { failed, outcome as outcomeForm } from './attempts.ts'
import type { Alarm, DaemonClock } from './clock.ts'
import type { Endable, Ending } from './ending.ts'
import { Interrupted } from './ending.ts'
import { failureOf } from './failure.ts'
import type { Output } from './output.ts'
import { termMs as graceMs } from './process-group.ts'

/** What a handler is given beside the spawn. */
export interface TaskContext {
  /**
   * Aborted when the attempt is to end: it was cancelled, was lost to another daemon, took longer than `spawn.totalMs`, or the daemon
   * stops; or its work was declared complete (then what the handler gives back still counts). A handler that has not
   * returned 10 s later is not waited for any more.
   */
  signal: AbortSignal
  /**
   * Says that the attempt is getting on, with a few words for whoever looks (4096 characters at most). Said too often it is left out; an
   * attempt that says nothing for `spawn.stallMs` ms is taken away.
   */
  progress: (text?: string) => void
  /** Adds lines to the task's output: live for whoever watches, and kept for `writ task output`. Counts as progress. */
  output: (text: string) => void
}

/** What an attempt has come to. `result` is text for people and for the evaluator, 256 KiB at most. */
export interface TaskResult {
  result?: string
  /** Full id of the commit that holds the work, pushed to `spawn.targetBranch` before. */
  commit?: string
  /** Of an evaluator. */
  verdict?: z.input<typeof verdict>
  /** Of a merger. */
  merge?: MergeResult
}

/** The work could not be done. With `means` it is tried again, on another daemon perhaps; without, the step has failed. */
export interface TaskFailure {
  failed: string
  means?: boolean
}

/**
 * Does one attempt. What it throws is a failure of the means, which is tried again a few times (twice when the directive does not
 * say); a WritError whose code is for good is not. Giving back nothing is being done with nothing to say; anything but a plain object
 * with the keys above is a failure for good.
 */
export type Handler = (
  spawn: Spawn,
  context: TaskContext,
) => Promise<TaskResult | TaskFailure | undefined | void> | TaskResult | TaskFailure | undefined | void

/** Runs the handler for an attempt whose record is on the disk. Never rejects. */
export const runHandled = (
  record: AttemptRecord,
  spawn: Spawn,
  shared: Pick<Surroundings, 'reports' | 'clock' | 'openOutput' | 'log'>,
  handle: Handler,
): RunningAttempt =>
  overseen(record, spawn, shared, async ({ ending, pulse: { progress }, opened }) => {
    const output = shared.openOutput(record, progress)
    opened.output = output
    try {
      const call = await ending.watch(() =>
        Promise.resolve(begin(handle, spawn, { progress, output, ending, clock: shared.clock })),
      )
      const outcome = await call.outcome
      if (outcome === null) shared.log.warn({ task: record.task }, 'a handler goes on although its attempt is over')
      return asEnded(outcome ?? failed('it did not end when it was asked to', true), ending)
    } finally {
      record.output = output.close()
    }
  })

/** What was asked to finish is done, however it took the request; any other reason is the outcome itself. */
const asEnded = (outcome: Outcome, ending: Ending): Outcome => {
  switch (ending.reason()) {
    case null:
      return outcome
    case 'finish':
      return outcome.verb === 'done' ? outcome : { verb: 'done', body: {} }
    case 'cancel':
    case 'total':
    case 'stop':
      return failureOf(null, ending)
  }
}

interface Call extends Endable {
  /** Null: it was given up. */
  outcome: Promise<Outcome | null>
}

interface Given {
  progress: TaskContext['progress']
  output: Output
  ending: Ending
  clock: DaemonClock
}

const begin = (handle: Handler, spawn: Spawn, { progress, output, ending, clock }: Given): Call => {
  const calling = new AbortController()
  let giveUp = (): void => undefined
  let grace: Alarm | undefined
  const givenUp = new Promise<null>((resolve) => {
    giveUp = () => resolve(null)
  })
  const says: TaskContext['progress'] = (text) => progress(wordsOf(text))
  const context = { signal: calling.signal, progress: says, output: lineWriter(output) }
  const called = Promise.resolve().then(() => handle(spawn, context))
  const told = called.then(outcomeOf).catch((error: unknown) => failureOf(error, ending))
  const outcome = Promise.race([told, givenUp]).finally(() => grace?.cancel())
  return {
    outcome,
    ended: outcome,
    stop: async (force = false) => {
      calling.abort(new Interrupted(`the attempt is being ended: ${ending.reason() ?? 'stop'}`))
      if (force) giveUp()
      else grace ??= clock.after(graceMs, giveUp)
      await outcome
    },
  }
}

/** Handlers in JavaScript say anything, a percentage say. */
const wordsOf = (said: unknown): string | undefined =>
  said === undefined || said === null || typeof said === 'string' ? (said ?? undefined) : inspect(said)

const lineWriter =
  (output: Output): TaskContext['output'] =>
  (said) => {
    const text = wordsOf(said) ?? ''
    output.take(Buffer.from(text.endsWith('\n') ? text : `${text}\n`), 'stdout')
  }

/** As it would arrive: what JSON leaves out is left out before it is looked at. */
const outcomeOf = (given: Awaited<ReturnType<Handler>>): Outcome => {
  mustBeKnown(given)
  const { failed: reason, means = false, ...body } = { failed: undefined, means: undefined, ...given }
  if (reason !== undefined) return failed(String(reason), means)
  const read = outcomeForm.safeParse({ verb: 'done', body: throughJson(body) })
  if (read.success) return read.data
  const [fault] = read.error.issues
  throw notReportable(`${fault?.path.slice(1).join('.') ?? ''}: ${fault?.message ?? ''}`)
}

const known: readonly string[] = ['result', 'commit', 'verdict', 'merge', 'failed', 'means'] satisfies (
  | keyof TaskResult
  | keyof TaskFailure
)[]

/** Handlers in JavaScript give back anything: an error in words of their own must not count as work that is done. */
const mustBeKnown = (given: unknown): void => {
  if (given === undefined) return
  if (!isPlain(given)) throw notReportable(`${inspect(given, { depth: 0 }).slice(0, 80)} is no plain object`)
  const [stranger] = Object.entries(given).filter(([key, value]) => value !== undefined && !known.includes(key))
  if (stranger !== undefined) throw notReportable(`${stranger[0].slice(0, 80)}: nothing is known by this name`)
  if ('means' in given && given.means !== undefined && !('failed' in given && given.failed !== undefined))
    throw notReportable('means: it goes with failed')
  if ('means' in given && given.means !== undefined && typeof given.means !== 'boolean')
    throw notReportable('means: it is true or false')
}

/** Of any realm: a handler may come out of a sandbox. */
const isPlain = (given: unknown): given is object => {
  if (typeof given !== 'object' || given === null) return false
  const form: unknown = Object.getPrototypeOf(given)
  return form === null || Object.getPrototypeOf(form) === null
}

const throughJson = (body: object): unknown => {
  try {
    return JSON.parse(JSON.stringify(body))
  } catch (cause) {
    throw notReportable(cause instanceof Error ? cause.message : String(cause))
  }
}

const notReportable = (why: string): WritError =>
  new WritError('BAD_INPUT', `the handler gave back what cannot be reported: ${why}`, {
    hint: 'nothing, or a plain object with result, commit, verdict, merge or failed',
  })
