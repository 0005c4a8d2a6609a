/** What a watcher was shown of an actor last, and how what comes next stands to it. */
import type { Sighting, SightingMore } from '../protocol/inspection.ts'

/** Of an actor, what was shown last: the entry of that version, and whether it was that version's last. */
export interface Shown {
  version: number
  entry: number
  isWhole: boolean
  hasEnded: boolean
}

export const shownOf = ({ snapshot, writ: { version, entry, entries } }: Sighting): Shown => ({
  version,
  entry,
  isWhole: entry + 1 >= entries,
  hasEnded: snapshot.tags.includes('ended'),
})

export const isNews = ({ version, entry }: SightingMore, shown: Shown): boolean =>
  version > shown.version || (version === shown.version && !shown.isWhole && entry > shown.entry)

/** Whether nothing is missing between the two. */
export const follows = ({ version, entry }: SightingMore, shown: Shown): boolean =>
  shown.isWhole ? version === shown.version + 1 && entry === 0 : version === shown.version && entry === shown.entry + 1
