/** What an actor that waits for a slot needs of it. The machine that says so does not know that; the row that waits does. */
import { needsWords } from '../protocol/needs-words.ts'
import type { PendingQuery, Sql } from './connection.ts'

/** Null: nothing of the actor waits for a slot. */
export type SlotNeeds = { labels: Record<string, string>; executor: string | null } | null

/** Of the row `key` of `writ.actors`: at most one row of `writ.ready`. */
export const slotNeeds = (sql: Sql, key: PendingQuery) => sql`(
  select json_build_object('labels', w.labels, 'executor', w.executor) from writ.ready w where w.actor = ${key})`

/** What `waiting` says, completed. A task may wait behind something else, as when its directive is paused: that stays. */
export const withNeeds = (waiting: string | null, needs: SlotNeeds): string | null => {
  if (needs === null || waiting?.startsWith('a slot for ') !== true) return waiting
  const { labels, executor } = needs
  return `${waiting} ${needsWords({ labels, ...(executor === null ? {} : { executor }) })}`.trimEnd()
}
