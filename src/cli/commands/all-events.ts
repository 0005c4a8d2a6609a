/** What `writ directive events` does without a directive: what all of the owner's tell, since a time or from now on. */
import type { EventLine } from '../../protocol/commands.ts'
import { WritError } from '../../protocol/errors.ts'
import type { Context } from '../context.ts'
import { eventText } from '../event-text.ts'
import type { NodeApi } from '../node-api.ts'
import { interrupted, interruptible } from '../signals.ts'
import type { EventsFlags } from './directive-watch.ts'

/** With `follow` until Ctrl-C: there may always be another directive. */
export const allEvents = async (
  context: Context,
  { follow = false, after, since, type }: EventsFlags,
): Promise<void> => {
  if (after !== undefined)
    throw new WritError('BAD_INPUT', 'events are numbered within their directive: --after is of which one?', {
      hint: 'name the directive, or give --since',
    })
  if (!follow && since === undefined)
    throw new WritError('BAD_INPUT', 'which directive?', {
      hint: 'name it; --since 10m prints what all of them have told since then, and --follow what they tell from now on',
    })
  const { api } = await context.link()
  const from = since?.(context.world.now())
  const print = printing(context, api)
  const printAll = async (lines: AsyncIterable<EventLine>): Promise<void> => {
    for await (const line of lines) if (type === undefined || type.includes(line.type)) await print(line)
  }
  if (!follow) return printAll(history(api, from))
  await interruptible((signal) =>
    Promise.race([
      printAll(api.allEvents({ signal, ...(from === undefined ? {} : { since: from }) })),
      interrupted(signal),
    ]),
  )
}

async function* history(api: NodeApi, since: string | undefined): AsyncGenerator<EventLine, void, undefined> {
  let next: string | null = null
  do {
    const query = { ...(since === undefined ? {} : { since }), ...(next === null ? {} : { after: next }) }
    const page = await api.listEvents(query)
    yield* page.lines
    next = page.next
  } while (next !== null)
}

/** As of one directive, with the directive: for a person before the step, in a pipe as the first column. */
const printing = ({ terminal, json }: Context, api: NodeApi): ((event: EventLine) => Promise<void>) => {
  const names = stepNames(api)
  return async (event) => {
    if (json) return terminal.json(event)
    const step = event.step == null ? null : await names(event.step)
    const { directive, number, time, severity, type, data } = event
    if (terminal.rich)
      return terminal.print(eventText(event, step === null ? directive : `${directive}/${step}`, terminal.paint))
    terminal.print([directive, number, time, severity, type, step ?? '', JSON.stringify(data)].join('\t'))
  }
}

const namesMax = 10_000

/** Names of steps by their ids, each asked for once. One whose name is not to be had is told by its id. */
const stepNames = (api: NodeApi): ((id: string) => Promise<string>) => {
  const names = new Map<string, string>()
  return async (id) => {
    const known = names.get(id)
    if (known !== undefined) return known
    if (names.size >= namesMax) names.clear()
    try {
      const { name } = await api.step(id)
      names.set(id, name)
      return name
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      return id
    }
  }
}
