/** What is asked of the repository itself: a commit, where a ref is, and to move a branch of Writ's. Each is one try. */
import type { Git } from './git.ts'
import { WritError } from '../protocol/errors.ts'
import { GitError, otherHalf } from './git.ts'
import type { Repository } from '../protocol/repository.ts'

export interface Remote {
  fetch: (refspec: string) => Promise<void>
  /** Where the ref is; null when it is not there. */
  look: (ref: string) => Promise<string | null>
  /** The refs that match the pattern, and where they are. */
  list: (pattern: string) => Promise<{ ref: string; commit: string }[]>
  /** Moves the ref. With `seen`, only when it still was that (null: not there); false when it was not. */
  push: (commit: string, ref: string, seen: { was: string | null } | undefined) => Promise<boolean>
}

export const openRemote = ({ location, local }: Repository, git: Git): Remote => {
  const half = (program: 'upload-pack' | 'receive-pack'): string[] => (local ? [otherHalf(program)] : [])
  const list: Remote['list'] = async (pattern) => {
    const { stdout } = await git([
      'ls-remote',
      '--quiet',
      ...half('upload-pack'),
      '--end-of-options',
      location,
      pattern,
    ])
    const lines = stdout.split('\n').map((line) => line.split('\t'))
    return lines.flatMap(([commit, ref]) => (commit === undefined || ref === undefined ? [] : [{ ref, commit }]))
  }
  return {
    list,
    fetch: async (refspec) => {
      // Its progress is the attempt's sign of life while a large repository comes in.
      // A repository that is a shallow clone itself ends where it ends.
      const options = ['--progress', '--no-tags', '--no-write-fetch-head', '--update-shallow', ...half('upload-pack')]
      await git(['fetch', ...options, '--end-of-options', location, refspec]).catch((error: unknown) => {
        throw otherIds(location, error) ?? error
      })
    },
    look: async (ref) => (await list(ref)).find((each) => each.ref === ref)?.commit ?? null,
    push: async (commit, ref, seen) => {
      const lease = seen === undefined ? '--force' : `--force-with-lease=${ref}:${seen.was ?? ''}`
      const options = ['--porcelain', '--progress', '--no-verify', lease, ...half('receive-pack')]
      const { code, stdout, stderr } = await git(
        ['push', ...options, '--end-of-options', location, `${commit}:${ref}`],
        {
          answers: [1],
        },
      )
      if (code === 0) return true
      if (/^!.*\((?:stale info|fetch first|non-fast-forward)\)/m.test(stdout)) return false
      throw new GitError(`git push was refused: ${lastOf(`${stdout} ${stderr}`)}`)
    },
  }
}

/** No other try makes it better. Null for any other error. */
const otherIds = (location: string, error: unknown): WritError | null =>
  error instanceof GitError && error.message.includes('mismatched algorithms')
    ? new WritError('BAD_INPUT', `the repository ${location} has ids of another kind than SHA-1`, {
        hint: 'Writ works on repositories with SHA-1 ids, as `git init` makes them unless asked for others',
        cause: error,
      })
    : null

const lastOf = (text: string): string =>
  text
    .trim()
    .split(/[\r\n]+/)
    .slice(-6)
    .join(' ')
    .slice(-600)
