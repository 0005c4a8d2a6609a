/** Lines for a POSIX shell to evaluate: whatever a value holds, the shell takes it as it is. */
import { quoted } from '../protocol/shell-words.ts'

export { quoted, word } from '../protocol/shell-words.ts'

/** One line each, to be evaluated (`eval "$(…)"`) or sourced. */
export const exported = (variables: Readonly<Record<string, string>>): string[] =>
  Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`)
