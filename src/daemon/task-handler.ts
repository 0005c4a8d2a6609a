/**
 * A daemon whose tasks are calls of a function in this process. Everything else (session, acceptance, orders, reports until
 * their receipts, drain, what a restart takes up) it shares with the daemon that runs processes.
 */
import { pino } from 'pino'
import type { Spawn } from '../protocol/task.ts'
import type { Handler } from './handled-attempt.ts'
import { runHandled } from './handled-attempt.ts'
import type { Log } from './log.ts'
import type { Daemon, ServingOptions } from './serving.ts'
import { serve } from './serving.ts'

export interface HandleTasksOptions extends ServingOptions {
  /** Does one attempt; up to `slots` of them run at once. */
  handle: Handler
  /** Names by which tasks may ask for this daemon (`needs` of a directive). Tasks that ask for none come as well. */
  executors?: readonly string[]
  /** Else warnings and errors go to standard error. */
  log?: Log
}

const standardError = 2

/**
 * Starts a daemon that gives its tasks to `handle`. Its home keeps what was accepted and what was not reported yet: started anew
 * under the same name, it resumes its session, delivers those reports, and says of what it was in the middle of that it is lost, so that it is
 * tried again. Throws BAD_INPUT for what the options name wrongly, LOCKED when another process uses the home.
 */
export const handleTasks = (options: HandleTasksOptions): Promise<Daemon> => {
  const { name, executors = [], handle } = options
  const log = options.log ?? pino({ level: 'warn', base: { daemon: name } }, pino.destination(standardError))
  return serve({ ...options, log }, (shared) =>
    Promise.resolve({
      run: (record, spawn: Spawn) => runHandled(record, spawn, shared, handle),
      executors,
      // It has no repositories of its own.
      clones: { folderOf: () => '', alone: (_, act) => act() },
      // What it ran was in the former process, and went with it.
      endFormer: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }),
  )
}
