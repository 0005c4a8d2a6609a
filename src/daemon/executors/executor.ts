/** What an executor is: how a task's plan becomes processes, and what their end means. */
import type { Spawn } from '../../protocol/task.ts'
import { failed } from '../attempts.ts'
import type { Outcome } from '../attempts.ts'
import type { Clone } from '../clone.ts'

/** One program of an attempt. `timeoutMs`: it is ended then. */
export interface Program {
  file: string
  args: readonly string[]
  /** A file that is its standard input. */
  input?: string
  timeoutMs?: number
}

/** How a program ended. The tails are the last part of what it wrote. */
export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  timedOut: boolean
  durationMs: number
  /** Of standard output alone, and of both streams as they came. */
  stdoutTail: string
  tail: string
}

export interface Work {
  spawn: Spawn
  /** The workspace. */
  folder: string
  planFile: string
  /** Writes a file that is no part of the work, and returns its path. */
  write: (name: string, text: string) => string
  /** bash where there is one, else sh. */
  shell: string
  /** Runs a program in the workspace. Throws CannotStart. Once the attempt is being ended it starts nothing any more. */
  run: (program: Program) => Promise<Finished>
  /** The cache of the spawn's repository; null without one. */
  clone: () => Promise<Clone | null>
  note: (line: string) => void
}

export type Executor = (work: Work) => Promise<Outcome>

const reasonTailChars = 4096

/** What the end of a program that did a task means (R28): a signal is a failure of the means, an exit code one of the work. */
export const outcomeOf = ({ code, signal, tail, stdoutTail }: Finished): Outcome => {
  if (code === 0) return { verb: 'done', body: { result: stdoutTail.trim() } }
  const last = tail.trim().slice(-reasonTailChars)
  const text = last === '' ? 'it wrote nothing' : `the last of its output:\n${last}`
  if (signal !== null) return failed(`ended by the signal ${signal}; ${text}`, true)
  return failed(`exit code ${code ?? 'unknown'}; ${text}`, false)
}
