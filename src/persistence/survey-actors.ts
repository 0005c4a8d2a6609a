/** Reads of a survey by the keys of actors: snapshots, journals, timers, mail, and the plans' rows of steps. */
import type { ActorRow, JournalRow, TimerRow } from '../actors/ports/rows.ts'
import type { DefinedColumns, MailColumns, PlanStepKey, PlanText } from '../actors/ports/survey.ts'
import type { ActorKey } from '../protocol/ids.ts'
import { payloadBytesMax } from '../protocol/limits.ts'
import type { PlanRow } from '../protocol/plan.ts'
import { nameOfKey } from './plans.ts'
import type { Reading } from './survey.ts'

/** Of each journal so many rows are read at once. */
const journalRows = 100

/** A list as a part of a statement: the driver would have to ask for the types of arrays. */
const listed = (sql: Reading, texts: readonly string[]) =>
  sql`(select jsonb_array_elements_text(${JSON.stringify(texts)}::text::jsonb))`

export const readSnapshots = async (
  sql: Reading,
  keys: readonly ActorKey[],
): Promise<ReadonlyMap<ActorKey, Uint8Array>> => {
  const rows = await sql<{ key: ActorKey; snapshot: Uint8Array }[]>`
    select key, snapshot from writ.actors where key = any(array${listed(sql, keys)})`
  return new Map(rows.map((row) => [row.key, row.snapshot]))
}

/** In rounds: each actor whose rows were as many as asked for has more, behind the last of them. */
export const readJournals = async (
  sql: Reading,
  keys: readonly ActorKey[],
  take: (row: JournalRow) => void,
): Promise<void> => {
  let wanted = keys.map((key) => ({ key, after: 0 }))
  while (wanted.length > 0) {
    const rows = await sql<JournalRow[]>`
      select j.key, j.version, j.entries
      from jsonb_to_recordset(${JSON.stringify(wanted)}::text::jsonb) as w(key text, after bigint)
      cross join lateral (
        select * from writ.journal j where j.key = w.key and j.version > w.after order by j.version limit ${journalRows}
      ) j
      order by j.key, j.version`
    const counts = new Map<ActorKey, { count: number; last: number }>()
    for (const row of rows) {
      take(row)
      counts.set(row.key, { count: (counts.get(row.key)?.count ?? 0) + 1, last: row.version })
    }
    wanted = [...counts].flatMap(([key, { count, last }]) => (count < journalRows ? [] : [{ key, after: last }]))
  }
}

export const readPlanRows = async (
  sql: Reading,
  steps: readonly PlanStepKey[],
): Promise<(PlanStepKey & { row: PlanRow })[]> => {
  const rows = await sql<(PlanStepKey & { step: string })[]>`
    select w.hash, w.index, s.step
    from jsonb_to_recordset(${JSON.stringify(steps)}::text::jsonb) as w(hash text, index integer)
    cross join lateral (select s.step from writ.plan_steps s where s.hash = w.hash and s.index = w.index) s`
  return rows.flatMap(({ hash, index, step }) => {
    const row = planRowIn(step)
    return row === null ? [] : [{ hash, index, row }]
  })
}

/** The names as they are, and not as the column has them (`nameKey`). */
export const readPlanTexts = async (
  sql: Reading,
  hash: string,
  from: number,
  count: number,
): Promise<readonly PlanText[]> => {
  const rows = await sql<PlanText[]>`
    select index, name, depends_on, step from writ.plan_steps where hash = ${hash} and index >= ${from} order by index limit ${count}`
  return rows.map((row) => ({ ...row, name: nameIn(row.name) }))
}

const nameIn = (key: string): string => {
  try {
    return nameOfKey(key)
  } catch {
    return key
  }
}

const planRowIn = (step: string): PlanRow | null => {
  try {
    return JSON.parse(step) as PlanRow
  } catch {
    return null
  }
}

export const readActors = (sql: Reading, after: string, count: number, all: boolean): Promise<readonly ActorRow[]> =>
  sql<ActorRow[]>`
    select key, shard, owner, id, kind, directive, version, machine, machine_version, snapshot, status, ended, waiting,
           since, facts
    from writ.actors a
    where a.key > ${after} and (${all} or not exists (select from writ.actors d where d.key = coalesce(a.directive, a.key) and d.ended))
    order by a.key limit ${count}`

export const readTimers = (sql: Reading, keys: readonly ActorKey[]): Promise<readonly TimerRow[]> =>
  sql<TimerRow[]>`select key, id, shard, due, generation from writ.timers where key = any(array${listed(sql, keys)})`

export const readMail = (sql: Reading, keys: readonly ActorKey[]): Promise<readonly MailColumns[]> =>
  sql<MailColumns[]>`
    select id, shard, "to", "from", case when octet_length(body) <= ${payloadBytesMax * 2} then body end as body
    from writ.messages where "to" = any(array${listed(sql, keys)}) order by id`

export const readBeginnings = (sql: Reading, keys: readonly ActorKey[]): Promise<readonly JournalRow[]> =>
  sql<JournalRow[]>`
    select j.key, j.version, j.entries
    from jsonb_array_elements_text(${JSON.stringify(keys)}::text::jsonb) k(key)
    cross join lateral (select * from writ.journal j where j.key = k.key order by j.version limit 1) j`

export const readDefined = (sql: Reading, keys: readonly ActorKey[]): Promise<readonly DefinedColumns[]> =>
  sql<DefinedColumns[]>`
    select a.key, d.definition, d.plan, coalesce(d.steps, 0) as steps, s.step
    from writ.actors a
    left join writ.directives d on d.key = coalesce(a.directive, a.key)
    left join writ.chains c on c.directive = a.directive and c.generation = substring(a.key from '__([0-9]+)_[0-9]+$')::integer
    left join writ.plan_steps s on s.hash = c.hash and s.index = substring(a.key from '__[0-9]+_([0-9]+)$')::integer
    where a.key = any(array${listed(sql, keys)})`
