/** Everything of a run that is read when it is over: what the database has of it, and what its steps have left in files. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type postgres from 'postgres'
import { unpackJournal } from '../../src/actors/codec.ts'
import { directiveOf, readKey, readTaskId } from '../../src/protocol/ids.ts'

export interface Attempt {
  /** The id of its task, and that task's actor. */
  task: string
  actor: string
  directive: string
  attempt: number
  role: string
  daemon: string
  openedAt: number
  closed: string | null
  reason: string
  result: string | null
}

/** A line that an attempt's process has written. */
export interface Effect {
  directive: string
  step: string
  task: string
  attempt: number
  from: string
  to: string
  amount: number
  word: string
}

export interface History {
  /** By their ids. `stoodStillMs`: the longest time between two events. */
  directives: Map<string, { status: string; events: number[]; stoodStillMs: number }>
  /** Of steps, `<directive> <name>`. */
  steps: Map<string, { status: string; actor: string }>
  /** Steps that are on machines of a later build. */
  laterSteps: number
  attempts: Attempt[]
  effects: Effect[]
  /** Lines that are no effects. */
  torn: string[]
  /** What persons told each directive, in the order in which it was taken. */
  told: Map<string, string[]>
  /** Results with which the tasks of steps were ended from outside, by the steps. */
  endedAs: Map<string, string[]>
  /** Directives whose journals have lost their beginnings: not all is known of what they were told. */
  cut: Set<string>
  /** Rows that are there although nothing is under way. */
  left: Record<string, number>
}

const idOf = (key: string): string => readKey(key as `${string}/${string}`).id

/** What is stored of directives. */
export type Stored = Pick<History, 'directives' | 'steps' | 'attempts' | 'told' | 'endedAs' | 'cut'>

export const readHistory = async (sql: postgres.Sql, effectsFolder: string): Promise<History> => {
  const { effects, torn } = readEffects(effectsFolder)
  const laterSteps = await countLaterSteps(sql)
  return { ...(await readStored(sql, null)), laterSteps, effects, torn, left: await rowsLeft(sql) }
}

/** `key`: of this directive; null: of all. */
export const readStored = async (sql: postgres.Sql, key: string | null): Promise<Stored> => ({
  directives: await readDirectives(sql, key),
  steps: await readSteps(sql, key),
  attempts: await readAttempts(sql, key),
  ...(await readTold(sql, key)),
  endedAs: await readEnds(sql, key),
})

const readDirectives = async (sql: postgres.Sql, key: string | null): Promise<History['directives']> => {
  const rows = await sql<{ id: string; status: string; events: number[]; stoodStillMs: number }[]>`
    select d.id, a.status,
           array(select e.sequence::int from writ.events e where e.directive = d.key order by e.sequence) as events,
           coalesce((select max(gap) from (
             select e.at - lag(e.at) over (order by e.sequence) as gap from writ.events e where e.directive = d.key
           ) gaps), 0)::int as "stoodStillMs"
    from writ.directives d join writ.actors a on a.key = d.key
    where ${key}::text is null or d.key = ${key}`
  return new Map(rows.map(({ id, ...row }) => [id, row]))
}

const countLaterSteps = async (sql: postgres.Sql): Promise<number> => {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from writ.actors where kind = 'step' and machine_version <> '1'`
  return row?.count ?? 0
}

/** A step's name is in its plan; its index is in its id. */
const readSteps = async (sql: postgres.Sql, key: string | null): Promise<History['steps']> => {
  const rows = await sql<{ id: string; directive: string; status: string; name: string }[]>`
    select a.id, a.directive, a.status, s.name
    from writ.actors a
    join writ.chains c on c.directive = a.directive and a.id like '%\\_\\_' || c.generation || '\\_%'
    join writ.plan_steps s on s.hash = c.hash and s.index = substring(a.id from '_([0-9]+)$')::int
    where a.kind = 'step' and (${key}::text is null or a.directive = ${key})`
  return new Map(rows.map(({ id, directive, status, name }) => [`${idOf(directive)} ${name}`, { status, actor: id }]))
}

const readAttempts = async (sql: postgres.Sql, key: string | null): Promise<Attempt[]> => {
  const rows = await sql<
    (Omit<Attempt, 'openedAt' | 'directive' | 'actor'> & Record<'opened' | 'directive' | 'actor', string>)[]
  >`
    select task, actor, directive, attempt, role, daemon, opened_at as opened, closed, reason, result from writ.attempts
    where ${key}::text is null or directive = ${key}`
  return rows.map(({ opened, directive, actor, ...row }) => ({
    ...row,
    directive: idOf(directive),
    actor: idOf(actor),
    openedAt: Number(opened),
  }))
}

const readEffects = (folder: string): { effects: Effect[]; torn: string[] } => {
  const effects: Effect[] = []
  const torn: string[] = []
  for (const directive of existsSync(folder) ? readdirSync(folder) : []) {
    const lines = readFileSync(join(folder, directive), 'utf8').split('\n').filter(Boolean)
    for (const line of lines) {
      const effect = effectIn(directive, line)
      if (effect === null) torn.push(`${directive}: ${line}`)
      else effects.push(effect)
    }
  }
  return { effects, torn }
}

const effectIn = (directive: string, line: string): Effect | null => {
  const [, step, task, attempt, from, to, amount, word] = /^(\S+) (\S+)-(\d+) (\S+) (\S+) (\d+) (\S+)$/.exec(line) ?? []
  if (step === undefined || task === undefined || from === undefined || to === undefined || word === undefined)
    return null
  const actor = readTaskId(task)?.actor
  if (actor === undefined || directiveOf(actor) !== directive) return null
  return { directive, step, task, attempt: Number(attempt), from, to, amount: Number(amount), word }
}

/** Only directives are told by persons: what they say to a step goes through its directive. */
const readTold = async (sql: postgres.Sql, only: string | null): Promise<Pick<History, 'told' | 'cut'>> => {
  const rows = await sql<{ key: string; version: string; entries: Uint8Array }[]>`
    select j.key, j.version, j.entries from writ.journal j join writ.directives d on d.key = j.key
    where ${only}::text is null or d.key = ${only} order by j.key, j.version`
  const told = new Map<string, string[]>()
  const whole = new Set<string>()
  for (const { key, version, entries } of rows) {
    if (version === '1') whole.add(idOf(key))
    for (const { message, origin } of unpackJournal(entries)) {
      if (origin !== 'user') continue
      const { type, verb } = message as { type: string; verb?: string }
      told.set(idOf(key), [...(told.get(idOf(key)) ?? []), verb ?? type])
    }
  }
  return { told, cut: new Set(rows.map(({ key }) => idOf(key)).filter((id) => !whole.has(id))) }
}

/** Whether nothing of a directive that has ended is under way: from then on nothing is stored of it. */
export const isSettled = async (sql: postgres.Sql, key: string): Promise<boolean> => {
  const [row] = await sql<[{ settled: boolean }]>`
    select not (exists (select from writ.attempts where directive = ${key} and closed_at is null)
      or exists (select from writ.held where directive = ${key})
      or exists (select from writ.ready where directive = ${key})
      or exists (select from writ.needs where directive = ${key})
      or exists (select from writ.grants where directive = ${key})
      or exists (select from writ.timers where key = ${key} or starts_with(key, ${`${key}__`}))
      or exists (select from writ.messages where "to" = ${key} or starts_with("to", ${`${key}__`}) or "from" = ${key})) as settled`
  return row.settled
}

const readEnds = async (sql: postgres.Sql, directive: string | null): Promise<History['endedAs']> => {
  const rows = await sql<{ key: string; entries: Uint8Array }[]>`
    select j.key, j.entries from writ.journal j join writ.actors a on a.key = j.key and a.kind = 'step'
    where ${directive}::text is null or a.directive = ${directive} order by j.key, j.version`
  const ends = new Map<string, string[]>()
  for (const { key, entries } of rows) {
    for (const { message } of unpackJournal(entries)) {
      const { type, result } = (message ?? {}) as { type?: string; result?: string | null }
      if (type === 'task.end') ends.set(idOf(key), [...(ends.get(idOf(key)) ?? []), result ?? ''])
    }
  }
  return ends
}

/** Once everything has ended there is nothing in any of these. */
export const rowsLeft = async (sql: postgres.Sql): Promise<Record<string, number>> => {
  const [row] = await sql<Record<string, string>[]>`
    select (select count(*) from writ.messages) as messages,
           (select count(*) from writ.timers t join writ.actors a on a.key = t.key where a.kind <> 'registry') as timers,
           (select count(*) from writ.grants) as grants,
           (select count(*) from writ.held) as held,
           (select count(*) from writ.needs) as needs,
           (select count(*) from writ.ready) as ready,
           (select count(*) from writ.parked) as parked,
           (select count(*) from writ.faulted) as faulted,
           (select count(*) from writ.removed where not cleared) as "deleted directives",
           (select count(*) from writ.attempts where closed_at is null) as "open attempts"`
  const counts = Object.entries(row ?? {}).map(([name, count]) => [name, Number(count)] as const)
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}
