/**
 * The Survey port on Postgres: one connection, one transaction that only reads and sees everything as it was at one moment,
 * without a lock that anybody would wait for. A transaction of the driver's own, as nothing here is ever committed.
 */
import postgres from 'postgres'
import type { Survey } from '../actors/ports/survey.ts'
import { WritError } from '../protocol/errors.ts'
import { requestDeadlineMs } from '../protocol/limits.ts'
import { Connection } from './connection.ts'
import { runCrossChecks } from './cross-checks.ts'
import { onceFailure, place } from './failures.ts'
import { checkServer } from './server-check.ts'
import { readBadContents, readParts } from './survey-parts.ts'
import {
  readActors,
  readBeginnings,
  readDefined,
  readJournals,
  readMail,
  readPlanRows,
  readPlanTexts,
  readSnapshots,
  readTimers,
} from './survey-actors.ts'
import { readRegistries } from './survey-registries.ts'

/** Statements within the transaction. */
export type Reading = postgres.TransactionSql

export interface SurveyOptions {
  url: string
  /** How long one statement may take, in ms. */
  statementMs: number
  /** How long the checks that are statements may take together, in ms. */
  withinMs?: number
}

/** Answers with what `look` makes of it. Throws UNREACHABLE, UNAUTHORIZED, OLD_SERVER, SCHEMA_NEWER, REFUSED, and TIMED_OUT. */
export const surveyed = async <T>(options: SurveyOptions, look: (survey: Survey) => Promise<T>): Promise<T> => {
  const { url } = options
  await checkReachable(url)
  const sql = postgres(url, driverOptions(options))
  try {
    const answer = await sql.begin('isolation level repeatable read read only', async (reading) => [
      await look(await surveyOf(reading, options)),
    ])
    return (answer as [T])[0]
  } catch (error) {
    throw failureOf(url, error)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

const checkReachable = async (url: string): Promise<void> => {
  const connection = new Connection({
    url,
    max: 1,
    applicationName: 'writ verify',
    deadlineMs: requestDeadlineMs,
    translate: onceFailure(url),
    log: () => undefined,
  })
  try {
    await checkServer(connection, url)
  } finally {
    await connection.close()
  }
}

/** Of the connection that a survey needs: rows come as the ports name their fields. */
export const driverOptions = ({
  statementMs,
}: SurveyOptions): postgres.Options<{ bigint: postgres.PostgresType<number> }> => ({
  max: 1,
  fetch_types: false,
  connect_timeout: Math.ceil(requestDeadlineMs / 1000),
  onnotice: () => undefined,
  transform: { column: { from: postgres.toCamel } },
  types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
  connection: {
    application_name: 'writ verify',
    statement_timeout: statementMs,
    lock_timeout: requestDeadlineMs,
    jit: 'off',
    // Ranges of keys that are not known when the plan is made: each has its index.
    enable_seqscan: 'off',
    enable_bitmapscan: 'off',
  },
})

/** What is thrown by whoever looks is no failure of the server's. */
const failureOf = (url: string, error: unknown): unknown => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === '' || (error instanceof WritError && error.code !== 'TIMED_OUT')) return error
  if (code !== '57014' && code !== 'TIMED_OUT') return onceFailure(url)(error)
  return new WritError('TIMED_OUT', `the ${place(url)} did not answer in time`, {
    hint: 'look at one directive with --directive, or when less goes on there',
    cause: error,
  })
}

/** What a transaction sees. */
export const surveyOf = async (sql: Reading, { withinMs }: Pick<SurveyOptions, 'withinMs'>): Promise<Survey> => {
  const until = withinMs === undefined ? null : performance.now() + withinMs
  const [{ machines }] = await sql<[{ machines: string[] | null }]>`
    select jsonb_agg(distinct m.machine) as machines
    from writ.threads t, jsonb_array_elements_text(t.machines) m(machine)
    where t.expires > clock_timestamp()`
  return {
    machines: machines ?? [],
    size: async () => {
      const [row] = await sql<[{ directives: number; actors: number }]>`
        select (select count(*) from writ.directives) as directives, (select count(*) from writ.actors) as actors`
      return row
    },
    directives: (after, count) => sql`
      select d.key, greatest(d.steps, coalesce((select max(c.steps) from writ.chains c where c.directive = d.key), 0)) as steps
      from writ.directives d where d.key > ${after} order by d.key limit ${count}`,
    parts: (keys) => readParts(sql, keys),
    snapshots: (keys) => readSnapshots(sql, keys),
    journals: (keys, take) => readJournals(sql, keys, take),
    planRows: (steps) => readPlanRows(sql, steps),
    planTexts: (hash, from, count) => readPlanTexts(sql, hash, from, count),
    registries: () => readRegistries(sql),
    badContents: (keys) => readBadContents(sql, keys),
    crossChecks: (take) => runCrossChecks(sql, until, take),
    actors: (after, count, all) => readActors(sql, after, count, all),
    timers: (keys) => readTimers(sql, keys),
    mail: (keys) => readMail(sql, keys),
    defined: (keys) => readDefined(sql, keys),
    beginnings: (keys) => readBeginnings(sql, keys),
  }
}
