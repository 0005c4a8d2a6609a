/** How a command ends that could not do what was asked: what was wrong and what would be right, on stderr, and an exit code. */
import { CommanderError } from 'commander'
import { codes, WritError, type ErrorBody } from '../protocol/errors.ts'
import { Interrupted } from './signals.ts'
import { oneLine, type Terminal } from './terminal.ts'

/** Exit codes beside those of the error codes (src/protocol/errors.ts). */
export const exits = { ok: 0, error: 1, usage: 2, directiveFailed: 5, cancelled: 6, interrupted: 130 } as const

/** An error that is told as JSON on stdout, too, so that a program sees one JSON value whatever happens. */
export const tellFailure = (
  terminal: Terminal,
  error: unknown,
  options: { json: boolean; verbose: boolean },
): number => {
  if (error instanceof CommanderError && error.exitCode === 0) return exits.ok
  if (error instanceof Interrupted) return exits.interrupted
  const known = asWritError(error)
  if (options.json) terminal.json({ error: known.body })
  else tellPeople(terminal, known.body)
  if (options.verbose && error instanceof Error) terminal.say(stackOf(error))
  return codes[known.code].exit
}

const tellPeople = ({ say, paintErr }: Terminal, { code, message, hint, faults = [] }: ErrorBody): void => {
  const lines = message.split('\n').map(oneLineKeepingIndent)
  say(`${paintErr.red('error:')} ${lines.join('\n')} ${paintErr.dim(`[${code}]`)}`)
  const told = new Set(lines)
  for (const fault of faults) if (!told.has(fault)) say(`  - ${oneLine(fault)}`)
  if (hint !== undefined) say(`${paintErr.cyan('hint:')} ${oneLine(hint)}`)
}

const oneLineKeepingIndent = (line: string): string => `${/^ */.exec(line)?.[0] ?? ''}${oneLine(line)}`

const stackOf = (error: Error): string => {
  const cause = error.cause instanceof Error ? `\ncaused by: ${stackOf(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}

/** Any thrown thing as an error with a code. */
export const asWritError = (error: unknown): WritError => {
  if (error instanceof WritError) return error
  if (error instanceof CommanderError) return usageError(error)
  const message = error instanceof Error ? error.message : String(error)
  if (isOfFiles(error))
    return new WritError('REFUSED', `files cannot be used here: ${message}`, {
      hint: "the data folder (--data-dir, WRIT_HOME) and a daemon's home are folders in which this user can write, with room left",
      cause: error,
    })
  return new WritError('INTERNAL', message, {
    hint: 'this is a fault in Writ itself; -v shows where it happened',
    cause: error,
  })
}

/** The file system's own refusals of a path: whose folder it is, what lies there already, what is gone from there. */
const refusals: ReadonlySet<string> = new Set([
  'EACCES',
  'EEXIST',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOENT',
  'ENOTDIR',
  'EPERM',
  'EROFS',
])

/** Told of a write to a file that is open: without its path. */
const full: ReadonlySet<string> = new Set(['EDQUOT', 'ENOSPC'])

const isOfFiles = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  const { code = '', path } = error as NodeJS.ErrnoException
  return full.has(code) || (path !== undefined && refusals.has(code))
}

/** Commander says `error: unknown option '--foo'`, and on a second line `(Did you mean --bar?)`. */
const usageError = ({ message, code }: CommanderError): WritError => {
  if (code === 'commander.help') {
    return new WritError('BAD_INPUT', 'a command is missing', { hint: 'choose one of those above' })
  }
  const [first = '', second] = message.replace(/^error: /, '').split('\n')
  const guess = /^\(Did you mean (.*)\?\)$/.exec(second ?? '')?.[1]
  const hint = guess === undefined ? 'add --help to see what it takes' : `did you mean ${guess}?`
  return new WritError('BAD_INPUT', first, { hint })
}
