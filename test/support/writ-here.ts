/** The `writ` command in this process, for what a test is not about: to prepare, to look and to clean up without the start of a process. */
import { call } from '../cli/call.ts'
import { environment, root } from './writ.ts'

/** What it prints; throws with what it says when the exit code is not 0. */
export const writHere = async (...args: string[]): Promise<string> => {
  const { code, out, err } = await call(args, { env: environment(), cwd: root })
  if (code !== 0) throw new Error(`writ ${args.join(' ')} ended with ${code}:\n${out}${err}`)
  return out
}
