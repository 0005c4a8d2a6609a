/** Listens to what a thread says, and asks of each word whether the commit that it tells of is there (DESIGN 13, 6 and 12). */
import { isDeepStrictEqual } from 'node:util'
import type { Published } from '../../src/actors/ports/bus.ts'
import type { Commit } from '../../src/actors/ports/rows.ts'
import type { ThreadIdentity } from '../../src/actors/ports/store.ts'
import { decode } from '../../src/bus/json.ts'
import type { Message } from '../../src/bus/subject.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { type Code, codes } from '../../src/protocol/errors.ts'
import { type ActorKey, actorKey, readTaskId } from '../../src/protocol/ids.ts'
import type { Order } from '../../src/protocol/task.ts'
import type { Checkers } from './checkers.ts'
import type { Duties } from './duties.ts'
import type { Presences } from './presences.ts'
import type { Ear } from './process.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'

interface Answer {
  error?: { code: string; message: string }
  received?: unknown
  counted?: boolean
  session?: string
}

/** What tells the asker that asking again is of no use. */
const isFinal = (code: string): boolean => code in codes && !codes[code as Code].retry && code !== 'INTERNAL'

const commandNouns = ['directive', 'step', 'contract', 'task'] as const

export class ThreadEar implements Ear {
  /** Commands that were answered, as `<owner> <command>`: their replies stay. */
  readonly promised = new Set<string>()
  /** Where in the stream there was what nobody can take. */
  readonly nonsense = new Set<string>()
  readonly #tables: Tables
  readonly #checkers: Checkers
  readonly #trace: Trace
  readonly #duties: Duties
  readonly #presences: Presences
  /** Whether what is asked may meet a machine that throws. */
  readonly #mayFail: () => boolean
  /** What counted of each attempt: the same report again has the same receipt. */
  readonly #counted = new Map<string, string>()
  /** Daemons that were welcomed for another session than is stored, since the last commit. */
  readonly #early = new Set<string>()
  #commits = 0
  /** The number of each thread's last commit. */
  readonly #lastOf = new Map<string, number>()
  /** The number of the commit that stored the reply, as `<owner> <command>`. */
  readonly #repliedIn = new Map<string, number>()

  constructor(
    tables: Tables,
    checkers: Checkers,
    trace: Trace,
    duties: Duties,
    presences: Presences,
    mayFail: () => boolean,
  ) {
    this.#tables = tables
    this.#presences = presences
    this.#mayFail = mayFail
    this.#checkers = checkers
    this.#trace = trace
    this.#duties = duties
  }

  readonly committed = ({ replies = [] }: Commit, { thread }: ThreadIdentity): void => {
    this.#checkWelcomes()
    this.#lastOf.set(thread, ++this.#commits)
    for (const { owner, command } of replies) {
      const name = `${owner} ${command}`
      if (!this.#repliedIn.has(name)) this.#repliedIn.set(name, this.#commits)
    }
  }

  readonly said = (subject: string, body: object): void => {
    this.#trace.add(`says ${subject}`)
    const event = subjects.event.read(subject)
    if (event !== null) return this.#event(actorKey(event.owner, event.directive), body as { number: number })
    if (subjects.mail.read(subject) !== null) return this.#mail(body as { from: string; message?: number })
    const order = subjects.daemonSession.read(subject)
    if (order?.verb === 'spawn' || subject.startsWith('_INBOX')) return this.#spawn(body as Partial<SpawnBody>)
    if (order?.verb !== 'cancel' && order?.verb !== 'finish') return
    const { task, attempt } = body as Order
    this.#duties.said(order.owner, task, attempt, order.verb)
  }

  #event(directive: ActorKey, { number }: { number: number }): void {
    const { events, forgotten } = this.#tables
    if (events.has(`${directive} ${number}`) || number <= (forgotten.get(directive) ?? 0)) return
    this.#wrong(`event ${number} of ${directive} is told before its commit`)
  }

  #mail({ from, message }: { from: string; message?: number }): void {
    if (from !== 'stream' && message !== undefined && !this.#checkers.wasInserted(message))
      this.#wrong(`message ${message} is told before its commit`)
  }

  #spawn({ owner, task }: Partial<SpawnBody>): void {
    if (task === undefined) return
    const row = this.#tables.attempts.get(`${owner} ${task.id} ${task.attempt}`)
    if (row?.nonce !== task.nonce) this.#wrong(`${task.id}/${task.attempt} is sent before its commit`)
    if (owner !== undefined) this.#duties.said(owner, task.id, task.attempt, 'spawn')
  }

  /** What the stream is told to forget is in a mailbox, which may have been full, or is nothing that could be taken. */
  readonly acknowledged = ({ subject, body, incarnation, at, sequence }: Published): void => {
    const place = `${incarnation} ${at} ${sequence}`
    const { ingress, turnedAway } = this.#tables
    if (!canBeTaken(subject, body)) this.nonsense.add(place)
    else if (!ingress.has(place) && !turnedAway.has(place))
      this.#wrong(`${subject} is acknowledged before it is stored`)
  }

  readonly answered = (
    { subject, body }: { subject: string; body: Uint8Array },
    answer: Answer,
    thread: string,
  ): void => {
    this.#trace.add(`answers ${subject}: ${answer.error?.code ?? 'ok'}`)
    const { error } = answer
    if (error?.code === 'INTERNAL' && !error.message.startsWith('the database refused') && !this.#mayFail())
      this.#trace.violate('answer', `${subject}: ${error.message}`)
    this.#command(subject, body, answer, thread)
    if (error !== undefined) return
    this.#report(subject, answer, body)
    this.#presences.answered(subject, body, answer, thread)
    const hello = subjects.daemon.read(subject)
    // Who has left in the same commit is not stored any more.
    if (hello?.verb === 'bye') this.#early.delete(`${hello.owner} ${hello.id}`)
    if (hello?.verb !== 'hello') return
    const daemon = this.#tables.daemons.get(`${hello.owner} ${hello.id}`)
    const name = `${hello.owner} ${hello.id}`
    if (daemon?.session === answer.session) this.#early.delete(name)
    else this.#early.add(name)
  }

  /** Of two hellos in one commit the later one stays; who is welcomed for the other is not early, once that one is welcomed too. */
  #checkWelcomes(): void {
    for (const name of this.#early) this.#wrong(`${name} is welcomed before its commit`)
    this.#early.clear()
  }

  /** A command has one answer, which is durable before it is given; asking again gets the same (R45). */
  #command(subject: string, body: Uint8Array, answer: Answer, thread: string): void {
    const noun = commandNouns.find((each) => subjects[each].read(subject) !== null)
    const read = noun === undefined ? null : subjects[noun].read(subject)
    const { command } = read === null ? {} : (decode(body) as { command?: string })
    if (read === null || command === undefined || read.verb === 'get' || answer.received !== undefined) return
    const name = `${read.owner} ${command}`
    const stored = this.#tables.replies.get(name)?.reply
    if (answer.error !== undefined) {
      if (stored !== undefined && isFinal(answer.error.code) && this.#wasAnswered(name, thread))
        this.#trace.violate('R45', `${subject} was answered, and is now ${answer.error.code}: ${answer.error.message}`)
      return
    }
    this.promised.add(name)
    if (stored === undefined) this.#wrong(`${subject} is answered before its commit`)
    else if (!isDeepStrictEqual(stored, answer)) this.#trace.violate('R45', `${subject} has two answers`)
  }

  /**
   * Whether the reply is older than the refusal that a thread says, which came of its last commit. That may have both: it was
   * asked twice, refused, and done once what it had been refused for was over.
   */
  #wasAnswered(name: string, thread: string): boolean {
    const [replied, refused] = [this.#repliedIn.get(name) ?? 0, this.#lastOf.get(thread) ?? 0]
    return replied < refused || (replied === refused && this.promised.has(name))
  }

  #report(subject: string, { counted }: Answer, body: Uint8Array): void {
    const read = subjects.report.read(subject)
    if (read === null || (read.verb !== 'done' && read.verb !== 'failed')) return
    const report = decode(body) as ReportBody
    const name = `${read.owner} ${read.id} ${report.attempt}`
    if (counted === true) this.#counts(name, JSON.stringify([read.verb, report]))
    else this.#late(name, read.daemon, report)
  }

  /** What did not count, and is of the attempt all the same, came late, and is kept beside it (R43). */
  #late(name: string, daemon: string, { nonce, session }: ReportBody): void {
    const row = this.#tables.attempts.get(name)
    if (row?.nonce !== nonce || row.session !== session || row.daemon !== daemon) return
    if (row.closedAt !== null && row.reported === null)
      this.#trace.violate('R43', `what came late of ${name} has its receipt, and is not kept`)
  }

  /** The receipt of a report that counted: the attempt is closed, or was before it was removed, and it counted once. */
  #counts(name: string, report: string): void {
    const row = this.#tables.attempts.get(name)
    const isKnown = row === undefined ? this.#counted.has(name) : row.closedAt !== null
    if (!isKnown) this.#wrong(`the report of ${name} has its receipt too early`)
    if ((this.#counted.get(name) ?? report) !== report) this.#trace.violate('7', `two reports of ${name} counted`)
    this.#counted.set(name, report)
  }

  #wrong(what: string): void {
    this.#trace.violate('6', what)
  }
}

/** Whether it is as its subject declares. */
const canBeTaken = (subject: string, body: Uint8Array): boolean =>
  [subjects.task, subjects.contract].some((noun) => {
    const tokens = noun.read(subject)
    const declared = Object.entries<Message>(noun.messages).find(([verb]) => verb === tokens?.verb)?.[1]
    if (tokens === null || readTaskId(tokens.id) === null || declared?.kind !== 'streamed') return false
    return declared.payload.safeParse(decode(body)).success
  })

interface ReportBody {
  attempt: number
  nonce: string
  session: string
}

interface SpawnBody {
  owner: string
  task: { id: string; attempt: number; nonce: string }
}
