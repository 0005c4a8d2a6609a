/** One page of what an actor took, each message with what it changed; as many as go into one answer. */
import type { z } from 'zod'
import { changesOf } from '../protocol/changes.ts'
import { WritError } from '../protocol/errors.ts'
import { jsonBytes, shortened } from '../protocol/fitting.ts'
import type { ActorKey } from '../protocol/ids.ts'
import { answerBytesMax } from '../protocol/limits.ts'
import type { JournalLine, JournalLines, lookCommands } from '../protocol/looking.ts'
import { withoutSecrets } from '../protocol/redaction.ts'
import { isoTime } from '../protocol/time.ts'
import { standingOf } from './actor-view.ts'
import type { Replayed, Replaying } from './replaying.ts'
import { eventOf, shownState, sourceOf } from './sighting.ts'

type Query = z.output<typeof lookCommands.journal>

/** `next` is the version and the entry that the next page begins with. */
export const journalPage = async (replaying: Replaying, key: ActorKey, query: Query): Promise<JournalLines> => {
  const [first, entry] = placeOf(query.after)
  const { fromVersion = 1, toVersion = Number.MAX_SAFE_INTEGER, limit } = query
  const lines: JournalLine[] = []
  let room = answerBytesMax
  for await (const seen of replaying.of(key, Math.max(first, fromVersion) - 1)) {
    if (seen.version > toVersion) break
    if (seen.version === first && seen.place < entry) continue
    const line = lineOf(seen)
    room -= jsonBytes(line) + 1
    if (lines.length > 0 && (lines.length >= limit || room < 0)) return { lines, next: `${seen.version}.${seen.place}` }
    lines.push(line)
  }
  return { lines, next: null }
}

const lineOf = (seen: Replayed): JournalLine => {
  const { version, place, entry, before, live } = seen
  const event = eventOf(entry)
  return shortened({
    version,
    entry: place,
    time: isoTime(entry.at),
    type: event.type,
    from: sourceOf(entry.origin) ?? entry.origin,
    message: withoutSecrets(event),
    before: before === null ? null : standingOf(before),
    after: standingOf(live),
    changes: before === null || before === live ? [] : changesOf(shownParts(before), shownParts(live)),
  })
}

export const shownParts = (live: Replayed['live']): { state: unknown; context: unknown } => {
  const { value, context } = shownState(live)
  return { state: value, context }
}

const placeOf = (after: string | undefined): [version: number, entry: number] => {
  if (after === undefined) return [1, 0]
  const [, version, entry] = /^(\d{1,15})\.(\d{1,9})$/.exec(after) ?? []
  if (version !== undefined) return [Number(version), Number(entry)]
  throw new WritError('BAD_INPUT', `after ${JSON.stringify(after.slice(0, 80))} is not the place of a page`, {
    hint: 'give the `next` of the page before, as it is',
  })
}
