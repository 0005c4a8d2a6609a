/** What a task takes over from the work of another: all of it as the place to start from, or single files (R40). */
import { WritError } from '../protocol/errors.ts'
import { readStepId, readTaskId } from '../protocol/ids.ts'
import type { Spawn } from '../protocol/task.ts'
import type { Clone, Worktree } from './clone.ts'

/** The commit that a task's work came to: of the last attempt that pushed one. Throws BAD_INPUT or NOT_FOUND. */
export const workOf = async (task: string, clone: Clone): Promise<string> => {
  const step = readStepId(readTaskId(task)?.actor ?? '')
  if (step === null)
    throw new WritError('BAD_INPUT', `${JSON.stringify(task.slice(0, 120))} is not the task of a step`, {
      hint: 'only a step leaves work behind',
    })
  const attempts = (await clone.below(`writ/${step.directive}/${step.index}`))
    .filter(({ name }) => /^\d+$/.test(name))
    .toSorted((a, b) => Number(b.name) - Number(a.name))
  const [last] = attempts
  if (last === undefined)
    throw new WritError('NOT_FOUND', `the task ${task} has left no work in the repository`, {
      hint: 'a task can be continued once an attempt of its step has pushed its branch',
    })
  await clone.ensure(last.commit)
  return last.commit
}

/** Puts files of the parent's work, else of the work that is continued, into the workspace. Throws BAD_INPUT or NOT_FOUND. */
export const copyFiles = async (spawn: Spawn, clone: Clone, worktree: Worktree): Promise<void> => {
  const { copyFiles: named, task, continueFrom } = spawn
  if (named === null || named.length === 0) return
  const source = task.parent ?? continueFrom
  if (source === null)
    throw new WritError('BAD_INPUT', 'files are to be copied, and no task is named whose files they are', {
      hint: 'name a parent, or a task to continue from',
    })
  const names = named.map((name) => name.replace(/\/+$/, ''))
  for (const name of names) checkPath(name)
  const commit = await workOf(source, clone)
  const here = { gitDir: worktree.gitDir, workTree: worktree.folder }
  const listed = await clone.git(['--literal-pathspecs', 'ls-tree', '-z', '--name-only', commit, '--', ...names], here)
  const there = new Set(listed.split('\0'))
  const missing = names.filter((name) => !there.has(name))
  if (missing.length > 0)
    throw new WritError(
      'NOT_FOUND',
      `the work of ${source} has no ${missing.map((name) => JSON.stringify(name)).join(', ')}`,
      {
        hint: 'name files or folders of its repository',
      },
    )
  await clone.git(['--literal-pathspecs', 'checkout', '--quiet', commit, '--', ...names], here)
}

const checkPath = (name: string): void => {
  const isInside =
    !/\p{Cc}/u.test(name) &&
    name.length <= 4096 &&
    name.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && part.toLowerCase() !== '.git')
  if (!isInside)
    throw new WritError('BAD_INPUT', `${JSON.stringify(name.slice(0, 120))} cannot be copied`, {
      hint: 'a relative path inside of the repository, without ".." and ".git"',
    })
}
