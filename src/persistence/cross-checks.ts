/**
 * What statements alone can find out, over all tables: rows that refer to nothing, that come twice, or that contradict each
 * other. They know no machine: what a state allows is for src/verify. Each must hold at any moment of a healthy system.
 */
import { WritError } from '../protocol/errors.ts'
import type { Finding } from '../protocol/findings.ts'
import { registryId } from '../protocol/ids.ts'
import { findingsMax } from '../protocol/limits.ts'
import { type CrossCheck, notGoing, orphans } from './orphan-checks.ts'
import type { Reading } from './survey.ts'

/** Something is yet to be taken by the actor, or it is parked: its attempt may have been closed in its stead. */
const excused = (actor: string): string =>
  `exists (select from writ.messages m where m."to" = ${actor}) or exists (select from writ.faulted f where f.key = ${actor})
   or exists (select from writ.parked k where k.actor = ${actor})`

/** A message between two that names an id, in the mailbox or parked. */
const named = (to: string, from: string, id: string): string =>
  `exists (select from writ.messages m where m."to" = ${to} and m."from" = ${from} and position(convert_to(${id}, 'UTF8') in m.body) > 0)
   or exists (select from writ.parked k where k.actor = ${to} and k."from" = ${from} and position(convert_to(${id}, 'UTF8') in k.body) > 0)`

const registryOf = (directive: string): string => `split_part(${directive}, '/', 1) || '/${registryId}'`

const records: readonly CrossCheck[] = [
  {
    code: 'wrong-place',
    table: 'shards',
    right: 'a row of each shard, 0 to 255',
    text: `select i::text as key, 'no row' as found from generate_series(0, 255) i
           where not exists (select from writ.shards s where s.shard = i)`,
  },
  {
    code: 'wrong-place',
    table: 'directives',
    right: 'those that its key says',
    text: `select d.key as key, 'owner ' || d.owner || ', id ' || d.id as found from writ.directives d
           where d.owner || '/' || d.id <> d.key`,
  },
  {
    code: 'wrong-place',
    table: 'actors',
    right: "its directive's shard, of the 256",
    text: `select a.key as key, 'shard ' || a.shard as found from writ.actors a
           left join writ.actors d on d.key = a.directive
           where a.shard not between 0 and 255 or a.shard <> d.shard`,
  },
  {
    code: 'event-gap',
    table: 'events',
    right: 'as many as the last one says',
    text: `select e.directive as key, count(*) || ' events up to number ' || max(e.sequence) as found
           from writ.events e left join writ.directives d on d.key = e.directive group by e.directive, d.forgotten
           having (count(*) <> max(e.sequence) - coalesce(d.forgotten, 0) or min(e.sequence) < 1) and ${notGoing('e.directive')}`,
  },
  {
    code: 'plan-incomplete',
    table: 'chains',
    right: 'a complete plan of as many steps',
    text: `select c.directive || ' ' || c.generation as key,
                  'plan ' || c.hash || ' with ' || (select count(*) from writ.plan_steps s where s.hash = c.hash) || ' of ' || c.steps || ' steps' as found
           from writ.chains c left join writ.plans p on p.hash = c.hash
           where p.complete is not true or p.steps <> c.steps
              or (select count(*) from writ.plan_steps s where s.hash = c.hash) <> c.steps`,
  },
  {
    code: 'evaluation-missing',
    table: 'evaluations',
    right: "an evaluator's task",
    text: `select e.directive || ' ' || coalesce(e.step::text, '') || ' ' || e.number as key, 'an evaluation of task ' || e.task as found
           from writ.evaluations e
           where not exists (
             select from writ.tasks t
             where t.owner = split_part(e.directive, '/', 1) and t.role = 'evaluator' and t.number = e.task
               and t.directive = e.directive and t.step is not distinct from e.step)
             and ${notGoing('e.directive')}`,
  },
  {
    code: 'timer-differs',
    table: 'timers',
    right: 'a version that its actor has had',
    text: `select t.key || ' ' || t.id as key, 'set by version ' || t.generation as found
           from writ.timers t join writ.actors a on a.key = t.key where t.generation not between 1 and a.version`,
  },
  {
    code: 'file-without-content',
    table: 'files',
    right: 'a content with its hash',
    text: `select f.owner || '/' || f.contract || ' ' || f.name as key, 'no content ' || f.hash as found
           from writ.files f where not exists (select from writ.blobs b where b.hash = f.hash)`,
  },
  {
    code: 'content-differs',
    table: 'files',
    right: 'a content of as many bytes',
    text: `select f.owner || '/' || f.contract || ' ' || f.name as key, f.bytes || ' bytes, and the content has ' || octet_length(b.bytes) as found
           from writ.files f join writ.blobs b on b.hash = f.hash where octet_length(b.bytes) <> f.bytes`,
  },
  {
    code: 'actor-missing',
    table: 'files',
    right: 'a contract that is there',
    text: `select f.owner || '/' || f.contract || ' ' || f.name as key, 'a file of ' || f.contract as found
           from writ.files f
           where not exists (
             select from writ.tasks t
             where t.owner = f.owner and t.id = regexp_replace(f.contract, '__c(\\d+)$', '__t\\1'))
             and ${notGoing("f.owner || '/' || f.contract")}`,
  },
  {
    code: 'reply-unreadable',
    table: 'replies',
    right: 'a JSON object',
    text: `select r.owner || ' ' || r.command as key, left(r.reply, 100) as found from writ.replies r
           where r.reply not like '{%}'`,
  },
]

const work: readonly CrossCheck[] = [
  {
    code: 'attempt-without-deadline',
    table: 'attempts',
    right: 'one after it was opened',
    text: `select t.owner || '/' || t.task || '/' || t.attempt as key, 'the deadline ' || t.deadline as found
           from writ.attempts t where t.closed_at is null and t.deadline <= t.opened_at`,
  },
  ...['task', 'grant'].map((column): CrossCheck => ({
    code: 'attempt-doubled',
    table: 'attempts',
    right: 'at most one',
    text: `select t.owner || '/' || t."${column}" as key, count(*) || ' open attempts' as found
             from writ.attempts t where t.closed_at is null group by t.owner, t."${column}" having count(*) > 1`,
  })),
  {
    code: 'attempt-stray',
    table: 'attempts',
    right: 'a task that has not ended',
    text: `select a.owner || '/' || a.task || '/' || a.attempt as key, 'open, and its task ' || coalesce(t.status, 'is not there') as found
           from writ.attempts a left join writ.tasks t on t.owner = a.owner and t.id = a.task
           where a.closed_at is null and (t.id is null or t.ended_at is not null or t.attempt <> a.attempt)`,
  },
  {
    code: 'task-differs',
    table: 'tasks',
    right: 'a status of its end, once it has ended, and none before',
    text: `select t.owner || '/' || t.id as key, t.status || ', ' || coalesce('ended at ' || t.ended_at, 'not ended') as found
           from writ.tasks t where (t.ended_at is null) <> (t.status in ('pending', 'starting', 'running'))`,
  },
  {
    code: 'task-differs',
    table: 'tasks',
    right: 'an open attempt',
    text: `select t.owner || '/' || t.id as key, t.status || ', and no attempt is open' as found
           from writ.tasks t
           where t.ended_at is null and t.status in ('starting', 'running')
             and not exists (
               select from writ.attempts a
               where a.owner = t.owner and a.task = t.id and a.attempt = t.attempt and a.closed_at is null)
             and not (${excused('t.actor')})`,
  },
  {
    code: 'ready-stray',
    table: 'ready',
    right: 'a task that is pending',
    text: `select r.actor as key, 'task ' || r.number || ', which ' || coalesce('is ' || t.status, 'is not there') as found
           from writ.ready r
           left join writ.tasks t on t.owner = split_part(r.actor, '/', 1) and t.id = split_part(r.actor, '/', 2) || '__t' || r.number
           where t.status is distinct from 'pending'`,
  },
  {
    code: 'held-stray',
    table: 'held',
    right: 'a grant that its registry knows',
    text: `select h.directive || ' ' || h.id as key, 'a grant on ' || h.daemon as found from writ.held h
           where not exists (
             select from writ.grants g
             where g.owner = split_part(h.directive, '/', 1) and g.id = h.id and g.directive = h.directive)
             and not (${named('h.directive', registryOf('h.directive'), 'h.id')})
             and not (${named(registryOf('h.directive'), 'h.directive', 'h.id')})`,
  },
  {
    code: 'held-stray',
    table: 'held',
    right: 'an open attempt on it',
    text: `select h.directive || ' ' || h.id as key, 'used by task ' || h.task || ' of ' || h.actor as found from writ.held h
           where h.actor is not null and not exists (
             select from writ.attempts a
             where a.directive = h.directive and a.closed_at is null and a."grant" = h.id and a.actor = h.actor and a.number = h.task)`,
  },
  {
    code: 'grant-stray',
    table: 'grants',
    right: 'held by its directive',
    text: `select g.owner || '/' || g.id as key, 'a grant of ' || g.directive as found from writ.grants g
           where not exists (select from writ.held h where h.directive = g.directive and h.id = g.id)
             and not (${named('g.directive', registryOf('g.directive'), 'g.id')})
             and not (${named(registryOf('g.directive'), 'g.directive', 'g.id')})`,
  },
  {
    code: 'grant-stray',
    table: 'grants',
    right: 'a session of a daemon that is there',
    text: `select g.owner || '/' || g.id as key, 'a grant on the session ' || g.session || ' of ' || g.daemon as found
           from writ.grants g
           where not exists (
             select from writ.daemons d where d.owner = g.owner and d.name = g.daemon and d.session = g.session)`,
  },
  {
    code: 'slots-exceeded',
    table: 'grants',
    right: 'at most as many as it has slots',
    text: `select d.owner || '/' || d.name as key, count(*) || ' grants on ' || d.slots || ' slots' as found
           from writ.daemons d join writ.grants g on g.owner = d.owner and g.daemon = d.name and g.at >= d.at
           group by d.owner, d.name, d.slots having count(*) > d.slots`,
  },
]

/** Scans and hashes are what these need: each looks at whole tables. `until`: when there is no more time for them, by `performance.now()`; throws TIMED_OUT. */
export const runCrossChecks = async (
  sql: Reading,
  until: number | null,
  take: (found: readonly Finding[]) => void,
): Promise<void> => {
  await mayScan(sql, 'on')
  for (const { code, table, right, text } of [...orphans, ...records, ...work]) {
    if (until !== null) await limit(sql, until - performance.now())
    const rows = await sql.unsafe<{ key: string; found: string }[]>(`${text} limit ${findingsMax}`)
    take(rows.map(({ key, found }) => ({ code, table, key, found, right })))
  }
  await mayScan(sql, 'off')
}

const mayScan = (sql: Reading, may: 'on' | 'off'): PromiseLike<unknown> =>
  sql`select set_config('enable_seqscan', ${may}, true), set_config('enable_bitmapscan', ${may}, true)`

const limit = async (sql: Reading, leftMs: number): Promise<void> => {
  if (leftMs < 1) throw new WritError('TIMED_OUT', 'there was no time for every check')
  await sql`select set_config('statement_timeout', ${String(Math.ceil(leftMs))}, true)`
}
