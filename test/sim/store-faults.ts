/** The fates of commits and calls, by the faults of now. Without any, each still takes a moment, so that things may meet. */
import type { AttemptRow, Commit } from '../../src/actors/ports/rows.ts'
import type { Store, ThreadIdentity } from '../../src/actors/ports/store.ts'
import { fromDesk } from '../../src/actors/settle.ts'
import { type ActorKey, registryId } from '../../src/protocol/ids.ts'
import type { SimClock } from './clock.ts'
import type { Luck } from './luck.ts'
import type { SimRandom } from './random.ts'
import type { CallFate, CommitFate } from './store.ts'
import type { Tables } from './tables.ts'

export class StoreFaults {
  readonly #clock: SimClock
  readonly #luck: Luck
  readonly #random: SimRandom
  readonly #aside: SimRandom
  readonly #begins: SimRandom
  /** Actors whose tasks no commit can begin. */
  readonly #refused = new Set<ActorKey>()
  /** What was tried of attempts so far: each has one chance. */
  readonly #tried = new Set<string>()
  /** Messages that no commit can take. */
  readonly #poisoned = new Set<number>()
  #tables: Tables | null = null
  #downUntil = 0

  constructor(clock: SimClock, luck: Luck, random: SimRandom) {
    this.#clock = clock
    this.#luck = luck
    this.#random = random
    this.#aside = random.aside()
    this.#begins = random.aside().fork()
  }

  /** Some of the messages that are put into mailboxes from now on: the database refuses what comes of them. */
  poison(tables: Tables): void {
    this.#tables = tables
    const insert = tables.insertMessage.bind(tables)
    tables.insertMessage = (row, taken) => {
      const id = insert(row, taken)
      const ofRegistry = [row.to, row.from].some((actor) => actor.endsWith(`/${registryId}`))
      const struck = this.#luck.strikes(ofRegistry ? 'registryPoisoned' : 'messagePoisoned', this.#aside)
      // What a desk tells itself leaves nothing that could be refused but what it begins then.
      if (struck && row.from !== fromDesk) this.#poisoned.add(id)
      return id
    }
  }

  /** Whether attempts of this actor can neither begin nor end just now. */
  refuses(actor: ActorKey): boolean {
    return this.#refused.has(actor)
  }

  /** Nothing is done and nothing is told for a while. */
  down(ms: number): void {
    this.#downUntil = Math.max(this.#downUntil, this.#clock.monotonic() + ms)
  }

  up(): void {
    this.#downUntil = 0
  }

  get #isDown(): boolean {
    return this.#clock.monotonic() < this.#downUntil
  }

  readonly fate = (
    _: ThreadIdentity,
    { consumed = [], parked = [], faulted = [], attempts = [], actors = [], replies = [] }: Commit,
  ): CommitFate => {
    const fate = this.#fate()
    // By the time that a person tries it again, what was wrong is mended.
    for (const { message } of parked) if (message !== null) this.#poisoned.delete(message)
    for (const key of [...parked.map(({ actor }) => actor), ...faulted.map(({ key: actor }) => actor)])
      this.#refused.delete(key)
    // Of what a person has decided nobody is parked: it would be refused for ever.
    const changed = new Set(replies.length > 0 ? [] : actors.map(({ key }) => key))
    const refused = attempts.filter((attempt) => changed.has(attempt.actor) && this.#isRefused(attempt))
    if (refused.length > 0) return { ...fate, answer: 'refused' }
    if (consumed.some((id) => this.#poisoned.has(id) && !this.#isDropped(id))) return { ...fate, answer: 'refused' }
    return this.#isDown ? { appliedAfterMs: null, answer: 'unknown', answeredAfterMs: fate.answeredAfterMs } : fate
  }

  /** An attempt begins or ends, and its actor may do neither. */
  #isRefused({ owner, task, attempt, actor, closedAt }: AttemptRow): boolean {
    const name = `${owner} ${task} ${attempt}`
    if (closedAt === null && this.#tables?.attempts.has(name) === true) return false
    const what = `${name} ${closedAt === null ? 'begins' : 'ends'}`
    if (!this.#tried.has(what) && this.#luck.strikes('taskRefused', this.#begins)) this.#refused.add(actor)
    this.#tried.add(what)
    return this.#refused.has(actor)
  }

  /** What a parked actor was told is consumed by nobody but a person who drops it. */
  #isDropped(id: number): boolean {
    const to = this.#tables?.messages.get(id)?.to
    return to !== undefined && this.#tables?.faulted.has(to) === true
  }

  #fate(): CommitFate {
    const random = this.#random
    const strikes = (fault: Parameters<Luck['strikes']>[0]): boolean => this.#luck.strikes(fault, random)
    const ms = strikes('commitSlow') ? random.between(100, 5_000) : random.between(0, 5)
    if (strikes('commitUnknownApplied'))
      return { appliedAfterMs: random.between(0, ms), answer: 'unknown', answeredAfterMs: ms }
    if (strikes('commitUnknownLost')) return { appliedAfterMs: null, answer: 'unknown', answeredAfterMs: ms }
    if (strikes('commitUnknownLate'))
      return { appliedAfterMs: ms + random.between(1, 8_000), answer: 'unknown', answeredAfterMs: ms }
    if (strikes('commitRefused')) return { appliedAfterMs: 0, answer: 'refused', answeredAfterMs: ms }
    return { appliedAfterMs: random.between(0, ms), answer: 'told', answeredAfterMs: ms }
  }

  readonly call = (_: keyof Store): CallFate => {
    const random = this.#random
    const slow = this.#luck.strikes('callSlow', random)
    const ms = slow ? random.between(10, 3_000) : random.chance(0.3) ? random.between(1, 4) : 0
    const fails = this.#luck.strikes('callFails', random) || this.#isDown
    return { ms, fails, ...this.#answer() }
  }

  #answer(): Pick<CallFate, 'answerMs' | 'untold'> {
    const late = this.#luck.strikes('callLate', this.#aside)
    return {
      answerMs: late ? this.#aside.between(5, 3_000) : 0,
      untold: this.#luck.strikes('callUnknown', this.#aside),
    }
  }
}
