/**
 * `kill -9` of `writ up --daemon` in the middle of a run, at a random moment, and `up` again: the directive must end as if
 * nothing had happened, with every step's work in the repository once.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { root, startWrit, type Started, writ } from '../support/writ.ts'

export interface KillRun {
  /** When it was killed, ms after the run began. */
  killedAfterMs: number
  exit: number | string
  /** Merge commits of the line, by step: each must be there once. */
  merges: string[]
  /** The project's own tests on the line. */
  testsPass: boolean
  /** What `writ verify` says of the database when all is over: how it ends, and what it prints. */
  verified: { exit: number | string; printed: string }
  log: string
}

const git = (repository: string, ...args: string[]): string =>
  execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' })

const steps = ['command', 'csv', 'money', 'report', 'summary', 'table']
export const mergesOfOnce: readonly string[] = steps.map((step) => `Merge step ${step}`)

/** One run with one kill. The folder is removed when all went well, and kept (and named) otherwise. */
export const killOnce = async (killAfterMs: number): Promise<KillRun> => {
  const folder = mkdtempSync(join(tmpdir(), 'writ-kill-'))
  const data = join(folder, 'data')
  const example = join(folder, 'ledger')
  mkdirSync(data)
  cpSync(join(root, 'examples/ledger'), example, { recursive: true })
  const up = (): Started => startWrit('up', '--daemon', '--data-dir', data)
  const first = up()
  try {
    await first.says('Ctrl-C')
    const run = startWrit('run', join(example, 'directive.yaml'), '--data-dir', data)
    await run.says('planning')
    await delay(killAfterMs)
    first.process.kill('SIGKILL')
    await first.ended
    const second = up()
    await second.says('Ctrl-C')
    const exit = await run.ended
    const verify = startWrit('verify', '--data-dir', data)
    const verified = { exit: await verify.ended, printed: verify.printed() }
    second.process.kill('SIGTERM')
    await second.ended
    return { killedAfterMs: killAfterMs, exit, ...lineOf(example), verified, log: run.printed() }
  } finally {
    await writ('down', '--data-dir', data).catch(() => undefined)
    rmSync(folder, { recursive: true, force: true })
  }
}

const lineOf = (example: string): Pick<KillRun, 'merges' | 'testsPass'> => {
  const repository = join(example, 'workspace')
  const line = git(repository, 'for-each-ref', '--format=%(refname)', 'refs/heads/writ/*/line').trim()
  const merges = git(repository, 'log', '--first-parent', '--merges', '--format=%s', line).trim().split('\n').toSorted()
  const checkout = mkdtempSync(join(tmpdir(), 'writ-line-'))
  try {
    git(repository, 'worktree', 'add', '--detach', checkout, line)
    execFileSync(process.execPath, ['--test'], { cwd: checkout, stdio: 'ignore' })
    return { merges, testsPass: true }
  } catch {
    return { merges, testsPass: false }
  } finally {
    rmSync(checkout, { recursive: true, force: true })
  }
}
