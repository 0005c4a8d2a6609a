/**
 * On which versions of their machines actors are (DESIGN 13, 13): each begins on one, and becomes of one, that its thread was told to be
 * written; goes on by migrations that its journal has, never back; and is moved by nobody who does not know what it is.
 */
import { unpackJournal } from '../../src/actors/codec.ts'
import { isMigration } from '../../src/actors/checkpoint.ts'
import type { JournalEntry } from '../../src/actors/draft.ts'
import type { Commit, JournalRow } from '../../src/actors/ports/rows.ts'
import type { Renewal, ThreadIdentity } from '../../src/actors/ports/store.ts'
import type { Stored } from '../../src/machines/advance.ts'
import type { ActorKey } from '../../src/protocol/ids.ts'
import type { SimClock } from './clock.ts'
import type { SimStore } from './store.ts'
import type { Trace } from './trace.ts'

/** A batch that was formed before its thread was told otherwise may be committed so much later: threads freeze, and commits are slow. */
const toldWithinMs = 120_000

/** Since a thread joined: until when its lease lasts, which machines it was told last are written, and when of each first, by `<name>@<version>`. */
interface Joined {
  at: number
  until: number
  last: readonly string[]
  told: Map<string, number>
}

export class VersionCheck {
  /** Migrations so far. */
  migrated = 0
  readonly #clock: SimClock
  readonly #store: SimStore
  readonly #trace: Trace
  /** The machine of each actor by its history, as `<name>@<version>`. */
  readonly #machines = new Map<ActorKey, string>()
  /** By nonce. */
  readonly #joined = new Map<string, Joined>()
  /** When a thread was last told that a machine is written, by `<nonce> <name>@<version>`. */
  readonly #told = new Map<string, number>()

  constructor(clock: SimClock, store: SimStore, trace: Trace) {
    this.#clock = clock
    this.#store = store
    this.#trace = trace
  }

  joined(thread: ThreadIdentity, renewal: Renewal): void {
    const joined = { at: this.#clock.monotonic(), until: Infinity, last: [], told: new Map() }
    this.#joined.set(thread.nonce, joined)
    this.#note(thread, joined, renewal)
  }

  renewed(thread: ThreadIdentity, renewal: Renewal): void {
    const joined = this.#joined.get(thread.nonce)
    if (joined === undefined) return
    if (joined.until <= this.#store.now()) this.#checkLate(thread)
    this.#note(thread, joined, renewal)
  }

  #note({ nonce, thread }: ThreadIdentity, joined: Joined, { machines }: Renewal): void {
    const now = this.#clock.monotonic()
    joined.until = this.#store.tables.threads.get(thread)?.expires ?? 0
    joined.last = machines
    for (const machine of machines) {
      this.#told.set(`${nonce} ${machine}`, now)
      if (!joined.told.has(machine)) joined.told.set(machine, now)
    }
  }

  /** A lease that was over counted for nobody: others may write by now what its node does not know. */
  #checkLate({ thread, machines }: ThreadIdentity): void {
    for (const { thread: other, nonce, expires } of this.#store.tables.threads.values()) {
      const last = expires > this.#store.now() ? (this.#joined.get(nonce)?.last ?? []) : []
      const unknown = last.find((machine) => !machines.includes(machine))
      if (other !== thread && unknown !== undefined)
        this.#wrong(`${thread} has a lease again, and does not know ${unknown}, which ${other} writes`)
    }
  }

  readonly check = ({ actors = [], journal = [] }: Commit, by: ThreadIdentity): void => {
    for (const row of journal) this.#checkHistory(row, by)
    for (const { key, machine, machineVersion } of actors) {
      const [is, should] = [`${machine}@${machineVersion}`, this.#machines.get(key)]
      if (is !== should) this.#wrong(`${key} is stored as one of ${is}, and is one of ${should} by its journal`)
    }
  }

  #checkHistory({ key, entries }: JournalRow, by: ThreadIdentity): void {
    for (const entry of unpackJournal(entries)) {
      const before = this.#machines.get(key)
      const after = machineAfter(entry) ?? before ?? ''
      this.#machines.set(key, after)
      if (!by.machines.includes(after)) this.#wrong(`${by.thread} moves ${key}, and does not know ${after}`)
      if (isMigration(entry) && before !== undefined) this.#checkMigration(key, before, after)
      if (isMigration(entry) || before === undefined) this.#checkWritten(key, after, by)
    }
  }

  #checkMigration(key: ActorKey, before: string, after: string): void {
    this.migrated++
    if (numberOf(after) <= numberOf(before)) this.#wrong(`${key} goes from ${before} to ${after}`)
  }

  #checkWritten(key: ActorKey, machine: string, { thread, nonce }: ThreadIdentity): void {
    const toldAt = this.#told.get(`${nonce} ${machine}`) ?? -Infinity
    if (this.#clock.monotonic() - toldAt > toldWithinMs)
      this.#wrong(`${key} becomes one of ${machine}, and ${thread} was not told that this is written`)
    const { threads } = this.#store.tables
    const since = threads.get(thread)?.nonce === nonce ? this.#joined.get(nonce)?.told.get(machine) : undefined
    for (const { thread: other, nonce: of, machines, expires } of threads.values()) {
      const joinedAt = this.#joined.get(of)?.at ?? 0
      if (since === undefined || joinedAt <= since || expires <= this.#store.now()) continue
      if (!machines.includes(machine))
        this.#wrong(`${other} has joined, and does not know ${machine}, which is written`)
    }
  }

  #wrong(what: string): void {
    this.#trace.violate('13', what)
  }
}

/** The machine that an entry brings, as `<name>@<version>`. */
const machineAfter = (entry: JournalEntry): string | undefined => {
  if (!isMigration(entry)) return entry.machine
  const { machine, version } = entry.message as Stored
  return `${machine}@${version}`
}

const numberOf = (machine: string): number => Number(machine.split('@')[1])
