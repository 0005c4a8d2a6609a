/** The state that an actor was in at a version or a time, from its journal. */
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, readKey } from '../protocol/ids.ts'
import { foldedEntriesMax } from '../protocol/limits.ts'
import { isoTime, msOfIso } from '../protocol/time.ts'
import { isCheckpoint } from './checkpoint.ts'
import type { Replayed, Replaying } from './replaying.ts'

/** A version, or a time as ISO 8601. */
export type Moment = number | string

/** Throws NOT_FOUND when the actor came later, GONE when that part of its journal is not kept, TOO_LARGE when it took too much before. */
export const stateAt = async (replaying: Replaying, key: ActorKey, at: Moment): Promise<Replayed> => {
  const until = typeof at === 'number' ? null : msOfIso(at)
  const last = await lastUntil(replaying, key, ({ version, entry }) =>
    until === null ? version <= Number(at) : entry.at <= until,
  )
  if (last !== null) return last
  throw new WritError('NOT_FOUND', `there was no ${readKey(key).id} at ${at} yet`, { hint: 'name a later moment' })
}

/** The last entry, from the first on, for which it holds; null when it does not hold for the first. */
export const lastUntil = async (
  replaying: Replaying,
  key: ActorKey,
  isUntil: (seen: Replayed) => boolean,
): Promise<Replayed | null> => {
  let last: Replayed | null = null
  let folded = 0
  for await (const seen of replaying.of(key)) {
    if (last === null && isCheckpoint(seen.entry) && !isUntil(seen)) throw forgotten(seen)
    if (!isUntil(seen)) break
    last = seen
    if (++folded > foldedEntriesMax) throw tooLong(key)
  }
  return last
}

const forgotten = ({ key, version, entry }: Replayed): WritError =>
  new WritError('GONE', `what ${readKey(key).id} was before version ${version} is not kept any more`, {
    hint: `name version ${version}, of ${isoTime(entry.at)}, or a later one; retention.journals says how long journals are kept`,
  })

const tooLong = (key: ActorKey): WritError =>
  new WritError('TOO_LARGE', `${readKey(key).id} has taken more than ${foldedEntriesMax} messages until then`, {
    hint: 'name an earlier moment, or look at its journal page by page',
  })
