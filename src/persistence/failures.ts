/**
 * What a failed call to Postgres means in Writ's codes. The line that matters: a refusal that says the content is at fault
 * is definite and may be bisected; everything else about a commit is unknown, even where Postgres rolled back for certain
 * (a deadlock, a time-out): whoever treats it as unknown is never wrong.
 */
import { WritError, type Code } from '../protocol/errors.ts'

/** No word came in time, or the connection broke. */
export class ConnectionLost extends Error {}

const ours: Record<string, Code> = {
  WR001: 'FENCED',
  WR002: 'CONFLICT',
  WR003: 'REFUSED',
  WR004: 'TOO_LARGE',
  WR005: 'SCHEMA_NEWER',
}
/** Data exceptions, broken constraints, one row named twice in one list, program limits. */
const contentClasses = new Set(['21', '22', '23', '54'])
const unauthorized = new Set(['28P01', '28000'])

/** Where a database is, for people: never with its password. */
export const place = (url: string): string => {
  const { hostname, port, pathname } = new URL(url)
  return `database "${pathname.slice(1) || 'of the same name as the user'}" on ${hostname}:${port || 5432}`
}

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''

const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E')

/** Whether the connection is of no use after this error: it broke, or the server ended it. */
export const endsConnection = (error: unknown): boolean => {
  const code = codeOf(error)
  return error instanceof ConnectionLost || !isSqlState(code) || code.startsWith('08') || code.startsWith('57P')
}

const textOf = (error: unknown): string => {
  const [text, code] = [error instanceof Error ? error.message : String(error), codeOf(error)]
  return code === '' || text.includes(code) ? text : `${text} (${code})`
}

/** Of a commit. */
export const commitFailure = (error: unknown): WritError => {
  if (error instanceof WritError) return error
  const [code, cause] = [codeOf(error), error]
  const own = ours[code]
  if (own !== undefined) return new WritError(own, `the commit was refused: ${textOf(error)}`, { cause })
  if (isSqlState(code) && contentClasses.has(code.slice(0, 2)))
    return new WritError('BAD_INPUT', `the database refuses the content: ${textOf(error)}`, { cause })
  return new WritError('UNKNOWN_RESULT', `the database did not say whether it committed: ${textOf(error)}`, { cause })
}

/** Of everything else: reads, leases, and writes that may be done again. */
export const callFailure =
  (url: string) =>
  (error: unknown): WritError => {
    if (error instanceof WritError) return error
    const [code, cause] = [codeOf(error), error]
    const own = ours[code]
    if (own !== undefined) return new WritError(own, textOf(error), { cause })
    if (unauthorized.has(code))
      return new WritError(
        'UNAUTHORIZED',
        `the ${place(url)} does not accept user ${JSON.stringify(new URL(url).username)}`,
        {
          hint: 'the password in WRIT_DATABASE_URL, and pg_hba.conf of that server',
          cause,
        },
      )
    if (isSqlState(code) && contentClasses.has(code.slice(0, 2)))
      return new WritError('BAD_INPUT', `the database refuses the content: ${textOf(error)}`, { cause })
    return new WritError('UNREACHABLE', `the ${place(url)} cannot be reached: ${textOf(error)}`, {
      hint: 'is that server running, and are host, port and database right?',
      cause,
    })
  }
