/**
 * The attempts that have no receipt yet, from acceptance to the receipt: they run, their outcome is written down, it is
 * reported until it was taken, and then nothing is left of them but a small record.
 */
import type { Spawn } from '../protocol/task.ts'
import type { RunningAttempt, Surroundings } from './attempt.ts'
import type { AttemptRecord, Outcome } from './attempts.ts'
import { attemptKey, failed } from './attempts.ts'
import type { Reason } from './ending.ts'
import { isFullDisk } from './failure.ts'
import type { ProcessGroup } from './process-group.ts'
import { groupLives, signalGroup } from './process-group.ts'

/** `attempt` is null once it is over and only its report is under way. */
interface Open {
  record: AttemptRecord
  attempt: RunningAttempt | null
}

export interface RunningOptions extends Pick<Surroundings, 'attempts' | 'reports' | 'log'> {
  /** How an attempt of this daemon is run, once its record is on the disk. Never rejects. */
  run: (record: AttemptRecord, spawn: Spawn) => RunningAttempt
  /** Removes what an attempt had beside its workspace. */
  removePlans: (record: AttemptRecord) => Promise<void>
}

export interface RunningAttempts {
  find: (key: string) => AttemptRecord | null
  /** How to read what it writes; null when it does not run. */
  output: (key: string) => RunningAttempt['read'] | null
  /** Their records. */
  records: () => AttemptRecord[]
  /** How many slots they take. */
  count: () => number
  /** `<task id>/<attempt>` of every one without a receipt. */
  names: () => string[]
  begin: (record: AttemptRecord, spawn: Spawn) => void
  /** Takes up a record whose process is gone: its outcome is what was recorded, or that it was lost. */
  resume: (record: AttemptRecord) => void
  /** Reports an outcome once more, whoever has taken it already. */
  repeat: (record: AttemptRecord, outcome: Outcome) => void
  end: (key: string, reason: Reason) => void
  /** Kills the groups of all that runs, without waiting: for a process that is about to be gone. */
  killAll: () => void
  /** Ends everything that runs; resolves when all outcomes are known. */
  endAll: (force: boolean) => Promise<void>
  /** Resolves when no report is under way. */
  delivered: () => Promise<void>
}

/** `changed`: the registry should hear of it. `full`: an attempt has failed for want of room. */
export const openRunning = (around: RunningOptions, changed: () => void, full: () => void): RunningAttempts => {
  const open = new Map<string, Open>()
  const deliveries = new Set<Promise<void>>()
  const follow = (delivery: Promise<unknown>): void => {
    const followed = delivery
      .then(() => undefined)
      .catch((error: unknown) => around.log.debug({ error: String(error) }, 'a report is left for the next start'))
      .finally(() => deliveries.delete(followed))
    deliveries.add(followed)
  }
  const settle = async (entry: Open, outcome: Outcome): Promise<void> => {
    const { record, attempt } = entry
    await writeDown(record, outcome, around)
    entry.attempt = null
    changed()
    record.receipt = await around.reports.deliver(record, outcome)
    record.spawn = null
    await removeAll(record, attempt, around)
    open.delete(attemptKey(record))
    changed()
    if (isFullDisk(outcome)) full()
  }
  return {
    find: (key) => open.get(key)?.record ?? null,
    output: (key) => open.get(key)?.attempt?.read ?? null,
    records: () => [...open.values()].map(({ record }) => record),
    count: () => [...open.values()].filter(({ attempt }) => attempt !== null).length,
    names: () => [...open.values()].map(({ record }) => `${record.task}/${record.attempt}`),
    begin: (record, spawn) => {
      const attempt = around.run(record, spawn)
      const entry = { record, attempt }
      open.set(attemptKey(record), entry)
      follow(attempt.outcome.then((outcome) => settle(entry, outcome)))
    },
    resume: (record) => {
      const entry = { record, attempt: null }
      open.set(attemptKey(record), entry)
      follow(settle(entry, record.outcome ?? failed('the daemon was restarted', true)))
    },
    repeat: (record, outcome) => follow(around.reports.deliver(record, outcome)),
    end: (key, reason) => open.get(key)?.attempt?.end(reason),
    killAll: () => {
      for (const { record, attempt } of open.values())
        if (attempt !== null && record.group !== null && mayLive(record.group)) signalGroup(record.group.id, 'SIGKILL')
    },
    endAll: async (force) => {
      const attempts = [...open.values()].flatMap(({ attempt }) => (attempt === null ? [] : [attempt]))
      for (const attempt of attempts) attempt.end('stop', force)
      await Promise.all(attempts.map(({ outcome }) => outcome))
    },
    delivered: async () => void (await Promise.all(deliveries)),
  }
}

/** One that cannot be looked at, because this process can open no more files say, is not left to run on. */
const mayLive = (group: ProcessGroup): boolean => {
  try {
    return groupLives(group)
  } catch {
    return true
  }
}

/** The slot is free whatever becomes of this: a later clean-up removes what is left, and a next start hears that the report is stale. */
const removeAll = async (
  record: AttemptRecord,
  attempt: RunningAttempt | null,
  { removePlans, attempts, log }: RunningOptions,
): Promise<void> => {
  const stamp = { task: record.task, attempt: record.attempt }
  const tell = (error: unknown): void =>
    log.error({ ...stamp, error: String(error) }, 'not all of an attempt was cleaned up')
  await attempt?.remove().catch(tell)
  await removePlans(record).catch(tell)
  // On the disk whatever could not be removed, and last: on a full disk it takes the room that the workspace had.
  await attempts.note(record).catch(tell)
}

/** A disk that takes no more is no reason to keep the outcome back: then only a restart would lose it. */
const writeDown = async (record: AttemptRecord, outcome: Outcome, { attempts, log }: RunningOptions): Promise<void> => {
  const { task, attempt } = record
  record.group = null
  record.token = null
  record.outcome = outcome
  await attempts
    .save(record)
    .catch((error: unknown) => log.error({ task, attempt, error: String(error) }, 'an outcome is not on the disk'))
  log.info(
    {
      task,
      attempt,
      verb: outcome.verb,
      ...(outcome.verb === 'failed' ? { reason: outcome.body.reason.slice(0, 500) } : {}),
    },
    'an attempt has ended',
  )
}
