/**
 * The Store in memory, on simulated time: the same contract as Postgres (test/contract/store.contract.ts), with faults that
 * the simulator decides: commits whose result nobody hears, that are applied late or never, and calls that fail or take long.
 */
import type { Clock } from '../../src/actors/ports/clock.ts'
import { isInOrder } from '../../src/actors/in-order.ts'
import type { ParkedRow } from '../../src/actors/ports/parked-rows.ts'
import type { Commit, Committed, JournalRow, StoredMessage, StoredTimer } from '../../src/actors/ports/rows.ts'
import type { Renewal, Store, ThreadIdentity } from '../../src/actors/ports/store.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { type ActorKey, registryId, shardOfKey } from '../../src/protocol/ids.ts'
import {
  fileBytesMax,
  journalCutMin,
  leaseMs,
  mailboxMessagesMax,
  replyKeptMs,
  uploadKeptMs,
} from '../../src/protocol/limits.ts'
import { SimLeases } from './sim-leases.ts'
import { copied, handedOver, Tables } from './tables.ts'

/** What becomes of one commit. A fate of `{applied: true, answer: 'told'}` at once is the ordinary one. */
export interface CommitFate {
  /** Whether it takes effect, in ms from the call; null: never. A late one may find its thread fenced. */
  appliedAfterMs: number | null
  /** What the caller hears: the outcome, that nobody knows, or a definite refusal (then it is not applied). */
  answer: 'told' | 'unknown' | 'refused'
  /** When the caller hears, in ms from the call (not before it is applied, when it is told). */
  answeredAfterMs: number
}

/** What becomes of one call that is no commit. Without a fate it is done and told at once. */
export interface CallFate {
  /** Until it is done, in ms. */
  ms: number
  /** It is not done at all, and the caller hears UNREACHABLE. */
  fails: boolean
  /** From there until the caller hears, in ms: what it read may be out of date by then. */
  answerMs?: number
  /** It was done, and the caller hears UNREACHABLE. */
  untold?: boolean
}

type Told = (thread: ThreadIdentity, renewal: Renewal) => void

const heard = (hears: Told | undefined, thread: ThreadIdentity, renewal: Renewal): Renewal => {
  hears?.(thread, renewal)
  return renewal
}

export interface SimStoreOptions {
  clock: Clock
  /** The database's clock, ms since 1970. */
  now?: () => number
  leaseMs?: number
  mailboxMessagesMax?: number
  /** Decides each commit's fate; undefined: the ordinary one. */
  fate?: (thread: ThreadIdentity, commit: Commit) => CommitFate | undefined
  /** Decides each other call's. */
  call?: (name: keyof Store) => CallFate | undefined
  /** Hear what each thread is told as it joins, and as it renews its lease. */
  joined?: Told
  renewed?: Told
  /** Hears the place of each message of the stream that is put into a mailbox, and its id there. */
  takenIn?: (place: string, message: number) => void
}

/** What a simulated database's clock says at the beginning of simulated time. */
const epochMs = Date.UTC(2030, 0, 1)

export class SimStore implements Store {
  readonly tables = new Tables()
  readonly #options: SimStoreOptions
  readonly #leases: SimLeases
  /** Of messages of the stream, ever: taken into mailboxes, or refused since the mailbox was full. */
  readonly streamed = { taken: 0, refused: 0 }
  readonly now: () => number

  constructor(options: SimStoreOptions) {
    this.#options = options
    this.now = options.now ?? (() => epochMs + Math.floor(options.clock.monotonic()))
    this.#leases = new SimLeases(this.tables, this.now, options.leaseMs ?? leaseMs)
  }

  readonly join: Store['join'] = (thread) =>
    this.#call('join', () => heard(this.#options.joined, thread, this.#leases.join(thread)))
  readonly renew: Store['renew'] = (thread) =>
    this.#call('renew', () => heard(this.#options.renewed, thread, this.#leases.renew(thread)))
  readonly claim: Store['claim'] = (thread, count) => this.#call('claim', () => this.#leases.claim(thread, count))
  readonly reclaim: Store['reclaim'] = (thread, shards) =>
    this.#call('reclaim', () => this.#leases.reclaim(thread, shards))
  readonly release: Store['release'] = (thread, shards) =>
    this.#call('release', () => this.#leases.release(thread, shards))
  readonly knowing: Store['knowing'] = (thread, machines) =>
    this.#call('knowing', () => this.#leases.knowing(thread, machines))
  readonly hand: Store['hand'] = (thread, shards, to) => this.#call('hand', () => this.#leases.hand(thread, shards, to))
  readonly drain: Store['drain'] = (thread) => this.#call('drain', () => this.#leases.drain(thread))
  readonly leave: Store['leave'] = (thread) => this.#call('leave', () => this.#leases.leave(thread))

  /**
   * The rows are copied when it is called: what the caller does with them afterwards changes nothing. Then their messages take their
   * ids, too: others that take theirs later may be seen sooner, and what comes to nothing leaves a gap.
   */
  readonly commit = async (thread: ThreadIdentity, rows: Commit): Promise<Committed> => {
    const { appliedAfterMs, answer, answeredAfterMs } = this.#options.fate?.(thread, rows) ?? ordinary
    const mine = handedOver(rows)
    const ids = mine.messages?.map(() => this.tables.nextMessage())
    if (answer === 'refused') {
      await this.#pass(answeredAfterMs)
      throw new WritError('BAD_INPUT', 'the database refuses the content: so the simulator decided')
    }
    const applied =
      appliedAfterMs === null
        ? null
        : this.#pass(appliedAfterMs).then(() => this.tables.commit(thread, mine, this.now(), ids))
    // One that is refused before or after its caller has given up has nobody to hear it.
    applied?.catch(() => undefined)
    if (answer === 'told' && applied !== null) {
      const [outcome] = await Promise.allSettled([applied, this.#pass(answeredAfterMs)])
      if (outcome.status === 'fulfilled') return outcome.value
      throw outcome.reason
    }
    await Promise.allSettled([this.#pass(answeredAfterMs), ...(appliedAfterMs === 0 ? [applied] : [])])
    throw new WritError('UNKNOWN_RESULT', 'the database did not say whether it committed: so the simulator decided')
  }

  readonly actors: Store['actors'] = (keys) =>
    this.#call('actors', ({ actors, faulted }) =>
      [...new Set(keys)].flatMap((key) => {
        const row = actors.get(key)
        return row === undefined ? [] : [{ row: copied(row), parked: faulted.get(key) ?? null }]
      }),
    )

  readonly directive: Store['directive'] = (key) =>
    this.#call('directive', ({ directives, chains, events }) => {
      const row = directives.get(key)
      if (row === undefined) return null
      const generations = [...chains.values()].filter((chain) => chain.directive === key)
      const [chain] = generations.sort((a, b) => b.generation - a.generation)
      const sequences = [...events.values()].flatMap((event) => (event.directive === key ? [event.sequence] : []))
      return {
        definition: structuredClone(row.definition),
        title: row.title,
        content: row.content,
        readyPlan: row.plan === null ? null : { hash: row.plan, steps: row.steps },
        chain: chain === undefined ? null : { generation: chain.generation, hash: chain.hash, steps: chain.steps },
        events: Math.max(0, ...sequences),
        createdAt: row.at,
      }
    })

  readonly desk: Store['desk'] = (key) =>
    this.#call('desk', ({ ready, held, attempts }) => ({
      ready: select(ready, (row) => row.directive === key).sort(
        (a, b) => b.priority - a.priority || a.since - b.since || order(a.actor, b.actor),
      ),
      held: select(held, (row) => row.directive === key).sort((a, b) => a.number - b.number),
      attempts: select(attempts, (row) => row.directive === key && row.closedAt === null).sort(byAttempt),
    }))

  readonly registry: Store['registry'] = (owner) =>
    this.#call('registry', ({ daemons, needs, grants }) => ({
      daemons: select(daemons, (row) => row.owner === owner).sort((a, b) => order(a.name, b.name)),
      needs: select(needs, (row) => row.owner === owner).sort((a, b) => order(a.directive, b.directive)),
      grants: select(grants, (row) => row.owner === owner).sort((a, b) => order(a.id, b.id)),
    }))

  readonly tasks: Store['tasks'] = (owner, ids) =>
    this.#call('tasks', ({ tasks }) =>
      select(tasks, (row) => row.owner === owner && ids.includes(row.id)).sort((a, b) => order(a.id, b.id)),
    )

  readonly planRows: Store['planRows'] = (hash, from, count) =>
    this.#call('planRows', ({ plans }) =>
      structuredClone((plans.get(hash)?.rows ?? []).filter(({ index }) => index >= from && index < from + count)),
    )

  readonly stage: Store['stage'] = (hash, rows) =>
    this.#call('stage', ({ plans }) => {
      plans.set(hash, { rows: plans.get(hash)?.rows ?? structuredClone(rows), at: this.now() })
    })

  readonly stepIndexes: Store['stepIndexes'] = (hash, names) =>
    this.#call('stepIndexes', ({ plans }) => {
      const wanted = new Set(names)
      const found = (plans.get(hash)?.rows ?? []).filter((row) => wanted.has(row.name))
      return new Map(found.map((row) => [row.name, row.index]))
    })

  readonly mailbox: Store['mailbox'] = (shards, limit) =>
    this.#call('mailbox', ({ messages, faulted, parked }): StoredMessage[] =>
      select(
        messages,
        (row) =>
          shards.includes(row.shard) &&
          (row.from.endsWith(`/${registryId}`) || !faulted.has(row.to)) &&
          !parked.some(
            (one) => isAhead(one) && one.from === row.from && one.actor === row.to && (one.message ?? row.id) < row.id,
          ),
      )
        .sort((a, b) => a.id - b.id)
        .slice(0, limit),
    )

  readonly parkedAhead: Store['parkedAhead'] = (shards) =>
    this.#call('parkedAhead', ({ parked }) =>
      parked
        .filter((row) => isAhead(row) && shards.includes(shardOfKey(row.actor)))
        .map(({ message, actor: to, from }) => ({ id: message ?? 0, to, from }))
        .sort((a, b) => a.id - b.id),
    )

  readonly stopped: Store['stopped'] = (owner, message) =>
    this.#call('stopped', ({ messages, faulted, parked }) => {
      const row = parked.find((one) => one.message === message && one.actor.startsWith(`${owner}/`))
      if (row !== undefined) return copied({ ...row, waits: false })
      const waiting = messages.get(message)
      if (waiting?.to.startsWith(`${owner}/`) !== true || !faulted.has(waiting.to)) return null
      const { to: actor, from, body, tries } = waiting
      return copied({ actor, from, body, tries, reason: faulted.get(actor) ?? '', waits: true })
    })

  readonly dueTimers: Store['dueTimers'] = (shards, limit) =>
    this.#call('dueTimers', () =>
      this.#timersOf(shards)
        .filter(({ due }) => due <= this.now())
        .slice(0, limit),
    )

  readonly nextTimer: Store['nextTimer'] = (shards) =>
    this.#call('nextTimer', () => this.#timersOf(shards)[0]?.due ?? null)

  readonly openAttempts: Store['openAttempts'] = (shards) =>
    this.#call('openAttempts', ({ attempts }) =>
      select(attempts, (row) => row.closedAt === null && shards.includes(row.shard)).sort(byAttempt),
    )

  readonly attempt: Store['attempt'] = (owner, task, attempt) =>
    this.#call('attempt', ({ attempts }) => copied(attempts.get(`${owner} ${task} ${attempt}`) ?? null))

  readonly registries: Store['registries'] = (shards) =>
    this.#call('registries', ({ actors }) =>
      [...actors.values()]
        .filter((row) => row.kind === 'registry' && shards.includes(row.shard))
        .map((row) => row.owner)
        .sort(order),
    )

  readonly enqueue: Store['enqueue'] = ({ incarnation, sequence, to, shard, body }) => {
    const id = this.tables.nextMessage()
    return this.#call('enqueue', (tables) => {
      const place = `${incarnation} ${sequence}`
      const capacity = this.#options.mailboxMessagesMax ?? mailboxMessagesMax
      if (tables.ingress.has(place)) return false
      if ([...tables.messages.values()].filter((row) => row.to === to).length >= capacity) {
        this.streamed.refused += 1
        tables.turnedAway.add(place)
        throw new WritError('TOO_LARGE', `the mailbox of ${to} is full (${capacity} messages)`)
      }
      tables.ingress.set(place, this.now())
      this.streamed.taken += 1
      tables.insertMessage({ to, shard, from: 'stream', body }, id)
      this.#options.takenIn?.(place, id)
      return true
    })
  }

  readonly countTry: Store['countTry'] = (message, reason) =>
    this.#call('countTry', ({ messages }) => {
      const row = messages.get(message)
      if (row === undefined) return 0
      Object.assign(row, { tries: row.tries + 1, reason })
      return row.tries
    })

  readonly reply: Store['reply'] = (owner, command) =>
    this.#call('reply', ({ replies }) => {
      const row = replies.get(`${owner} ${command}`)
      return row === undefined || row.at < this.now() - replyKeptMs ? null : { reply: structuredClone(row.reply) }
    })

  readonly putBlob: Store['putBlob'] = (hash, bytes) =>
    this.#call('putBlob', ({ blobs }) => {
      blobs.set(hash, { bytes: blobs.get(hash)?.bytes ?? new Uint8Array(bytes), at: this.now() })
    })

  readonly blob: Store['blob'] = (hash, { from, count } = { from: 0, count: fileBytesMax }) =>
    this.#call('blob', ({ blobs }) => copied(blobs.get(hash)?.bytes.slice(from, from + count) ?? null))

  readonly files: Store['files'] = (owner, contract) =>
    this.#call('files', ({ files }) =>
      select(files, (row) => row.owner === owner && row.contract === contract)
        .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
        .map(({ name, hash, bytes }) => ({ name, hash, bytes })),
    )

  readonly ended: Store['ended'] = (shards, { before }) =>
    this.#call('ended', ({ actors }) => {
      const over = [...actors.values()].filter((row) => row.kind === 'directive' && row.ended && row.since < before)
      return { keys: over.filter(({ shard }) => shards.includes(shard)).map(({ key }) => key), next: null }
    })

  readonly settled: Store['settled'] = (key) =>
    this.#call('settled', ({ needs, grants, messages }) => {
      const isOf = (actor: string): boolean => actor === key || actor.startsWith(`${key}__`)
      const isOn = [...messages.values()].some(({ to, from }) => isOf(to) || from === key)
      return !isOn && !needs.has(key) && ![...grants.values()].some(({ directive }) => directive === key)
    })

  readonly removedAt: Store['removedAt'] = (key) => this.#call('removedAt', ({ removed }) => removed.get(key) ?? null)

  /** With what came before them in their directives, whatever the times of that: clocks may be set back. */
  readonly forgetEvents: Store['forgetEvents'] = (before) =>
    this.#call('forgetEvents', ({ events, forgotten }) => {
      const last = new Map<ActorKey, number>()
      const upTo = new Map<ActorKey, number>()
      const raise = (to: Map<ActorKey, number>, key: ActorKey, sequence: number): void =>
        void to.set(key, Math.max(to.get(key) ?? 0, sequence))
      for (const { directive, sequence, at } of events.values()) {
        raise(last, directive, sequence)
        if (at < before) raise(upTo, directive, sequence)
      }
      for (const [key, { directive, sequence }] of [...events]) {
        if (sequence > (upTo.get(directive) ?? 0) || sequence === last.get(directive)) continue
        events.delete(key)
        raise(forgotten, directive, sequence)
      }
      return null
    })

  readonly journalSpans: Store['journalSpans'] = (shards, { before, after, limit }) =>
    this.#call('journalSpans', ({ actors, journal }) => {
      const firsts = new Map<ActorKey, number>()
      for (const row of journal.values()) firsts.set(row.key, Math.min(row.version, firsts.get(row.key) ?? Infinity))
      const all = [...actors.values()].filter(({ key, shard }) => shards.includes(shard) && key > (after ?? ''))
      const part = all.sort((a, b) => order(a.key, b.key)).slice(0, limit)
      const spans = part.flatMap(({ key, version, ended, since }) => {
        const first = firsts.get(key) ?? Infinity
        const isOver = ended && since < before
        const isLong = version - first >= (isOver ? 1 : journalCutMin)
        return isLong ? [{ key, first, ended: isOver }] : []
      })
      return { spans, next: part.length < limit ? null : (part.at(-1)?.key ?? null) }
    })

  readonly journal: Store['journal'] = (key, after, limit) =>
    this.#call('journal', () =>
      this.#journalOf(key)
        .filter(({ version }) => version > after)
        .slice(0, limit)
        .map(copied),
    )

  readonly cut: Store['cut'] = (row) =>
    this.#call('cut', ({ journal }) => {
      if (!journal.has(`${row.key} ${row.version}`)) return
      for (const { version } of this.#journalOf(row.key))
        if (version < row.version) journal.delete(`${row.key} ${version}`)
      journal.set(`${row.key} ${row.version}`, copied(row))
    })

  readonly clear: Store['clear'] = () => this.#call('clear', (tables) => tables.clear(this.now()))

  readonly tidy: Store['tidy'] = () =>
    this.#call('tidy', ({ replies, ingress, plans, chains, directives, blobs, files, messages, parked }) => {
      const limit = this.now() - replyKeptMs
      const used = new Set([
        ...[...chains.values()].map((row) => row.hash),
        ...[...directives.values()].map((row) => row.plan),
      ])
      const referred = new Set([...files.values()].map(({ hash }) => hash))
      const put = this.now() - uploadKeptMs
      for (const [hash, { at }] of blobs) if (at < put && !referred.has(hash)) blobs.delete(hash)
      for (const [key, { at }] of replies) if (at < limit) replies.delete(key)
      for (const [key, at] of ingress) if (at < limit) ingress.delete(key)
      const waiting = [...messages.values(), ...parked].map(({ body }) => Buffer.from(body))
      const isNamed = (key: string): boolean => waiting.some((body) => body.includes(key))
      for (const [key, { at }] of plans) if (at < limit && !used.has(key) && !isNamed(key)) plans.delete(key)
      return false
    })

  readonly close: Store['close'] = () => Promise.resolve()

  #journalOf(key: ActorKey): JournalRow[] {
    return [...this.tables.journal.values()].filter((row) => row.key === key).sort((a, b) => a.version - b.version)
  }

  #timersOf(shards: readonly number[]): StoredTimer[] {
    return select(this.tables.timers, (row) => shards.includes(row.shard) && !this.tables.faulted.has(row.key)).sort(
      (a, b) => a.due - b.due || order(a.key, b.key) || order(a.id, b.id),
    )
  }

  async #call<T>(name: keyof Store, run: (tables: Tables) => T): Promise<T> {
    const { ms, fails, answerMs = 0, untold = false } = this.#options.call?.(name) ?? told
    await this.#pass(ms)
    if (fails) throw outOfReach()
    const outcome = run(this.tables)
    if (answerMs > 0) await this.#pass(answerMs)
    if (untold) throw outOfReach()
    return outcome
  }

  /** Without time to pass the call is done at once, in the order of the calls. */
  async #pass(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((resolve) => this.#options.clock.after(ms, resolve))
  }
}

const told: CallFate = { ms: 0, fails: false }

const outOfReach = (): WritError =>
  new WritError('UNREACHABLE', 'the database cannot be reached: so the simulator decided')

const ordinary: CommitFate = { appliedAfterMs: 0, answer: 'told', answeredAfterMs: 0 }

const select = <T>(table: ReadonlyMap<unknown, T>, holds: (row: T) => boolean): T[] => {
  const found: T[] = []
  for (const row of table.values()) if (holds(row)) found.push(copied(row))
  return found
}

const isAhead = ({ message, from, actor }: ParkedRow): boolean => message !== null && isInOrder(from, actor)

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const byAttempt = (a: { owner: string; task: string; attempt: number }, b: typeof a): number =>
  order(a.owner, b.owner) || order(a.task, b.task) || a.attempt - b.attempt
