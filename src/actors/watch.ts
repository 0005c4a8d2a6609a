/**
 * Watches the open attempts of a thread's shards: sends each spawn until it is accepted or refused, and notices when an
 * attempt is not accepted in time or makes no progress. All of it lives in memory, begins anew with grace after a move, and
 * comes to the machines as messages (DESIGN 8).
 */
import type { Message, Stamp } from '../machines/message.ts'
import { WritError } from '../protocol/errors.ts'
import { actorKey, type ActorKey } from '../protocol/ids.ts'
import { acceptMs, stallMs } from '../protocol/limits.ts'
import type { Spawn } from '../protocol/task.ts'
import type { Host } from './host.ts'
import type { AttemptRow } from './ports/rows.ts'

/** What the watch asks of its engine. */
export interface Watching {
  /** The spawn as it travels; null when the attempt is not open any more. */
  compose: (attempt: AttemptRow) => Promise<Spawn | null>
  /** Tells the attempt's actor, as a unit of its own. */
  tell: (attempt: AttemptRow, message: Message) => void
  /** Stores an acceptance that nothing else has stored in the meantime. */
  storeAcceptance: (attempt: AttemptRow) => void
  isHeld: (shard: number) => boolean
}

interface Watched {
  attempt: AttemptRow
  accepted: boolean
  sentAt: number
  /** Monotonic ms of acceptance or of the last progress. */
  aliveAt: number
  stallMs: number
  given: boolean
}

/** An acceptance that no other commit took along is stored after this time, so that people see the task running. */
const acceptanceStoredMs = 1000
const resendMs = 500

export class Watch {
  readonly #host: Host
  readonly #watching: Watching
  readonly #watched = new Map<string, Watched>()

  constructor(host: Host, watching: Watching) {
    this.#host = host
    this.#watching = watching
  }

  get size(): number {
    return this.#watched.size
  }

  /** An attempt was opened, or found open after a move: its spawn is sent (again: the daemon knows it already then). */
  open(attempt: AttemptRow): void {
    if (this.#watched.get(keyOf(attempt))?.attempt.attempt === attempt.attempt) return
    const now = this.#host.clock.monotonic()
    const watched = {
      attempt,
      accepted: attempt.accepted || attempt.inbox !== null,
      sentAt: now,
      aliveAt: now,
      stallMs,
      given: attempt.accepted,
    }
    this.#watched.set(keyOf(attempt), watched)
    if (attempt.inbox !== null) void this.#answerPull(watched, attempt.inbox)
    else if (!attempt.accepted) void this.#send(watched)
    else void this.#readStallMs(watched)
  }

  closed(attempt: AttemptRow): void {
    const watched = this.#watched.get(keyOf(attempt))
    if (watched?.attempt.attempt === attempt.attempt) this.#watched.delete(keyOf(attempt))
  }

  forget(isGone: (attempt: AttemptRow) => boolean): void {
    for (const [key, { attempt }] of this.#watched) if (isGone(attempt)) this.#watched.delete(key)
  }

  /** Progress counts only for the open attempt, from its own session. */
  progress(key: ActorKey, daemon: string, session: string, stamp: Stamp): boolean {
    const watched = this.#watched.get(key)
    if (watched === undefined) return false
    const { attempt } = watched
    const own = attempt.attempt === stamp.attempt && attempt.nonce === stamp.nonce && attempt.daemon === daemon
    if (!own || attempt.session !== session) return false
    watched.aliveAt = this.#host.clock.monotonic()
    this.#accept(watched)
    return true
  }

  /** Looks once at everything; called every second. */
  look(): void {
    const now = this.#host.clock.monotonic()
    for (const watched of [...this.#watched.values()]) this.#lookAt(watched, now)
  }

  #lookAt(watched: Watched, now: number): void {
    const { attempt, accepted, sentAt, aliveAt } = watched
    if (!accepted && now - sentAt >= acceptMs) this.#lose(watched, 'accept', `not accepted within ${acceptMs / 1000} s`)
    else if (accepted && attempt.inbox === null && now - aliveAt >= watched.stallMs)
      this.#lose(watched, 'stall', `no progress for ${watched.stallMs / 1000} s`)
    else if (accepted && !watched.given && now - aliveAt >= acceptanceStoredMs) {
      watched.given = true
      this.#watching.storeAcceptance(attempt)
    }
  }

  #lose(watched: Watched, why: 'accept' | 'stall' | 'refused', reason: string): void {
    const { attempt } = watched
    this.#watched.delete(keyOf(attempt))
    this.#watching.tell(attempt, { type: 'task.lost', attempt: attempt.attempt, nonce: attempt.nonce, why, reason })
  }

  /**
   * No room is asked for again, elsewhere or later. What can never be sent is a failure of the task, and what the daemon
   * cannot do one of the means: both are bounded (R22, R28).
   */
  #refused(watched: Watched, error: WritError): void {
    const { code, message: reason } = error
    if (code === 'BUSY' || code === 'DRAINING') return this.#lose(watched, 'refused', reason)
    const { attempt } = watched
    this.#watched.delete(keyOf(attempt))
    const means = code !== 'TOO_LARGE' && code !== 'BAD_INPUT'
    const text = `the spawn was refused: ${reason}`
    this.#watching.tell(attempt, {
      type: 'task.failed',
      attempt: attempt.attempt,
      nonce: attempt.nonce,
      reason: text,
      means,
    })
  }

  #accept(watched: Watched): void {
    if (watched.accepted) return
    watched.accepted = true
    const { actor, attempt, nonce } = watched.attempt
    this.#host.accepted.set(actor, { attempt, nonce })
  }

  /** After a move: no spawn is sent that would bring the directive's own limit. */
  async #readStallMs(watched: Watched): Promise<void> {
    const { attempt } = watched
    try {
      const spawn = await this.#watching.compose(attempt)
      if (spawn !== null) watched.stallMs = spawn.stallMs
    } catch (error) {
      this.#host.log.warn({ err: error, task: attempt.task }, 'the limit without progress is the default')
    }
  }

  /** Until the daemon answers, the attempt is closed, or its time to accept is over. */
  async #send(watched: Watched): Promise<void> {
    const { attempt } = watched
    const { clock, wire } = this.#host
    const isOpen = (): boolean => this.#watched.get(keyOf(attempt)) === watched && this.#watching.isHeld(attempt.shard)
    while (isOpen() && !watched.accepted && clock.monotonic() - watched.sentAt < acceptMs) {
      try {
        const spawn = await this.#watching.compose(attempt)
        if (spawn === null || !isOpen()) return
        watched.stallMs = spawn.stallMs
        await wire.spawn(attempt.owner, attempt.daemon, attempt.session, spawn, acceptMs)
        watched.aliveAt = clock.monotonic()
        if (isOpen()) this.#accept(watched)
        return
      } catch (error) {
        if (isOpen() && isAnswer(error)) return this.#refused(watched, error)
        await new Promise<void>((resolve) => clock.after(resendMs, resolve))
      }
    }
  }

  /** To a pull, the spawn is the answer that it waits for. */
  async #answerPull({ attempt }: Watched, inbox: string): Promise<void> {
    try {
      const spawn = await this.#watching.compose(attempt)
      if (spawn !== null) this.#host.wire.answerPull(inbox, spawn)
    } catch (error) {
      this.#host.log.warn({ err: error, task: attempt.task }, 'a pull was not answered')
    }
  }
}

const keyOf = ({ owner, task }: AttemptRow): ActorKey => actorKey(owner, task)

/** Something was said; a silence is asked again. */
const isAnswer = (error: unknown): error is WritError =>
  error instanceof WritError && error.code !== 'NO_ANSWER' && error.code !== 'UNREACHABLE'
