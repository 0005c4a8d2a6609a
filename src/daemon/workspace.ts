/**
 * The folder that an attempt works in: empty, or a checkout of the commit that the work starts from. The repository itself
 * sees nothing of it but, at the end, the pushed branch.
 */
import { lstat, mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import type { Spawn } from '../protocol/task.ts'
import { attemptKey } from './attempts.ts'
import type { Checkout } from './checkout.ts'
import { openCheckout } from './checkout.ts'
import type { Clone, Clones, Use } from './clone.ts'
import { commitWork } from './commit-work.ts'
import { copyFiles, workOf } from './earlier-work.ts'
import { mergeIntoBase } from './line.ts'
import { removeFolder } from './remove-folder.ts'
import { readOwnBranch, readRepository } from '../protocol/repository.ts'

export interface Workspace {
  folder: string
  /** Commits and pushes what was done; the commit, or null when there is nothing to push to. */
  save: () => Promise<string | null>
  remove: () => Promise<void>
}

/** Makes the workspace of an attempt below `work`. Throws BAD_INPUT or NOT_FOUND, GitError when git could not. */
export const openWorkspace = async (spawn: Spawn, work: string, clones: Clones, use: Use): Promise<Workspace> => {
  const folder = join(work, attemptKey({ task: spawn.task.id, attempt: spawn.task.attempt }))
  await removeFolder(folder)
  if (spawn.task.role === 'merger') return emptyFolder(folder)
  if (spawn.repository === null) {
    refuseWithout(spawn)
    return emptyFolder(folder)
  }
  const clone = await clones.open(readRepository(spawn.repository), use)
  const checkout = await openCheckout(clone, folder, await startOf(spawn, clone))
  await copyFiles(spawn, clone, checkout).catch(async (error: unknown) => {
    await checkout.remove()
    throw error
  })
  const given = await realpath(folder)
  const saved = async (): Promise<string | null> => {
    await refuseSwapped(folder, given)
    return save(spawn, clone, checkout, work)
  }
  return { folder, save: saved, remove: checkout.remove }
}

/** Work travels through the repository: without one there is nothing to take over. */
const refuseWithout = ({ continueFrom, copyFiles: names }: Spawn): void => {
  if (continueFrom === null && (names === null || names.length === 0)) return
  throw new WritError('BAD_INPUT', 'there is no repository that the work of another task could come from', {
    hint: 'name a repository, or neither a task to continue from nor files to copy',
  })
}

const startOf = async ({ continueFrom, startCommit, baseBranch }: Spawn, clone: Clone): Promise<string> => {
  if (continueFrom !== null) return workOf(continueFrom, clone)
  if (startCommit === null) return clone.resolve(baseBranch)
  await clone.ensure(startCommit)
  return startCommit
}

const emptyFolder = async (folder: string): Promise<Workspace> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return {
    folder,
    save: () => Promise.resolve(null),
    remove: () => removeFolder(folder),
  }
}

/** Only a worker's work is pushed: a planner's and an evaluator's checkout is for reading. */
const save = async (spawn: Spawn, clone: Clone, checkout: Checkout, work: string): Promise<string | null> => {
  if (spawn.task.role !== 'worker' || spawn.targetBranch === null || spawn.completionAction === 'none') return null
  const branch = readOwnBranch(spawn.targetBranch)
  const commit = await commitWork(spawn, clone, checkout)
  await clone.push(commit, branch)
  if (spawn.completionAction === 'merge') await mergeIntoBase(spawn, commit, clone, work)
  return commit
}

/** A link in the place of the workspace would have whatever it points to committed. */
const refuseSwapped = async (folder: string, given: string): Promise<void> => {
  const found = await lstat(folder).catch(() => null)
  if (found?.isDirectory() === true && (await realpath(folder)) === given) return
  throw new WritError('REFUSED', 'the workspace is not the folder any more that the task was given', {
    hint: 'a task works in its workspace, and leaves it where it is',
  })
}
