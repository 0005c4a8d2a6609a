/**
 * A directive's line, as a merger task sees it: where it begins, a step's commit merged into it, its branch published. The
 * line itself is what the directive records; nothing here decides it, so a late or repeated merge changes nothing.
 */
import { join } from 'node:path'
import type { MergeOrder, MergeResult, Spawn } from '../protocol/task.ts'
import type { Clone, Worktree } from './clone.ts'
import { GitError } from './git.ts'
import { readBranch, readCommit, readOwnBranch } from './repository.ts'
import { writIdentity } from './workspace.ts'

const mendTries = 5
const [filesMax, commitsMax] = [1000, 100]

/** Does what the merger was told. `work` is an empty folder of this attempt. */
export const followOrder = async (
  order: MergeOrder,
  spawn: Spawn,
  clone: Clone,
  work: string,
): Promise<MergeResult> => {
  switch (order.kind) {
    case 'prepare':
      return {
        kind: 'prepared',
        line: await clone.resolve(spawn.baseBranch === null ? null : readBranch(spawn.baseBranch)),
      }
    case 'publish':
      return (await mend(clone, order)) ?? { kind: 'published', line: order.line }
    case 'merge':
      return (await mend(clone, order)) ?? (await merge(order, spawn, clone, work))
  }
}

/**
 * Makes the published branch the recorded line. It may lag behind (a publishing that was lost); commits on it that the line
 * does not hold are somebody else's, are left alone, and end the order.
 */
const mend = async (clone: Clone, { line, into }: { line: string; into: string }): Promise<MergeResult | null> => {
  const branch = readOwnBranch(into)
  await clone.ensure(line)
  for (let tries = 0; tries < mendTries; tries++) {
    const was = await clone.tip(branch)
    if (was === line) return null
    if (was !== null && !(await clone.contains(line, was))) return foreign(clone, was, line)
    if (await clone.push(line, branch, { was })) return null
  }
  throw new GitError(`the branch ${branch} changes all the time`)
}

const foreign = async (clone: Clone, tip: string, line: string): Promise<MergeResult> => {
  const commits = await clone.git(['rev-list', `--max-count=${commitsMax}`, tip, `^${line}`])
  return { kind: 'foreign', commits: commits.split('\n') }
}

type Merge = Extract<MergeOrder, { kind: 'merge' }>

const merge = async ({ line, commit }: Merge, spawn: Spawn, clone: Clone, work: string): Promise<MergeResult> => {
  await clone.ensure(commit)
  if (await clone.contains(line, commit)) return { kind: 'merged', base: line, line }
  const worktree = await clone.worktree(join(work, 'line'), readCommit(line))
  try {
    return await mergeIn(worktree, line, commit, spawn, clone)
  } finally {
    await worktree.remove()
  }
}

const mergeIn = async (
  { folder, gitDir }: Worktree,
  line: string,
  commit: string,
  spawn: Spawn,
  clone: Clone,
): Promise<MergeResult> => {
  const here = { gitDir, workTree: folder }
  // The same merge made twice is the same commit: its time comes from the work, not from the clock.
  const date = await clone.git(['show', '--no-patch', '--format=@%ct +0000', commit])
  const env = { ...writIdentity, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date }
  const message = `Merge step ${spawn.step?.name ?? spawn.task.name}`
  const args = [
    'merge',
    '--no-ff',
    '--no-edit',
    '--no-verify',
    '--quiet',
    '--message',
    message,
    '--end-of-options',
    commit,
  ]
  const conflict = await clone.git(args, { ...here, env }).then(
    () => null,
    async (error: unknown) => {
      const files = await clone.git(['diff', '--name-only', '--diff-filter=U', '-z'], here)
      if (files === '') throw error
      return files.split('\0').filter((file) => file !== '')
    },
  )
  if (conflict !== null) return { kind: 'conflict', files: conflict.slice(0, filesMax) }
  const merged = await clone.git(['rev-parse', '--verify', 'HEAD^{commit}'], here)
  await clone.push(merged, mergeBranch(spawn))
  return { kind: 'merged', base: line, line: merged }
}

/** A ref of this attempt's own, so that others can fetch the merge before it is published. */
const mergeBranch = ({ directive, step, task }: Spawn): string =>
  readOwnBranch(`writ/${directive.id}/merge/${step?.id ?? task.id}/${task.attempt}`)
