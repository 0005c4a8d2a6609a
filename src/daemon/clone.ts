/**
 * The cache of a repository: a bare clone whose objects every attempt reads, and that no task is given. Commits are fetched by
 * their id, so the number of branches in the repository costs nothing; what was fetched or pushed once is kept.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WritError } from '../protocol/errors.ts'
import { replaceFile } from './durable-file.ts'
import type { Git, GitOptions } from './git.ts'
import { GitError } from './git.ts'
import { openRemote } from './remote.ts'
import { removeFolder } from './remove-folder.ts'
import type { Repository } from '../protocol/repository.ts'
import { readBranch, readCommit } from '../protocol/repository.ts'

/** Ways out of the process: how an attempt that uses the clone hears of it and ends it. */
export type Use = Pick<GitOptions, 'signal' | 'flows'>

export interface Worktree {
  folder: string
  /** The worktree's own git folder: named in every call, whatever lies in the folder. */
  gitDir: string
  remove: () => Promise<void>
}

export interface Clone {
  git: (args: readonly string[], options?: GitOptions) => Promise<string>
  /** Where its objects lie: for git folders that read them as their own. */
  objects: string
  /** Its file that names commits whose parents are not here: there is one for a repository that is a shallow clone itself. */
  shallow: string
  /** The commit is here afterwards; fetched when it was not. */
  ensure: (commit: string) => Promise<void>
  /** The same from a git folder on this host: what its objects say that they are is checked. */
  take: (gitDir: string, commit: string) => Promise<void>
  /** The commit of a branch in the repository (null: of its HEAD), fetched. Throws NOT_FOUND. */
  resolve: (base: string | null) => Promise<string>
  /** What the branch is in the repository, fetched; null when it is not there. */
  tip: (branch: string) => Promise<string | null>
  /** Branches below a folder of branches, by the rest of their names, and where they are. */
  below: (folder: string) => Promise<{ name: string; commit: string }[]>
  contains: (descendant: string, ancestor: string) => Promise<boolean>
  /** Makes the branch this commit. With `seen`, only when it still was that (null: not there); false when it was not. */
  push: (commit: string, branch: string, seen?: { was: string | null }) => Promise<boolean>
  /** A worktree of the clone itself: for what the daemon does alone, never for a task. */
  worktree: (folder: string, commit: string) => Promise<Worktree>
}

const retryWaitsMs = [500, 2000]

const patiently = async <T>(act: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  for (const waitMs of retryWaitsMs) {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof GitError)) throw error
      await sleep(waitMs, undefined, signal === undefined ? {} : { signal })
    }
  }
  return act()
}

export interface Clones {
  /** The cache of a repository, made when it is not there. */
  open: (repository: Repository, use: Use) => Promise<Clone>
  folderOf: (repository: Repository) => string
  /** Acts on the clone in this folder while nothing else does. */
  alone: <T>(gitDir: string, act: () => Promise<T>) => Promise<T>
}

/** Opens the caches below a folder. */
export const openClones = (folder: string, git: Git): Clones => {
  const last = new Map<string, Promise<unknown>>()
  /** One at a time per clone: git's own locks refuse instead of waiting. */
  const alone = <T>(gitDir: string, act: () => Promise<T>): Promise<T> => {
    const turn = (last.get(gitDir) ?? Promise.resolve()).then(act, act)
    last.set(
      gitDir,
      turn.catch(() => undefined),
    )
    return turn
  }
  const folderOf = ({ location }: Repository): string =>
    join(folder, `${createHash('sha256').update(location).digest('hex').slice(0, 24)}.git`)
  return {
    folderOf,
    alone,
    open: async (repository, use) => {
      const gitDir = folderOf(repository)
      await alone(gitDir, async () => {
        await made(gitDir, git)
        await utimes(gitDir, new Date(), new Date())
      })
      return cloneOf({ gitDir, repository, git, use, alone: (act) => alone(gitDir, act) })
    },
  }
}

/** The settings that a clone was made with, beside those that it has now. */
export const firstConfig = 'config.first'

const made = async (gitDir: string, git: Git): Promise<void> => {
  if (existsSync(gitDir)) return
  const half = `${gitDir}.half`
  await removeFolder(half)
  await mkdir(half, { recursive: true })
  await git(['init', '--quiet', '--bare', '--template='], { gitDir: half })
  await copyFile(join(half, 'config'), join(half, firstConfig))
  await rename(half, gitDir)
}

interface Parts {
  gitDir: string
  repository: Repository
  git: Git
  use: Use
  alone: <T>(act: () => Promise<T>) => Promise<T>
}

const cloneOf = ({ gitDir, repository, git: run, use, alone }: Parts): Clone => {
  const here: Git = (args, options) => run(args, { gitDir, ...use, ...options })
  const git: Clone['git'] = async (args, options) => (await here(args, options)).stdout.trim()
  const remote = openRemote(repository, here)
  const far = <T>(act: () => Promise<T>): Promise<T> => patiently(act, use.signal)
  // By its ref, which is made once all that the commit is made of is there: a fetch that broke off may have left the commit alone.
  const has = async (commit: string): Promise<boolean> =>
    (
      await here(['rev-parse', '--verify', '--quiet', `${keptRef(commit)}^{commit}`], { answers: [1, 128] })
    ).stdout.trim() === commit
  const bring = async (commit: string): Promise<void> => {
    if (await has(commit)) return
    await remote.fetch(`+${commit}:${keptRef(commit)}`).catch(async (error: unknown) => {
      const broken = brokenRef(error)
      if (broken !== null) {
        await git(['update-ref', '--no-deref', '-d', broken])
        return bring(commit)
      }
      if (!isRefusedId(error)) throw error
      return bringAll(commit)
    })
  }
  /** An old server refuses a bare commit id; then all branches are asked for. */
  const bringAll = async (commit: string): Promise<void> => {
    await remote.fetch('+refs/heads/*:refs/remotes/origin/*')
    const found = await here(['cat-file', '-e', `${commit}^{commit}`], { answers: [1, 128] })
    if (found.code !== 0) throw new GitError(`commit ${commit} is not in ${repository.location}`)
    await git(['update-ref', keptRef(commit), commit])
  }
  const ensure = async (commit: string): Promise<void> => {
    if (!(await has(readCommit(commit)))) await alone(() => far(() => bring(commit)))
  }
  const tip = async (branch: string): Promise<string | null> => {
    const commit = await far(() => remote.look(`refs/heads/${readBranch(branch)}`))
    if (commit !== null) await ensure(commit)
    return commit
  }
  return {
    git,
    objects: join(gitDir, 'objects'),
    shallow: join(gitDir, 'shallow'),
    ensure,
    take: async (from, commit) => {
      if (await has(readCommit(commit))) return
      await alone(() => openRemote({ location: from, local: true }, here).fetch(`+${commit}:${keptRef(commit)}`))
    },
    tip,
    resolve: async (base) => {
      const commit = base === null ? await far(() => remote.look('HEAD')) : await tip(base)
      if (commit === null) throw noBase(repository, base)
      await ensure(commit)
      return commit
    },
    below: async (folder) => {
      const above = `refs/heads/${folder}/`
      const found = await far(() => remote.list(`${above}*`))
      return found.map(({ ref, commit }) => ({ name: ref.slice(above.length), commit }))
    },
    contains: async (descendant, ancestor) =>
      (await here(['merge-base', '--is-ancestor', ancestor, descendant], { answers: [1] })).code === 0,
    push: async (commit, branch, seen) => {
      await git(['update-ref', keptRef(commit), commit])
      return far(() => remote.push(commit, `refs/heads/${branch}`, seen))
    },
    worktree: (folder, commit) => alone(() => worktreeOf(git, { gitDir, folder, commit })),
  }
}

/** The server knows no such commit, or gives none out by its id. */
const isRefusedId = (error: unknown): boolean =>
  error instanceof GitError &&
  /unadvertised object|not our ref|no such remote ref|couldn't find remote ref/i.test(error.message)

/** A kept commit that is not there: the machine lost its power before it was on the disk. No fetch works beside it. */
const brokenRef = (error: unknown): string | null =>
  error instanceof GitError ? (/bad object (refs\/writ\/kept\/[0-9a-f]+)/.exec(error.message)?.[1] ?? null) : null

/** Keeps a commit, and tells the next fetch what is here already. */
const keptRef = (commit: string): string => `refs/writ/kept/${commit}`

const noBase = ({ location }: Repository, base: string | null): WritError =>
  base === null
    ? new WritError('NOT_FOUND', `the repository ${location} has no commit yet`, { hint: 'make a first commit in it' })
    : new WritError('NOT_FOUND', `the repository ${location} has no branch ${JSON.stringify(base)}`, {
        hint: 'name a base branch that is there',
      })

/**
 * Files as they are in the commit, whatever its attributes say: one that git would not write as it reads it (with CRLF, though its
 * attributes say text) would seem to have been changed in the worktree, and nothing could be merged into it.
 */
const asCommitted = '* -text -ident !filter !working-tree-encoding\n'

const worktreeOf = async (
  git: Clone['git'],
  { gitDir: common, folder, commit }: { gitDir: string; folder: string; commit: string },
): Promise<Worktree> => {
  await removeFolder(folder)
  await mkdir(join(common, 'info'), { recursive: true })
  // Whole at every moment: a merge in another worktree may be reading it.
  await replaceFile(join(common, 'info', 'attributes'), asCommitted)
  await git(['worktree', 'add', '--quiet', '--detach', '--force', '--end-of-options', folder, commit]).catch(
    async (error: unknown) => {
      await removeFolder(folder)
      throw error
    },
  )
  const gitDir = /^gitdir: (.+)$/m.exec(await readFile(join(folder, '.git'), 'utf8'))?.[1]
  if (gitDir === undefined) throw new GitError(`the worktree ${folder} has no git folder`)
  return { folder, gitDir, remove: async () => void (await Promise.all([folder, gitDir].map(removeFolder))) }
}
