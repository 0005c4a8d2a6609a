/** What `writ directive events|watch|wait` do: look at one directive over time. */
import type { EventLine } from '../../protocol/commands.ts'
import { WritError } from '../../protocol/errors.ts'
import type { DirectiveView } from '../../protocol/views.ts'
import { span } from '../ago.ts'
import type { Context } from '../context.ts'
import { eventText } from '../event-text.ts'
import { follow } from '../follow.ts'
import type { Moment } from '../list-options.ts'
import { directiveIdOf } from '../names.ts'
import { exitOf, nextFor } from '../outcome.ts'
import { interruptible } from '../signals.ts'

export interface EventsFlags {
  follow?: boolean
  after?: number
  since?: Moment
  type?: string[]
}

/** Prints the history; with `follow` until the directive has ended, and then with its exit code. */
export const events = async (
  context: Context,
  name: string,
  { follow: on = false, after = 0, since, type }: EventsFlags,
): Promise<void> => {
  const id = directiveIdOf(name)
  const from = since === undefined ? 0 : Date.parse(since(context.world.now()))
  let next = after + 1
  const print = (event: EventLine, step: string | null): void => {
    if (event.number > next) tellForgotten(context, next, event.number - 1)
    next = event.number + 1
    const isWanted = (type === undefined || type.includes(event.type)) && Date.parse(event.time) >= from
    if (isWanted) printEvent(context, event, step)
  }
  if (!on) return printHistory(context, id, after, print)
  end(context, await followTo(context, id, { after, event: print }))
}

const tellForgotten = ({ terminal }: Context, from: number, to: number): void =>
  terminal.say(
    from === to
      ? `Event ${from} is gone: it was older than events are kept (retention.events).`
      : `Events ${from} to ${to} are gone: they were older than events are kept (retention.events).`,
  )

const printHistory = async (
  context: Context,
  id: string,
  after: number,
  print: (event: EventLine, step: string | null) => void,
): Promise<void> => {
  const { api } = await context.link()
  const { stepList, events: last } = await api.directive(id)
  const names = new Map(stepList.map((step) => [step.id, step.name]))
  if (after >= last) return
  for await (const event of api.events(id, { after })) {
    print(event, event.step == null ? null : (names.get(event.step) ?? event.step))
    if (event.number >= last) return
  }
}

/** A line for a person, tab-separated for a pipe: number, time, severity, type, step, data. */
const printEvent = ({ terminal, json }: Context, event: EventLine, step: string | null): void => {
  if (json) return terminal.json(event)
  if (terminal.rich) return terminal.print(eventText(event, step, terminal.paint))
  const { number, time, severity, type, data } = event
  terminal.print([number, time, severity, type, step ?? '', JSON.stringify(data)].join('\t'))
}

/** Shows the directive until it has ended: redrawn on a terminal, else its events, line by line. */
export const watch = async (context: Context, name: string): Promise<void> => {
  const id = directiveIdOf(name)
  const { terminal, world, json } = context
  if (json || !terminal.rich) {
    return end(context, await followTo(context, id, { event: (event, step) => printEvent(context, event, step) }))
  }
  const { openWatching } = await import('../watching.ts')
  const watching = openWatching(terminal, world.now)
  try {
    end(context, await followTo(context, id, watching.listener))
  } finally {
    watching.close()
  }
}

/** Waits for the end, whichever it is. Throws TIMED_OUT. */
export const wait = async (context: Context, name: string, { timeout }: { timeout?: number }): Promise<void> => {
  const id = directiveIdOf(name)
  const over = timeout === undefined ? null : AbortSignal.timeout(timeout)
  try {
    const view = await followTo(context, id, {}, over)
    if (context.json) context.terminal.json(view)
    else context.terminal.print(`${view.id}\t${view.status}`)
    end(context, view)
  } catch (error) {
    if (over?.aborted !== true) throw error
    throw new WritError(
      'TIMED_OUT',
      `${id} has not ended within ${(timeout ?? 0) < 1000 ? `${timeout} ms` : span(timeout ?? 0)}`,
      {
        hint: `it goes on; look at it with writ directive show ${id}`,
        cause: error,
      },
    )
  }
}

const followTo = async (
  context: Context,
  id: string,
  listener: Omit<Parameters<typeof follow>[2], 'signal'>,
  also: AbortSignal | null = null,
): Promise<DirectiveView> => {
  const link = await context.link()
  const waiting = (why: string): void => context.terminal.say(`… ${why}; waiting for a node`)
  return interruptible((signal) =>
    follow(link, id, { waiting, ...listener, signal: also === null ? signal : AbortSignal.any([signal, also]) }),
  )
}

const end = (context: Context, view: DirectiveView): void => {
  context.end(exitOf(view.status) ?? 0)
  context.next(...nextFor(view, context.flagsText))
}
