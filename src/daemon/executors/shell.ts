/** The executor `shell`: the task's plan is a script; its first failing command fails the task. */
import type { Executor } from './executor.ts'
import { outcomeOf } from './executor.ts'

export const shell: Executor = async ({ run, shell: file, planFile }) =>
  outcomeOf(await run({ file, args: ['-e', planFile] }))
