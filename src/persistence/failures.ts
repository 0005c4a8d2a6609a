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

const isOfContent = (code: string): boolean => isSqlState(code) && contentClasses.has(code.slice(0, 2))

/** What a trigger raises: who has only read has sent nothing that it could be about. */
const isOfCommit = (code: string): boolean => isSqlState(code) && code.startsWith('P0')

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
  if (isOfContent(code) || isOfCommit(code))
    return new WritError('BAD_INPUT', `the database refuses the content: ${textOf(error)}`, { cause })
  return new WritError('UNKNOWN_RESULT', `the database did not say whether it committed: ${textOf(error)}`, { cause })
}

/** What a server that answers says no with, for people. */
interface Refusal {
  /** For whoever asked once. */
  code: Code
  says: string
  hint: string
}

const forbidden: Refusal = {
  code: 'UNAUTHORIZED',
  says: 'does not allow that to this user',
  hint: 'a node needs create on that database, and to own the schema writ there; who only looks needs usage of it, and select',
}
const onlyRead: Refusal = {
  code: 'REFUSED',
  says: 'only reads',
  hint: 'name the primary: is this a standby, or is default_transaction_read_only on?',
}
const foreign: Refusal = {
  code: 'CONFLICT',
  says: 'has something else in its schema writ than Writ puts there',
  hint: 'name another database, or drop that schema if nothing needs it',
}
const missing: Refusal = {
  code: 'UNREACHABLE',
  says: 'is not there',
  hint: "correct its name, or make it first: create database … encoding 'UTF8' template template0",
}
const late: Refusal = {
  code: 'TIMED_OUT',
  says: 'gave that up',
  hint: 'ask again when less goes on there; pg_stat_activity of that server shows what does',
}
/** Undefined column, table and function; a table, schema, object and function that is there; of another type or kind. */
const foreignStates = ['42703', '42P01', '42883', '42P07', '42P06', '42710', '42723', '42804', '42809']
const refusals: ReadonlyMap<string, Refusal> = new Map([
  ['42501', forbidden],
  ['25006', onlyRead],
  ['3D000', missing],
  ['57014', late],
  ...foreignStates.map((state) => [state, foreign] as const),
])

/** The same, found by looking. */
export const foreignSchema = (url: string): WritError =>
  new WritError(foreign.code, `the ${place(url)} ${foreign.says}`, { hint: foreign.hint })

/** A server that waits for a lock, has no room or is in trouble answers, too, but need not do so in a moment. */
const unreachable = (url: string, error: unknown): WritError => {
  const answers = isSqlState(codeOf(error)) && !endsConnection(error)
  return new WritError(
    'UNREACHABLE',
    `the ${place(url)} ${answers ? 'does not do that now' : 'cannot be reached'}: ${textOf(error)}`,
    {
      hint: answers
        ? 'ask again; the log of that server may say more'
        : 'is that server running, and are host, port and database right?',
      cause: error,
    },
  )
}

const unauthorizedAt = (url: string, cause: unknown): WritError =>
  new WritError('UNAUTHORIZED', `the ${place(url)} does not accept user ${JSON.stringify(new URL(url).username)}`, {
    hint: 'the password in WRIT_DATABASE_URL, and pg_hba.conf of that server',
    cause,
  })

const failureOf = (url: string, error: unknown, codeFor: (refusal: Refusal) => Code): WritError => {
  if (error instanceof WritError) return error
  const [code, cause] = [codeOf(error), error]
  const own = ours[code]
  if (own !== undefined) return new WritError(own, textOf(error), { cause })
  if (unauthorized.has(code)) return unauthorizedAt(url, cause)
  if (isOfContent(code))
    return new WritError('BAD_INPUT', `the database refuses the content: ${textOf(error)}`, { cause })
  const refusal = refusals.get(code)
  if (refusal === undefined) return unreachable(url, error)
  const { says, hint } = refusal
  return new WritError(codeFor(refusal), `the ${place(url)} ${says}: ${textOf(error)}`, { hint, cause })
}

/**
 * Of what a node asks while it works, beside commits: reads, leases, and writes that may be done again. What a server refuses
 * (during a failover, or until somebody grants a right) it asks again, as if nobody had answered.
 */
export const callFailure =
  (url: string) =>
  (error: unknown): WritError =>
    failureOf(url, error, () => 'UNREACHABLE')

/** Of what is asked once, at a start or by a person. */
export const onceFailure =
  (url: string) =>
  (error: unknown): WritError =>
    failureOf(url, error, ({ code }) => code)
