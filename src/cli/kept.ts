/** How long what is over is kept, as settings say it: a span of time, or forever. */
import { WritError } from '../protocol/errors.ts'
import type { Retention } from '../protocol/retention.ts'
import { readSpan, span } from './ago.ts'
import type { Settings } from './config.ts'

const forever = 'forever'

/** In ms; null: for ever. Throws BAD_INPUT. */
export const readKept = (text: string): number | null => {
  if (text === forever) return null
  try {
    return readSpan(text)
  } catch (cause) {
    const hint = `as in 90d or 12h, or ${forever}`
    throw new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} is no time to keep something`, {
      hint,
      cause,
    })
  }
}

export const retentionOf = ({
  retention: { directives, events, journals },
}: Pick<Settings, 'retention'>): Retention => ({
  directivesMs: readKept(directives),
  eventsMs: readKept(events),
  journalsMs: readKept(journals),
})

/** For people: what the settings here say. A node that was started elsewhere may have others. */
export const keptText = (settings: Pick<Settings, 'retention'>): string => {
  const { directivesMs, eventsMs, journalsMs } = retentionOf(settings)
  return `directives that have ended ${keptFor(directivesMs)}, events ${keptFor(eventsMs)}, journals ${keptFor(journalsMs)}`
}

const keptFor = (ms: number | null): string => (ms === null ? 'for ever' : `for ${span(ms)}`)
