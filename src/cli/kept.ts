/** How long what is over is kept, as settings say it: a span of time, or forever. */
import { WritError } from '../protocol/errors.ts'
import { keptMsMax, keptMsMin } from '../protocol/limits.ts'
import type { Retention } from '../protocol/retention.ts'
import { readSpan, span } from './ago.ts'
import type { Settings } from './config.ts'

const forever = 'forever'

/** In ms; null: for ever. Throws BAD_INPUT: too short or too long, and no span with its unit, for what goes does not come back. */
export const readKept = (text: string): number | null => {
  if (text === forever) return null
  const ms = spanIn(text)
  if (ms >= keptMsMin && ms <= keptMsMax) return ms
  throw noKept(text, `is ${ms < keptMsMin ? 'too short' : 'too long'} a time to keep something`)
}

const spanIn = (text: string): number => {
  try {
    if (/[a-z]$/.test(text)) return readSpan(text)
  } catch {
    // Told below, in words of what it is for.
  }
  throw noKept(text, 'is no time to keep something')
}

const noKept = (text: string, why: string): WritError =>
  new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} ${why}`, {
    hint: `as in 90d or 12h, from ${span(keptMsMin)} to ${span(keptMsMax)}, or ${forever}`,
  })

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
