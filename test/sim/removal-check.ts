/** What goes for good has ended, and nothing of it is under way any more: nobody could tell afterwards what it was. */
import type { Commit, MessageRow } from '../../src/actors/ports/rows.ts'
import { isInOrder } from '../../src/actors/in-order.ts'
import { hasEnded } from '../../src/machines/advance.ts'
import { type ActorKey, directiveKeyOf } from '../../src/protocol/ids.ts'
import type { Fold } from './fold.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'

export const checkRemoval =
  (tables: Tables, fold: Fold, trace: Trace) =>
  ({ removed = [], messages = [] }: Commit): void => {
    for (const { key } of removed) {
      const live = fold.live(key)
      if (live === null || !hasEnded(live)) trace.violate('removal', `${key} was removed, and has not ended`)
      const told = messages.filter(({ to }) => directiveKeyOf(to) === key)
      for (const what of underWay(tables, key, told))
        trace.violate('removal', `${key} was removed, and there is ${what}`)
    }
  }

/** `told`: by others, in the same commit; it finds nobody, as what is told a moment later. */
const underWay = (
  { messages, parked, attempts, grants, held, ready }: Tables,
  key: ActorKey,
  told: readonly MessageRow[],
): string[] => [
  ...[...messages.values()].flatMap((row) =>
    directiveKeyOf(row.to) === key && !told.some((each) => isSame(each, row)) ? [`message ${row.id} to ${row.to}`] : [],
  ),
  // Of what is parked only what another actor waits behind is waited for: nobody needs the rest, and it goes too.
  ...parked.flatMap(({ message, from, actor }) =>
    directiveKeyOf(actor) === key && isInOrder(from, actor) ? [`the parked message ${message}`] : [],
  ),
  ...[...attempts.values()].flatMap(({ directive, task, attempt, closedAt }) =>
    directive === key && closedAt === null ? [`the attempt ${task}/${attempt}`] : [],
  ),
  ...[...grants.values(), ...held.values()].flatMap(({ directive, id }) => (directive === key ? [`grant ${id}`] : [])),
  ...[...ready.values()].flatMap(({ directive, actor }) =>
    directive === key ? [`${actor} that waits for a slot`] : [],
  ),
]

const isSame = (a: MessageRow, b: MessageRow): boolean =>
  a.to === b.to && a.from === b.from && Buffer.compare(a.body, b.body) === 0
