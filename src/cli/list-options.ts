/** The options that every list takes: since when, how many, and which page. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Listed, listedStates, type ListQuery, pageCountMax } from '../protocol/commands.ts'
import { readSpan } from './ago.ts'
import { whole } from './arguments.ts'
import type { Context } from './context.ts'
import { word } from './shell-text.ts'

const limitDefault = 100

/** A moment that may have been named by how long ago it was: ISO 8601, once it is known what time it is (ms since 1970). */
export type Moment = (now: number) => string

/** Reads `2h`, `3d` or a time as ISO 8601 has it. */
export const moment = (text: string): Moment => {
  const iso = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : null
  if (iso !== null && !Number.isNaN(iso.getTime())) return () => iso.toISOString()
  try {
    const ago = readSpan(text)
    return (now) => new Date(Math.max(0, now - ago)).toISOString()
  } catch {
    throw new InvalidArgumentError('It is how long ago, as in 90s, 2h or 3d, or a time, as in 2026-05-01T12:00Z.')
  }
}

export const sinceOption = (command: Command, what: string): Command =>
  command.option('--since <time>', `only ${what} since then: 2h, 3d (ago), or a time in ISO 8601`, moment)

export const listOptions = (command: Command, what: string): Command =>
  sinceOption(command, what)
    .option('--limit <n>', `at most so many (up to ${pageCountMax})`, whole(1, pageCountMax), limitDefault)
    .option('--after <next>', 'the page after this one, as `next` of the page before has it')

export const stateOption = (what: 'directive' | 'task'): Option =>
  new Option('--state <status>', 'only those with this status, or open: all that have not ended').choices(
    listedStates[what],
  )

/** What commander makes of such options. */
export interface ListFlags<Of extends Listed = Listed> extends Pick<Partial<ListQuery>, 'text' | 'after' | 'limit'> {
  state?: ListQuery<Of>['state']
  since?: Moment
}

export const queryOf = <Of extends Listed>({ since, ...query }: ListFlags<Of>, now: number): Partial<ListQuery<Of>> =>
  since === undefined ? query : { ...query, since: since(now) }

/** Tells the command for the page after this one of the very same list: what was `asked` is said again, a time as it was meant. */
export const tellPage = (context: Context, list: string, asked: Partial<ListQuery>, next: string | null): void => {
  if (next === null) return
  const { state, text, since, limit } = asked
  const flags = Object.entries({ state, text, since, limit: limit === limitDefault ? undefined : limit, after: next })
  const words = flags.flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag} ${word(String(value))}`]))
  context.next(`writ ${list} ${words.join(' ')}${context.flagsText}`)
}
