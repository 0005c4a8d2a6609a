/** Pages of lists that go from the newest to the oldest: where one ends, the next begins, whatever was added meanwhile. */
import { WritError } from '../protocol/errors.ts'
import { fitting } from '../protocol/fitting.ts'
import type { Page } from '../protocol/views.ts'

/** The place of a line: its time (ms since 1970) and its id. */
export interface Place {
  at: number
  id: string
}

/** Before every line, so that a first page needs no case of its own. */
const beginning: Place = { at: Number.MAX_SAFE_INTEGER, id: '' }

/** What `after` says; throws BAD_INPUT. */
export const placeOf = (after: string | undefined): Place => {
  if (after === undefined) return beginning
  const [, at, id] = /^(\d{1,15})\.([A-Za-z0-9_-]+)$/.exec(after) ?? []
  if (at !== undefined && id !== undefined) return { at: Number(at), id }
  throw new WritError('BAD_INPUT', `after ${JSON.stringify(after.slice(0, 80))} is not the place of a line`, {
    hint: 'give the `next` of the page before, as it is',
  })
}

/** A page of `limit` out of one row more than that, if there is one; fewer when they are too long for one answer. */
export const pageOf = <R extends Place, T>(rows: readonly R[], limit: number, line: (row: R) => T): Page<T> => {
  const lines = fitting(rows.slice(0, limit).map(line))
  const last = rows[lines.length - 1]
  return { lines, next: rows.length > lines.length && last !== undefined ? `${last.at}.${last.id}` : null }
}

/** The first ms since 1970 that counts; all do when nothing was asked for. */
export const sinceOf = (since: string | undefined): number => (since === undefined ? 0 : Math.ceil(Date.parse(since)))

export const isoOf = (ms: number): string => new Date(ms).toISOString()
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : isoOf(ms))

/** For `ilike`: the text anywhere, taken as it is. */
export const containing = (text: string | undefined): string =>
  text === undefined ? '%' : `%${text.replaceAll('\0', '').replace(/[\\%_]/g, '\\$&')}%`
