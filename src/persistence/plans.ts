/**
 * Plans under their hashes: staged outside of any commit, in parts, and whole from the moment that the row in `plans` says
 * so. Steps are JSON kept as text, so that their texts come back exactly.
 */
import { replyKeptMs } from '../protocol/limits.ts'
import type { PlanRow } from '../protocol/plan.ts'
import type { Connection } from './connection.ts'
import { displayableJson } from './displayable.ts'

const partChars = 4 * 1024 * 1024
const partRows = 1000

/** Stages a plan; one that is there is kept for another day. */
export const stagePlan = async (connection: Connection, hash: string, rows: readonly PlanRow[]): Promise<void> => {
  const [plan] = await connection.run(
    (sql) => sql<[{ complete: boolean }]>`
    insert into writ.plans (hash, steps, at) values (${hash}, ${rows.length}, writ.now())
    on conflict (hash) do update set at = excluded.at
    returning complete`,
  )
  if (plan.complete) return
  for (const part of parts(rows)) {
    await connection.run(
      (sql) => sql`
      insert into writ.plan_steps (hash, index, name, depends_on, step)
      select ${hash}, index, name, "dependsOn", step
      from jsonb_to_recordset(${part}::text::jsonb) as r(index integer, name text, "dependsOn" jsonb, step text)
      on conflict (hash, index) do nothing`,
    )
  }
  await connection.run((sql) => sql`update writ.plans set complete = true where hash = ${hash}`)
}

function* parts(rows: readonly PlanRow[]): Generator<string> {
  let [part, chars]: [object[], number] = [[], 0]
  for (const row of rows) {
    const step = JSON.stringify(row)
    part.push({ index: row.index, name: nameKey(row.name), dependsOn: row.dependsOn, step })
    chars += step.length
    if (chars < partChars && part.length < partRows) continue
    yield displayableJson(part)
    part = []
    chars = 0
  }
  if (part.length > 0) yield displayableJson(part)
}

/** Every name has one such form, and only its own; that of a usual name is the name. */
export const nameKey = (name: string): string => JSON.stringify(name).slice(1, -1)
export const nameOfKey = (key: string): string => JSON.parse(`"${key}"`)

export const readPlanRows = async (
  connection: Connection,
  hash: string,
  from: number,
  count: number,
): Promise<PlanRow[]> => {
  const rows = await connection.run(
    (sql) => sql<{ step: string }[]>`
    select step from writ.plan_steps where hash = ${hash} and index >= ${from} and index < ${from + count} order by index`,
  )
  return rows.map((row): PlanRow => JSON.parse(row.step))
}

export const readStepIndexes = async (
  connection: Connection,
  hash: string,
  names: readonly string[],
): Promise<Map<string, number>> => {
  const keys = displayableJson(names.map(nameKey))
  const rows = await connection.run(
    (sql) => sql<{ name: string; index: number }[]>`
    select name, index from writ.plan_steps
    where hash = ${hash} and name = any(array(select jsonb_array_elements_text(${keys}::text::jsonb)))`,
  )
  return new Map(rows.map((row) => [nameOfKey(row.name), row.index]))
}

const plansPerCall = 1000
const droppedPerCall = 5

/** Where a walk through the plans stands: those are ordered by when they were staged last. */
export interface PlanPlace {
  at: number
  hash: string
}

/**
 * Drops plans that were not staged for a day and that nothing came to use. Not one that a message names which still waits or is
 * parked: it is taken once its actor is mended, however late and at whichever try. Looks at a bounded part of those behind a
 * place, and drops a few, which may have many steps; where it goes on, or null at the end. What is staged again in the meantime stays.
 */
export const tidyPlans = async (connection: Connection, after: PlanPlace | null): Promise<PlanPlace | null> => {
  const [{ last, dropped, looked }] = await connection.run(
    (sql) => sql<[{ last: PlanPlace | null; dropped: PlanPlace | null; looked: number }]>`
    with page as materialized (
      select p.at, p.hash from writ.plans p
      where p.at < (select writ.now()) - ${replyKeptMs}::bigint and p.at >= ${after?.at ?? 0}::bigint
        and (p.at, p.hash) > (${after?.at ?? 0}::bigint, ${after?.hash ?? ''}::text)
      order by p.at, p.hash limit ${plansPerCall}
    ), unused as materialized (
      select at, hash from page where not writ.plan_used(hash) order by at, hash limit ${droppedPerCall}
    ), gone as (
      delete from writ.plans p using unused u where p.hash = u.hash and p.at = u.at returning p.hash
    ), steps as (
      delete from writ.plan_steps where hash = any(array(select hash from gone))
    )
    select (select count(*)::integer from page) as looked,
           (select jsonb_build_object('at', at, 'hash', hash) from page order by at desc, hash desc limit 1) as last,
           (select jsonb_build_object('at', at, 'hash', hash) from unused order by at, hash offset ${droppedPerCall - 1}) as dropped`,
  )
  return dropped ?? (looked < plansPerCall ? null : last)
}
