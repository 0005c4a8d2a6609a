/** What an attempt that did not get to its end is reported as. */
import { codes, WritError } from '../protocol/errors.ts'
import type { Outcome } from './attempts.ts'
import { failed } from './attempts.ts'
import type { Ending } from './ending.ts'
import { Interrupted } from './ending.ts'
import { withoutCredentials } from '../protocol/repository.ts'

const reasonCharsMax = 16 * 1024

/** The reason for which it is being ended says it; else the error does. */
export const failureOf = (error: unknown, ending: Ending): Outcome => {
  switch (ending.reason()) {
    case 'cancel':
      return failed('cancelled', false)
    case 'total':
      return failed('it took longer than it may in all', true)
    case 'stop':
      return failed('the daemon was stopped', true)
    case 'finish':
    case null:
      break
  }
  // It was to finish before its process had begun.
  if (error instanceof Interrupted) return { verb: 'done', body: {} }
  // What the input is to blame for does not get better by trying; a program, a disk or a network may.
  const means = error instanceof WritError ? codes[error.code].retry || error.code === 'INTERNAL' : true
  const hint = error instanceof WritError && error.hint !== undefined ? ` (${error.hint})` : ''
  const text = `${wordsFor(error)}${hint}`
  return failed(withoutCredentials(text).slice(0, reasonCharsMax), means)
}

/** Whether it was for want of room on the disk: git says so in its own words. */
export const isFullDisk = (outcome: Outcome): boolean =>
  outcome.verb === 'failed' &&
  /No space left on device|the disk of the daemon's folder is full/.test(outcome.body.reason)

/** What the system says in capitals, for people. */
export const wordsFor = (error: unknown): string => {
  const { code } = error as NodeJS.ErrnoException
  const text = error instanceof Error ? error.message : String(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') return `the disk of the daemon's folder is full (${text})`
  return code === 'EFBIG' ? `a file of the daemon's would be larger than it may (${text})` : text
}
