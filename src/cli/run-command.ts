/** What `writ run` does: read and check the file, make its repository when it brings a script for that, create, start, follow. */
import type { DirectiveInput } from '../protocol/directive.ts'
import { WritError } from '../protocol/errors.ts'
import type { DirectiveView } from '../protocol/views.ts'
import { show, type Context } from './context.ts'
import { readDirectiveFile, withId, type DirectiveFile } from './directive-file.ts'
import { directiveLines } from './directive-text.ts'
import { draftLines } from './draft-text.ts'
import { follow, type Listener } from './follow.ts'
import type { Brief } from './node-api.ts'
import { exitOf, nextFor } from './outcome.ts'
import { progress } from './progress.ts'
import type { Link } from './reach.ts'
import { makeRepository, setupBeside } from './setup-script.ts'
import { interruptible, Interrupted } from './signals.ts'
import { oneLine } from './terminal.ts'

export interface RunFlags {
  id?: string
  wait?: boolean
  dryRun?: boolean
}

/** Ends with the directive's exit code; Ctrl-C leaves the directive running and says how to come back to it. */
export const runFile = async (
  context: Context,
  file: string,
  { id, wait = false, dryRun = false }: RunFlags,
): Promise<void> => {
  const { terminal, world } = context
  const read = await readDirectiveFile(file, world.cwd)
  const input = withId(read.input, id)
  if (dryRun) {
    show(context, input, () => draftLines(read, terminal).forEach(terminal.print))
    return terminal.say('Nothing was sent (--dry-run).')
  }
  await seeToRepository(read, terminal.say)
  const link = await context.link()
  const created = await begin(link, input)
  terminal.say(`${oneLine(input.title)}: ${terminal.paintErr.bold(created.id)}`)
  const view = await followTold(context, link, created, wait ? {} : progress(context))
  conclude(context, view)
}

/** The repository that the file names beside itself is made by its script the first time. */
const seeToRepository = async (
  { folder, localRepository }: DirectiveFile,
  say: (line: string) => void,
): Promise<void> => {
  const script = localRepository === null ? null : setupBeside(folder, localRepository)
  if (script === null || localRepository === null) return
  say(`The repository ${localRepository} is not there yet: running ${script} to make it.`)
  await makeRepository(script, localRepository)
}

/** Creates it and starts it; one that is there already and has been started is only followed. */
export const begin = async ({ api }: Link, input: DirectiveInput): Promise<Brief> => {
  const created = await api.create(input)
  return created.status === 'draft' ? api.tell(created.id, 'start') : created
}

/** Follows to the end. When it is interrupted, the person is told how to come back. */
const followTold = async (context: Context, link: Link, { id }: Brief, listener: Listener): Promise<DirectiveView> => {
  const { terminal, flagsText } = context
  try {
    return await interruptible((signal) => follow(link, id, { ...listener, signal }))
  } catch (error) {
    if (error instanceof Interrupted) {
      terminal.say(`Detached; ${id} goes on.`)
      context.next(`writ directive watch ${id}${flagsText}`, `writ directive cancel ${id}${flagsText}`)
    }
    throw error
  }
}

const conclude = (context: Context, view: DirectiveView): void => {
  const { terminal, world, flagsText, json } = context
  if (json) terminal.json({ directive: view })
  else
    for (const line of [...(terminal.rich ? [''] : []), ...directiveLines(view, terminal, world.now())])
      terminal.print(line)
  context.next(...nextFor(view, flagsText))
  const code = exitOf(view.status)
  if (code === null) throw new WritError('INTERNAL', `${view.id} was followed to its end, but is ${view.status}`)
  context.end(code)
}
