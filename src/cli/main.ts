#!/usr/bin/env node
/** The `writ` command as a process: its streams, its environment, its exit code. */
import { isatty } from 'node:tty'
import { environment } from './config.ts'
import { exits } from './failure.ts'
import { runCli } from './program.ts'
import { endOnSignals } from './signals.ts'

endOnSignals()

// `writ … | head` closes the pipe early: then nobody reads on, and there is nothing to complain about.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exits.ok)
  throw error
})

process.exitCode = await runCli(process.argv.slice(2), {
  env: environment,
  cwd: process.cwd(),
  out: process.stdout,
  err: process.stderr,
  interactive: isatty(0) && isatty(1),
  now: Date.now,
})

// Whatever a library still holds open must not keep a command from ending.
setTimeout(() => process.exit(), 2_000).unref()
