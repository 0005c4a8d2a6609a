/**
 * The one error type that crosses a border of Writ (a subject, a command's exit, a log line), and the table of its
 * codes. A code is stable: people and programs may act on it; the sentence beside it may be improved at any time.
 */

/** What each code means, whether the same call may succeed later, and the exit code that the `writ` command ends with. */
export const codes = {
  BAD_INPUT: { meaning: 'the input is malformed', retry: false, exit: 2 },
  TOO_LARGE: { meaning: 'the input is over a stated limit', retry: false, exit: 2 },
  NOT_FOUND: { meaning: 'there is no such thing for this owner', retry: false, exit: 4 },
  GONE: { meaning: 'it was there, and was deleted', retry: false, exit: 4 },
  REFUSED: { meaning: 'the present state does not allow it', retry: false, exit: 4 },
  BAD_PLAN: { meaning: 'the plan has faults', retry: false, exit: 4 },
  CONFLICT: { meaning: 'it exists already with other content, or changed meanwhile', retry: false, exit: 4 },
  NAME_TAKEN: { meaning: 'a live daemon session has this name', retry: true, exit: 4 },
  STALE: { meaning: 'the report is not from the open attempt', retry: false, exit: 4 },
  BUSY: { meaning: 'no room right now', retry: true, exit: 1 },
  DRAINING: { meaning: 'it takes no new work', retry: true, exit: 1 },
  NOT_HOLDER: { meaning: 'this thread does not hold the shard any more', retry: true, exit: 3 },
  NO_ANSWER: { meaning: 'nobody answered in time', retry: true, exit: 3 },
  UNREACHABLE: { meaning: 'a server that is needed cannot be reached', retry: true, exit: 3 },
  NO_SERVER: { meaning: 'a server program that is needed was not found', retry: false, exit: 3 },
  OLD_SERVER: { meaning: 'a server is older than what is needed', retry: false, exit: 3 },
  SCHEMA_NEWER: { meaning: 'the database was made by a newer version', retry: false, exit: 3 },
  LOCKED: { meaning: 'another process uses this folder', retry: false, exit: 4 },
  UNAUTHORIZED: { meaning: 'these credentials are not accepted, or do not allow it', retry: false, exit: 4 },
  FENCED: { meaning: 'another thread holds the shard now', retry: true, exit: 1 },
  UNKNOWN_RESULT: { meaning: 'the database did not say whether it committed', retry: true, exit: 1 },
  PARKED: { meaning: 'the actor, or what it was told before, waits for a person to mend it', retry: false, exit: 1 },
  TIMED_OUT: { meaning: 'the time that was given is over', retry: true, exit: 124 },
  INTERNAL: { meaning: 'a fault in Writ itself', retry: false, exit: 1 },
} as const satisfies Record<string, { meaning: string; retry: boolean; exit: number }>

export type Code = keyof typeof codes

/** What travels in place of a result: `{error: {code, message, hint?, faults?}}`. */
export interface ErrorBody {
  code: Code
  message: string
  hint?: string
  faults?: readonly string[]
}

/** An error for people: `message` says what was wrong and where, `hint` what would be right, `faults` lists every fault of one input. */
export class WritError extends Error {
  readonly code: Code
  readonly hint: string | undefined
  readonly faults: readonly string[] | undefined

  constructor(code: Code, message: string, more: { hint?: string; faults?: readonly string[]; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'WritError'
    this.code = code
    this.hint = more.hint
    this.faults = more.faults
  }

  /** The form that travels. */
  get body(): ErrorBody {
    const { code, message, hint, faults } = this
    return { code, message, ...(hint === undefined ? {} : { hint }), ...(faults === undefined ? {} : { faults }) }
  }

  /** The error that a body stands for; an unknown code (a newer peer's) reads as INTERNAL. */
  static from(body: ErrorBody): WritError {
    const { hint, faults } = body
    const more = { ...(hint === undefined ? {} : { hint }), ...(faults === undefined ? {} : { faults }) }
    return new WritError(body.code in codes ? body.code : 'INTERNAL', body.message, more)
  }
}
