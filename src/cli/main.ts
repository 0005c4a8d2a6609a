#!/usr/bin/env node
/** The `writ` command as a process: its streams, its environment, its exit code. */
import { isatty } from 'node:tty'
import { endWhenClosed } from './closed-output.ts'
import { environment } from './config.ts'
import { runCli } from './program.ts'
import { endOnSignals } from './signals.ts'

endOnSignals()
endWhenClosed(process.stdout, process.stderr)

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
