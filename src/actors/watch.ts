/**
 * Watches the open attempts of a thread's shards: sends each spawn until it is accepted or refused, tells daemons what they
 * are asked until the attempt is closed, and notices when one is not accepted in time or makes no progress. All of it lives
 * in memory, begins anew with grace after a move, and comes to the machines as messages (DESIGN 8).
 */
import type { Message, Stamp } from '../machines/message.ts'
import { WritError } from '../protocol/errors.ts'
import { actorKey, type ActorKey } from '../protocol/ids.ts'
import { acceptMs, spawnAskMs, stallMs, stoppingMs } from '../protocol/limits.ts'
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
  /** From when on its acceptance is to be stored, where it is not. */
  storeAt: number
  /** Monotonic ms of acceptance or of the last progress. */
  aliveAt: number
  stallMs: number
  /** What its actor was told of its end, and when: it is watched until the commit that closes it. */
  told: { message: Message; at: number } | null
  /** What its daemon is being told, and since when. */
  telling: { verb: AttemptRow['asked']; since: number } | null
}

/** An acceptance that no other commit took along is stored after this time, so that people see the task running. */
const acceptanceStoredMs = 1000
const resendMs = 500
/** What was told is told again after this time, while the attempt is open. */
const againMs = acceptMs

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
    const known = this.#find(attempt)
    if (known !== undefined) return this.#update(known, attempt)
    const now = this.#host.clock.monotonic()
    const watched = {
      attempt,
      accepted: attempt.accepted || attempt.inbox !== null,
      sentAt: now,
      storeAt: now + acceptanceStoredMs,
      aliveAt: now,
      stallMs,
      told: null,
      telling: null,
    }
    this.#watched.set(keyOf(attempt), watched)
    void this.#orderOpen(watched)
    if (attempt.inbox !== null) void this.#answerPull(watched, attempt.inbox)
    else if (!attempt.accepted) void this.#send(watched)
    else void this.#readStallMs(watched)
  }

  /** Its daemon is asked to end it (`attempt.asked`): until it is closed; if it is closed already, until the daemon has heard. */
  order(attempt: AttemptRow): void {
    const watched = this.#find(attempt)
    if (watched === undefined || attempt.closedAt !== null) return void this.#orderClosed(attempt)
    watched.attempt = attempt
    void this.#orderOpen(watched)
  }

  /** As a commit has it, which has held. */
  kept(attempt: AttemptRow): void {
    const watched = this.#find(attempt)
    if (watched === undefined) return
    watched.attempt = attempt
    if (attempt.closedAt !== null) this.#watched.delete(keyOf(attempt))
  }

  #update(known: Watched, attempt: AttemptRow): void {
    const isNews = attempt.asked !== known.attempt.asked
    known.attempt = attempt
    if (isNews) this.order(attempt)
  }

  #find(attempt: AttemptRow): Watched | undefined {
    const watched = this.#watched.get(keyOf(attempt))
    return watched?.attempt.attempt === attempt.attempt ? watched : undefined
  }

  forget(isGone: (attempt: AttemptRow) => boolean): void {
    for (const [key, { attempt }] of this.#watched) if (isGone(attempt)) this.#watched.delete(key)
  }

  /**
   * That an attempt was accepted, or gets on: counts only for the open attempt, from its own session. Asking whether one is
   * still wanted (`accepted` again) is no progress.
   */
  heard(key: ActorKey, daemon: string, report: Stamp & { session: string }, verb: 'accepted' | 'progress'): boolean {
    const watched = this.#watched.get(key)
    if (watched === undefined) return false
    const { attempt } = watched
    const own = attempt.attempt === report.attempt && attempt.nonce === report.nonce && attempt.daemon === daemon
    if (!own || attempt.session !== report.session) return false
    if (verb === 'progress' || !watched.accepted) watched.aliveAt = this.#host.clock.monotonic()
    this.#accept(watched)
    return true
  }

  /** Looks once at everything; called every second. */
  look(): void {
    const now = this.#host.clock.monotonic()
    for (const watched of [...this.#watched.values()]) this.#lookAt(watched, now)
  }

  #lookAt(watched: Watched, now: number): void {
    const { attempt, accepted, sentAt, aliveAt, told } = watched
    if (told !== null) {
      if (now - told.at >= againMs) this.#tell(watched, told.message)
    } else if (attempt.asked === 'cancel') this.#lookAtStopping(watched, now)
    else if (!accepted && now - sentAt >= acceptMs)
      this.#lose(watched, 'accept', `not accepted within ${acceptMs / 1000} s`)
    else if (accepted && attempt.inbox === null && now - aliveAt >= watched.stallMs)
      this.#lose(watched, 'stall', `no progress for ${watched.stallMs / 1000} s`)
    else if (accepted && now >= watched.storeAt && this.#isUnstored(attempt)) {
      watched.storeAt = now + againMs
      this.#watching.storeAcceptance(attempt)
    }
  }

  /** A commit that was to store it may have been refused, or its machine at fault: it is stored again. A parked one hears of nothing. */
  #isUnstored({ accepted, actor }: AttemptRow): boolean {
    return !accepted && this.#host.memory.actors.get(actor)?.parked == null
  }

  /** Its actor gives it up by a timer of its own; a parked one does not. */
  #lookAtStopping(watched: Watched, now: number): void {
    if (watched.telling !== null && now - watched.telling.since >= stoppingMs + againMs)
      this.#lose(watched, 'daemon', 'it was told to stop and did not answer in time')
  }

  #lose(watched: Watched, why: 'accept' | 'stall' | 'refused' | 'daemon', reason: string): void {
    const { attempt, nonce } = watched.attempt
    this.#tell(watched, { type: 'task.lost', attempt, nonce, why, reason })
  }

  #tell(watched: Watched, message: Message): void {
    watched.told = { message, at: this.#host.clock.monotonic() }
    this.#watching.tell(watched.attempt, message)
  }

  /**
   * No room is asked for again, elsewhere or later. What can never be sent is a failure of the task, and what the daemon
   * cannot do one of the means: both are bounded (R22, R28).
   */
  #refused(watched: Watched, error: WritError): void {
    const { code, message: reason } = error
    if (code === 'BUSY' || code === 'DRAINING') return this.#lose(watched, 'refused', reason)
    const { attempt, nonce } = watched.attempt
    const means = code !== 'TOO_LARGE' && code !== 'BAD_INPUT'
    this.#tell(watched, { type: 'task.failed', attempt, nonce, reason: `the spawn was refused: ${reason}`, means })
  }

  #accept(watched: Watched): void {
    if (watched.accepted) return
    watched.accepted = true
    watched.storeAt = this.#host.clock.monotonic() + acceptanceStoredMs
    const { actor, attempt, nonce } = watched.attempt
    this.#host.accepted.set(actor, { attempt, nonce })
  }

  /** After a move: no spawn is sent that would bring the directive's own limit. Until it is read, the default holds. */
  async #readStallMs(watched: Watched): Promise<void> {
    const { attempt } = watched
    for (; this.#watched.get(keyOf(attempt)) === watched; await this.#pause(againMs)) {
      try {
        const spawn = await this.#watching.compose(attempt)
        if (spawn !== null) watched.stallMs = spawn.stallMs
        return
      } catch (error) {
        this.#host.log.warn({ err: error, task: attempt.task }, 'the limit without progress is the default as yet')
      }
    }
  }

  #isOpen(watched: Watched): boolean {
    const { attempt } = watched
    return this.#watched.get(keyOf(attempt)) === watched && this.#watching.isHeld(attempt.shard)
  }

  /**
   * Until the daemon answers, the attempt is closed or to be stopped, or its time to accept is over. Nothing is said while the lease is
   * not trusted; what the daemon says meanwhile is heard.
   */
  async #send(watched: Watched): Promise<void> {
    const { attempt } = watched
    const { clock, wire } = this.#host
    const isWanted = (): boolean => this.#watched.get(keyOf(attempt)) === watched && watched.attempt.asked !== 'cancel'
    const isTime = (): boolean => clock.monotonic() - watched.sentAt < acceptMs
    for (; isWanted() && !watched.accepted && isTime(); await this.#pause(resendMs)) {
      try {
        const spawn = await this.#watching.compose(attempt)
        if (spawn === null || !isWanted()) return
        if (!this.#watching.isHeld(attempt.shard)) continue
        watched.stallMs = spawn.stallMs
        await wire.spawn(attempt.owner, attempt.daemon, attempt.session, spawn, spawnAskMs)
        watched.aliveAt = clock.monotonic()
        if (isWanted()) this.#accept(watched)
        return
      } catch (error) {
        if (isWanted() && isAnswer(error)) return this.#refused(watched, error)
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#host.clock.after(ms, resolve))
  }

  /** What has not begun cannot finish: that waits for the acceptance. Nothing is said while the lease is not trusted. */
  async #orderOpen(watched: Watched): Promise<void> {
    const verb = watched.attempt.asked
    if (verb === null || watched.telling?.verb === verb) return
    watched.telling = { verb, since: this.#host.clock.monotonic() }
    const isAsked = (): boolean => this.#find(watched.attempt) === watched && watched.attempt.asked === verb
    for (let waitMs = resendMs; isAsked();) {
      const waits = (verb === 'finish' && !watched.accepted) || !this.#watching.isHeld(watched.attempt.shard)
      const isHeard = !waits && (await this.#sayOrder(watched.attempt, verb))
      await this.#pause(isHeard ? againMs : waitMs)
      waitMs = waits ? resendMs : Math.min(2 * waitMs, againMs)
    }
  }

  async #orderClosed(attempt: AttemptRow): Promise<void> {
    const { clock } = this.#host
    const until = clock.monotonic() + stoppingMs
    for (let waitMs = resendMs; clock.monotonic() < until && attempt.asked !== null; waitMs *= 2) {
      if (this.#watching.isHeld(attempt.shard) && (await this.#sayOrder(attempt, attempt.asked))) return
      await this.#pause(waitMs)
    }
  }

  /** Whether its daemon has heard it. A pull hears nothing, and is told by its reports' receipts. */
  async #sayOrder(of: AttemptRow, verb: 'cancel' | 'finish'): Promise<boolean> {
    const { owner, daemon, session, task, attempt, nonce, inbox } = of
    if (inbox !== null) return true
    try {
      await this.#host.wire.order(owner, daemon, session, verb, { task, attempt, nonce })
      return true
    } catch (error) {
      this.#host.log.info({ err: error, task, attempt }, 'an order did not reach its daemon')
      return isAnswer(error)
    }
  }

  /**
   * To a pull, the spawn is the answer that it waits for. When nobody waits any more, the task is given to another at once,
   * unless it has begun: a pull that has its task listens no longer. While anybody watches `>`, the servers cannot tell;
   * then the spawn counts as taken, and only its total time ends the attempt.
   */
  async #answerPull(watched: Watched, inbox: string): Promise<void> {
    const { attempt } = watched
    const isOpen = (): boolean => this.#isOpen(watched) && watched.told === null && watched.attempt.asked !== 'cancel'
    try {
      const spawn = await this.#watching.compose(attempt)
      if (spawn === null) return
      const isTaken = await this.#host.wire.answerPull(inbox, spawn)
      if (!isTaken && !attempt.accepted && isOpen())
        this.#lose(watched, 'refused', 'nobody waits for the pull any more')
    } catch (error) {
      if (isOpen() && isAnswer(error)) return this.#refused(watched, error)
      this.#host.log.warn({ err: error, task: attempt.task }, 'a pull was not answered')
    }
  }
}

const keyOf = ({ owner, task }: AttemptRow): ActorKey => actorKey(owner, task)

/** Something was said; a silence is asked again. */
const isAnswer = (error: unknown): error is WritError =>
  error instanceof WritError && error.code !== 'NO_ANSWER' && error.code !== 'UNREACHABLE'
