/** A `setup.mjs` beside a directive's file: it makes the repository that the directive works on. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'

/** The script, when there is one and the repository is not there yet. */
export const setupBeside = (folder: string, repository: string): string | null => {
  const script = join(folder, 'setup.mjs')
  return !existsSync(repository) && existsSync(script) ? script : null
}

/** Runs the script for this folder; what it says goes to stderr. Throws INTERNAL when it fails. */
export const makeRepository = (script: string, repository: string): Promise<void> =>
  new Promise((done, fail) => {
    const child = spawn(process.execPath, [script, repository], { stdio: ['ignore', 'ignore', 'inherit'] })
    child.once('error', fail)
    child.once('exit', (code) => {
      if (code === 0) done()
      else
        fail(
          new WritError('BAD_INPUT', `${script} has failed (exit code ${code ?? 'none'})`, {
            hint: 'mend it, or make the repository yourself',
          }),
        )
    })
  })
