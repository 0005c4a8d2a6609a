/** The `writ` command on a task's PATH: a two-line script, so that a task finds the same version on the same Node. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** Writes (or, without a path of the command's main file, removes) the launcher in `folder`. */
export const writeLauncher = (folder: string, cliPath: string | undefined): void => {
  const file = join(folder, 'writ')
  rmSync(file, { force: true })
  if (cliPath === undefined) return
  writeFileSync(file, `#!/bin/sh\nexec ${quoted(process.execPath)} ${quoted(cliPath)} "$@"\n`)
  chmodSync(file, 0o755)
}
