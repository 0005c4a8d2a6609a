/**
 * The files of a commit in a folder of a task's, with a git folder that is the task's alone. It reads the clone's objects as if
 * they were its own and knows nothing else of the clone, so whatever a task does with git stays with its attempt.
 */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clone, Worktree } from './clone.ts'
import { removeFolder } from './remove-folder.ts'

export interface Checkout extends Worktree {
  /** The commit that it was made of. */
  start: string
  /** A git folder that no task was given, with the same objects and nothing else: made anew. */
  ownGitDir: () => Promise<string>
}

/** `folder` and what is called like it with an ending are the checkout's. Throws GitError, or the system's error. */
export const openCheckout = async (clone: Clone, folder: string, commit: string): Promise<Checkout> => {
  const [gitDir, own] = [`${folder}.git`, `${folder}.own.git`]
  const remove = async (): Promise<void> => void (await Promise.all([folder, gitDir, own].map(removeFolder)))
  await remove()
  try {
    await mkdir(folder, { recursive: true })
    await makeGitDir(clone, { gitDir, workTree: folder }, [clone.objects])
    await writeFile(join(folder, '.git'), `gitdir: ${gitDir}\n`)
    await clone.git(['checkout', '--quiet', '--force', '--detach', commit], { gitDir, workTree: folder })
    await leaveUnchanged(clone, { gitDir, workTree: folder })
  } catch (error) {
    await remove()
    throw error
  }
  const ownGitDir = async (): Promise<string> => {
    await removeFolder(own)
    await makeGitDir(clone, { gitDir: own, workTree: folder }, [clone.objects, join(gitDir, 'objects')])
    return own
  }
  return { folder, gitDir, start: commit, remove, ownGitDir }
}

/** By how much the clock of the files may be behind, in ms. */
const clockLagMs = 50

/**
 * A file that git would not write as it reads it (with CRLF, though its attributes say text) is changed to it, and would be part of
 * everybody's work; but by its time it is not, once the index is of a later second.
 */
const leaveUnchanged = async ({ git }: Clone, here: { gitDir: string; workTree: string }): Promise<void> => {
  if ((await git(['diff-files', '--name-only'], here)) === '') return
  await sleep(1000 - (Date.now() % 1000) + clockLagMs)
  await utimes(join(here.gitDir, 'index'), new Date(), new Date())
}

const makeGitDir = async (
  { git, shallow }: Clone,
  here: { gitDir: string; workTree: string },
  objects: readonly string[],
): Promise<void> => {
  const { gitDir } = here
  await mkdir(gitDir, { recursive: true, mode: 0o700 })
  await git(['init', '--quiet', '--template=', '--initial-branch=main'], here)
  await mkdir(join(gitDir, 'objects', 'info'), { recursive: true })
  await writeFile(join(gitDir, 'objects', 'info', 'alternates'), objects.map((each) => `${each}\n`).join(''))
  if (existsSync(shallow)) await copyFile(shallow, join(gitDir, 'shallow'))
}
