/** A directive's history. */
import type { EventLine } from '../protocol/commands.ts'
import { WritError } from '../protocol/errors.ts'
import { fitting } from '../protocol/fitting.ts'
import { actorKey, stepId } from '../protocol/ids.ts'
import type { EventPage } from '../protocol/views.ts'
import type { Connection } from './connection.ts'
import { isoOf } from './pages.ts'

interface EventColumns extends Pick<EventLine, 'type' | 'severity' | 'source' | 'data'> {
  sequence: number
  generation: number | null
  step: number | null
  at: number
}

/** Lines after that number. Throws NOT_FOUND. */
export const listEvents = async (
  connection: Connection,
  owner: string,
  directive: string,
  after: number,
  limit: number,
): Promise<EventPage> => {
  const rows = await connection.run(
    (sql) => sql<(EventColumns | { sequence: null })[]>`
    select e.sequence, e.type, e.severity, e.source, e.data, e.generation, e.step, e.at
    from writ.directives d left join writ.events e on e.directive = d.key and e.sequence > ${after}
    where d.key = ${actorKey(owner, directive)}
    order by e.sequence
    limit ${limit + 1}`,
  )
  if (rows.length === 0)
    throw new WritError('NOT_FOUND', `there is no directive ${directive}`, {
      hint: 'writ directive list shows what there is',
    })
  const lines = rows.flatMap((row) => (row.sequence === null ? [] : [lineOf(directive, row)]))
  const shown = fitting(lines.slice(0, limit))
  return { lines: shown, next: lines.length > shown.length ? (shown.at(-1)?.number ?? null) : null }
}

const lineOf = (directive: string, row: EventColumns): EventLine => ({
  number: row.sequence,
  directive,
  type: row.type,
  severity: row.severity,
  source: row.source,
  time: isoOf(row.at),
  chain: row.generation,
  step: row.step === null || row.generation === null ? null : stepId(directive, row.generation, row.step),
  data: row.data,
})
