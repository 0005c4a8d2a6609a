/** The executor `shell`: the task's plan is a script; its first failing command fails the task. */
import type { Spawn } from '../../protocol/task.ts'
import type { Executor } from './executor.ts'
import { outcomeOf } from './executor.ts'

export const shell: Executor = async ({ spawn, run, shell: file, write }) =>
  outcomeOf(await run({ file, args: ['-e', write('script.sh', scriptOf(spawn))] }))

/**
 * On a rework the plan begins with prose that ends with the feedback (R25); a script has that in its feedback file. The
 * heading that is left between feedback and script is a comment to the shell.
 */
const scriptOf = ({ task, feedback }: Spawn): string => {
  const at = feedback === null ? -1 : task.plan.indexOf(feedback.text)
  return feedback === null || at === -1 ? task.plan : task.plan.slice(at + feedback.text.length)
}
