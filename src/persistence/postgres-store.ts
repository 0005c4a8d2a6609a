/**
 * The Store port on Postgres: one connection for commits, in order, two for what the engine asks, so that a lease is renewed
 * while a large commit runs, and one for tidying. Composes the files beside it, one per part of the port.
 */
import type { Store } from '../actors/ports/store.ts'
import { commitDeadlineMs, leaseMs, mailboxMessagesMax, tidyLockMs } from '../protocol/limits.ts'
import { loadActors, loadDirective, loadRegistries } from './actors.ts'
import { putBlob, readBlob, readFiles } from './blobs.ts'
import { commit } from './commit.ts'
import { Connection } from './connection.ts'
import { loadStopped } from './parked-records.ts'
import { loadAttempt, loadDesk, loadOpenAttempts, loadRegistry, loadTasks } from './desks.ts'
import { callFailure, commitFailure } from './failures.ts'
import { forgetEvents } from './forgetting.ts'
import { cutJournal, readJournal, readJournalSpans } from './journals.ts'
import { claim, drain, hand, join, knowing, leave, reclaim, release, renew } from './leases.ts'
import { countTry, openIngress, readMailbox, readParkedAhead } from './mailbox.ts'
import { readPlanRows, readStepIndexes, stagePlan } from './plans.ts'
import { clearRemoved, readEnded, readRemovedAt, readSettled } from './removal.ts'
import { readReply } from './replies.ts'
import { checkServer } from './server-check.ts'
import { tidyingOf } from './tidying.ts'
import { readDueTimers, readNextTimer } from './timers.ts'

export interface StoreOptions {
  url: string
  log: (line: string) => void
  /** What `pg_stat_activity` shows of this thread. */
  applicationName: string
  /** Of a thread's lease, in ms. */
  leaseMs?: number | undefined
  /** How long a call may take, in ms. */
  deadlineMs?: number
  /** Messages that an actor's mailbox holds. */
  mailboxMessagesMax?: number
}

/**
 * Opens the store of a database that was migrated. Throws UNREACHABLE, UNAUTHORIZED, OLD_SERVER, SCHEMA_NEWER, or REFUSED
 * when the schema is not there yet.
 */
export const openStore = async (options: StoreOptions): Promise<Store> => {
  const { url, log, applicationName } = options
  const deadlineMs = options.deadlineMs ?? commitDeadlineMs
  const common = { url, log, deadlineMs }
  const commits = new Connection({
    ...common,
    max: 1,
    applicationName: `${applicationName} commits`,
    translate: commitFailure,
  })
  const calls = new Connection({ ...common, max: 2, applicationName, translate: callFailure(url) })
  // Nobody waits for it, and it waits for nobody: opened by the first tidying.
  const tidying = new Connection({
    ...common,
    max: 1,
    applicationName: `${applicationName} tidying`,
    translate: callFailure(url),
    session: { lock_timeout: String(tidyLockMs) },
  })
  try {
    const schema = await checkServer(calls, url)
    // Whoever asks first of what has just moved here does not wait for it; one that does not come now, the first commit opens.
    await commits.run((sql) => sql`select 1`).catch(() => undefined)
    return compose({ commits, calls, tidying }, options, schema)
  } catch (error) {
    await calls.close()
    throw error
  }
}

interface Connections {
  commits: Connection
  calls: Connection
  tidying: Connection
}

const compose = ({ commits, calls, tidying }: Connections, options: StoreOptions, schema: number): Store => {
  const terms = { leaseMs: options.leaseMs ?? leaseMs, schema }
  return {
    join: (thread) => join(calls, thread, terms),
    renew: (thread) => renew(calls, thread, terms),
    claim: (thread, count) => claim(calls, thread, count),
    reclaim: (thread, shards) => reclaim(calls, thread, shards),
    release: (thread, shards) => release(calls, thread, shards),
    knowing: (thread, machines) => knowing(calls, thread, machines),
    hand: (thread, shards, to) => hand(calls, thread, shards, to),
    drain: (thread) => drain(calls, thread),
    leave: (thread) => leave(calls, thread),
    commit: (thread, rows) => commit(commits, thread, rows),
    actors: (keys) => loadActors(calls, keys),
    directive: (key) => loadDirective(calls, key),
    desk: (key) => loadDesk(calls, key),
    registry: (owner) => loadRegistry(calls, owner),
    tasks: (owner, ids) => loadTasks(calls, owner, ids),
    planRows: (hash, from, count) => readPlanRows(calls, hash, from, count),
    stage: (hash, rows) => stagePlan(calls, hash, rows),
    stepIndexes: (hash, names) => readStepIndexes(calls, hash, names),
    mailbox: (shards, limit) => readMailbox(calls, shards, limit),
    parkedAhead: (shards) => readParkedAhead(calls, shards),
    stopped: (owner, message) => loadStopped(calls, owner, message),
    dueTimers: (shards, limit) => readDueTimers(calls, shards, limit),
    nextTimer: (shards) => readNextTimer(calls, shards),
    openAttempts: (shards) => loadOpenAttempts(calls, shards),
    attempt: (owner, task, attempt) => loadAttempt(calls, owner, task, attempt),
    registries: (shards) => loadRegistries(calls, shards),
    enqueue: openIngress(calls, options.mailboxMessagesMax ?? mailboxMessagesMax),
    countTry: (message, reason) => countTry(calls, message, reason),
    reply: (owner, command) => readReply(calls, owner, command),
    putBlob: (hash, bytes) => putBlob(calls, hash, bytes),
    blob: (hash, part) => readBlob(calls, hash, part),
    files: (owner, contract) => readFiles(calls, owner, contract),
    ended: (shards, part) => readEnded(tidying, shards, part),
    settled: (key) => readSettled(calls, key),
    removedAt: (key) => readRemovedAt(calls, key),
    forgetEvents: (before, after) => forgetEvents(tidying, before, after),
    journalSpans: (shards, part) => readJournalSpans(tidying, shards, part),
    journal: (key, after, limit) => readJournal(tidying, key, after, limit),
    cut: (row) => cutJournal(tidying, row),
    clear: () => clearRemoved(tidying),
    tidy: tidyingOf(tidying, options.log),
    close: async () => {
      await Promise.all([commits.close(), calls.close(), tidying.close()])
    },
  }
}
