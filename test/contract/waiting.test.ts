/** What waits for what, on a real Postgres: every actor that has not ended, until when, and who can end it. */
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Reader } from '../../src/actors/ports/reader.ts'
import type { ActorRow, Commit } from '../../src/actors/ports/rows.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import type { Sql } from '../../src/persistence/connection.ts'
import { migrate } from '../../src/persistence/migrate.ts'
import { openStore } from '../../src/persistence/postgres-store.ts'
import { openRecords } from '../../src/persistence/records.ts'
import { waitRows } from '../../src/persistence/waiting-rows.ts'
import { addressOf } from '../../src/protocol/ids.ts'
import type { WaitingQuery, WaitLine } from '../../src/protocol/waiting.ts'
import { freshDatabase, type FreshDatabase } from '../support/database.ts'
import * as make from './rows.ts'

let database: FreshDatabase
let store: Store
let records: Reader
let sql: postgres.Sql
const me = make.identity('t1')
const { at } = make
const iso = (ms: number): string => new Date(ms).toISOString()

beforeAll(async () => {
  database = await freshDatabase()
  await migrate({ url: database.url, log: () => undefined })
  store = await openStore({ url: database.url, log: () => undefined, applicationName: 'waiting test' })
  records = await openRecords({ url: database.url })
  sql = postgres(database.url, { max: 1, onnotice: () => undefined })
  await store.join(me)
  await store.claim(me, 1)
  await store.stage('the plan', [
    make.planRow(0, { name: 'first\0' }),
    ...[1, 2, 3, 4, 5, 6, 7].map((index) => make.planRow(index, { name: `step ${index}`, dependsOn: [0] })),
  ])
})
afterAll(async () => {
  await records.close()
  await store.close()
  await sql.end()
  await database.drop()
})

const commit = (rows: Partial<Commit>) => store.commit(me, { shards: [{ shard: 0, epoch: 1 }], ...rows })

/** Rows of one owner, whose directives all have the plan. */
const of = (owner: string) => {
  const key = (id: string) => `${owner}/${id}` as const
  const directiveOf = (id: string) => key(id.split('__')[0] ?? id)
  const actor = (id: string, more: Partial<ActorRow> = {}): ActorRow =>
    make.actorRow(id, 1, { key: key(id), owner, directive: directiveOf(id), facts: {}, waiting: null, ...more })
  const open = (id: string, rows: Partial<Commit> = {}, more: Partial<ActorRow> = {}) =>
    commit({
      directives: [make.directiveRow(id, { key: key(id), owner })],
      chains: [{ directive: key(id), generation: 1, title: '', description: '', hash: 'the plan', steps: 8, at }],
      ...rows,
      actors: [actor(id, { waiting: '0 of 8 steps', ...more }), ...(rows.actors ?? [])],
    })
  const step = (id: string, index: number, status: string, more: Partial<ActorRow> = {}): ActorRow =>
    actor(`${id}__1_${index}`, { kind: 'step', status, ...more })
  return {
    key,
    open,
    step,
    actor,
    task: (id: string, number = 1) => make.taskRow(id, number, { owner, actor: key(id), directive: directiveOf(id) }),
    attempt: (id: string, more: object = {}) =>
      make.attemptRow(id, 1, { owner, actor: key(id), directive: directiveOf(id), ...more }),
    ready: (id: string, more: object = {}) =>
      make.readyRow(id, { actor: key(id), directive: directiveOf(id), labels: {}, ...more }),
    timer: (id: string, name: string, due: number) => ({ key: key(id), shard: 0, id: name, due, generation: 1 }),
    list: async (query: Partial<WaitingQuery> = {}): Promise<readonly WaitLine[]> =>
      (await records.waiting(owner, { stuck: false, limit: 100, ...query })).lines,
    one: async (id: string): Promise<WaitLine | undefined> =>
      (await records.waiting(owner, { stuck: false, limit: 100 })).lines.find((line) => line.id === id),
  }
}

describe('what waits', () => {
  const our = of('o')
  const inWork = { status: 'running', waiting: 'the worker, attempt 1' }
  beforeAll(async () => {
    await our.open('d', {
      actors: [
        our.step('d', 0, 'passed', { ended: true }),
        our.step('d', 1, 'running', { ...inWork, since: at + 3 }),
        our.step('d', 2, 'held', {
          waiting: 'a person: approval',
          since: at + 9,
          facts: { heldSince: at + 2, reason: 'why' },
        }),
        our.step('d', 3, 'pending', { waiting: 'dependencies 1, 2', since: at + 4 }),
        our.step('d', 4, 'evaluating', { waiting: 'backoff after try 1', since: at + 5 }),
        our.step('d', 5, 'running', { waiting: 'a slot for a worker', since: at + 6 }),
        our.step('d', 6, 'rework', { waiting: 'its dispatch', since: at + 7 }),
        // As a node of a version before wrote it.
        our.step('d', 7, 'skipped', { ended: false }),
      ],
      tasks: [our.task('d__1_1'), our.task('d__1_4', 2), our.task('d__1_5')],
      attempts: [our.attempt('d__1_1', { deadline: at + 700 })],
      ready: [our.ready('d__1_5', { labels: { gpu: 'yes' }, executor: 'agent' })],
      timers: [
        our.timer('d__1_1', 'xstate.after.total.work.open', at + 800),
        our.timer('d__1_2', 'xstate.after.hold.step.held.limited', at + 900),
        our.timer('d__1_4', 'xstate.after.backoff.evaluate.backoff', at + 500),
      ],
    })
    await our.open(
      'over',
      { actors: [our.step('over', 0, 'failed', { ended: true })] },
      { status: 'failed', ended: true },
    )
    await commit({ actors: [our.actor('__registry', { kind: 'registry', directive: null, status: 'granting' })] })
  })

  test('is every actor that has not ended, with since and until when and who can end it, longest first', async () => {
    const lines = await our.list()
    expect(
      lines.map(({ id, status, waiting, since, until, by }) => ({ id, status, waiting, since, until, by })),
    ).toEqual([
      {
        id: 'd',
        status: 'active',
        waiting: '0 of 8 steps',
        since: iso(at),
        until: null,
        by: { who: 'steps', names: ['step 1', 'step 2', 'step 4', 'step 5', 'step 6'] },
      },
      {
        id: 'd__1_2',
        status: 'held',
        waiting: 'a person: approval',
        since: iso(at + 2),
        until: iso(at + 900),
        by: { who: 'person', names: [] },
      },
      {
        id: 'd__1_1',
        status: 'running',
        waiting: 'the worker, attempt 1',
        since: iso(at + 3),
        until: iso(at + 700),
        by: { who: 'daemon', names: ['d1'] },
      },
      {
        id: 'd__1_3',
        status: 'pending',
        waiting: 'steps step 1, step 2',
        since: iso(at + 4),
        until: null,
        by: { who: 'steps', names: ['step 1', 'step 2'] },
      },
      {
        id: 'd__1_4',
        status: 'evaluating',
        waiting: 'backoff after try 1',
        since: iso(at + 5),
        until: iso(at + 500),
        by: { who: 'timer', names: [] },
      },
      {
        id: 'd__1_5',
        status: 'running',
        waiting: 'a slot for a worker with label gpu=yes and the executor agent',
        since: iso(at + 6),
        until: null,
        by: { who: 'daemon', names: [] },
      },
      {
        id: 'd__1_6',
        status: 'rework',
        waiting: 'its dispatch',
        since: iso(at + 7),
        until: null,
        by: { who: 'directive', names: ['d'] },
      },
    ])
  })

  test('is told with what a person types to go on from there', async () => {
    const [directive, held, working, , , slot] = await our.list()
    expect(directive).toMatchObject({ kind: 'directive', directive: 'd', step: null, next: 'writ directive watch d' })
    expect(held).toMatchObject({ kind: 'step', step: 'step 2', reason: 'why', next: "writ step show 'd/step 2'" })
    const task = addressOf('o', 'd__1_1__t1')
    expect(working).toMatchObject({
      address: addressOf('o', 'd__1_1'),
      task,
      next: `writ task output ${task} --follow`,
    })
    expect(slot).toMatchObject({
      needs: { role: 'worker', labels: { gpu: 'yes' }, executor: 'agent' },
      next: 'writ daemon run --role worker --label gpu=yes --executor agent="program arguments"',
    })
  })

  test('is in `get` of a directive and of its steps as it is here, also of steps that never came to life', async () => {
    const view = await records.directive('o', 'd')
    const lines = await our.list()
    for (const { id, waiting, since, until, by } of lines)
      expect([view, ...(view?.stepList ?? [])].find((each) => each?.id === id)).toMatchObject({
        waiting,
        since,
        until,
        by,
      })
    expect(view?.stepList[0]).toMatchObject({ status: 'passed', waiting: null, until: null, by: null })
    const { waiting, until, by } = lines[2] as WaitLine
    expect(await records.step('o', 'd__1_1')).toMatchObject({ waiting, until, by })
    await our.open('new', { actors: [our.step('new', 2, 'passed', { ended: true })] })
    expect((await records.directive('o', 'new'))?.stepList.slice(0, 2)).toMatchObject([
      { waiting: 'its turn to begin', until: null, by: { who: 'directive', names: ['new'] } },
      { waiting: 'step first\0', until: null, by: { who: 'steps', names: ['first\0'] } },
    ])
  })

  test('is narrowed to what has waited for long, to a directive, to a kind', async () => {
    expect(await our.list({ olderSeconds: 3600 })).toEqual(await our.list())
    const seconds = Math.floor((Date.now() - at) / 1000)
    expect(await our.list({ olderSeconds: seconds + 3600 })).toEqual([])
    await our.open('young', {}, { since: Date.now() + 3_600_000 })
    expect((await our.list({ olderSeconds: 0 })).map(({ id }) => id)).not.toContain('young')
    expect((await our.list({ directive: 'd' })).map(({ directive }) => directive)).toEqual(Array(7).fill('d'))
    expect((await our.list({ kind: 'directive' })).map(({ id }) => id)).toEqual(['d', 'new', 'young'])
    expect(await our.list({ directive: 'over' })).toEqual([])
    await expect(our.list({ directive: 'none' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(of('other').list({ directive: 'd' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await of('other').list()).toEqual([])
  })

  test('comes page by page, each line once', async () => {
    const seen: string[] = []
    for (let after: string | undefined; ;) {
      const page = await records.waiting('o', { stuck: false, limit: 2, ...(after === undefined ? {} : { after }) })
      seen.push(...page.lines.map(({ id }) => id))
      if (page.next === null) break
      after = page.next
    }
    expect(seen).toEqual((await our.list()).map(({ id }) => id))
    await expect(our.list({ after: 'nonsense' })).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })
})

describe('who can end it', () => {
  const our = of('who')

  test('is a person where one has to start, resume or mend it; nothing that is parked ends by itself', async () => {
    await our.open('draft', {}, { status: 'draft', waiting: 'a person: start' })
    const queued = our.step('resting', 1, 'running', { waiting: 'a slot for a worker' })
    await our.open(
      'resting',
      {
        actors: [queued, our.step('resting', 2, 'pending', { waiting: 'its dispatch' })],
        ready: [our.ready('resting__1_1')],
      },
      { facts: { paused: true }, waiting: 'a person: resume' },
    )
    await our.open('broken', {
      actors: [
        our.step('broken', 1, 'running', { waiting: 'the worker, attempt 1' }),
        our.step('broken', 2, 'passed', { ended: true }),
        our.step('broken', 3, 'pending', { waiting: 'its dispatch' }),
      ],
      attempts: [our.attempt('broken__1_1')],
      timers: [our.timer('broken__1_1', 'total', at + 1), our.timer('broken', 'total', at + 1)],
      faulted: ['broken', 'broken__1_1', 'broken__1_2'].map((id) => ({
        key: our.key(id),
        reason: `${id} has a fault`,
      })),
    })
    for (const [id, waiting, next] of [
      ['draft', 'a person: start', 'writ directive start draft'],
      ['resting', 'a person: resume', 'writ directive resume resting'],
      ['resting__1_1', 'a slot for a worker', 'writ directive resume resting'],
      ['resting__1_2', 'its dispatch', 'writ directive resume resting'],
      ['broken', 'a person: mend', 'writ directive mend broken'],
      ['broken__1_1', 'a person: mend', 'writ directive mend broken'],
      ['broken__1_2', 'a person: mend', 'writ directive mend broken'],
      ['broken__1_3', 'its dispatch', 'writ directive mend broken'],
    ] as const)
      expect(await our.one(id)).toMatchObject({ waiting, until: null, by: { who: 'person', names: [] }, next })
    const [{ at: parkedAt } = { at: 0 }] = await sql<
      { at: string }[]
    >`select at from writ.faulted where key = ${our.key('broken')}`
    expect(await our.one('broken')).toMatchObject({ parked: 'broken has a fault', since: iso(Number(parkedAt)) })
    expect(await records.directive('who', 'broken')).toMatchObject({
      parked: 'broken has a fault',
      until: null,
      by: { who: 'person' },
    })
  })

  test('is the daemons that could do it, by role, executor and labels; those that drain are none', async () => {
    const daemon = (name: string, more: object = {}) =>
      make.daemonRow(name, { owner: 'who', executors: ['agent'], labels: { host: 'here', gpu: 'yes' }, ...more })
    await commit({
      daemons: [
        daemon('able'),
        daemon('also', { labels: { host: 'here', gpu: 'yes', more: 'x' } }),
        daemon('drains', { draining: true }),
        daemon('other-executor', { executors: ['shell'] }),
        daemon('other-label', { labels: { host: 'here', gpu: 'no' } }),
        daemon('no-label', { labels: { host: 'here' } }),
        daemon('other-role', { roles: ['planner'] }),
        daemon('able', { owner: 'foreign' }),
      ],
    })
    const wants = [
      { labels: { host: 'here', gpu: 'yes' }, executor: 'agent' },
      { labels: { gpu: 'yes' } },
      { role: 'evaluator' },
      { role: 'planner', labels: { gpu: 'no' } },
    ]
    await our.open('wanting', {
      actors: wants.map((_, index) => our.step('wanting', index, 'running', { waiting: 'a slot for somebody' })),
      ready: wants.map((want, index) => our.ready(`wanting__1_${index}`, want)),
    })
    const names = await Promise.all(wants.map(async (_, index) => (await our.one(`wanting__1_${index}`))?.by))
    expect(names).toEqual([
      { who: 'daemon', names: ['able', 'also'] },
      { who: 'daemon', names: ['able', 'also', 'other-executor'] },
      { who: 'daemon', names: [] },
      { who: 'daemon', names: [] },
    ])
    expect(await our.one('wanting__1_0')).toMatchObject({ next: 'writ daemon list' })
  })

  test('a manual evaluation waits for a daemon even while its directive is paused', async () => {
    const paused = { facts: { paused: true }, waiting: 'a person: resume' }
    const judged = our.step('asked', 1, 'evaluating', { waiting: 'a slot for an evaluator' })
    await our.open('asked', { actors: [judged], ready: [our.ready('asked__1_1', { manual: true })] }, paused)
    expect(await our.one('asked__1_1')).toMatchObject({ by: { who: 'daemon' } })
  })

  test('a merge waits for the merge of the directive that goes on', async () => {
    const merging = [1, 2].map((index) => our.step('merges', index, 'merging', { waiting: 'a slot for a merger' }))
    const held = { directive: our.key('merges'), actor: our.key('merges__1_1'), role: 'merger', task: 1 } as const
    await our.open('merges', {
      actors: merging,
      ready: [our.ready('merges__1_2', { role: 'merger' })],
      held: [make.heldRow('g', held)],
      attempts: [our.attempt('merges__1_1')],
    })
    expect(await our.one('merges__1_1')).toMatchObject({ by: { who: 'daemon', names: ['d1'] } })
    expect(await our.one('merges__1_2')).toMatchObject({ by: { who: 'steps', names: ['step 1'] } })
  })

  test('a registry waits for nothing unless it is parked', async () => {
    const id = '__registry'
    await commit({ actors: [our.actor(id, { kind: 'registry', directive: null, status: 'settling' })] })
    expect(await our.list({ kind: 'registry' })).toEqual([])
    await commit({ faulted: [{ key: our.key(id), reason: 'a fault' }] })
    expect(await our.list({ kind: 'registry' })).toMatchObject([
      { id, directive: null, parked: 'a fault', by: { who: 'person', names: [] }, next: 'writ daemon list' },
    ])
  })
})

test('what is stuck is what is held, parked, or has no daemon that could do it', async () => {
  const our = of('stuck')
  await our.open('d', {
    actors: [
      our.step('d', 1, 'held', { waiting: 'a person: approval' }),
      our.step('d', 2, 'running', { waiting: 'a slot for a worker' }),
      our.step('d', 3, 'evaluating', { waiting: 'a slot for an evaluator' }),
      our.step('d', 4, 'running', { waiting: 'the worker, attempt 1' }),
      our.step('d', 5, 'pending', { waiting: 'dependencies 0' }),
    ],
    attempts: [our.attempt('d__1_4')],
    ready: [our.ready('d__1_2'), our.ready('d__1_3', { role: 'evaluator' })],
    daemons: [make.daemonRow('worker', { owner: 'stuck' })],
    faulted: [{ key: our.key('d__1_5'), reason: 'a fault' }],
  })
  expect((await our.list({ stuck: true })).map(({ id }) => id).toSorted()).toEqual(['d__1_1', 'd__1_3', 'd__1_5'])
})

describe('beside very much that has ended', () => {
  const our = of('many')
  beforeAll(async () => {
    await sql`
      insert into writ.actors
      select 'many/e' || n, 0, 'many', 'e' || n, 'directive', 'many/e' || n, 1, 'directive', '1', '', 'completed', true, null, 1, '{}'
      from generate_series(1, 100000) n`
    await our.open('d', {
      actors: [1, 2, 3].map((index) => our.step('d', index, 'running', { waiting: 'the worker' })),
    })
  })

  /** Every part of a plan that reads from the table, as the database carried it out. */
  const scansOf = async (table: string): Promise<{ index: string | undefined; rows: number }[]> => {
    const explained =
      await sql`explain (analyze, format json) ${waitRows(sql as Sql, { owner: 'many', where: sql`true`, limit: 101 })}`
    const scans: { index: string | undefined; rows: number }[] = []
    const walk = (part: Record<string, unknown>): void => {
      const read =
        (Number(part['Actual Rows']) + Number(part['Rows Removed by Filter'] ?? 0)) * Number(part['Actual Loops'])
      if (part['Relation Name'] === table || part['Index Name'] === 'actors_live')
        scans.push({ index: part['Index Name'] as string | undefined, rows: read })
      for (const below of (part['Plans'] ?? []) as Record<string, unknown>[]) walk(below)
    }
    const [plan] = explained.map((row) => row['QUERY PLAN'] as { Plan: Record<string, unknown> }[])
    walk(plan?.[0]?.Plan ?? {})
    return scans
  }

  test('nothing of that is read: one scan of one index finds what has not', async () => {
    expect((await our.list()).map(({ id }) => id)).toEqual(['d', 'd__1_1', 'd__1_2', 'd__1_3'])
    for (const analyze of [false, true]) {
      if (analyze) await sql`analyze writ.actors`
      const scans = await scansOf('actors')
      expect(scans.some(({ index }) => index === 'actors_live')).toBe(true)
      expect(scans.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThan(30)
    }
  })
})
