/** Where the program of the `writ` command is: for tasks, which call it, and for processes that start it again. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The path of the built main.js, also when this file itself is run from its source (in tests). */
export const cliPath = (): string => {
  const beside = fileURLToPath(new URL('main.js', import.meta.url))
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
}
