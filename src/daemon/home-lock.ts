/**
 * One process per home. The lock is the file `lock.<n>` with the highest n, which names its holder by process id and start time,
 * so one that a crash left behind is known as such. Taking over means making the file n + 1, which succeeds for one process
 * only; the highest is never removed, not even at release, so that no slow reader can ever take an old number again.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { WritError } from '../protocol/errors.ts'
import { giveToOwner } from './durable-file.ts'
import { startedAt } from './process-group.ts'
import { readJson } from './read-json.ts'

const lockForm = z.object({ pid: z.int(), started: z.string(), released: z.boolean().default(false) })

/** Takes the lock of a home; returns what releases it. Throws LOCKED, naming the process that has it. */
export const takeLock = (root: string): (() => void) => {
  const mine = { pid: process.pid, started: startedAt(process.pid) ?? '', released: false }
  for (;;) {
    const last = highest(root)
    refuseLiving(root, last)
    const file = lockFile(root, last + 1)
    if (!put(file, mine, linked)) continue
    if (highest(root) === last + 1) {
      clearBelow(root, last)
      return () => release(file, { ...mine, released: true })
    }
    // We had read an old number, whose successor came and went meanwhile: ours is no lock.
    rmSync(file)
  }
}

const release = (file: string, released: object): void => {
  if (!existsSync(file)) return
  try {
    put(file, released, renamed)
  } catch {
    // Nothing can be written any more, on a full disk say: an empty one is nobody's.
    truncateSync(file)
  }
}

/** 0 is the lock of versions that had no numbers, or none. */
const lockFile = (root: string, number: number): string => join(root, number === 0 ? 'lock' : `lock.${number}`)

const numberOf = (name: string): number => Number(/^lock\.(\d+)$/.exec(name)?.[1] ?? 0)

const highest = (root: string): number => Math.max(0, ...readdirSync(root).map(numberOf))

/** The process that has the lock of a home, or null. */
export const holderOfHome = (root: string): number | null => holderIn(root, highest(root))

const holderIn = (root: string, number: number): number | null => {
  const holder = lockForm.safeParse(readJson(lockFile(root, number)))
  if (!holder.success || holder.data.released || startedAt(holder.data.pid) !== holder.data.started) return null
  return holder.data.pid
}

const refuseLiving = (root: string, number: number): void => {
  const pid = holderIn(root, number)
  if (pid === null) return
  throw new WritError('LOCKED', `the daemon's folder ${root} is used by process ${pid}`, {
    hint: 'stop that daemon, or give this one another name or another home',
  })
}

/** The one before ours stays: whoever lists the folder while we do this finds at least one of the two. */
const clearBelow = (root: string, number: number): void => {
  for (const name of readdirSync(root)) {
    const isOld = name === 'lock' ? number > 0 : /^lock\.\d/.test(name) && Number.parseInt(name.slice(5), 10) < number
    if (isOld) rmSync(join(root, name), { force: true })
  }
}

/** Whole from the first moment that it is there. */
const put = (file: string, content: object, bring: (from: string, to: string) => boolean): boolean => {
  const temporary = `${file}.${randomBytes(4).toString('hex')}`
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    giveToOwner(fd, dirname(file))
    writeFileSync(fd, JSON.stringify(content))
    return bring(temporary, file)
  } finally {
    closeSync(fd)
    rmSync(temporary, { force: true })
  }
}

/** A link, unlike a rename, refuses to replace. What it was to come from is gone when others came and went meanwhile. */
const linked = (from: string, to: string): boolean => {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

const renamed = (from: string, to: string): boolean => {
  renameSync(from, to)
  return true
}
