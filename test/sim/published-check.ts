/**
 * Of plain publishes: each place in the stream is one message of a mailbox at most, however often the stream hands it over; and whoever
 * takes it from there is told what it says. That nothing waits in a stream for ever is looked at when the world has healed.
 */
import { unpack } from '../../src/actors/codec.ts'
import type { JournalEntry } from '../../src/actors/draft.ts'
import type { PublishedMail } from '../../src/actors/mail.ts'
import type { Commit, JournalRow } from '../../src/actors/ports/rows.ts'
import { phase } from '../../src/machines/advance.ts'
import { type ActorKey, readKey, readTaskId } from '../../src/protocol/ids.ts'
import type { Fold } from './fold.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'

interface Waiting {
  to: ActorKey
  mail: PublishedMail
}

export class PublishedCheck {
  readonly #tables: Tables
  readonly #fold: Fold
  readonly #trace: Trace
  readonly #places = new Set<string>()
  /** What was put into mailboxes, by the ids of the messages. */
  readonly #waiting = new Map<number, Waiting>()

  constructor(tables: Tables, fold: Fold, trace: Trace) {
    this.#tables = tables
    this.#fold = fold
    this.#trace = trace
  }

  readonly takenIn = (place: string, message: number): void => {
    if (this.#places.has(place)) this.#trace.violate('3', `the publish at ${place} was taken from the stream twice`)
    this.#places.add(place)
    const row = this.#tables.messages.get(message)
    if (row !== undefined) this.#waiting.set(message, { to: row.to, mail: unpack(row.body) as PublishedMail })
  }

  readonly check = ({ consumed = [], journal = [], attempts = [] }: Commit): void => {
    const taken = consumed.flatMap((id) => this.#waiting.get(id) ?? [])
    if (taken.length === 0) return
    const heard = new Set(journal.flatMap(wordsOf))
    const changed = new Set(attempts.map(({ owner, task }) => `${owner} ${task}`))
    for (const { to, mail } of taken)
      if (!heard.has(wordTo(to, mail)) && this.#isOpen(to, mail, changed))
        this.#trace.violate('3', `${mail.noun} ${mail.id} ${mail.verb} was taken, and ${to} has not heard it`)
  }

  /** A task that is pulled ends by what is published of it. Of any other, and of what is over, nothing has to be heard. */
  #isOpen(to: ActorKey, { id, body }: PublishedMail, changed: ReadonlySet<string>): boolean {
    const task = `${readKey(to).owner} ${id.replace('__c', '__t')}`
    const live = this.#fold.live(to)
    if (changed.has(task) || live === null || phase(live) === 'stopping') return false
    // A parked actor takes nothing: a person has dropped it.
    if (this.#tables.faulted.has(to)) return false
    const { attempt } = body as { attempt?: number }
    return [...this.#tables.attempts.values()].some(
      (row) =>
        `${row.owner} ${row.task}` === task &&
        row.closedAt === null &&
        row.inbox !== null &&
        (attempt ?? row.attempt) === row.attempt,
    )
  }
}

/** What a row of the journal has heard of the ends of tasks. */
const wordsOf = ({ key, entries }: JournalRow): string[] =>
  (unpack(entries) as JournalEntry[]).map(({ message }) => {
    const { type, number, outcome } = (message ?? {}) as { type?: string; number?: number; outcome?: string }
    return `${key} ${number} ${type === 'task.end' ? outcome : type}`
  })

const wordTo = (to: ActorKey, { noun, verb, id }: PublishedMail): string =>
  `${to} ${readTaskId(id)?.number} ${noun === 'contract' ? 'contract.complete' : verb}`
