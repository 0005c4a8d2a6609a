/** Runs the tests of what a directive has merged, by itself: a fresh checkout of the branch in a folder that is then removed. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { devNull, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Environment } from './config.ts'

export interface TestResult {
  passed: boolean
  /** The commit that was tested. */
  commit: string
  /** The last line that tells, as the tests print it. */
  text: string
}

const run = promisify(execFile)
const withinMs = 60_000

/** Checks out and runs `node --test`. Throws when there is nothing to check out. */
export const testMerged = async (repository: string, branch: string, from: Environment): Promise<TestResult> => {
  const folder = mkdtempSync(join(tmpdir(), 'writ-merged-'))
  try {
    const { PATH, HOME, TMPDIR } = from
    const env = { PATH, HOME, TMPDIR, GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_NOSYSTEM: '1' }
    await run('git', ['clone', '--quiet', '--branch', branch, '--', repository, folder], { env })
    const { stdout: commit } = await run('git', ['-C', folder, 'rev-parse', 'HEAD'], { env })
    const { passed, output } = await tested(folder, env)
    const count = (what: string): string => new RegExp(`^# ${what} (\\d+)`, 'm').exec(output)?.[1] ?? '?'
    return { passed, commit: commit.trim(), text: `${count('pass')} passed, ${count('fail')} failed` }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const tested = async (cwd: string, env: NodeJS.ProcessEnv): Promise<{ passed: boolean; output: string }> => {
  try {
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap'], { cwd, env, timeout: withinMs })
    return { passed: true, output: stdout }
  } catch (error) {
    return { passed: false, output: (error as { stdout?: string }).stdout ?? '' }
  }
}
