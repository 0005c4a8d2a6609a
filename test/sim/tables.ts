/**
 * The tables of the simulated store, and what a commit does to them: everything is looked at first, and only then anything
 * is written, so a refusal leaves no trace. Rows are copied on their way in and out, as a database does.
 */
import type { ActorKey } from '../../src/protocol/ids.ts'
import type * as registry from '../../src/actors/ports/registry-rows.ts'
import type * as parking from '../../src/actors/ports/parked-rows.ts'
import type * as rows from '../../src/actors/ports/rows.ts'
import type { ThreadIdentity } from '../../src/actors/ports/store.ts'
import { displayable } from '../../src/persistence/displayable.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { directiveOf } from '../../src/protocol/ids.ts'
import { replyKeptMs, shardCount } from '../../src/protocol/limits.ts'
import type { PlanRow } from '../../src/protocol/plan.ts'

export interface Shard {
  thread: string | null
  nonce: string | null
  epoch: number
}

/** Every table by its key. Public, so that invariants can be checked against what is really there. */
export class Tables {
  /** Another one once it was restored from an earlier copy. */
  readonly incarnation: string = 'first'
  readonly threads = new Map<string, ThreadIdentity & { expires: number; leaving: boolean }>()
  readonly shards: Shard[] = Array.from({ length: shardCount }, () => ({ thread: null, nonce: null, epoch: 0 }))
  readonly actors = new Map<ActorKey, rows.ActorRow>()
  readonly faulted = new Map<ActorKey, string>()
  readonly directives = new Map<ActorKey, rows.DirectiveRow>()
  readonly chains = new Map<string, rows.ChainRow>()
  readonly plans = new Map<string, { rows: readonly PlanRow[]; at: number }>()
  readonly messages = new Map<number, rows.StoredMessage>()
  readonly timers = new Map<string, rows.TimerRow>()
  readonly journal = new Map<string, rows.JournalRow>()
  readonly events = new Map<string, rows.EventRow>()
  readonly tasks = new Map<string, rows.TaskRow>()
  readonly attempts = new Map<string, rows.AttemptRow>()
  readonly evaluations = new Map<string, rows.EvaluationRow>()
  readonly ready = new Map<ActorKey, rows.ReadyRow>()
  readonly held = new Map<string, rows.HeldRow>()
  readonly daemons = new Map<string, registry.DaemonRow>()
  readonly needs = new Map<ActorKey, registry.NeedRow>()
  readonly grants = new Map<string, registry.GrantRow>()
  readonly files = new Map<string, rows.FileRow>()
  readonly blobs = new Map<string, { bytes: Uint8Array; at: number }>()
  readonly replies = new Map<string, { owner: string; command: string; reply: object; at: number }>()
  readonly ingress = new Map<string, number>()
  readonly parked: parking.ParkedRow[] = []
  /** The last event of a directive that was forgotten. */
  readonly forgotten = new Map<ActorKey, number>()
  /** What of the stream found its mailbox full, by the same places. */
  readonly turnedAway = new Set<string>()
  /** When directives were removed. */
  readonly removed = new Map<ActorKey, number>()
  /** Of messages, ever: inserted = consumed + parked + present. */
  readonly counts = { inserted: 0, consumed: 0, parked: 0 }
  #lastMessage = 0

  /** As a sequence gives it: whoever takes one may be seen later than those who took theirs after him, or never. */
  nextMessage(): number {
    return ++this.#lastMessage
  }

  insertMessage(row: rows.MessageRow, id = this.nextMessage()): number {
    this.messages.set(id, { ...copied(row), id, tries: 0 })
    this.counts.inserted += 1
    return id
  }

  /** All or nothing, as `writ.commit` does it. The rows are the store's from now on; `ids` are those that its messages took as it began. */
  commit(thread: ThreadIdentity, commit: rows.Commit, now = 0, ids: readonly number[] = []): rows.Committed {
    this.#fence(thread, commit)
    this.#compare(commit)
    this.#refuseDoubles(commit)
    const committed = this.#write(commit, ids, now)
    for (const { key } of commit.removed ?? []) this.#remove(key, now)
    return committed
  }

  #fence(thread: ThreadIdentity, { shards }: rows.Commit): void {
    const held = shards.filter(({ shard, epoch }) => {
      const row = this.shards[shard]
      return row?.epoch === epoch && row.thread === thread.thread && row.nonce === thread.nonce
    })
    if (held.length < shards.length || shards.length === 0)
      throw new WritError('FENCED', `thread ${thread.thread} does not hold every one of the shards with these epochs`)
  }

  #compare(commit: rows.Commit): void {
    const { actors = [], consumed = [], fired = [], tasks = [], parked = [], removed = [], unparked = [] } = commit
    const shards = new Set(commit.shards.map(({ shard }) => shard))
    const leaving = new Set<number>()
    const stored = (row: rows.ActorRow): number => this.actors.get(row.key)?.version ?? 0
    expect('actors', actors, (row) => row.version === stored(row) + 1 && shards.has(row.shard))
    expect('removed', removed, (row) => this.actors.get(row.key)?.version === row.version)
    expect('messages', consumed, (id) => this.messages.has(id))
    expect('timers', fired, (row) => this.timers.get(timerKey(row))?.generation === row.generation)
    expect('tasks', tasks, (row) => (this.tasks.get(taskKey(row))?.version ?? -1) < row.version)
    expect(
      'parked',
      parked,
      ({ message }) =>
        message === null ||
        (this.messages.has(message) && !consumed.includes(message) && leaving.size < leaving.add(message).size),
    )
    expect('unparked', unparked, (row) => this.parked.some((one) => isSame(one, row)))
  }

  #refuseDoubles(commit: rows.Commit): void {
    const { directives = [], chains = [], journal = [], events = [], evaluations = [] } = commit
    unique('directives', directives, (row) => row.key, this.directives)
    unique('chains', chains, chainKey, this.chains)
    unique('journal', journal, journalKey, this.journal)
    unique('events', events, eventKey, this.events)
    unique('evaluations', evaluations, evaluationKey, this.evaluations)
    unique('timers', commit.timers ?? [], timerKey)
    unique('tasks', commit.tasks ?? [], taskKey)
    unique('attempts', commit.attempts ?? [], attemptKey)
    unique('ready', commit.ready ?? [], (row) => row.actor)
    unique('held', commit.held ?? [], heldKey)
    unique('daemons', commit.daemons ?? [], daemonKey)
    unique('needs', commit.needs ?? [], (row) => row.directive)
    unique('grants', commit.grants ?? [], grantKey)
    unique('files', commit.files ?? [], fileKey)
    unique('faulted', commit.faulted ?? [], (row) => row.key)
  }

  #write(commit: rows.Commit, ids: readonly number[], now: number): rows.Committed {
    for (const row of commit.actors ?? []) this.actors.set(row.key, row)
    for (const id of commit.consumed ?? []) this.messages.delete(id)
    this.counts.consumed += commit.consumed?.length ?? 0
    for (const row of commit.fired ?? []) this.timers.delete(timerKey(row))
    for (const row of commit.cancelledTimers ?? []) this.timers.delete(timerKey(row))
    put(this.timers, commit.timers, timerKey)
    const messages = (commit.messages ?? []).map((row, at) => this.insertMessage(row, ids[at]))
    put(this.journal, commit.journal, journalKey)
    this.#writeRecords(commit)
    this.#writeSlots(commit)
    this.#writeRest(commit, now)
    return { messages }
  }

  #writeRecords({ directives, chains, events, tasks, attempts, late, evaluations }: rows.Commit): void {
    put(this.directives, directives, (row) => row.key)
    put(this.chains, chains, chainKey)
    put(this.events, events, eventKey)
    put(this.tasks, tasks, taskKey)
    put(this.attempts, attempts, attemptKey)
    for (const { reported, ...of } of late ?? []) {
      const row = this.attempts.get(attemptKey(of))
      if (row !== undefined) this.attempts.set(attemptKey(of), { ...row, reported: displayable(reported) })
    }
    put(this.evaluations, evaluations, evaluationKey)
  }

  #writeSlots(commit: rows.Commit): void {
    for (const key of commit.unready ?? []) this.ready.delete(key)
    put(this.ready, commit.ready, (row) => row.actor)
    for (const row of commit.unheld ?? []) this.held.delete(heldKey(row))
    put(this.held, commit.held, heldKey)
    for (const row of commit.goneDaemons ?? []) this.daemons.delete(daemonKey(row))
    put(this.daemons, commit.daemons, daemonKey)
    for (const key of commit.goneNeeds ?? []) this.needs.delete(key)
    put(this.needs, commit.needs, (row) => row.directive)
    for (const row of commit.goneGrants ?? []) this.grants.delete(grantKey(row))
    put(this.grants, commit.grants, grantKey)
  }

  /** A content that a file does not refer to any more is kept as one that was put now. */
  #left(file: rows.FileRow | undefined, now: number, hash?: string): void {
    const blob = file === undefined || file.hash === hash ? undefined : this.blobs.get(file.hash)
    if (blob !== undefined) blob.at = now
  }

  #writeRest(commit: rows.Commit, now: number): void {
    for (const row of commit.files ?? []) this.#left(this.files.get(fileKey(row)), now, row.hash)
    put(this.files, commit.files, fileKey)
    for (const row of commit.replies ?? []) {
      const before = this.replies.get(`${row.owner} ${row.command}`)
      if (before === undefined || before.at < row.at - replyKeptMs) this.replies.set(`${row.owner} ${row.command}`, row)
    }
    for (const row of commit.parked ?? []) {
      if (row.message !== null && this.messages.delete(row.message)) this.counts.parked += 1
      this.parked.push(copied(row))
    }
    for (const { key, reason } of commit.faulted ?? []) this.faulted.set(key, displayable(reason))
    for (const row of commit.unparked ?? []) {
      if (row.back) this.#putBack((one) => isSame(one, row), row.shard)
      else this.#unpark((one) => isSame(one, row))
    }
    for (const key of commit.unfaulted ?? []) this.#unfault((actor) => actor === key)
    for (const key of commit.mended ?? []) {
      const isOf = (actor: ActorKey): boolean => actor === key || actor.startsWith(`${key}__`)
      this.#unfault(isOf)
      this.#putBack(({ actor }) => isOf(actor), this.actors.get(key)?.shard ?? 0)
    }
  }

  #remove(key: ActorKey, now: number): void {
    this.actors.delete(key)
    this.directives.delete(key)
    this.removed.set(key, now)
  }

  /** All that is left of what was removed; in one part. */
  clear(now: number): boolean {
    const isOf = (of: string): boolean => {
      const id = of.slice(of.indexOf('/') + 1)
      return this.removed.has(`${of.slice(0, of.indexOf('/'))}/${directiveOf(id)}`)
    }
    const drop = <K, T>(table: Map<K, T>, ofRow: (row: T, key: K) => string): void => {
      for (const [key, row] of table) if (isOf(ofRow(row, key))) table.delete(key)
    }
    drop(this.actors, ({ key }) => key)
    drop(this.faulted, (_, key) => key)
    for (const table of [this.timers, this.journal] as Map<string, { key: ActorKey }>[]) drop(table, ({ key }) => key)
    for (const table of [this.chains, this.events, this.evaluations, this.held] as Map<
      string,
      { directive: ActorKey }
    >[])
      drop(table, ({ directive }) => directive)
    drop(this.ready, ({ actor }) => actor)
    drop(this.tasks, ({ actor }) => actor)
    drop(this.attempts, ({ actor }) => actor)
    for (const row of this.files.values()) if (isOf(`${row.owner}/${row.contract}`)) this.#left(row, now)
    drop(this.files, ({ owner, contract }) => `${owner}/${contract}`)
    return false
  }

  #unfault(isIt: (actor: ActorKey) => boolean): void {
    for (const actor of this.faulted.keys()) if (isIt(actor)) this.faulted.delete(actor)
    for (const row of this.messages.values()) if (isIt(row.to)) row.tries = 0
  }

  #unpark(isIt: (row: parking.ParkedRow) => boolean): parking.ParkedRow[] {
    const gone = this.parked.filter(isIt)
    const left = this.parked.filter((row) => !isIt(row))
    this.parked.splice(0, this.parked.length, ...left)
    return gone
  }

  /** Each under the id that it had, so that it stands where it stood. */
  #putBack(isIt: (row: parking.ParkedRow) => boolean, shard: number): void {
    for (const { message, actor: to, from, body } of this.#unpark(isIt)) {
      if (message === null) this.insertMessage({ to, from, shard, body })
      else this.messages.set(message, { id: message, to, from, shard, body: new Uint8Array(body), tries: 0 })
      if (message !== null) this.counts.parked -= 1
    }
  }
}

const isSame = (one: parking.ParkedRow, { message, actor }: parking.UnparkedRow): boolean =>
  one.message === message && one.actor === actor

const timerKey = (row: { key: ActorKey; id: string }): string => `${row.key} ${row.id}`
const chainKey = (row: rows.ChainRow): string => `${row.directive} ${row.generation}`
const journalKey = (row: rows.JournalRow): string => `${row.key} ${row.version}`
const eventKey = (row: rows.EventRow): string => `${row.directive} ${row.sequence}`
const evaluationKey = (row: rows.EvaluationRow): string => `${row.directive} ${row.step ?? -1} ${row.number}`
const taskKey = (row: { owner: string; id: string }): string => `${row.owner} ${row.id}`
const attemptKey = (row: { owner: string; task: string; attempt: number }): string =>
  `${row.owner} ${row.task} ${row.attempt}`
const heldKey = (row: { directive: ActorKey; id: string }): string => `${row.directive} ${row.id}`
const daemonKey = (row: { owner: string; name: string }): string => `${row.owner} ${row.name}`
const grantKey = (row: { owner: string; id: string }): string => `${row.owner} ${row.id}`
const fileKey = (row: rows.FileRow): string => `${row.owner} ${row.contract} ${row.name}`

const expect = <T>(what: string, list: readonly T[], holds: (row: T) => boolean): void => {
  if (list.length === 0) return
  const good = list.filter(holds).length
  const distinct = new Set(list).size
  if (good === list.length && distinct === list.length) return
  throw new WritError('CONFLICT', `${good} of ${list.length} ${what} are as the commit supposes`)
}

const unique = <T>(
  what: string,
  list: readonly T[],
  keyOf: (row: T) => string,
  stored?: ReadonlyMap<string, unknown>,
): void => {
  if (list.length === 0) return
  const seen = new Set<string>()
  for (const key of list.map(keyOf)) {
    if (seen.has(key) || stored?.has(key))
      throw new WritError('BAD_INPUT', `the database refuses the content: ${what} has ${key} twice`)
    seen.add(key)
  }
}

const put = <K, T>(table: Map<K, T>, list: readonly T[] | undefined, keyOf: (row: T) => K): void => {
  for (const row of list ?? []) table.set(keyOf(row), row)
}

/** A commit as it is handed over: what its caller does afterwards changes nothing of it. Definitions and replies are kept to the letter. */
export const handedOver = (commit: rows.Commit): rows.Commit => {
  const { directives = [], replies = [] } = commit
  return {
    ...copied({ ...commit, directives: [], replies: [] }),
    directives: directives.map((row) => ({
      ...copied({ ...row, definition: null }),
      definition: asJson(row.definition),
    })),
    replies: replies.map((row) => ({ ...row, reply: asJson(row.reply) })),
  }
}

const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

/** A deep copy as the database would hand it back: bytes as they are, text as it can be held. */
export const copied = <T>(value: T): T => copy(value) as T

const copy = (value: unknown): unknown => {
  if (typeof value === 'string') return displayable(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.length === 0 ? [] : value.map(copy)
  if (value instanceof Uint8Array) return copyOfBytes(value)
  const from = value as Record<string, unknown>
  const to: Record<string, unknown> = {}
  for (const key of Object.keys(from)) if (from[key] !== undefined) to[columnOf(key)] = copy(from[key])
  return to
}

/** Names of columns are few and always the same ones. */
const columns = new Set<string>()

const columnOf = (name: string): string => {
  if (columns.has(name)) return name
  const column = displayable(name)
  if (column === name && columns.size < columnsMax) columns.add(name)
  return column
}

const columnsMax = 1_000

/** Memory of its own for each of the many small ones would cost more than all else of a copy. */
const copyOfBytes = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length > pooledMax) return new Uint8Array(bytes)
  if (at + bytes.length > pool.length) [pool, at] = [new Uint8Array(poolBytes), 0]
  pool.set(bytes, at)
  const copied = pool.subarray(at, at + bytes.length)
  at += bytes.length
  return copied
}

const poolBytes = 64 * 1024
const pooledMax = 8 * 1024
let pool = new Uint8Array(poolBytes)
let at = 0
