/**
 * One process per data folder. The lock is the file `run/lock.<n>` with the highest n, holding pid and start time, so a
 * holder that was killed is seen for what it is, and which folder it is for, so that the one in a copy locks nothing. Taking
 * over means making the file n + 1, which succeeds for one process only; the highest file is never removed, not even at
 * release, so that no slow reader can ever take an old number again.
 */
import { existsSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { WritError } from '../protocol/errors.ts'
import { folderId, idOf, isFor } from './folder-id.ts'
import { living, stillLives } from './living.ts'
import { makeFolder } from './make-folder.ts'
import { createPrivately, readIfThere, writePrivately } from './private-file.ts'

const record = z.object({
  pid: z.number(),
  started: z.string(),
  released: z.boolean(),
  folder: folderId.optional(),
})

export interface FolderLock {
  /** May be called more than once. A process that ends without it has released the lock too. */
  release(): void
}

export interface Holder {
  pid: number
  started: string
}

/** Takes the lock of a data folder. Throws LOCKED, naming the pid, when a living process has it. */
export function lockFolder(root: string): FolderLock {
  const run = runIn(root)
  makeFolder(run)
  const started = living(process.pid)?.started ?? 'unknown'
  const mine = { pid: process.pid, started, released: false, folder: idOf(root) }
  for (;;) {
    const last = highest(run)
    const holder = holderAt(root, last)
    if (holder !== undefined) throw locked(root, holder)
    const file = lockFile(run, last + 1)
    if (!createPrivately(file, JSON.stringify(mine))) continue
    if (highest(run) === last + 1) {
      clearBelow(run, last)
      return { release: () => release(root, file, { ...mine, released: true }) }
    }
    // We had read an old number, whose successor came and went meanwhile: ours is no lock.
    rmSync(file)
  }
}

function release(root: string, file: string, released: z.infer<typeof record>): void {
  // Our folder may have another name by now, and what is in its place a lock of its own.
  if (!existsSync(file) || !isFor(released.folder, root)) return
  try {
    writePrivately(file, JSON.stringify(released))
  } catch {
    // Nothing can be written any more, on a full disk say: an empty one is nobody's.
    truncateSync(file)
  }
}

/** The living process that has the lock, or undefined. */
export function holderOf(root: string): Holder | undefined {
  return existsSync(runIn(root)) ? holderAt(root, highest(runIn(root))) : undefined
}

function holderAt(root: string, number: number): Holder | undefined {
  const text = readIfThere(lockFile(runIn(root), number))
  if (text === undefined || text === '') return undefined
  const { pid, started, released, folder } = record.parse(JSON.parse(text))
  return !released && isFor(folder, root) && stillLives({ pid, started }) ? { pid, started } : undefined
}

function highest(run: string): number {
  const numbers = readdirSync(run).map((name) => Number(/^lock\.(\d+)$/.exec(name)?.[1] ?? 0))
  return Math.max(0, ...numbers)
}

/** The one before ours stays: whoever lists the folder while we do this finds at least one of the two. */
function clearBelow(run: string, number: number): void {
  for (const name of readdirSync(run)) {
    const match = /^lock\.(\d+)(\..*)?$/.exec(name)
    if (match !== null && Number(match[1]) < number) rmSync(join(run, name), { force: true })
  }
}

const runIn = (root: string): string => join(root, 'run')

function lockFile(run: string, number: number): string {
  return join(run, `lock.${number}`)
}

function locked(root: string, { pid }: Holder): WritError {
  return new WritError('LOCKED', `process ${pid} uses the data folder ${root}`, {
    hint: `stop it (writ down, or kill ${pid}), or choose another folder with --data-dir`,
  })
}
