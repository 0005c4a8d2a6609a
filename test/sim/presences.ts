/**
 * What is known of daemons by their words, and what follows (R42, R43): a session that is heard keeps its name; what is not
 * accepted in time is lost, work that makes no progress, and what its daemon comes back without. Looked at twice a second.
 */
import type { AttemptRow, Commit } from '../../src/actors/ports/rows.ts'
import type { ThreadIdentity } from '../../src/actors/ports/store.ts'
import { decode } from '../../src/bus/json.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { registryId, shardOf } from '../../src/protocol/ids.ts'
import { acceptMs, daemonLeaseMs, stallMs } from '../../src/protocol/limits.ts'
import type { SimClock } from './clock.ts'
import type { WorldDaemon } from './daemons.ts'
import type { Duties } from './duties.ts'
import type { SimStore } from './store.ts'
import type { StoreFaults } from './store-faults.ts'
import type { Trace } from './trace.ts'

export interface PresencesWorld {
  clock: SimClock
  store: SimStore
  trace: Trace
  duties: Duties
  daemons: ReadonlyMap<string, WorldDaemon>
  storeFaults: StoreFaults
}

/** A commit may fail, and what is lost is told again after ten seconds. */
const lostWithinMs = 40_000
/** How long a hello may have been on its way, and in line. */
const helloMs = 10_000
/** Threads' clocks run a little fast or slow. */
const surelyLive = 0.9

/** A session as the thread that holds its registry heard of it last. */
interface Heard {
  session: string
  at: number
  thread: string
}

/** An open attempt: when it was seen first, and as accepted; when it was last known to get on; since when its daemon is back without it. */
interface Watched {
  seenAt: number
  acceptedAt: number | null
  aliveAt: number
  missedAt: number | null
}

export class Presences {
  readonly #world: PresencesWorld
  readonly #heard = new Map<string, Heard>()
  /** Whose name another session has since, though it was heard of shortly before, and by which thread. */
  readonly #ousted = new Map<string, Heard>()
  readonly #watched = new Map<string, Watched>()

  constructor(world: PresencesWorld) {
    this.#world = world
  }

  /** What a thread answered to a daemon, when it was no error. */
  answered(subject: string, body: Uint8Array, answer: object, thread: string): void {
    const read = subjects.daemon.read(subject)
    if (read === null) return this.#progressed(subject, body)
    const name = `${read.owner} ${read.id}`
    const { session, running } = decode(body) as { session: string; running?: string[] }
    const { known, session: given } = answer as { known?: boolean; session?: string }
    if (read.verb === 'beat') this.#beat(name, session, known === true, thread)
    else if (read.verb === 'hello') this.#hello(name, given ?? session, running ?? [], thread)
  }

  #beat(name: string, session: string, isKnown: boolean, thread: string): void {
    const at = this.#world.clock.monotonic()
    if (isKnown) return void this.#heard.set(name, { session, at, thread })
    const ousted = this.#ousted.get(name)
    if (ousted?.session !== session || ousted.thread !== thread) return
    this.#world.trace.violate('R43', `${name} was live as ${session}, and another session was given its name`)
  }

  #hello(name: string, session: string, running: readonly string[], thread: string): void {
    const { clock, store } = this.#world
    const at = clock.monotonic()
    this.#heard.set(name, { session, at, thread })
    if (this.#ousted.get(name)?.session === session) this.#ousted.delete(name)
    for (const row of store.tables.attempts.values()) {
      const watched = this.#watched.get(nameOf(row))
      if (`${row.owner} ${row.daemon}` !== name || watched === undefined || row.session !== session) continue
      // By the database's clock as well, which may have been set back.
      const isOld = Math.max((watched.acceptedAt ?? at) - at, row.openedAt - store.now()) < -(acceptMs + helloMs)
      if (running.includes(`${row.task}/${row.attempt}`)) watched.missedAt = null
      else if (isOld) watched.missedAt ??= at
    }
  }

  #progressed(subject: string, body: Uint8Array): void {
    const read = subjects.report.read(subject)
    if (read?.verb !== 'progress') return
    const { attempt } = decode(body) as { attempt: number }
    const watched = this.#watched.get(`${read.owner} ${read.id} ${attempt}`)
    if (watched !== undefined) watched.aliveAt = this.#world.clock.monotonic()
  }

  readonly committed = ({ daemons = [], goneDaemons = [] }: Commit, { thread }: ThreadIdentity): void => {
    const { clock, duties } = this.#world
    const now = clock.monotonic()
    for (const { owner, name } of goneDaemons) this.#heard.delete(`${owner} ${name}`)
    for (const { owner, name, session } of daemons) {
      const before = this.#heard.get(`${owner} ${name}`)
      if (before === undefined || before.session === session) continue
      const isKnown = before.thread === thread && duties.wellSince(shardOf(owner, registryId)) <= before.at
      const isLive = isKnown && now - before.at < surelyLive * daemonLeaseMs
      if (isLive) this.#ousted.set(`${owner} ${name}`, before)
      this.#heard.delete(`${owner} ${name}`)
    }
  }

  look(): void {
    const { clock, store, storeFaults } = this.#world
    const now = clock.monotonic()
    const seen = new Set<string>()
    for (const row of store.tables.attempts.values()) {
      if (row.closedAt !== null || row.inbox !== null) continue
      seen.add(nameOf(row))
      const first = { seenAt: now, acceptedAt: null, aliveAt: now, missedAt: null }
      const watched = this.#watched.get(nameOf(row)) ?? first
      this.#watched.set(nameOf(row), watched)
      if (row.accepted && watched.acceptedAt === null) watched.acceptedAt = watched.aliveAt = now
      // Whose end the database refuses is parked before long.
      const isHeldUp = store.tables.faulted.has(row.actor) || storeFaults.refuses(row.actor)
      if (row.asked !== 'cancel' && !isHeldUp) this.#lookAt(row, watched, now)
    }
    for (const name of this.#watched.keys()) if (!seen.has(name)) this.#watched.delete(name)
  }

  #lookAt(row: AttemptRow, { seenAt, acceptedAt, aliveAt, missedAt }: Watched, now: number): void {
    const { duties, trace } = this.#world
    const wellMs = now - duties.wellSince(row.shard)
    const isOver = (since: number, limitMs: number): boolean => Math.min(now - since, wellMs) > limitMs + lostWithinMs
    const stall = this.#stallMs(row)
    if (acceptedAt === null && isOver(seenAt, acceptMs) && !this.#hasBegun(row))
      trace.violate('R42', `${row.daemon} has not accepted ${nameOf(row)} in time, which is open`)
    if (acceptedAt !== null && isOver(aliveAt, stall))
      trace.violate('9', `${nameOf(row)} has made no progress for ${stall} ms and more, and is open`)
    if (missedAt !== null && isOver(missedAt, 0))
      trace.violate('R43', `${row.daemon} came back without ${nameOf(row)}, which is open`)
  }

  /** That it was accepted is stored later, and nobody says so again. */
  #hasBegun(row: AttemptRow): boolean {
    return this.#world.daemons.get(row.daemon)?.knows(row) === true
  }

  #stallMs({ directive }: AttemptRow): number {
    const { stallSeconds } = this.#world.store.tables.directives.get(directive)?.definition.limits ?? {}
    return stallSeconds === undefined ? stallMs : 1_000 * stallSeconds
  }
}

const nameOf = ({ owner, task, attempt }: AttemptRow): string => `${owner} ${task} ${attempt}`
