/** What may grow has its limit (DESIGN 13, 11): of each commit, how much it carries; of each mailbox, what the stream puts into it. */
import type { Commit } from '../../src/actors/ports/rows.ts'
import { batchMessagesMax, commitActorsMax, commitBytesMax } from '../../src/protocol/limits.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'

/** What one unit takes goes into one commit whatever its size: as much again as a commit may have. */
const slack = 2

export const checkBounds =
  (trace: Trace) =>
  ({ actors = [], consumed = [], fired = [], messages = [], journal = [] }: Commit): void => {
    const bytes = [
      ...actors.map(({ snapshot }) => snapshot),
      ...messages.map(({ body }) => body),
      ...journal.map(({ entries }) => entries),
    ].reduce((sum, { byteLength }) => sum + byteLength, 0)
    const units = consumed.length + fired.length
    if (bytes > slack * commitBytesMax) trace.violate('11', `a commit of ${bytes} bytes`)
    if (actors.length > commitActorsMax) trace.violate('11', `a commit of ${actors.length} actors`)
    if (units > batchMessagesMax) trace.violate('11', `a batch of ${units} messages and timers`)
  }

/**
 * What the stream brings finds room, or is not let in: by the rows as they are before it, and not by what the store itself counts. What
 * actors tell each other always has room, and what was parked, too, when it is put back.
 */
export const checkMailboxes = (tables: Tables, most: number, trace: Trace): void => {
  const insert = tables.insertMessage.bind(tables)
  tables.insertMessage = (row, taken) => {
    const waiting = row.from === 'stream' ? [...tables.messages.values()].filter(({ to }) => to === row.to).length : 0
    if (waiting >= most)
      trace.violate('11', `the stream puts a message more into the mailbox of ${row.to}, which has ${waiting}`)
    return insert(row, taken)
  }
}
