/** The executor `command`: a program with its arguments, without a shell; the plan is its standard input (and WRIT_PLAN_FILE). */
import { failed } from '../attempts.ts'
import type { Executor } from './executor.ts'
import { outcomeOf } from './executor.ts'

/** With `fixed`: an executor that this daemon declares under a name of its own. */
export const command =
  (fixed: readonly string[] | null): Executor =>
  async ({ spawn, run, planFile }) => {
    const [file, ...args] = fixed ?? spawn.command ?? []
    if (file === undefined)
      return failed('the executor "command" needs a command: name one in the directive\'s `needs`', false)
    return outcomeOf(await run({ file, args, input: planFile }))
  }
