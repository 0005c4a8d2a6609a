/**
 * Clean-up by record, at the start and while the daemon lives: what a crash left, what is old, and what is over the disk
 * limit. Whatever an open attempt uses is left alone.
 */
import { copyFile, lstat, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AttemptRecord, Attempts } from './attempts.ts'
import { attemptKey } from './attempts.ts'
import type { Clones } from './clone.ts'
import { firstConfig } from './clone.ts'
import type { Entry } from './disk-use.ts'
import { bytesOf, entriesOf } from './disk-use.ts'
import type { Home } from './home.ts'
import type { Log } from './log.ts'
import { removeFolder } from './remove-folder.ts'
import { readRepository } from '../protocol/repository.ts'

/** How long records, logs and unused caches are kept, in ms. */
const keptMs = 7 * 24 * 60 * 60 * 1000

export interface PruneOptions {
  home: Home
  attempts: Attempts
  clones: Pick<Clones, 'folderOf' | 'alone'>
  /** Attempts without a receipt, as they are at that moment. */
  open: () => readonly AttemptRecord[]
  /** For workspaces, logs and caches together: of the unused ones the longest unused go first. */
  diskBytesMax: number
  /** The first look of this process: the machine may have lost its power since the last one. */
  isFirst: boolean
  log: Log
}

/** Looks once at everything. What cannot be cleaned up is told in the log, and the rest is. */
export const prune = async (options: PruneOptions): Promise<void> => {
  const { home, attempts } = options
  const before = Date.now() - keptMs
  await removeLeft(options)
  await tried(options, home.attempts, () => attempts.prune(before))
  const kept: Entry[] = []
  for (const entry of await unused(options)) {
    if (entry.usedAt < before) await remove(options, entry)
    else kept.push(entry)
  }
  await fit(options, kept)
  for (const path of (await namesIn(home.repos)).map((name) => join(home.repos, name)))
    await tried(options, path, () => freshen(options, path))
}

/** Whether it went well: tasks have the daemon's rights, and one folder that they have spoiled must not keep all others. */
const tried = async ({ log }: PruneOptions, path: string, act: () => Promise<void>): Promise<boolean> => {
  try {
    await act()
    return true
  } catch (error) {
    log.warn({ path, error: String(error) }, 'not all could be cleaned up')
    return false
  }
}

const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })

/** The folder's names of no open attempt. They are read first: an attempt is open before it makes a folder. */
const leftIn = async ({ open }: PruneOptions, folder: string): Promise<string[]> => {
  const names = await namesIn(folder)
  const keys = open().map(attemptKey)
  return names.filter((name) => !keys.some((key) => name === key || name.startsWith(`${key}.`)))
}

const removeLeft = async (options: PruneOptions): Promise<void> => {
  for (const folder of [options.home.work, options.home.plans])
    for (const path of (await leftIn(options, folder)).map((name) => join(folder, name)))
      await tried(options, path, () => removeFolder(path))
}

const isUsed = ({ open, clones }: PruneOptions, path: string): boolean =>
  open().some(({ spawn }) => {
    try {
      return typeof spawn?.repository === 'string' && clones.folderOf(readRepository(spawn.repository)) === path
    } catch {
      // Not a repository's name: that attempt uses none.
      return false
    }
  })

/** Logs and caches that nobody uses now. */
const unused = async (options: PruneOptions): Promise<Entry[]> => {
  const { logs, repos } = options.home
  const logNames = await leftIn(options, logs)
  const repoNames = (await namesIn(repos)).filter((name) => !isUsed(options, join(repos, name)))
  return [...(await entriesOf(logs, logNames)), ...(await entriesOf(repos, repoNames))]
}

/** An attempt may have begun meanwhile: looked at again where no other can begin to use the clone. */
const remove = (options: PruneOptions, { path }: Entry): Promise<boolean> =>
  tried(options, path, () =>
    options.clones.alone(path, async () => {
      if (!isUsed(options, path)) await removeFolder(path)
    }),
  )

const fit = async (options: PruneOptions, entries: readonly Entry[]): Promise<void> => {
  const { home, diskBytesMax, log } = options
  const sizes = await Promise.all([home.work, home.logs, home.repos].map((folder) => bytesOf(folder)))
  let bytes = sizes.reduce((sum, size) => sum + size, 0)
  for (const entry of entries.toSorted((a, b) => a.usedAt - b.usedAt)) {
    if (bytes <= diskBytesMax) return
    if (await remove(options, entry)) bytes -= entry.bytes
  }
  if (bytes > diskBytesMax) log.warn({ bytes, diskBytesMax }, 'what runs now takes more of the disk than the limit')
}

/** Of a clone's git folder, what is the daemon's own and worth to be kept. */
const lasting = new Set(['HEAD', 'config', firstConfig, 'objects', 'refs'])

/**
 * A clone that nobody uses, as it was made, with the commits that it has. No task is given it; but tasks are of the daemon's
 * user, and a merge that was cut short leaves something. One that a loss of power has hurt is removed: no fetch mends it. So is
 * one of a shallow repository: what it says of its commits' parents may be a task's word.
 */
const freshen = (options: PruneOptions, gitDir: string): Promise<void> =>
  options.clones.alone(gitDir, async () => {
    const first = join(gitDir, firstConfig)
    const isThere = await stat(first).then(
      () => true,
      () => false,
    )
    if (!isThere || isUsed(options, gitDir)) return
    if ((await namesIn(gitDir)).includes('shallow')) return removeFolder(gitDir)
    await copyFile(first, join(gitDir, 'config'))
    await writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/main\n')
    await removeAllBut(gitDir, (name) => lasting.has(name))
    await removeAllBut(join(gitDir, 'refs'), (name) => name === 'writ')
    await removeAllBut(join(gitDir, 'refs', 'writ'), (name) => name === 'kept')
    await removeAllBut(join(gitDir, 'objects'), (name) => objectFolder.test(name))
    await removeHalfFetched(join(gitDir, 'objects'))
    await removeLocks(join(gitDir, 'refs', 'writ', 'kept'))
    if (options.isFirst && (await hasEmptyFile(gitDir))) await removeFolder(gitDir)
  })

const removeAllBut = async (folder: string, isKept: (name: string) => boolean): Promise<void> => {
  for (const name of await namesIn(folder)) if (!isKept(name)) await removeFolder(join(folder, name))
}

/** The others name objects elsewhere, or say of commits what they themselves do not. */
const objectFolder = /^(?:[0-9a-f]{2}|pack)$/

/** Of a git that was killed: nobody who comes later could keep the commit. */
const removeLocks = async (kept: string): Promise<void> => {
  for (const name of await namesIn(kept)) if (name.endsWith('.lock')) await removeFolder(join(kept, name))
}

/** A ref or an object that was never written to the disk. */
const hasEmptyFile = async (folder: string): Promise<boolean> => {
  for (const path of (await namesIn(folder)).map((name) => join(folder, name))) {
    const found = await lstat(path)
    if (found.isDirectory() ? await hasEmptyFile(path) : found.size === 0) return true
  }
  return false
}

/** What a fetch that broke off has left: git itself keeps it for two weeks. */
const removeHalfFetched = async (objects: string): Promise<void> => {
  for (const folder of await namesIn(objects))
    for (const name of await namesIn(join(objects, folder)))
      if (name.startsWith('tmp_')) await removeFolder(join(objects, folder, name))
}
