/**
 * The records of attempts, one file each, on the disk before anything that they stand for happens: before a spawn is
 * accepted, before a process begins, before a report is sent. What a restart knows, it knows from here.
 */
import { readdirSync } from 'node:fs'
import { readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { isToken } from '../protocol/ids.ts'
import { reports, spawn } from '../protocol/task.ts'
import { replaceFile, writeDurably } from './durable-file.ts'

const stamp = { attempt: true, nonce: true, session: true } as const

/** What an attempt ended with: what is reported, without its stamp. */
export const outcome = z.discriminatedUnion('verb', [
  z.object({ verb: z.literal('done'), body: reports.done.omit(stamp).extend({ verdict: z.json().optional() }) }),
  z.object({ verb: z.literal('failed'), body: reports.failed.omit(stamp) }),
])
export type Outcome = z.infer<typeof outcome>

export const failed = (reason: string, means: boolean): Outcome => ({ verb: 'failed', body: { reason, means } })

const record = z.object({
  task: z.string().refine(isToken),
  /** For the report's subject. */
  address: z.string(),
  attempt: z.int().positive(),
  nonce: z.string(),
  /** That the spawn came to: the report names it. */
  session: z.string(),
  /** Null: the attempt was cancelled before its spawn came. */
  spawn: spawn.nullable(),
  acceptedAt: z.number(),
  /** The process group that runs now. */
  group: z.object({ id: z.int(), started: z.string() }).nullable(),
  /** That its processes carry. */
  token: z.string().nullable(),
  outcome: outcome.nullable(),
  /** How its log is to be read; null while it runs, and when there is none. */
  output: z.object({ head: z.int(), leftOut: z.int() }).nullable().default(null),
  /** What became of the report; null: it is still to be delivered. */
  receipt: z.enum(['counted', 'stale', 'refused']).nullable(),
})
export type AttemptRecord = z.infer<typeof record>

export interface Attempts {
  /** Those without a receipt, and the files that could not be read (moved aside). */
  open: () => Promise<{ records: AttemptRecord[]; damaged: string[] }>
  find: (task: string, attempt: number) => Promise<AttemptRecord | null>
  /** Resolves when the record is on the disk as it is now, whatever happens to the machine. */
  save: (record: AttemptRecord) => Promise<void>
  /**
   * Resolves when the record outlives the daemon. Of a machine that loses its power it may be missing: then nothing of the
   * attempt runs any more either, and its holder hears that it is not known.
   */
  note: (record: AttemptRecord) => Promise<void>
  /** Removes records that have their receipt, and what a crash has left of writing them, not touched since `before` (ms since 1970). */
  prune: (before: number) => Promise<void>
}

/** How an attempt's files are named. */
export const attemptKey = ({ task, attempt }: { task: string; attempt: number }): string => `${task}-${attempt}`

/** Where the records are: a folder, or the simulator's. Each call rejects with the system's error, and then changed nothing. */
export interface RecordFiles {
  names: () => string[]
  /** Null when there is no such file. */
  read: (name: string) => Promise<string | null>
  /** Whole, and on the disk whatever happens to the machine. */
  write: (name: string, text: string) => Promise<void>
  /** Whole for whoever reads it, also after a crash of this process. */
  replace: (name: string, text: string) => Promise<void>
  rename: (name: string, to: string) => Promise<void>
  /** When it was written last, in ms since 1970; null when it is not there. */
  writtenAt: (name: string) => Promise<number | null>
  remove: (name: string) => Promise<void>
}

export const openAttempts = (folder: string): Attempts => attemptsIn(recordFolder(folder))

const recordFolder = (folder: string): RecordFiles => ({
  names: () => readdirSync(folder),
  read: (name) => readFile(join(folder, name), 'utf8').catch(nullWithout),
  write: (name, text) => writeDurably(join(folder, name), text),
  replace: (name, text) => replaceFile(join(folder, name), text),
  rename: (name, to) => rename(join(folder, name), join(folder, to)),
  writtenAt: (name) =>
    stat(join(folder, name)).then(
      ({ mtimeMs }) => mtimeMs,
      () => null,
    ),
  remove: (name) => rm(join(folder, name), { force: true }),
})

const nullWithout = (error: NodeJS.ErrnoException): null => {
  if (error.code === 'ENOENT') return null
  throw error
}

export const attemptsIn = (files: RecordFiles): Attempts => {
  const saving = new Map<string, Promise<void>>()
  const write = (one: AttemptRecord, put: RecordFiles['write']): Promise<void> => {
    const key = attemptKey(one)
    const text = JSON.stringify(one)
    // One after the other: a slow write must not replace a newer one.
    const written = (saving.get(key) ?? Promise.resolve()).then(() => put(`${key}.json`, text))
    const settled = written
      .catch(() => undefined)
      .then(() => {
        if (saving.get(key) === settled) saving.delete(key)
      })
    saving.set(key, settled)
    return written
  }
  const names = (): string[] => files.names().filter((name) => name.endsWith('.json'))
  return {
    open: async () => {
      const read = await Promise.all(names().map(async (name) => ({ name, record: await readRecord(files, name) })))
      const damaged = read.flatMap(({ name, record }) => (record === 'damaged' ? [name] : []))
      for (const name of damaged) await files.rename(name, `${name}.damaged`)
      return { records: read.flatMap(({ record }) => (isOpen(record) ? [record] : [])), damaged }
    },
    find: async (task, attempt) => {
      const found = await readRecord(files, `${attemptKey({ task, attempt })}.json`)
      return found === 'damaged' ? null : found
    },
    save: (one) => write(one, files.write),
    note: (one) => write(one, files.replace),
    prune: async (before) => {
      for (const name of files.names()) {
        const at = await files.writtenAt(name)
        if (at === null || at >= before) continue
        if (!name.endsWith('.json') || !isOpen(await readRecord(files, name))) await files.remove(name)
      }
    },
  }
}

const isOpen = (read: AttemptRecord | 'damaged' | null): read is AttemptRecord =>
  read !== null && read !== 'damaged' && read.receipt === null

const readRecord = async (files: RecordFiles, name: string): Promise<AttemptRecord | 'damaged' | null> => {
  const text = await files.read(name)
  if (text === null) return null
  try {
    const parsed = record.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : 'damaged'
  } catch {
    // Not JSON: the disk, not a crash of ours (a record is replaced whole).
    return 'damaged'
  }
}
