/**
 * One process per data folder. The lock is the file `run/lock.<n>` with the highest n, holding pid and start time, so a
 * holder that was killed is seen for what it is, and which folder it is for, so that the one in a copy locks nothing. Taking
 * over means making the file n + 1, which succeeds for one process only; the highest file is never removed, not even at
 * release, so that no slow reader can ever take an old number again. A pid says nothing in another container or on another
 * host: for those the holder touches its lock as long as it lives.
 */
import { existsSync, readdirSync, rmSync, statSync, truncateSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { WritError } from '../protocol/errors.ts'
import { lockStillMs, lockTouchMs } from '../protocol/limits.ts'
import { folderId, idOf, isFor, isStillAt, type FolderId } from './folder-id.ts'
import { living, stillLives } from './living.ts'
import { makeFolder } from './make-folder.ts'
import { ourScope, pidScope, whereIs } from './pid-scope.ts'
import { createPrivately, readIfThere, writePrivately } from './private-file.ts'
import { until } from './until.ts'

const record = z.object({
  pid: z.number(),
  started: z.string(),
  released: z.boolean(),
  folder: folderId.optional(),
  scope: pidScope.optional(),
})

export interface FolderLock {
  /** May be called more than once. A process that ends without it has released the lock too. */
  release(): void
  /** Why it is ours no more: one elsewhere has taken it for that of a dead process, because we stood still for too long. */
  lostTo(): WritError | undefined
  /** Rejects with the same, soon after it has come to that. */
  lost: Promise<never>
}

export interface Holder {
  pid: number
  started: string
}

interface Found extends Holder {
  /** In another container or on another host, where only another touch of its lock tells whether it lives. */
  elsewhere?: { host: string; touch: string }
}

/**
 * Takes the lock of a data folder. Throws LOCKED, naming the pid, when a living process has it, or one elsewhere may live:
 * one that has not touched it since `still` does not.
 */
export function lockFolder(root: string, still?: string): FolderLock {
  const run = runIn(root)
  makeFolder(run)
  const started = living(process.pid)?.started ?? 'unknown'
  const mine = { pid: process.pid, started, released: false, folder: idOf(root), scope: ourScope() }
  for (;;) {
    const last = highest(run)
    const holder = holderAt(root, last)
    if (holder !== undefined && (still === undefined || holder.elsewhere?.touch !== still)) throw locked(root, holder)
    const file = lockFile(run, last + 1)
    if (!createPrivately(file, JSON.stringify(mine))) continue
    if (highest(run) === last + 1) {
      clearBelow(run, last)
      return held(root, last + 1, mine)
    }
    // We had read an old number, whose successor came and went meanwhile: ours is no lock.
    rmSync(file)
  }
}

function held(root: string, number: number, mine: z.infer<typeof record> & { folder: FolderId }): FolderLock {
  const file = lockFile(runIn(root), number)
  const lostTo = (): WritError | undefined => takenAfter(root, number, mine.folder)
  let lose: (why: WritError) => void = () => undefined
  const lost = new Promise<never>((_, reject) => (lose = reject))
  // Who only ends what runs has nothing to lose by it.
  lost.catch(() => undefined)
  const look = (): void => {
    const why = lostTo()
    if (why === undefined) return touch(root, file, mine.folder)
    clearInterval(timer)
    lose(why)
  }
  const timer = setInterval(look, lockTouchMs).unref()
  const end = (): void => {
    clearInterval(timer)
    release(root, file, { ...mine, released: true })
  }
  return { release: end, lostTo, lost }
}

function takenAfter(root: string, number: number, folder: FolderId): WritError | undefined {
  try {
    // Our folder may have another name by now, and what is in its place a lock of its own.
    if (!isStillAt(root, folder)) return undefined
    const last = highest(runIn(root))
    return last > number ? taken(root, holderAt(root, last)) : undefined
  } catch {
    // The disk cannot be reached at the moment.
    return undefined
  }
}

interface Waiting {
  say: (line: string) => void
  signal?: AbortSignal
  stillMs?: number
}

/** The same, which looks for so long whether a holder elsewhere lives: for a change alone, because the clocks of two hosts differ. */
export async function lockOnceStill(
  root: string,
  { say, signal, stillMs = lockStillMs }: Waiting,
): Promise<FolderLock> {
  const holder = holderIn(root)
  const before = holder?.elsewhere?.touch
  if (holder === undefined || before === undefined) return lockFolder(root)
  say(`${nameOf(holder)} has had ${root}: it is free in ${Math.ceil(stillMs / 1000)} s unless that one lives`)
  const look = (): true | undefined => {
    signal?.throwIfAborted()
    return holderIn(root)?.elsewhere?.touch === before ? undefined : true
  }
  await until(look, { withinMs: stillMs, everyMs: Math.min(stillMs / 10, 250) })
  return lockFolder(root, before)
}

function touch(root: string, file: string, folder: FolderId): void {
  try {
    // As above.
    if (isFor(folder, root)) utimesSync(file, new Date(), new Date())
  } catch {
    // The folder is gone, or its disk cannot be reached at the moment.
  }
}

function release(root: string, file: string, released: z.infer<typeof record>): void {
  // As above.
  if (!existsSync(file) || !isFor(released.folder, root)) return
  try {
    writePrivately(file, JSON.stringify(released))
  } catch {
    // Nothing can be written any more, on a full disk say: an empty one is nobody's.
    truncateSync(file)
  }
}

/** The living process that has the lock, or undefined; also when it is elsewhere. */
export function holderOf(root: string): Holder | undefined {
  const holder = holderIn(root)
  return holder?.elsewhere === undefined ? holder : undefined
}

function holderIn(root: string): Found | undefined {
  return existsSync(runIn(root)) ? holderAt(root, highest(runIn(root))) : undefined
}

function holderAt(root: string, number: number): Found | undefined {
  const file = lockFile(runIn(root), number)
  const text = readIfThere(file)
  if (text === undefined || text === '') return undefined
  const { released, folder, scope, ...holder } = record.parse(JSON.parse(text))
  if (released) return undefined
  const where = whereIs(scope)
  // Where the host is known by its name alone, that may have changed under a holder that lives here.
  const isHere = where === 'here' || scope?.boot === undefined
  if (isHere && isFor(folder, root) && stillLives(holder)) return holder
  if (where !== 'elsewhere' || scope === undefined) return undefined
  // What it was written for says nothing here: each host numbers a disk of several in its own way.
  const touched = statSync(file, { throwIfNoEntry: false })?.mtimeMs
  return { ...holder, elsewhere: { host: scope.host, touch: `${number} ${touched}` } }
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

const nameOf = ({ pid, elsewhere }: Found): string =>
  elsewhere === undefined ? `process ${pid}` : `process ${pid} of another container or host (${elsewhere.host})`

function locked(root: string, holder: Found): WritError {
  const there = 'a data folder is for one host at a time: stop it there'
  const stop = holder.elsewhere === undefined ? `stop it (writ down, or kill ${holder.pid})` : there
  return new WritError('LOCKED', `${nameOf(holder)} uses the data folder ${root}`, {
    hint: `${stop}, or choose another folder with --data-dir`,
  })
}

function taken(root: string, holder: Found | undefined): WritError {
  const who = holder === undefined ? 'another writ, which has ended,' : nameOf(holder)
  return new WritError(
    'LOCKED',
    `${who} has taken the data folder ${root}: this process stood still for more than ${lockStillMs / 1000} s and counted as dead`,
    {
      hint: 'all that ran on it here is ended at once; what is to be paused is not to share its data folder (docs/nodes.md)',
    },
  )
}
