/**
 * A directive's line, as a merger task sees it: where it begins, a step's commit merged into it, its branch published. The
 * line itself is what the directive records; nothing here decides it, so a late or repeated merge changes nothing.
 */
import { join } from 'node:path'
import type { MergeOrder, MergeResult, Spawn } from '../protocol/task.ts'
import type { Clone, Worktree } from './clone.ts'
import { GitError } from './git.ts'
import { WritError } from '../protocol/errors.ts'
import { attemptKey } from './attempts.ts'
import { readBranch, readCommit, readOwnBranch } from '../protocol/repository.ts'
import { writIdentity } from './identity.ts'

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
    const merged = await mergeIn(worktree, commit, spawn, clone)
    if ('files' in merged) return { kind: 'conflict', files: merged.files }
    await clone.push(merged.commit, mergeBranch(spawn))
    return { kind: 'merged', base: line, line: merged.commit }
  } finally {
    await worktree.remove()
  }
}

/** Merges a commit into what the worktree shows: the merge, or the files that are in conflict. */
export const mergeIn = async (
  { folder, gitDir }: Worktree,
  commit: string,
  spawn: Spawn,
  clone: Clone,
): Promise<{ commit: string } | { files: string[] }> => {
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
  if (conflict !== null) return { files: conflict.slice(0, filesMax) }
  return { commit: await clone.git(['rev-parse', '--verify', 'HEAD^{commit}'], here) }
}

/** A ref of this attempt's own, so that others can fetch the merge before it is published. */
const mergeBranch = ({ directive, step, task }: Spawn): string =>
  readOwnBranch(`writ/${directive.id}/merge/${step?.id ?? task.id}/${task.attempt}`)

/**
 * Merges finished work into the branch that it began from, wherever that branch is by now: what the completion action
 * `merge` asks for. Throws CONFLICT with the files, NOT_FOUND or BAD_INPUT without such a branch.
 */
export const mergeIntoBase = async (spawn: Spawn, commit: string, clone: Clone, work: string): Promise<void> => {
  if (spawn.baseBranch === null)
    throw new WritError('BAD_INPUT', 'the work is to be merged, and no base branch is named', {
      hint: 'name one, or choose the completion action "branch"',
    })
  const branch = readBranch(spawn.baseBranch)
  for (let tries = 0; tries < mendTries; tries++) {
    const was = await clone.tip(branch)
    if (was === null)
      throw new WritError('NOT_FOUND', `the repository has no branch ${JSON.stringify(branch)} to merge into`)
    if (await clone.contains(was, commit)) return
    const merged = await mergeOnto(was, commit, spawn, clone, work)
    if (await clone.push(merged, branch, { was })) return
  }
  throw new GitError(`the branch ${branch} changes all the time`)
}

const mergeOnto = async (base: string, commit: string, spawn: Spawn, clone: Clone, work: string): Promise<string> => {
  const key = attemptKey({ task: spawn.task.id, attempt: spawn.task.attempt })
  const worktree = await clone.worktree(join(work, `${key}.merge`), base)
  try {
    const merged = await mergeIn(worktree, commit, spawn, clone)
    if ('commit' in merged) return merged.commit
    const files = merged.files.join(', ')
    throw new WritError('CONFLICT', `the work is in conflict with ${spawn.baseBranch ?? base} in ${files}`, {
      hint: 'start again from that branch',
    })
  } finally {
    await worktree.remove()
  }
}
