/** The matching over a registry's tables: which grants are made, and which are called back. */
import { expect, it } from 'vitest'
import { requirementOf } from '../../src/actors/desk.ts'
import type { DaemonRow, GrantRow, NeedLine, NeedRow } from '../../src/actors/ports/registry-rows.ts'
import { heardOf } from '../../src/actors/presence.ts'
import { match, recalls, type RegistryTables, tablesOf } from '../../src/actors/registry-tables.ts'
import { priorityOf, type Role } from '../../src/protocol/directive.ts'
import { actorKey } from '../../src/protocol/ids.ts'

const owner = 'o'
const everyRole: Role[] = ['planner', 'worker', 'evaluator', 'merger']

const daemonOf = (name: string, more: Partial<DaemonRow> = {}): DaemonRow => ({
  owner,
  name,
  session: `s-${name}`,
  home: null,
  slots: 1,
  roles: everyRole,
  executors: [],
  labels: {},
  draining: false,
  inbox: null,
  at: 0,
  ...more,
})

const lineOf = (role: Role, count: number, since = 0): NeedLine => ({
  role,
  labels: {},
  executor: null,
  count,
  priority: priorityOf[role],
  since,
})

const needOf = (directive: string, ...lines: NeedLine[]): NeedRow => ({
  owner,
  directive: actorKey(owner, directive),
  lines,
  seen: 0,
  granted: 0,
})

const grantOf = (id: string, daemon: string, role: Role, more: Partial<GrantRow> = {}): GrantRow => ({
  owner,
  id,
  directive: actorKey(owner, 'busy'),
  number: 1,
  daemon,
  session: `s-${daemon}`,
  role,
  requirement: requirementOf(lineOf(role, 1)),
  recalled: false,
  at: 0,
  ...more,
})

const recalled = (tables: RegistryTables): string[] => recalls(tables).map(({ id }) => id)

it('R41: what is more urgent calls back the least urgent grants, one per waiting task', () => {
  const daemons = [daemonOf('d', { slots: 4 })]
  const grants = [
    grantOf('judging', 'd', 'evaluator'),
    grantOf('work', 'd', 'worker'),
    grantOf('more work', 'd', 'worker'),
    grantOf('planning', 'd', 'planner'),
  ]
  const tables = (count: number): RegistryTables =>
    tablesOf({ daemons, grants, needs: [needOf('waiting', lineOf('planner', count))] })
  expect(recalled(tables(1))).toEqual(['work'])
  expect(recalled(tables(3))).toEqual(['work', 'more work', 'judging'])
  expect(recalled(tables(9))).toEqual(['work', 'more work', 'judging'])
})

it('R41: a grant that is called back already serves a waiting task, and is not called back again', () => {
  const daemons = [daemonOf('d', { slots: 2 })]
  const grants = [grantOf('first', 'd', 'worker'), grantOf('second', 'd', 'evaluator', { recalled: true })]
  const tables = (count: number): RegistryTables =>
    tablesOf({ daemons, grants, needs: [needOf('waiting', lineOf('planner', count))] })
  expect(recalled(tables(1))).toEqual([])
  expect(recalled(tables(2))).toEqual(['first'])
})

it('R41: what a draining daemon or a pull still runs frees nothing, and stands in for no other grant', () => {
  const daemons = [
    daemonOf('leaving', { slots: 3, draining: true }),
    daemonOf('pull', { inbox: '_INBOX.x' }),
    daemonOf('staying'),
  ]
  const grants = [
    ...['a', 'b', 'c'].map((id) => grantOf(id, 'leaving', 'worker', { recalled: true })),
    grantOf('pulled', 'pull', 'worker'),
    grantOf('work', 'staying', 'worker'),
  ]
  expect(recalled(tablesOf({ daemons, grants, needs: [needOf('waiting', lineOf('planner', 1))] }))).toEqual(['work'])
})

it('R41: nothing is called back for the same directive, or for what is no more urgent', () => {
  const daemons = [daemonOf('d')]
  const grants = [grantOf('work', 'd', 'worker')]
  const needs = [needOf('busy', lineOf('planner', 1)), needOf('waiting', lineOf('worker', 1))]
  expect(recalled(tablesOf({ daemons, grants, needs }))).toEqual([])
})

it('R39 R41: free slots go to the most urgent, then to the oldest, and no daemon gets more than it has', () => {
  const daemons = [daemonOf('d', { slots: 3 }), daemonOf('away', { slots: 5 })]
  const grants = [grantOf('work', 'd', 'worker')]
  const needs = [
    needOf('young', lineOf('worker', 2, 9)),
    needOf('old', lineOf('worker', 1, 1)),
    needOf('urgent', lineOf('planner', 1, 9)),
  ]
  const presence = { session: 's-d', seenAt: 0, running: 0, waitsForBeat: false, refusals: 0, notBefore: 0 }
  const matches = match(tablesOf({ daemons, grants, needs }), (name) => (name === 'd' ? presence : undefined))
  expect(matches.map(({ directive, daemon }) => `${directive} ${daemon.name}`)).toEqual(['o/urgent d', 'o/old d'])
})

it('only the daemons that may have got a free slot are looked at, and none when nobody waits', () => {
  const lacking = needOf('d', { ...lineOf('worker', 3), labels: { gpu: 'yes' } })
  const daemons = ['a', 'b', 'c'].map((name) => daemonOf(name, { labels: { gpu: 'yes' } }))
  const looked: string[] = []
  const presenceOf = (daemon: string) => {
    looked.push(daemon)
    return heardOf(`s-${daemon}`, 0)
  }
  expect(match(tablesOf({ daemons, needs: [], grants: [] }), presenceOf)).toEqual([])
  expect(looked).toEqual([])
  const tables = tablesOf({ daemons, needs: [lacking], grants: [] })
  expect(match(tables, presenceOf, daemons.slice(1, 2)).map(({ daemon }) => daemon.name)).toEqual(['b'])
  expect(looked).toEqual(['b'])
  expect(match(tables, presenceOf)).toHaveLength(3)
})

/** Daemons that count how often it is asked what they can do. */
const counting = (count: number): { daemons: DaemonRow[]; asked: () => number } => {
  let asked = 0
  const roles = new Proxy(everyRole, {
    get: (target, property, receiver) => {
      if (property === 'includes') asked++
      return Reflect.get(target, property, receiver) as unknown
    },
  })
  return { daemons: Array.from({ length: count }, (_, at) => daemonOf(`d${at}`, { roles })), asked: () => asked }
}

it('what no daemon can do is looked for once, however many directives wait for it', () => {
  const { daemons, asked } = counting(50)
  const needs = Array.from({ length: 50 }, (_, at) =>
    needOf(`n${at}`, { ...lineOf('planner', 1, at), labels: { no: 'where' } }),
  )
  expect(match(tablesOf({ daemons, needs, grants: [] }), (daemon) => heardOf(`s-${daemon}`, 0))).toEqual([])
  expect(asked()).toBe(daemons.length)
  const grants = daemons.map(({ name }) => grantOf(`on ${name}`, name, 'worker'))
  expect(recalled(tablesOf({ daemons, needs, grants }))).toEqual([])
  expect(asked()).toBe(2 * daemons.length)
})

it('for each of many waiting directives a grant is called back without looking through those that are', () => {
  const { daemons, asked } = counting(50)
  const needs = Array.from({ length: 80 }, (_, at) => needOf(`n${at}`, lineOf('planner', 1, at)))
  const grants = daemons.map(({ name }) => grantOf(`on ${name}`, name, 'worker'))
  expect(recalled(tablesOf({ daemons, needs, grants }))).toHaveLength(daemons.length)
  expect(asked()).toBe(daemons.length)
})
