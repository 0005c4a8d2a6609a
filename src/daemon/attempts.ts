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

export const openAttempts = (folder: string): Attempts => {
  const saving = new Map<string, Promise<void>>()
  const write = (one: AttemptRecord, put: typeof writeDurably): Promise<void> => {
    const key = attemptKey(one)
    const text = JSON.stringify(one)
    // One after the other: a slow write must not replace a newer one.
    const written = (saving.get(key) ?? Promise.resolve()).then(() => put(join(folder, `${key}.json`), text))
    const settled = written
      .catch(() => undefined)
      .then(() => {
        if (saving.get(key) === settled) saving.delete(key)
      })
    saving.set(key, settled)
    return written
  }
  const names = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.json'))
  return {
    open: async () => {
      const read = await Promise.all(
        names().map(async (name) => ({ name, record: await readRecord(join(folder, name)) })),
      )
      const damaged = read.flatMap(({ name, record }) => (record === 'damaged' ? [name] : []))
      for (const name of damaged) await rename(join(folder, name), join(folder, `${name}.damaged`))
      return { records: read.flatMap(({ record }) => (isOpen(record) ? [record] : [])), damaged }
    },
    find: async (task, attempt) => {
      const found = await readRecord(join(folder, `${attemptKey({ task, attempt })}.json`))
      return found === 'damaged' ? null : found
    },
    save: (one) => write(one, writeDurably),
    note: (one) => write(one, replaceFile),
    prune: async (before) => {
      for (const file of readdirSync(folder).map((name) => join(folder, name))) {
        const found = await stat(file).catch(() => null)
        if (found === null || found.mtimeMs >= before) continue
        if (!file.endsWith('.json') || !isOpen(await readRecord(file))) await rm(file, { force: true })
      }
    },
  }
}

const isOpen = (read: AttemptRecord | 'damaged' | null): read is AttemptRecord =>
  read !== null && read !== 'damaged' && read.receipt === null

const readRecord = async (file: string): Promise<AttemptRecord | 'damaged' | null> => {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  try {
    const parsed = record.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : 'damaged'
  } catch {
    // Not JSON: the disk, not a crash of ours (a record is replaced whole).
    return 'damaged'
  }
}
