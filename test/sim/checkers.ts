/**
 * Watches every commit as it is applied and holds the tables against the invariants of DESIGN 13 (the numbers of the rules
 * here are theirs). What is wrong goes into the trace; the world stops at its next look.
 */
import type { JournalEntry } from '../../src/actors/draft.ts'
import { isInOrder } from '../../src/actors/in-order.ts'
import type { AttemptRow, Commit, StoredMessage, TimerRow } from '../../src/actors/ports/rows.ts'
import type { ThreadIdentity } from '../../src/actors/ports/store.ts'
import { openAttempt, phase, timersOf } from '../../src/machines/advance.ts'
import { type ActorKey, actorKey, directiveKeyOf, directiveOf, readKey, readTaskId } from '../../src/protocol/ids.ts'
import { droppedEvent, messageId } from '../../src/protocol/parked.ts'
import { checkBudgets } from './budgets.ts'
import { checkDispatch, type Statuses, statusesOf } from './dispatches.ts'
import { Fold } from './fold.ts'
import { checkOpening, type Opening, openingsOf } from './openings.ts'
import type { SimStore } from './store.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'
import { verifyDirective, verifyRegistry } from './verified.ts'

/** What the tables were right before a commit, as far as a rule looks at it. */
interface Before {
  consumed: readonly (StoredMessage | undefined)[]
  fired: readonly (TimerRow | undefined)[]
  attempts: ReadonlyMap<string, AttemptRow | undefined>
  messages: readonly StoredMessage[]
  openings: readonly Opening[]
  statuses: Statuses
}

/** To look through everything after each commit would cost a third of the time. */
const verifiedEvery = 10

const attemptName = ({ owner, task, attempt }: Pick<AttemptRow, 'owner' | 'task' | 'attempt'>): string =>
  `${owner} ${task} ${attempt}`

export class Checkers {
  readonly fold: Fold
  /** Reports that daemons really made, as `<owner> <task> <attempt> <nonce> <session> <daemon> <verb>`. */
  readonly reported = new Set<string>()
  /** Contracts that people asked to complete, as `<owner> <contract>`. */
  readonly finished = new Set<string>()
  /** What is looked at after each commit besides. */
  readonly others: ((commit: Commit, thread: ThreadIdentity) => void)[] = []
  readonly #tables: Tables
  readonly #now: () => number
  readonly #trace: Trace
  readonly #epochs = new Map<number, { epoch: number; nonce: string }>()
  readonly #consumed = new Set<number>()
  readonly #wereParked = new Set<number | null>()
  readonly #fired = new Set<string>()
  readonly #attempts = new Map<string, number>()
  /** What was ever put into a mailbox, and as the how manieth. */
  readonly #inserted = new Map<number, number>()
  #latest = 0
  /** Commits so far. */
  #checked = 0

  constructor(store: SimStore, trace: Trace) {
    this.#tables = store.tables
    this.#now = store.now
    this.#trace = trace
    this.fold = new Fold(store.tables)
    this.#install()
  }

  /** Whether this message was ever in a mailbox: its id alone is taken before that. */
  wasInserted(message: number): boolean {
    return this.#inserted.has(message)
  }

  #install(): void {
    const tables = this.#tables
    const [commit, insert] = [tables.commit.bind(tables), tables.insertMessage.bind(tables)]
    tables.insertMessage = (row, taken) => {
      const id = insert(row, taken)
      this.#inserted.set(id, this.#inserted.size)
      return id
    }
    tables.commit = (thread, rows, now, ids) => {
      const before = this.#before(rows)
      try {
        const committed = commit(thread, rows, now, ids)
        this.#trace.add(`commit ${thread.thread} ${linesOf(rows, committed.messages)}`)
        this.#check(thread, rows, before)
        return committed
      } catch (error) {
        this.#trace.add(`no commit ${thread.thread}: ${String(error)}`)
        throw error
      }
    }
  }

  #before(commit: Commit): Before {
    const { consumed = [], fired = [], attempts = [], late = [], journal = [] } = commit
    const { messages, timers } = this.#tables
    return {
      consumed: consumed.map((id) => messages.get(id)),
      fired: fired.map(({ key, id }) => timers.get(`${key} ${id}`)),
      attempts: new Map(
        [...attempts, ...late].map((row) => [attemptName(row), this.#tables.attempts.get(attemptName(row))]),
      ),
      messages: journal.length + consumed.length > 0 ? [...messages.values()] : [],
      openings: openingsOf(this.#tables, commit, this.fold),
      statuses: statusesOf(this.#tables, commit),
    }
  }

  /** Told of the database's time now and then: the latest that it ever showed. */
  readonly noteTime = (): void => {
    this.#latest = Math.max(this.#latest, this.#now())
  }

  #check(thread: ThreadIdentity, commit: Commit, before: Before): void {
    try {
      this.noteTime()
      this.#checkEpochs(thread, commit)
      this.#checkMessages(commit)
      this.#checkTimers(commit, before)
      const entries = this.#checkActors(commit)
      this.#checkOrder(commit, before, entries)
      this.#checkAttempts(commit, before)
      const wrong = (rule: string, what: string): void => this.#wrong(rule, what)
      for (const opening of before.openings) checkOpening(opening, commit, this.#tables, this.fold, wrong)
      const changed = commit.actors ?? []
      for (const { key } of changed)
        checkDispatch(key, changed, before.statuses, before.messages, this.#tables, this.fold, wrong)
      this.#checkLate(commit, before)
      this.#checkSlots(commit)
      this.#checkOwners(commit, before)
      this.#checkEvents(commit)
      for (const other of this.others) other(commit, thread)
      if (this.#checked++ % verifiedEvery === 0) this.#verify(commit)
    } catch (error) {
      this.#wrong('check', error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
  }

  #wrong(rule: string, what: string): void {
    this.#trace.violate(rule, what)
  }

  /** No two holders under one epoch; epochs never go back; whoever commits holds the shard. */
  #checkEpochs({ thread, nonce }: ThreadIdentity, { shards }: Commit): void {
    for (const { shard, epoch } of shards) {
      const last = this.#epochs.get(shard)
      if (last !== undefined && epoch < last.epoch) this.#wrong('1', `shard ${shard} went back to epoch ${epoch}`)
      if (last?.epoch === epoch && last.nonce !== nonce) this.#wrong('1', `two holders of ${shard} under ${epoch}`)
      const row = this.#tables.shards[shard]
      if (row?.nonce !== nonce || row.epoch !== epoch) this.#wrong('1', `${thread} does not hold shard ${shard}`)
      this.#epochs.set(shard, { epoch, nonce })
    }
  }

  #checkMessages({ consumed = [], parked = [] }: Commit): void {
    const { counts, messages } = this.#tables
    for (const id of consumed) {
      if (this.#consumed.has(id)) this.#wrong('3', `message ${id} was consumed twice`)
      this.#consumed.add(id)
    }
    if (counts.inserted !== counts.consumed + counts.parked + messages.size)
      this.#wrong('3', `${JSON.stringify(counts)} and ${messages.size} present`)
    for (const { actor, reason } of parked) this.#trace.add(`parked a message of ${actor}: ${reason}`)
  }

  #checkTimers({ fired = [] }: Commit, { fired: before }: Before): void {
    for (const [at, { key, id, generation }] of fired.entries()) {
      const timer = before[at]
      if (timer?.generation !== generation) this.#wrong('8', `timer ${key} ${id} ${generation} fired and was not set`)
      if (timer === undefined) continue
      const name = `${timer.key} ${timer.id} ${timer.generation}`
      if (this.#fired.has(name)) this.#wrong('8', `timer ${name} fired twice`)
      this.#fired.add(name)
      // It was found due by what the database's clock showed then; that may have been set back since.
      if (timer.due > this.#latest) this.#wrong('8', `timer ${name} fired ${timer.due - this.#latest} ms early`)
    }
  }

  #checkActors({ actors = [], journal = [], fired = [] }: Commit): Map<ActorKey, JournalEntry[]> {
    const timers = new Map(fired.map(({ key, id, generation }) => [`${key} ${id}`, generation]))
    const folded = journal.map((row) => ({ key: row.key, ...this.fold.take(row, timers) }))
    for (const what of folded.flatMap(({ wrong }) => wrong)) this.#wrong('8', what)
    const entries = new Map(folded.map((row) => [row.key, row.entries]))
    for (const row of actors) {
      if (!entries.has(row.key)) this.#wrong('2', `version ${row.version} of ${row.key} has no journal`)
      if (!this.fold.agrees(row))
        this.#wrong('4', `version ${row.version} of ${row.key} is not the fold of its journal`)
      if (row.kind !== 'registry') this.#checkWaits(row.key)
    }
    return entries
  }

  /** What an actor waits for is there: its timers, its place in the queue, its open attempt. */
  #checkWaits(key: ActorKey): void {
    const live = this.fold.live(key)
    if (live === null) return
    checkBudgets(key, live, this.fold.settings(key), (rule, what) => this.#wrong(rule, what))
    const { timers, ready, attempts } = this.#tables
    const own = [...timers.values()].flatMap((timer) => (timer.key === key ? [timer.id] : [])).toSorted(byText)
    if (own.join() !== timersOf(live).join())
      this.#wrong('9', `${key} waits for the timers [${timersOf(live).join()}], and has [${own.join()}]`)
    if ((phase(live) === 'queued') !== ready.has(key))
      this.#wrong('9', `${key} ${ready.has(key) ? 'has' : 'has not'} a row of waiting tasks in ${phase(live)}`)
    const open = [...attempts.values()].filter((row) => row.actor === key && row.closedAt === null)
    if (open.length > 0 && own.length === 0) this.#wrong('9', `${key} has an open attempt, and no timer ends it`)
    const should = openAttempt(live)
    const asked = should === null ? [] : [should.nonce]
    if (open.length === 0 && this.#isTold(key)) return
    if (open.map(({ nonce }) => nonce).join() !== asked.join())
      this.#wrong(
        '9',
        `${key} has open attempts [${open.map(attemptName).join()}], its machine ${JSON.stringify(should)}`,
      )
  }

  /** While it could not be opened its attempt was closed in its stead: that it is over waits in its mailbox, or is parked. */
  #isTold(key: ActorKey): boolean {
    const { messages, parked } = this.#tables
    return [...messages.values()].some(({ to }) => to === key) || parked.some(({ actor }) => actor === key)
  }

  /**
   * What one actor tells another is taken in the order that it was told, whether as a row or in the same commit, and parked or not.
   * Else what was parked has lost its place: others have gone on, and those in line when it comes back go first.
   */
  #checkOrder({ consumed = [], events = [] }: Commit, before: Before, entries: Map<ActorKey, JournalEntry[]>): void {
    for (const { message, from, actor } of this.#tables.parked)
      if (!isInOrder(from, actor)) this.#wereParked.add(message)
    const gone = new Set<number | null>([...consumed, ...this.#wereParked])
    const waits = before.messages.filter(({ id }) => !gone.has(id) && this.#tables.messages.has(id))
    const ahead = this.#tables.parked.flatMap(({ message, from, actor: to }) =>
      message !== null && isInOrder(from, to) ? [{ id: message, from, to }] : [],
    )
    const left = [...waits, ...ahead]
    if (left.length === 0) return
    const dropped = new Set(events.flatMap(({ type, data }) => (type === droppedEvent ? [data['message']] : [])))
    for (const row of before.consumed) {
      if (row !== undefined && dropped.has(messageId(readKey(row.to).id, row.id))) continue
      const older = left.find((each) => row !== undefined && sameWay(each, row) && this.#isOlder(each, row))
      if (older !== undefined)
        this.#wrong('5', `message ${row?.id} overtook ${older.id} from ${older.from} to ${older.to}`)
    }
    // What the engine itself tells of an attempt (a parked actor finds it in its mailbox) names it: the first word counts, in whatever order.
    for (const older of left.filter(({ from }) => from.includes('/'))) {
      const told = (entries.get(older.to) ?? []).filter((entry) => isWord(entry, older.from)).length
      const asRows = before.consumed.filter((row) => row !== undefined && sameWay(row, older)).length
      if (told > asRows) this.#wrong('5', `a word from ${older.from} to ${older.to} overtook message ${older.id}`)
    }
  }

  /** What the stream brings is put in by calls of their own: one that took its id sooner may be there later, and then it is not. */
  #isOlder(each: { id: number }, { id, from }: StoredMessage): boolean {
    const came = (message: number): number => this.#inserted.get(message) ?? 0
    return each.id < id && (from !== 'stream' || came(each.id) < came(id))
  }

  #checkAttempts({ attempts = [] }: Commit, { attempts: before }: Before): void {
    const open = [...this.#tables.attempts.values()].filter(({ closedAt }) => closedAt === null)
    for (const row of attempts) {
      const name = attemptName(row)
      const was = before.get(name)
      if (was?.closedAt != null) this.#wrong('7', `attempt ${name} was closed already`)
      if (was === undefined) this.#checkNumber(row)
      if (row.closedAt !== null) this.#checkClosing(row)
      const others = open.filter(({ owner, task }) => owner === row.owner && task === row.task)
      if (others.length > 1) this.#wrong('7', `task ${row.task} has ${others.length} open attempts`)
      const onGrant = open.filter(({ owner, grant }) => owner === row.owner && grant === row.grant)
      if (onGrant.length > 1) this.#wrong('14', `grant ${row.grant} backs ${onGrant.length} open attempts`)
      if (row.closedAt === null && row.deadline <= row.openedAt) this.#wrong('9', `attempt ${name} has no deadline`)
    }
  }

  #isRemoved({ owner, task }: { owner: string; task: string }): boolean {
    const actor = readTaskId(task)?.actor
    return actor !== undefined && this.#tables.removed.has(actorKey(owner, directiveOf(actor)))
  }

  /** What comes late changes nothing but what is kept of it, once. */
  #checkLate({ late = [] }: Commit, { attempts: before }: Before): void {
    for (const row of late) {
      const attempt = this.#tables.attempts.get(attemptName(row))
      const { closedAt: closed } = attempt ?? {}
      // Of what was removed nothing is there to be kept beside.
      if (attempt === undefined && this.#isRemoved(row)) continue
      if (closed == null || (before.get(attemptName(row))?.reported ?? null) !== null)
        this.#wrong('7', `what was reported of ${attemptName(row)} is kept as late`)
    }
  }

  #checkNumber({ actor, attempt }: AttemptRow): void {
    const last = this.#attempts.get(actor) ?? 0
    if (attempt <= last) this.#wrong('7', `attempt ${attempt} of ${actor} follows attempt ${last}`)
    this.#attempts.set(actor, attempt)
  }

  /** Only the attempt's own daemon, in its own session and with its nonce, ends it as done or failed; a pull's also who completes its contract. */
  #checkClosing({ owner, task, attempt, nonce, session, daemon, closed, inbox }: AttemptRow): void {
    if (closed !== 'done' && closed !== 'failed') return
    if (inbox !== null && closed === 'done' && this.finished.has(`${owner} ${task.replace('__t', '__c')}`)) return
    const report = `${owner} ${task} ${attempt} ${nonce} ${session} ${daemon} ${closed}`
    if (!this.reported.has(report)) this.#wrong('7', `nobody who may has reported ${report}`)
  }

  #checkSlots({ grants = [], held = [], unheld = [] }: Commit): void {
    for (const { owner, daemon, id, at } of grants) {
      const known = this.#tables.daemons.get(`${owner} ${daemon}`)
      const count = [...this.#tables.grants.values()].filter(
        (row) => row.owner === owner && row.daemon === daemon,
      ).length
      if (known === undefined) this.#wrong('14', `grant ${id} is on the daemon ${daemon}, which is not there`)
      // What it was granted before it took slots back stays with it, also when one commit has both.
      else if (at >= known.at && count > known.slots)
        this.#wrong('14', `${count} grants on the ${known.slots} slots of ${daemon}`)
    }
    for (const { directive, id } of unheld) {
      const open = [...this.#tables.attempts.values()].filter((row) => row.directive === directive && row.grant === id)
      for (const row of open)
        if (row.closedAt === null && !this.#tables.faulted.has(row.actor))
          this.#wrong('14', `grant ${id} is gone, and attempt ${attemptName(row)} is open on it`)
    }
    for (const { id, directive } of held) {
      const others = [...this.#tables.held.values()].filter((row) => row.id === id && row.directive !== directive)
      if (others.length > 0) this.#wrong('14', `grant ${id} is held by ${directive} and ${others[0]?.directive}`)
    }
  }

  #checkOwners({ actors = [], tasks = [], attempts = [], held = [], grants = [] }: Commit, before: Before): void {
    const ownerOf = (key: string): string => readKey(key as ActorKey).owner
    const same = (what: string, ...owners: string[]): void => {
      if (owners.some((owner) => owner !== owners[0])) this.#wrong('10', `${what} crosses from ${owners.join(' to ')}`)
    }
    for (const row of actors) same(row.key, row.owner, ownerOf(row.key), ownerOf(row.directive ?? row.key))
    for (const row of tasks) same(row.id, row.owner, ownerOf(row.actor), ownerOf(row.directive))
    for (const row of attempts)
      same(attemptName(row), row.owner, ownerOf(row.actor), ownerOf(row.directive), row.daemon.split('-')[0] ?? '')
    for (const row of held) same(`held ${row.id}`, ownerOf(row.directive), row.daemon.split('-')[0] ?? '')
    for (const row of grants) same(`grant ${row.id}`, row.owner, ownerOf(row.directive), row.daemon.split('-')[0] ?? '')
    for (const row of before.consumed)
      if (row?.from.includes('/')) same(`message ${row.id}`, ownerOf(row.from), ownerOf(row.to))
  }

  /** What `writ verify` would find, were it to look right now at what the commit touched: nothing, whatever is under way. */
  #verify({ actors = [], held = [], unheld = [], messages = [], grants = [], goneGrants = [] }: Commit): void {
    const directives = [...held, ...unheld].map(({ directive }) => directive)
    const keys = [...actors.map(({ key }) => key), ...messages.map(({ to }) => to), ...directives]
    this.verify(new Set(keys.map(directiveKeyOf)), new Set([...grants, ...goneGrants].map(({ owner }) => owner)))
  }

  verify(directives: Iterable<ActorKey>, owners: Iterable<string>): void {
    const found = [
      ...[...directives].flatMap((key) => verifyDirective(this.#tables, this.fold, key)),
      ...[...owners].flatMap((owner) => verifyRegistry(this.#tables, owner)),
    ]
    for (const { code, table, key, found: what, right } of found)
      this.#wrong('verify', `${code} in ${table}, ${key}: ${what}, and not ${right}`)
  }

  /** Events are numbered within their directive without a gap. */
  #checkEvents({ events = [] }: Commit): void {
    for (const { directive, sequence } of events)
      if (sequence > 1 && !this.#tables.events.has(`${directive} ${sequence - 1}`))
        this.#wrong('2', `event ${sequence} of ${directive} leaves a gap`)
  }
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

type Way = Pick<StoredMessage, 'from' | 'to'>
/** That one was dropped by a person is told in its place. */
const isWord = ({ origin, message }: JournalEntry, from: string): boolean =>
  origin === from && (message as { type: string } | null)?.type !== 'message.dropped'

const sameWay = (a: Way, b: Way): boolean => a.from === b.from && a.to === b.to

/** A commit in one line of the trace. */
const linesOf = (commit: Commit, messages: readonly number[]): string => {
  const { shards, actors = [], consumed = [], fired = [], attempts = [], grants = [], goneGrants = [] } = commit
  const parts: [string, readonly string[]][] = [
    ['shards', shards.map(({ shard, epoch }) => `${shard}@${epoch}`)],
    ['actors', actors.map(({ key, version, status }) => `${key}#${version}=${status}`)],
    ['took', consumed.map(String)],
    ['fired', fired.map(({ key, id }) => `${key} ${id}`)],
    ['told', (commit.messages ?? []).map(({ to }, at) => `${messages[at]}>${to}`)],
    ['attempts', attempts.map((row) => `${row.task}/${row.attempt}@${row.daemon} ${row.closed ?? 'open'}`)],
    ['grants', [...grants.map(({ id }) => id.slice(0, 5)), ...goneGrants.map(({ id }) => `-${id.slice(0, 5)}`)]],
  ]
  return parts.flatMap(([name, list]) => (list.length > 0 ? [`${name}: ${list.join(' ')}`] : [])).join('; ')
}
