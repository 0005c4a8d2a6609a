/** Tasks with their contracts, attempts and files. */
import type { Reported, TaskRow } from '../actors/ports/rows.ts'
import type { ListQuery } from '../protocol/commands.ts'
import { addressOf, readKey, readTaskId, taskId } from '../protocol/ids.ts'
import {
  type AttemptView,
  type ContractView,
  type FileLine,
  type LateReport,
  type Page,
  repositoryName,
  type TaskLine,
  type TaskView,
} from '../protocol/views.ts'
import type { Connection, Sql } from './connection.ts'
import { containing, isoOf, isoOrNull, pageOf, placeOf, sinceOf } from './pages.ts'
import { nameOfKey } from './plans.ts'
import { notRemoved } from './removal.ts'

/** A row of `tasks` with the key of its step's name. */
export type TaskColumns = TaskRow & { stepName: string | null }

export interface AttemptColumns {
  attempt: number
  daemon: string
  accepted: boolean
  opened: number
  deadline: number
  closed: number | null
  as: string | null
  reason: string
  result: string | null
  startCommit: string | null
  commit: string | null
  asked: AttemptView['asked']
  reported: Reported | null
}

export interface FileColumns extends Omit<FileLine, 'time'> {
  at: number
}

/** The step's name is found by the generation in the actor's id: `<directive>__<generation>_<index>`. */
export const stepNames = (sql: Sql) => sql`
  left join writ.chains c on t.step is not null and c.directive = t.directive
    and c.generation = substring(t.actor from '__([0-9]+)_[0-9]+$')::integer
  left join writ.plan_steps s on s.hash = c.hash and s.index = t.step`

export const attemptsOf = (sql: Sql) => sql`(
  select coalesce(json_agg(json_build_object(
    'attempt', a.attempt, 'daemon', a.daemon, 'accepted', a.accepted, 'opened', a.opened_at, 'deadline', a.deadline,
    'closed', a.closed_at, 'as', a.closed, 'reason', a.reason, 'result', a.result, 'startCommit', a.start_commit,
    'commit', a.commit, 'asked', a.asked, 'reported', a.reported::json) order by a.attempt), '[]')
  from writ.attempts a where a.owner = t.owner and a.task = t.id)`

export const filesOf = (sql: Sql) => sql`(
  select coalesce(json_agg(json_build_object('name', f.name, 'hash', f.hash, 'bytes', f.bytes, 'at', f.at) order by f.name), '[]')
  from writ.files f where f.owner = t.owner and f.contract = t.contract)`

/** Newest first. `state`: a task's status, or `open` for those that have not ended. */
export const listTasks = async (
  connection: Connection,
  owner: string,
  { state, text, since, after, limit }: ListQuery,
): Promise<Page<TaskLine>> => {
  const { at, id } = placeOf(after)
  const open = state !== undefined && ['open', 'pending', 'starting', 'running'].includes(state)
  const rows = await connection.run(
    (sql) => sql<TaskColumns[]>`
    select t.*, s.name as step_name
    from writ.tasks t ${stepNames(sql)}
    where t.owner = ${owner} and ${notRemoved(sql, sql`t.directive`)} and t.at >= ${sinceOf(since)} and (t.at < ${at} or (t.at = ${at} and t.id > ${id}))
      and (t.name ilike ${containing(text)} or t.id ilike ${containing(text)})
      ${open ? sql`and t.ended_at is null` : sql``}
      ${state === undefined || state === 'open' ? sql`` : sql`and t.status = ${state}`}
    order by t.at desc, t.id
    limit ${limit + 1}`,
  )
  return pageOf(rows, limit, taskLineOf)
}

export const showTask = async (connection: Connection, owner: string, id: string): Promise<TaskView | null> => {
  const [row] = await connection.run(
    (sql) => sql<(TaskColumns & { attempts: AttemptColumns[]; files: FileColumns[] })[]>`
    select t.*, s.name as step_name, ${attemptsOf(sql)} as attempts, ${filesOf(sql)} as files
    from writ.tasks t ${stepNames(sql)}
    where t.owner = ${owner} and t.id = ${id} and ${notRemoved(sql, sql`t.directive`)}`,
  )
  return row === undefined ? null : taskViewOf(row)
}

/** In listing order; null when there is no such contract. A contract has the number of its task. */
export const listFiles = async (
  connection: Connection,
  owner: string,
  contract: string,
): Promise<FileLine[] | null> => {
  const read = readTaskId(contract)
  if (read?.kind !== 'contract') return null
  const [row] = await connection.run(
    (sql) => sql<{ files: FileColumns[] }[]>`
    select ${filesOf(sql)} as files from writ.tasks t
    where t.owner = ${owner} and t.id = ${taskId(read.actor, read.number)} and ${notRemoved(sql, sql`t.directive`)}`,
  )
  return row === undefined ? null : row.files.map(fileLineOf)
}

export const taskLineOf = (row: TaskColumns): TaskLine => {
  const { owner, id, name, role, purpose, priority, status, reason, round, daemon, attempt } = row
  const step =
    row.step === null ? null : { id: readKey(row.actor).id, name: row.stepName === null ? '' : nameOfKey(row.stepName) }
  return {
    id,
    address: addressOf(owner, id),
    directive: readKey(row.directive).id,
    step,
    name,
    role,
    purpose,
    priority,
    status,
    reason,
    round,
    daemon,
    attempt,
    created: isoOf(row.at),
    ended: isoOrNull(row.endedAt),
  }
}

export const taskViewOf = (row: TaskColumns & { attempts: AttemptColumns[]; files: FileColumns[] }): TaskView => ({
  ...taskLineOf(row),
  supervisor: row.supervisor,
  localOnly: row.localOnly,
  repository: row.repository,
  feedback: row.feedback,
  manual: row.manual,
  contract: contractViewOf(row),
  attempts: row.attempts.map(attemptViewOf),
  files: row.files.map(fileLineOf),
})

const contractViewOf = (row: TaskColumns): ContractView => ({
  id: row.contract,
  address: addressOf(row.owner, row.contract),
  name: row.contractName,
  kind: row.contractKind,
  phase: row.phase,
  description: row.description,
  localOnly: row.localOnly,
  orchestrator: row.purpose === 'plan',
  repositories: row.repository === null ? [] : [{ name: repositoryName, location: row.repository, primary: true }],
})

const attemptViewOf = ({ opened, deadline, closed, reported, ...row }: AttemptColumns): AttemptView => ({
  ...row,
  late: lateOf(reported),
  opened: isoOf(opened),
  deadline: isoOf(deadline),
  closed: isoOrNull(closed),
})

const lateOf = (reported: Reported | null): LateReport | null => {
  if (reported === null || reported.counted) return null
  const { verb, at, result = null, reason = null, commit = null } = reported
  return { outcome: verb, result, reason, commit, time: isoOf(at) }
}

const fileLineOf = ({ at, ...row }: FileColumns): FileLine => ({ ...row, time: isoOf(at) })
