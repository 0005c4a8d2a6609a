/** What a commit lets out: spawns, orders, events, mail. Everything here may be lost on the way; nothing depends on it. */
import { readKey, stepId } from '../protocol/ids.ts'
import { isoTime } from '../protocol/time.ts'
import type { Draft, Outgoing } from './draft.ts'
import type { Host } from './host.ts'
import { attemptKey } from './memory.ts'
import type { AttemptRow, EventRow } from './ports/rows.ts'
import { type Seen, sightingOf } from './sighting.ts'
import type { Watch } from './watch.ts'

export const sendOut = (host: Host, watch: Watch, draft: Draft, messages: readonly number[]): void => {
  for (const attempt of draft.attempts.values()) watch.kept(attempt)
  for (const outgoing of draft.outgoing)
    if (outgoing.kind !== 'spawn' || isOpen(draft, outgoing.attempt)) send(host, watch, draft, outgoing)
  draft.messages.forEach(({ to, from }, at) => host.wire.mail(to, { from, message: messages[at] ?? 0 }))
}

/** It may have ended in the very commit that opened it. */
const isOpen = ({ attempts }: Draft, attempt: AttemptRow): boolean =>
  attempts.get(attemptKey(attempt))?.closedAt === null

const send = (host: Host, watch: Watch, draft: Draft, outgoing: Outgoing): void => {
  const { attempts } = draft
  switch (outgoing.kind) {
    case 'spawn':
      return watch.open(outgoing.attempt)
    case 'order':
      return watch.order(attempts.get(attemptKey(outgoing.attempt)) ?? outgoing.attempt)
    case 'event':
      return sendEvent(host, outgoing.row)
    case 'reply':
      return outgoing.send()
    case 'call':
      return outgoing.call()
    case 'seen':
      return show(host, draft, outgoing.seen)
  }
}

const show = (host: Host, { journal }: Draft, seen: Omit<Seen, 'place' | 'of'>): void => {
  const entries = journal.get(seen.key) ?? []
  const sighting = sightingOf({ ...seen, place: entries.indexOf(seen.entry), of: entries.length })
  host.wire.sighting(readKey(seen.key).owner, sighting)
}

const sendEvent = (host: Host, row: EventRow): void => {
  const { owner, id } = readKey(row.directive)
  host.wire.event(owner, id, row.type, eventLineOf(row))
}

/** An event as the wire has it. */
export const eventLineOf = ({
  directive,
  sequence,
  type,
  severity,
  source,
  data,
  generation,
  step,
  at,
}: EventRow): object => {
  const { id } = readKey(directive)
  const of = step === null || generation === null ? null : stepId(id, generation, step)
  return {
    number: sequence,
    directive: id,
    type,
    severity,
    source,
    time: isoTime(at),
    chain: generation,
    step: of,
    data,
  }
}
