/** What `writ directive create|start|list|show|pause|resume|cancel|retry|evaluate` do: one question to a node each. */
import { WritError } from '../../protocol/errors.ts'
import type { DirectiveView } from '../../protocol/views.ts'
import { since } from '../ago.ts'
import type { InsideTask } from '../config.ts'
import { show, type Context } from '../context.ts'
import { readDirectiveFile, withId } from '../directive-file.ts'
import { directiveLines } from '../directive-text.ts'
import { queryOf, tellPage, type ListFlags } from '../list-options.ts'
import { directiveIdOf, wholeDirectiveIdOf } from '../names.ts'
import type { NodeApi } from '../node-api.ts'
import { nextFor } from '../outcome.ts'
import { word } from '../shell-text.ts'
import { printTable } from '../table.ts'

/** Creates a draft. */
export const create = async (context: Context, file: string, { id }: { id?: string }): Promise<void> => {
  const { input } = await readDirectiveFile(file, context.world.cwd)
  const sent = withId(input, id)
  const { api } = await context.link()
  const created = await api.create(sent)
  tell(context, await api.directive(created.id))
}

/** A command to one directive. */
export const steer = async (context: Context, name: string, verb: Parameters<NodeApi['tell']>[1]): Promise<void> => {
  const id = wholeDirectiveIdOf(name)
  const { api } = await context.link()
  await api.tell(id, verb)
  tell(context, await api.directive(id))
}

export const evaluate = async (context: Context, name: string, step: string): Promise<void> => {
  const id = wholeDirectiveIdOf(name)
  const { api } = await context.link()
  await api.evaluate(id, step)
  tell(context, await api.directive(id))
}

/** One line, and what can be done next. */
const tell = (context: Context, view: DirectiveView): void => {
  const { terminal, flagsText } = context
  show(context, view, () => terminal.print(`${view.id}\t${view.status}\t${view.address}`))
  context.next(...nextFor(view, flagsText))
}

/** Inside a task its own directive is read through its daemon's socket, which gives the first page of a large plan's steps. */
export const showOne = async (context: Context, name: string | undefined): Promise<void> => {
  const { insideTask } = context.settings()
  const own = insideTask !== null && (name === undefined || directiveIdOf(name) === insideTask.directive)
  const view = own ? await ownDirective(insideTask) : await directiveNamed(context, name)
  const { terminal, world, flagsText } = context
  show(context, view, () => directiveLines(view, terminal, world.now()).forEach(terminal.print))
  if (!own) context.next(...nextFor(view, flagsText), ...held(view, flagsText))
}

const ownDirective = async ({ socket, token }: InsideTask): Promise<DirectiveView> => {
  const { askSocket } = await import('../daemon-socket.ts')
  return (await askSocket(socket, token, 'get', {})) as DirectiveView
}

const directiveNamed = async (context: Context, name: string | undefined): Promise<DirectiveView> => {
  if (name === undefined) {
    throw new WritError('BAD_INPUT', 'which directive?', {
      hint: 'outside of a task name it; `writ directive list` shows them',
    })
  }
  const id = directiveIdOf(name)
  const { api } = await context.link()
  return api.directive(id)
}

/** Steps that wait for a person are what a person should hear of. */
const held = ({ id, stepList }: DirectiveView, flags: string): string[] =>
  stepList
    .filter(({ status }) => status === 'held')
    .slice(0, 3)
    .map(({ name }) => `writ step approve ${word(`${id}/${name}`)}${flags}`)

export const list = async (context: Context, flags: ListFlags<'directive'>): Promise<void> => {
  const { api } = await context.link()
  const { terminal, world, flagsText } = context
  const now = world.now()
  const query = queryOf(flags, now)
  const page = await api.directives(query)
  show(context, { directives: page.lines, next: page.next }, () =>
    printTable(terminal, page.lines, [
      { heading: 'ID', text: ({ id }) => id },
      { heading: 'STATUS', text: ({ status, paused }) => (paused ? `${status}, paused` : status) },
      { heading: 'STEPS', text: ({ passed, steps }) => `${passed}/${steps}`, right: true },
      { heading: 'AGE', text: ({ created }) => (terminal.rich ? since(created, now) : created) },
      { heading: 'TITLE', text: ({ title }) => title },
      { heading: 'WAITS FOR', text: ({ waiting }) => waiting ?? '' },
    ]),
  )
  const [first] = page.lines
  if (first === undefined) terminal.say('There are no such directives.')
  if (page.next !== null) tellPage(context, 'directive list', query, page.next)
  else
    context.next(
      first === undefined
        ? `writ run examples/hello/directive.yaml${flagsText}`
        : `writ directive show ${first.id}${flagsText}`,
    )
}
