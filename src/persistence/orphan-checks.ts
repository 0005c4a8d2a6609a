/** Of the checks by statement those of rows that refer to nothing. */
import type { FindingCode } from '../protocol/findings.ts'
import { registryId } from '../protocol/ids.ts'

export interface CrossCheck {
  code: FindingCode
  table: string
  right: string
  /** Answers with `key` and `found` of each row that is wrong. */
  text: string
}

/** The key of the directive that an actor's key belongs to. */
const directiveOf = (key: string): string =>
  `split_part(${key}, '/', 1) || '/' || regexp_replace(split_part(${key}, '/', 2), '^(.+?)__.*$', '\\1')`

/** Of a directive that was removed something may be left, and is cleared away in parts. */
export const notGoing = (key: string): string =>
  `not exists (select from writ.removed r where r.key = ${directiveOf(key)} and not r.cleared)`

const isRegistry = (key: string): string => `right(${key}, ${registryId.length + 1}) = '/${registryId}'`

const ofNobody = (table: string, actor: string, key: string = actor): CrossCheck => ({
  code: 'actor-missing',
  table,
  right: 'an actor that is there',
  text: `select ${key} as key, 'a row of ' || ${actor} as found from writ.${table} t
         where not exists (select from writ.actors a where a.key = ${actor}) and ${notGoing(actor)}`,
})

export const orphans: readonly CrossCheck[] = [
  ofNobody('timers', 't.key', `t.key || ' ' || t.id`),
  ofNobody('faulted', 't.key'),
  ofNobody('ready', 't.actor'),
  ofNobody('held', 't.directive', `t.directive || ' ' || t.id`),
  ofNobody('tasks', 't.actor', `t.owner || '/' || t.id`),
  ofNobody('attempts', 't.actor', `t.owner || '/' || t.task || '/' || t.attempt`),
  ofNobody('directives', 't.key'),
  ofNobody('needs', 't.directive'),
  {
    code: 'actor-missing',
    table: 'journal',
    right: 'an actor that is there',
    text: `select j.key as key, 'the journal of ' || j.key as found from writ.journal j
           where j.version = 1 and not exists (select from writ.actors a where a.key = j.key) and ${notGoing('j.key')}`,
  },
  {
    code: 'actor-missing',
    table: 'actors',
    right: 'a directive that is there',
    text: `select a.key as key, 'an actor without a directive' as found from writ.actors a
           where a.kind <> 'registry' and not exists (select from writ.directives d where d.key = ${directiveOf('a.key')})
             and ${notGoing('a.key')}`,
  },
  ...['chains', 'events', 'evaluations'].map((table): CrossCheck => ({
    code: 'actor-missing',
    table,
    right: 'a directive that is there',
    text: `select distinct t.directive as key, 'rows of ' || t.directive as found from writ.${table} t
             where not exists (select from writ.directives d where d.key = t.directive) and ${notGoing('t.directive')}`,
  })),
  {
    code: 'message-stray',
    table: 'messages',
    right: 'a message to an actor that is there',
    text: `select m.id::text as key, 'a message to ' || m."to" as found from writ.messages m
           where m."from" <> 'stream' and not ${isRegistry('m."to"')}
             and not exists (select from writ.directives d where d.key = ${directiveOf('m."to"')})
             and ${notGoing('m."to"')}`,
  },
  {
    code: 'message-stray',
    table: 'parked',
    right: 'a message to an actor that is there',
    text: `select p.number::text as key, 'a parked message to ' || p.actor as found from writ.parked p
           where p."from" is distinct from 'stream' and not ${isRegistry('p.actor')}
             and not exists (select from writ.directives d where d.key = ${directiveOf('p.actor')})
             and ${notGoing('p.actor')}`,
  },
  {
    code: 'journal-gap',
    table: 'journal',
    right: 'the version of its actor',
    text: `select a.key as key, 'version ' || coalesce(j.version::text, 'none') || ', and the actor has ' || a.version as found
           from writ.actors a
           left join lateral (select j.version from writ.journal j where j.key = a.key order by j.version desc limit 1) j on true
           where j.version is distinct from a.version and ${notGoing('a.key')}`,
  },
]
