/**
 * The port to the nervous system. Carries JSON between threads, daemons and people; may lose, repeat, delay and reorder:
 * nothing that must not be lost depends on it. The simulator's bus and NATS keep the same contract (test/contract/bus.contract.ts).
 */

/** A message that came in. `body` is as it arrived: whoever takes it checks it. */
export interface Incoming {
  subject: string
  body: Uint8Array
  /** Whether the sender waits for an answer (a plain publish does not). */
  wantsReply: boolean
  /** Where the answer goes, when one is wanted: kept by `pull`, whose spawn is sent there. */
  replyTo: string | null
  /** Answers once; further calls do nothing. An object is sent as JSON. */
  reply: (body: object) => void
}

export interface Subscription {
  /** Takes no new messages, hands over those that are here already, then ends. */
  drain: () => Promise<void>
}

/** A message from the stream of plain publishes. `ack` only after the commit that made it durable. */
export interface Published {
  subject: string
  body: Uint8Array
  /** The stream's incarnation and the message's place in it: the same at every redelivery. */
  incarnation: string
  sequence: number
  /** When the stream took it, ns since 1970. A stream that lost what it took last gives the same places once more, to other messages. */
  at: string
  ack: () => void
}

export interface Bus {
  /** Fire and forget. Throws BAD_INPUT on a subject that is not one, TOO_LARGE over the payload limit. */
  publish: (subject: string, body: object) => void
  /** The parsed answer. Throws what the answer's `error` says, NO_ANSWER after `deadlineMs` or when nobody listens. */
  request: (subject: string, body: object, deadlineMs: number) => Promise<unknown>
  /**
   * As `publish`, with a look at whether anybody listens there: false as soon as the servers say that nobody does; true when
   * somebody answers, whatever he says, and after `withinMs` of silence. Whoever watches `>` hides that nobody else is there.
   */
  deliver: (subject: string, body: object, withinMs: number) => Promise<boolean>
  /** Every message on the pattern (`*` one token, `>` the rest), in the order that they came; with a queue, each goes to one of its members. */
  subscribe: (pattern: string, options: { queue?: string }, take: (message: Incoming) => void) => Subscription
  /** Resolves when all that was published before has reached the server. */
  flush: () => Promise<void>
  /** Takes from the stream of plain publishes (`task.*.*.done|failed`, `contract.*.*.complete`), shared by all takers. */
  consume: (take: (message: Published) => void) => Promise<Subscription>
  close: () => Promise<void>
}
