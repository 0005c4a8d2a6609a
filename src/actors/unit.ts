/** What a batch is made of: one thing that came in, with whoever waits for its outcome. */
import type { StoredMessage, StoredTimer } from './ports/rows.ts'
import type { Turn } from './turn.ts'

/** Answers whoever asked, after the commit; or tells them what was wrong. */
export interface Asker {
  reply: (body: object) => void
  fail: (error: unknown) => void
}

export interface Unit {
  shard: number
  /** What it is, for the log. */
  what: string
  /** Does it, on the turn; what it returns is the asker's reply. Must be repeatable: a failed commit runs it again. */
  run: (turn: Turn) => Promise<object>
  asker: Asker | null
  /** The mailbox row or the timer that it consumes. */
  row: StoredMessage | null
  timer: StoredTimer | null
  /** How often its commit conflicted. */
  conflicts: number
  /** How often in a row the store did not answer it. */
  unreachable: number
  /** Its commit was refused, for it alone: what follows from it may be to blame, and is left to commits of its own. */
  apart: boolean
  /** It tells an actor what became of its attempt, and is not in a mailbox: it comes again until that could hear it. */
  ofAttempt: boolean
}

export const unitOf = (shard: number, what: string, run: Unit['run'], more: Partial<Unit> = {}): Unit => ({
  shard,
  what,
  run,
  asker: null,
  row: null,
  timer: null,
  conflicts: 0,
  unreachable: 0,
  apart: false,
  ofAttempt: false,
  ...more,
})
