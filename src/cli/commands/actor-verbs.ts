/** What the verbs of `writ actor` do. */
import { WritError } from '../../protocol/errors.ts'
import type { ActorView, JournalLine } from '../../protocol/looking.ts'
import { actorLines, diffLines, journalText, nextLines, trialLines } from '../actor-text.ts'
import { type Context, show } from '../context.ts'
import { actorIdOf } from '../names.ts'
import type { NodeApi } from '../node-api.ts'
import type { At } from './actor.ts'

type Looked = ReturnType<NodeApi['actor']>

export const showActor = async (context: Context, name: string, { at }: { at?: At }): Promise<void> => {
  const { look } = await find(context, name)
  const view = await look.get(at === undefined ? {} : { at: momentOf(context, at) })
  show(context, view, () => actorLines(view, context.terminal).forEach(context.terminal.print))
  if (at === undefined) context.next(`writ actor next ${name}${context.flagsText}`)
}

export const momentOf = ({ world }: Context, at: At): number | string => (typeof at === 'number' ? at : at(world.now()))

export const journal = async (
  context: Context,
  name: string,
  { from, to, follow = false }: { from?: number; to?: number; follow?: boolean },
): Promise<void> => {
  const { look, id } = await find(context, name)
  const { terminal, json } = context
  let next = from ?? 1
  const print = (line: JournalLine): void => {
    next = line.version + 1
    if (json) terminal.json(line)
    else terminal.print(journalText(line, terminal))
  }
  await pages(look, { fromVersion: next, ...(to === undefined ? {} : { toVersion: to }) }, print)
  if (!follow) return
  const { followActor } = await import('../follow-actor.ts')
  await followActor(context, id, () => pages(look, { fromVersion: next }, print))
}

/** All pages, one after another. */
const pages = async (look: Looked, span: object, print: (line: JournalLine) => void): Promise<void> => {
  let after: string | null = null
  do {
    const page = await look.journal(after === null ? span : { ...span, after })
    page.lines.forEach(print)
    after = page.next
  } while (after !== null)
}

export const diff = async (context: Context, name: string, from: number, to: number): Promise<void> => {
  const { look } = await find(context, name)
  const view = await look.diff({ from, to })
  show(context, view, () => diffLines(view, context.terminal).forEach(context.terminal.print))
}

export const next = async (context: Context, name: string, options: { type?: string }): Promise<void> => {
  const { look } = await find(context, name)
  const view = await look.next(options)
  show(context, view, () => nextLines(view, context.terminal).forEach(context.terminal.print))
}

export const tryOut = async (
  context: Context,
  name: string,
  text: string | undefined,
  { message: type, timer }: { message?: string; timer?: string },
): Promise<void> => {
  if ([text, type, timer].filter((given) => given !== undefined).length !== 1)
    throw new WritError('BAD_INPUT', 'what is to be tried is not one thing', {
      hint: 'give the message as JSON, or --message with its type, or --timer',
    })
  const message = type === undefined ? text : JSON.stringify({ type })
  const tried = message === undefined ? null : readMessage(message)
  const { look } = await find(context, name)
  const view = await look.try(tried === null ? { timer: timer ?? '' } : { message: tried })
  show(context, view, () => trialLines(view, context.terminal).forEach(context.terminal.print))
}

const readMessage = (text: string): { type: string } => {
  const wrong = (cause?: unknown): WritError =>
    new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} is not a message`, {
      hint: 'a message is a JSON object with its type, as in {"type":"cancel"}',
      cause,
    })
  try {
    const message: unknown = JSON.parse(text)
    if (typeof message === 'object' && message !== null && 'type' in message && typeof message.type === 'string')
      return message as { type: string }
  } catch (cause) {
    throw wrong(cause)
  }
  throw wrong()
}

/** A mistake in the name is told without a node. */
const find = async (context: Context, name: string): Promise<{ look: Looked; id: ActorView['id'] }> => {
  const id = await actorIdOf(name, async (directive) => (await context.link()).api.directive(directive))
  return { look: (await context.link()).api.actor(id), id }
}
