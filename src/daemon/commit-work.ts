/**
 * What a task leaves in its checkout, as one commit in the clone. Of the git folder that the task had only this is taken: the
 * commit that it is at, its index, its list of ignored files, and objects, which are what their names say or are refused.
 */
import { copyFile, lstat, mkdir, readdir, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import type { Spawn } from '../protocol/task.ts'
import type { Checkout } from './checkout.ts'
import type { Clone } from './clone.ts'
import { GitError } from './git.ts'
import { writIdentity } from './identity.ts'
import { openNested, refuseNewLinks } from './nested.ts'

interface Here {
  gitDir: string
  workTree: string
}

/** Commits the files as they lie there, when they differ from the last commit of the task; returns the commit. */
export const commitWork = async (spawn: Spawn, clone: Clone, checkout: Checkout): Promise<string> => {
  const here = { gitDir: await checkout.ownGitDir(), workTree: checkout.folder }
  const parent = await parentOf(clone, checkout, here)
  for (const name of [...(await indexFiles(checkout)), 'info/exclude'])
    await takeFile(checkout.gitDir, here.gitDir, name)
  if (!(await isFile(join(here.gitDir, 'index')))) await clone.git(['read-tree', parent], here)
  await openNested(clone, here, checkout.start)
  await clone.git(['add', '--all'], here).catch(refuseUnreadable)
  await refuseNewLinks(clone, here, checkout.start)
  const tree = await clone.git(['write-tree'], here)
  const isChanged = tree !== (await clone.git(['rev-parse', '--verify', `${parent}^{tree}`], here))
  const commit = isChanged
    ? await clone.git(['commit-tree', '-p', parent, '-m', messageFor(spawn), tree], { ...here, env: writIdentity })
    : parent
  await clone.take(here.gitDir, commit)
  return commit
}

/**
 * Where the task is, when that comes after where it began; else where it began: a task may have gone back, have written the history
 * anew, or have made its git folder one that names no commit. Its files are its work all the same, and must follow the start.
 */
const parentOf = async (clone: Clone, { folder, gitDir, start }: Checkout, own: Here): Promise<string> => {
  const args = ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']
  const head = await clone.git(args, { gitDir, workTree: folder, answers: [1, 128] })
  if (head === '' || head === start) return start
  const common = await clone.git(['merge-base', start, head], { ...own, answers: [1, 128] })
  return common === start ? head : start
}

/** What the task itself may not read, or has made so, is not the means' fault. */
const refuseUnreadable = (error: unknown): never => {
  if (!(error instanceof GitError) || !/adding files failed|unable to index file/.test(error.message)) throw error
  throw new WritError('REFUSED', `the files of the work cannot be read: ${error.message}`, {
    hint: 'leave files that the daemon may read, or ignore them',
    cause: error,
  })
}

/** An index may be split: then it is in two files. */
const indexFiles = async ({ gitDir }: Checkout): Promise<string[]> =>
  (await readdir(gitDir).catch(() => [])).filter((name) => /^(?:index|sharedindex\.[0-9a-f]+)$/.test(name))

const takeFile = async (from: string, to: string, name: string): Promise<void> => {
  if (!(await isFile(join(from, name)))) return
  await mkdir(join(to, name, '..'), { recursive: true })
  await copyFile(join(from, name), join(to, name))
  // By the index's time git tells which files may have changed unseen within its second; as of now it would look at none of them.
  const second = Math.max(1, Math.floor((await stat(join(from, name))).mtimeMs / 1000))
  await utimes(join(to, name), second, second)
}

const isFile = (path: string): Promise<boolean> =>
  lstat(path).then(
    (found) => found.isFile(),
    () => false,
  )

const messageFor = ({ step, task }: Spawn): string => `Step ${step?.name ?? task.name}`
