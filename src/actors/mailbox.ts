/**
 * Looks into the mailboxes and at the timers of the held shards: at once when told that something is there, and every
 * second for what nobody told. Rows become units in their order, each once.
 */
import { Ahead } from './ahead.ts'
import type { Draft } from './draft.ts'
import type { Host } from './host.ts'
import { isFromRegistry, isInOrder } from './in-order.ts'
import { takeMail } from './mail.ts'
import { type ActorKey, directiveKeyOf, kindOf, readKey, shardOfKey } from '../protocol/ids.ts'
import { WritError } from '../protocol/errors.ts'
import { batchMessagesMax } from '../protocol/limits.ts'
import type { ParkedAhead, ParkedRow } from './ports/parked-rows.ts'
import type { Commit, MessageRow, StoredMessage, StoredTimer } from './ports/rows.ts'
import { mended, parkedError, unfaulted } from './parked.ts'
import { isSpent, Spent } from './parking.ts'
import { pairOf } from './letter.ts'
import type { Turn } from './turn.ts'
import { type Unit, unitOf } from './unit.ts'
import { noLongerWaited, waited } from './waiting.ts'

/** How many consumed rows are remembered: more than looks can be under way about. */
const consumedMax = 20_000

/** Batches of rows in line: with more than these, the rest waits in the mailboxes until some are done. */
const batchesAhead = 5

export class Mailbox {
  readonly #host: Host
  readonly #push: (unit: Unit) => void
  readonly #isTimerTouched: (key: string) => boolean
  readonly #queued = new Set<number>()
  readonly #queuedTimers = new Set<string>()
  readonly #wanted = new Set<number>()
  readonly #consumed = new Set<string>()
  /** Rows that were parked: as consumed ones, until they are back. */
  readonly #left = new Map<number, ActorKey>()
  readonly #ahead: Ahead
  /** Dropped rows, takeovers, and rows told in doubt so far: a look that began before the last of them may miss what is older. */
  #doubts = 0
  #isLooking = false
  /** Directives that the commit in flight mends, or actors of. */
  #mending: ReadonlySet<ActorKey> = new Set()
  /** The commit that was begun last. */
  #sending: Pick<Commit, 'mended' | 'unparked'> = {}
  /** Rows and timers that the last look found for actors that are parked: a look has to see past them. */
  #parkedRows = 0
  #parkedTimers = 0
  /** Shards to look at once there is less in line. */
  readonly #later = new Set<number>()

  constructor(host: Host, push: (unit: Unit) => void, isTimerTouched: (key: string) => boolean) {
    this.#host = host
    this.#push = push
    this.#isTimerTouched = isTimerTouched
    this.#ahead = new Ahead(host)
  }

  /** Looks soon; calls that come meanwhile are one look. */
  look(shards: readonly number[]): void {
    for (const shard of shards) this.#wanted.add(shard)
    if (this.#isLooking) return
    this.#isLooking = true
    void this.#lookAll()
  }

  /**
   * A commit begins. What it carries is in no mailbox yet, and nothing that is told meanwhile may overtake it. What a look brings for
   * whom it mends is not taken before it has held: it would meet them as they were.
   */
  sending(commit: Commit): void {
    const { messages = [], mended: directives = [], unfaulted: actors = [] } = commit
    const { inFlight } = this.#host
    inFlight.clear()
    for (const row of messages) inFlight.add(pairOf(row))
    this.#mending = new Set([...directives, ...actors].map(directiveKeyOf))
    this.#sending = commit
  }

  /** It has not held, or nobody knows: what it was to put back may be back. */
  unsent(): void {
    this.#mending = new Set()
    this.#back(this.#sending)
  }

  /** The commit has held, and gave them these ids. */
  sent(rows: readonly MessageRow[], ids: readonly number[], isHeld: (shard: number) => boolean): void {
    rows.forEach((row, at) => {
      const id = ids[at]
      if (id === undefined) return
      if (isHeld(row.shard)) this.#told({ ...row, id, tries: 0 })
      else this.doubt([row.shard])
    })
    this.#host.inFlight.clear()
  }

  /** What a commit of this thread has put into a mailbox of this thread is known without a look, if all before it is. */
  #told(row: StoredMessage): void {
    if (!this.#host.doubted.has(row.shard)) return this.#add(row)
    // A look that is under way may have read before this row was there, and what comes after it must not overtake it.
    this.doubt([row.shard])
    this.look([row.shard])
  }

  /** There may be rows in these shards that are older than what is in line: until a look has seen all, nothing may overtake them. */
  doubt(shards: readonly number[]): void {
    this.#doubts++
    for (const shard of shards) this.#host.doubted.set(shard, this.#doubts)
  }

  /** A commit has held that mends these: what waited for them is older than what they are told from now on. */
  unparked({
    faulted,
    mended: directives,
    unfaulted: actors,
    unparked: rows,
  }: Pick<Draft, 'faulted' | 'mended' | 'unfaulted' | 'unparked'>): void {
    this.#mending = new Set()
    for (const { key } of faulted) this.#host.memory.parking.delete(key)
    for (const key of directives) mended(this.#host.memory, key)
    for (const key of actors) unfaulted(this.#host.memory, key)
    this.#back({ mended: directives, unparked: rows })
    this.#ahead.decided(new Set(rows.map(({ message }) => message)), directives)
    const shards = [...directives, ...actors, ...rows.map(({ actor }) => actor)].map(shardOfKey)
    if (shards.length === 0) return
    this.doubt(shards)
    this.look(shards)
  }

  /** What was parked may be in the mailbox again. */
  #back({ mended: directives = [], unparked: rows = [] }: Pick<Commit, 'mended' | 'unparked'>): void {
    for (const { message } of rows) this.#left.delete(message)
    for (const [id, actor] of this.#left) if (directives.includes(directiveKeyOf(actor))) this.#left.delete(id)
  }

  #add(row: StoredMessage): void {
    if (this.#queued.has(row.id) || this.#consumed.has(`${row.id}`) || this.#left.has(row.id)) return
    if (this.#mending.has(directiveKeyOf(row.to))) return this.doubt([row.shard])
    if ((this.#isParked(row.to) && !isForDesk(row)) || this.#ahead.isBefore(row)) return
    this.#queued.add(row.id)
    waited(this.#host.waiting, pairOf(row), row.id)
    this.#push(this.#unit(row))
  }

  /**
   * A unit is over. If it was not committed, the next look finds its row again; if it was, a look that began before the
   * commit may still bring it, and must not be believed.
   */
  over({ row, timer }: Unit, committed: boolean): void {
    if (row !== null) this.#queued.delete(row.id)
    if (timer !== null) this.#queuedTimers.delete(timerKey(timer))
    if (!committed && row !== null) this.doubt([row.shard])
    if (this.#later.size > 0 && !this.#isCrowded) this.#lookLater()
    if (!committed) return
    if (row !== null) this.#consumed.add(`${row.id}`)
    // Not before: a unit that runs again after a failed commit must not be overtaken by what was behind it.
    if (row !== null) this.#forgetPair(row)
    if (timer !== null) this.#consumed.add(`${timerKey(timer)} ${timer.generation}`)
    const [oldest] = this.#consumed
    if (this.#consumed.size > consumedMax && oldest !== undefined) this.#consumed.delete(oldest)
  }

  get #isCrowded(): boolean {
    return this.#queued.size > batchesAhead * batchMessagesMax
  }

  #putOff(shards: readonly number[]): void {
    for (const shard of shards) this.#later.add(shard)
  }

  #lookLater(): void {
    const shards = [...this.#later]
    this.#later.clear()
    this.look(shards)
  }

  /** What waited in shards that are gone is somebody else's now; their units end by themselves. */
  forget(shards: ReadonlySet<number>): void {
    for (const pair of this.#host.waiting.keys()) {
      if (shards.has(shardOfPair(pair))) this.#host.waiting.delete(pair)
    }
    for (const shard of shards) this.#later.delete(shard)
    this.#ahead.forget(shards)
    // Another holder may put them back.
    for (const [id, actor] of this.#left) if (shards.has(shardOfKey(actor))) this.#left.delete(id)
  }

  /** Rows have left the mailbox without being taken. What one actor told another later waits behind them; the rest goes on. */
  parked(rows: readonly ParkedRow[]): void {
    for (const { message: id, actor: to, from } of rows) if (id !== null) this.#leave({ id, to, from })
  }

  #leave(row: ParkedAhead): void {
    this.#left.set(row.id, row.to)
    const [oldest] = this.#left.keys()
    if (this.#left.size > consumedMax && oldest !== undefined) this.#left.delete(oldest)
    if (isInOrder(row.from, row.to)) this.#ahead.add(row)
    else this.#forgetPair(row)
  }

  /** Again while something was asked for meanwhile; what failed is left to the next sweep. */
  async #lookAll(): Promise<void> {
    while (this.#wanted.size > 0) {
      const shards = [...this.#wanted]
      this.#wanted.clear()
      try {
        await this.#lookAt(shards)
        await this.#lookAtTimers(shards)
      } catch (error) {
        this.#host.log.warn({ err: error }, 'looking into the mailboxes failed')
      }
    }
    this.#isLooking = false
  }

  async #lookAt(shards: readonly number[]): Promise<void> {
    if (this.#isCrowded) return this.#putOff(shards)
    const limit = batchMessagesMax + this.#queued.size + this.#parkedRows
    const seen = this.#doubts
    if (shards.some((shard) => this.#host.doubted.has(shard)))
      await this.#ahead.find(shards, (id) => this.#left.has(id))
    const rows = await this.#host.store.mailbox(shards, limit)
    this.#parkedRows = rows.filter((row) => this.#isParked(row.to) && !isForDesk(row)).length
    for (const row of rows) this.#add(row)
    if (rows.length === limit) {
      this.doubt(shards)
      for (const shard of shards) this.#wanted.add(shard)
    } else this.#trust(shards.filter((shard) => (this.#host.doubted.get(shard) ?? Infinity) <= seen))
  }

  /** All that waits in these shards is in line now; what was waited for and is not is gone, though nobody heard of its commit. */
  #trust(shards: readonly number[]): void {
    if (shards.length === 0) return
    const { doubted, waiting } = this.#host
    for (const shard of shards) doubted.delete(shard)
    for (const [pair, ids] of waiting) {
      if (!shards.includes(shardOfPair(pair))) continue
      for (const id of ids) if (!this.#queued.has(id) && !this.#ahead.has(pair, id)) ids.delete(id)
      if (ids.size === 0) waiting.delete(pair)
    }
  }

  async #lookAtTimers(shards: readonly number[]): Promise<void> {
    const timers = await this.#host.store.dueTimers(shards, batchMessagesMax + this.#parkedTimers)
    this.#parkedTimers = timers.filter((timer) => this.#isParked(timer.key)).length
    for (const timer of timers) {
      const key = timerKey(timer)
      if (this.#isParked(timer.key)) continue
      const consumed = this.#consumed.has(`${key} ${timer.generation}`)
      if (consumed || this.#queuedTimers.has(key) || this.#isTimerTouched(key)) continue
      this.#queuedTimers.add(key)
      this.#push(unitOf(timer.shard, `timer ${key}`, (turn) => this.#fire(turn, timer), { timer }))
    }
  }

  #isParked(key: ActorKey): boolean {
    return this.#host.memory.actors.get(key)?.parked != null
  }

  async #fire(turn: Turn, { key, id }: StoredTimer): Promise<object> {
    turn.fireTimer(key, id)
    await turn.run()
    return {}
  }

  #unit(row: StoredMessage): Unit {
    return unitOf(row.shard, `message ${row.id} to ${row.to}`, (turn) => this.#take(turn, row), { row })
  }

  /** What a parked actor is to take stays where it is; but one that is spent is not to be met again: it may be the actor that ends threads. */
  async #take(turn: Turn, row: StoredMessage): Promise<object> {
    if (isSpent(row)) throw new Spent(row)
    const resident = kindOf(readKey(row.to).id) === 'registry' ? null : await turn.host.loader.actor(row.to)
    if (resident?.parked != null && !isForDesk(row)) throw parkedError(resident)
    if (this.#ahead.isBefore(row)) throw new WritError('PARKED', `what ${row.from} told ${row.to} before is parked`)
    await takeMail(turn, row)
    await turn.run()
    return {}
  }

  #forgetPair(row: ParkedAhead): void {
    noLongerWaited(this.#host.waiting, pairOf(row), row.id)
  }
}

/** The desk of a parked directive works on: what it is granted goes back, and what is lost is lost. */
const isForDesk = ({ from }: StoredMessage): boolean => isFromRegistry(from)

const shardOfPair = (pair: string): number => shardOfKey(pair.slice(pair.lastIndexOf(' ') + 1) as ActorKey)

const timerKey = ({ key, id }: { key: ActorKey; id: string }): string => `${key} ${id}`
