/** `writ directive plan`: submits a plan, from outside to a node, from inside a planner's task through its daemon's socket. */
import { WritError } from '../../protocol/errors.ts'
import { show, type Context } from '../context.ts'
import { wholeDirectiveIdOf } from '../names.ts'
import type { Brief } from '../node-api.ts'
import { nextFor } from '../outcome.ts'
import { readTextFile } from '../text-file.ts'

/** Submits the text as it is: whether it is a plan is for the node to say, once it has looked at the status. */
export const plan = async (context: Context, name: string | undefined, file: string): Promise<void> => {
  const { terminal, flagsText } = context
  const brief = await submit(context, name, await readTextFile(file, context.world.cwd))
  show(context, { directive: brief }, () => terminal.print(`${brief.id}\t${brief.status}\tplan accepted`))
  if (context.settings().insideTask === null) context.next(...nextFor({ ...brief, paused: false }, flagsText))
}

const submit = async (context: Context, name: string | undefined, text: string): Promise<Brief> => {
  const { insideTask } = context.settings()
  const id = name === undefined ? undefined : wholeDirectiveIdOf(name)
  if (insideTask !== null && (id === undefined || id === insideTask.directive)) {
    const { askSocket } = await import('../daemon-socket.ts')
    const answer = await askSocket(insideTask.socket, insideTask.token, 'plan', { plan: text })
    return (answer as { directive: Brief }).directive
  }
  if (id === undefined) {
    throw new WritError('BAD_INPUT', 'which directive is the plan for?', {
      hint: 'writ directive plan <directive> --file <file>',
    })
  }
  const { api } = await context.link()
  return api.plan(id, text)
}
