/**
 * The folder that an attempt works in: empty, or a worktree at the commit that the work starts from. The repository itself
 * sees nothing of it but, at the end, the pushed branch.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Spawn } from '../protocol/task.ts'
import { attemptKey } from './attempts.ts'
import type { Clones, Use, Worktree } from './clone.ts'
import type { Clone } from './clone.ts'
import { readOwnBranch, readRepository } from './repository.ts'

export interface Workspace {
  folder: string
  /** Commits and pushes what was done; the commit, or null when there is nothing to push to. */
  save: () => Promise<string | null>
  remove: () => Promise<void>
}

/** Author and committer of what a task left uncommitted. */
export const writIdentity = {
  GIT_AUTHOR_NAME: 'Writ',
  GIT_AUTHOR_EMAIL: 'writ@localhost',
  GIT_COMMITTER_NAME: 'Writ',
  GIT_COMMITTER_EMAIL: 'writ@localhost',
}

/** Makes the workspace of an attempt below `work`. Throws BAD_INPUT or NOT_FOUND, GitError when git could not. */
export const openWorkspace = async (spawn: Spawn, work: string, clones: Clones, use: Use): Promise<Workspace> => {
  const folder = join(work, attemptKey({ task: spawn.task.id, attempt: spawn.task.attempt }))
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  if (spawn.repository === null || spawn.task.role === 'merger') return emptyFolder(folder)
  const clone = await clones(readRepository(spawn.repository), use)
  if (spawn.startCommit !== null) await clone.ensure(spawn.startCommit)
  const commit = spawn.startCommit ?? (await clone.resolve(spawn.baseBranch))
  const worktree = await clone.worktree(folder, commit)
  return { folder, save: () => save(spawn, clone, worktree), remove: worktree.remove }
}

const emptyFolder = async (folder: string): Promise<Workspace> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return {
    folder,
    save: () => Promise.resolve(null),
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}

/** Only a worker's work is pushed: a planner's and an evaluator's worktree is for reading. */
const save = async (spawn: Spawn, clone: Clone, { folder, gitDir }: Worktree): Promise<string | null> => {
  if (spawn.task.role !== 'worker' || spawn.targetBranch === null || spawn.completionAction === 'none') return null
  const branch = readOwnBranch(spawn.targetBranch)
  const here = { gitDir, workTree: folder }
  await clone.git(['add', '--all'], here)
  const changed = await clone.git(['status', '--porcelain', '--untracked-files=no'], here)
  if (changed !== '')
    await clone.git(['commit', '--quiet', '--no-verify', '--message', messageFor(spawn)], {
      ...here,
      env: writIdentity,
    })
  const commit = await clone.git(['rev-parse', '--verify', 'HEAD^{commit}'], here)
  await clone.push(commit, branch)
  return commit
}

const messageFor = ({ step, task }: Spawn): string => `Step ${step?.name ?? task.name}`
