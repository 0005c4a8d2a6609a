/** The read side: what lists and `get` show of what was committed, on a real Postgres. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Reader } from '../../src/actors/ports/reader.ts'
import type { Commit } from '../../src/actors/ports/rows.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import { migrate } from '../../src/persistence/migrate.ts'
import { openStore } from '../../src/persistence/postgres-store.ts'
import { openRecords } from '../../src/persistence/records.ts'
import { addressOf } from '../../src/protocol/ids.ts'
import { freshDatabase, type FreshDatabase } from '../support/database.ts'
import * as make from './rows.ts'

let database: FreshDatabase
let store: Store
let records: Reader
const me = make.identity('t1')
const page = { limit: 100 }
const iso = (ms: number): string => new Date(ms).toISOString()

beforeAll(async () => {
  database = await freshDatabase()
  await migrate({ url: database.url, log: () => undefined })
  store = await openStore({ url: database.url, log: () => undefined, applicationName: 'records test' })
  records = await openRecords({ url: database.url })
  await store.join(me)
  await store.claim(me, 1)
})
afterAll(async () => {
  await records.close()
  await store.close()
  await database.drop()
})

const commit = (rows: Partial<Commit>) => store.commit(me, { shards: [{ shard: 0, epoch: 1 }], ...rows })

/** A directive with a chain of four steps: one passed, one running, one that waits for both, one that is free to begin. */
const running = async (id: string, more: { status?: string; ended?: boolean } = {}): Promise<void> => {
  const step = (index: number) => `${id}__1_${index}`
  const key = (name: string) => `alice/${name}` as const
  await store.stage(`plan of ${id}`, [
    make.planRow(0, { name: 'first\0', dependsOn: [], dependents: [1, 2] }),
    make.planRow(1, { name: 'second', dependsOn: [0], checks: [{ name: 'c', run: 'true', timeout: 5 }] }),
    make.planRow(2, { name: 'third', dependsOn: [0, 1] }),
    make.planRow(3, { name: 'fourth', dependsOn: [], evaluate: false, requiresApproval: true }),
  ])
  const chain = { title: 'Chain', description: 'made', hash: `plan of ${id}`, steps: 4 }
  const facts = { passed: 1, failed: 0, paused: true, line: 'c0ffee', regenerations: 1 }
  const stepRow = (index: number, status: string, stepFacts: object) =>
    make.actorRow(step(index), 1, {
      kind: 'step',
      directive: key(id),
      status,
      ended: status === 'passed',
      waiting: status === 'passed' ? null : 'the worker',
      facts: { ...stepFacts },
    })
  await commit({
    directives: [make.directiveRow(id)],
    chains: [{ directive: key(id), generation: 1, at: make.at + 5, ...chain }],
    actors: [
      make.actorRow(id, 1, { facts, ...more }),
      stepRow(0, 'passed', { round: 2, score: 0.9, level: 'green', commit: 'abc' }),
      stepRow(1, 'running', { round: 1 }),
    ],
    tasks: [
      make.taskRow(id, 1, { role: 'planner', purpose: 'plan', status: 'done', endedAt: make.at + 4, name: 'Planner' }),
      make.taskRow(step(0), 1, { step: 0, status: 'done', endedAt: make.at + 7, at: make.at + 6 }),
      make.taskRow(step(0), 2, { step: 0, role: 'evaluator', status: 'done', endedAt: make.at + 9, at: make.at + 8 }),
      make.taskRow(step(1), 1, { step: 1, status: 'running', daemon: 'd1', attempt: 3, at: make.at + 9 }),
    ],
    attempts: [
      make.attemptRow(step(0), 1, { closedAt: make.at + 7, closed: 'done', commit: 'abc' }),
      make.attemptRow(step(1), 2, { closedAt: make.at + 8, closed: 'lost', reason: 'gone' }),
      make.attemptRow(step(1), 3, { accepted: true }),
    ],
    evaluations: [
      {
        directive: key(id),
        step: 0,
        number: 1,
        task: 2,
        type: 'monitoring',
        evaluator: 'automated',
        verdict: {
          passed: true,
          overallScore: 0.9,
          confidenceLevel: 'green',
          criteriaResults: null,
          summaryFeedback: 'good',
          reworkInstructions: null,
          steps: [],
        },
        at: make.at + 9,
      },
    ],
    files: [{ owner: 'alice', contract: `${step(0)}__c1`, name: 'report', hash: 'h', bytes: 3, at: make.at }],
    events: [make.eventRow(id, 1), make.eventRow(id, 2, { generation: 1, step: 0, type: 'step_passed' })],
  })
}

describe('a directive', () => {
  beforeAll(() => running('shown'))

  test('is shown with its definition, its figures, its chain and its own tasks', async () => {
    const view = await records.directive('alice', 'shown')
    expect(view).toMatchObject({
      id: 'shown',
      address: addressOf('alice', 'shown'),
      owner: 'alice',
      title: 'Title of shown',
      status: 'active',
      paused: true,
      parked: null,
      waiting: 'a slot for a worker',
      steps: 4,
      passed: 1,
      failed: 0,
      line: 'c0ffee',
      regenerations: 1,
      definition: make.definitionOf('Title of shown'),
      counts: { passed: 1, running: 1, pending: 2, failed: 0 },
      chain: { generation: 1, title: 'Chain', hash: 'plan of shown', steps: 4, created: iso(make.at + 5) },
      events: 2,
    })
    expect(view?.tasks.map(({ id, role, step }) => ({ id, role, step }))).toEqual([
      { id: 'shown__t1', role: 'planner', step: null },
    ])
  })

  test('shows every step of its chain, those that never came to life with what they wait for', async () => {
    const view = await records.directive('alice', 'shown')
    expect(view?.stepList).toMatchObject([
      {
        index: 0,
        name: 'first\0',
        status: 'passed',
        attempt: 1,
        round: 2,
        score: 0.9,
        level: 'green',
        waiting: null,
        task: null,
      },
      {
        index: 1,
        name: 'second',
        status: 'running',
        attempt: 3,
        daemon: 'd1',
        task: addressOf('alice', 'shown__1_1__t1'),
        dependsOn: ['first\0'],
        waiting: 'the worker',
      },
      {
        index: 2,
        name: 'third',
        status: 'pending',
        attempt: 0,
        dependsOn: ['first\0', 'second'],
        waiting: 'step second',
        since: iso(make.at + 5),
      },
      { index: 3, name: 'fourth', status: 'pending', waiting: 'its turn to begin', dependsOn: [] },
    ])
  })

  test('R21 R49: once it has failed or was cancelled, steps that never came to life are skipped', async () => {
    await running('over', { status: 'failed', ended: true })
    const view = await records.directive('alice', 'over')
    expect(view?.stepList.map(({ status, waiting }) => [status, waiting])).toEqual([
      ['passed', null],
      ['running', 'the worker'],
      ['skipped', null],
      ['skipped', null],
    ])
    expect(view?.waiting).toBeNull()
    expect(view?.counts.skipped).toBe(2)
  })

  test('and its steps that wait for a slot say what a daemon must have for it; what is paused waits for a person first', async () => {
    const needs = { labels: { gpu: 'yes' }, executor: 'agent' }
    const waiting = 'a slot for a planner'
    for (const [id, more] of [
      ['wanting', { waiting }],
      ['resting', { waiting: 'a person: resume' }],
    ] as const)
      await commit({
        directives: [make.directiveRow(id)],
        actors: [make.actorRow(id, 1, more)],
        ready: [make.readyRow(id, { directive: `alice/${id}`, role: 'planner', ...needs })],
      })
    const said = 'a slot for a planner with label gpu=yes and the executor agent'
    expect((await records.directive('alice', 'wanting'))?.waiting).toBe(said)
    expect((await records.directive('alice', 'resting'))?.waiting).toBe('a person: resume')
    const { lines } = await records.directives('alice', { ...page, text: 'wanting' })
    expect(lines.map((line) => line.waiting)).toEqual([said])
  })

  test('that has no chain yet has no steps', async () => {
    await commit({
      directives: [make.directiveRow('draft')],
      actors: [make.actorRow('draft', 1, { status: 'draft', facts: {} })],
    })
    expect(await records.directive('alice', 'draft')).toMatchObject({
      status: 'draft',
      chain: null,
      stepList: [],
      events: 0,
    })
  })

  test('that is not there, or is another owner’s, is null', async () => {
    expect(await records.directive('bob', 'shown')).toBeNull()
    expect(await records.directive('alice', 'none')).toBeNull()
  })

  test('shows why its actor is parked', async () => {
    await running('broken')
    await commit({
      faulted: [
        { key: 'alice/broken', reason: 'cannot be opened' },
        { key: 'alice/broken__1_1', reason: 'too' },
      ],
    })
    const view = await records.directive('alice', 'broken')
    expect(view?.parked).toBe('cannot be opened')
    expect(view?.stepList[1]?.parked).toBe('too')
  })

  test('of 2,000 steps is shown whole', async () => {
    const rows = Array.from({ length: 2000 }, (_, index) => make.planRow(index))
    await store.stage('large', rows)
    await commit({
      directives: [make.directiveRow('large')],
      actors: [make.actorRow('large', 1)],
      chains: [
        {
          directive: 'alice/large',
          generation: 1,
          title: '',
          description: '',
          hash: 'large',
          steps: 2000,
          at: make.at,
        },
      ],
    })
    const view = await records.directive('alice', 'large')
    expect(view?.stepList).toHaveLength(2000)
  })
})

describe('a step', () => {
  beforeAll(() => running('steps'))

  test('is shown with what it is to do, its evaluations, tasks, attempts and files', async () => {
    expect(await records.step('alice', 'steps__1_0')).toMatchObject({
      id: 'steps__1_0',
      directive: 'steps',
      name: 'first\0',
      status: 'passed',
      commit: 'abc',
      evaluate: true,
      taskPlan: 'do 0',
      evaluations: [
        {
          number: 1,
          task: 'steps__1_0__t2',
          verdict: { passed: true, summaryFeedback: 'good' },
          time: iso(make.at + 9),
        },
      ],
      tasks: [
        {
          id: 'steps__1_0__t1',
          step: { id: 'steps__1_0', name: 'first\0' },
          attempts: [{ attempt: 1, as: 'done', commit: 'abc', closed: iso(make.at + 7) }],
          files: [{ name: 'report', bytes: 3 }],
          contract: { id: 'steps__1_0__c1', kind: 'simple' },
        },
        { id: 'steps__1_0__t2', attempts: [], files: [] },
      ],
    })
    expect((await records.step('alice', 'steps__1_1'))?.tasks[0]?.attempts.map(({ as }) => as)).toEqual(['lost', null])
  })

  test('that never came to life is shown as well', async () => {
    expect(await records.step('alice', 'steps__1_3')).toMatchObject({
      status: 'pending',
      evaluate: false,
      requiresApproval: true,
      tasks: [],
      evaluations: [],
    })
    expect(await records.step('alice', 'steps__1_2')).toMatchObject({
      dependsOn: ['first\0', 'second'],
      waiting: 'step second',
    })
  })

  test('that is not there is null', async () => {
    for (const id of ['steps__1_4', 'steps__2_0', 'steps', 'none__1_0'])
      expect(await records.step('alice', id)).toBeNull()
    expect(await records.step('bob', 'steps__1_0')).toBeNull()
  })
})

describe('lists', () => {
  const ids = Array.from({ length: 7 }, (_, n) => `listed-${n}`)
  beforeAll(async () => {
    for (const [n, id] of ids.entries())
      await commit({
        directives: [
          make.directiveRow(id, {
            owner: 'lister',
            key: `lister/${id}`,
            title: n === 3 ? '100% of it_' : `Nr ${n}`,
            at: make.at + (n >> 1),
          }),
        ],
        actors: [
          make.actorRow(id, 1, {
            key: `lister/${id}`,
            owner: 'lister',
            status: n < 5 ? 'active' : 'completed',
            ended: n >= 5,
          }),
        ],
        tasks: [
          make.taskRow(id, 1, {
            owner: 'lister',
            at: make.at + n,
            status: n < 5 ? 'pending' : 'done',
            endedAt: n < 5 ? null : make.at,
          }),
        ],
      })
  })

  test('go from the newest to the oldest, page by page, each line once', async () => {
    const seen: string[] = []
    for (let after: string | undefined; ;) {
      const { lines, next } = await records.directives('lister', {
        limit: 3,
        ...(after === undefined ? {} : { after }),
      })
      seen.push(...lines.map(({ id }) => id))
      if (next === null) break
      after = next
    }
    expect(seen).toEqual(['listed-6', 'listed-4', 'listed-5', 'listed-2', 'listed-3', 'listed-0', 'listed-1'])
  })

  test('are narrowed by state and by text, which is taken as it is', async () => {
    const of = async (query: object) =>
      (await records.directives('lister', { ...page, ...query })).lines.map(({ id }) => id)
    expect(await of({ state: 'completed' })).toEqual(['listed-6', 'listed-5'])
    expect(await of({ state: 'active' })).toHaveLength(5)
    expect(await of({ state: 'open' })).toHaveLength(5)
    expect(await of({ text: '100% of it_' })).toEqual(['listed-3'])
    expect(await of({ since: iso(make.at + 2) })).toEqual(['listed-6', 'listed-4', 'listed-5'])
    expect(await of({ text: 'it%' })).toEqual([])
    expect(await of({ text: 'LISTED-2' })).toEqual(['listed-2'])
  })

  test('refuse a place that none of their pages gave', async () => {
    await expect(records.directives('lister', { ...page, after: 'nonsense' })).rejects.toMatchObject({
      code: 'BAD_INPUT',
    })
  })

  test('of tasks show those that are open', async () => {
    const { lines } = await records.tasks('lister', { ...page, state: 'open' })
    expect(lines.map(({ id }) => id)).toEqual([4, 3, 2, 1, 0].map((n) => `listed-${n}__t1`))
    expect((await records.tasks('lister', { ...page, state: 'done' })).lines).toHaveLength(2)
    expect(lines[0]?.address).toBe(addressOf('lister', 'listed-4__t1'))
    const late = await records.tasks('lister', { ...page, since: iso(make.at + 5) })
    expect(late.lines.map(({ id }) => id)).toEqual(['listed-6__t1', 'listed-5__t1'])
  })

  test('of daemons show what is granted and what runs', async () => {
    await commit({
      daemons: [
        make.daemonRow('a', { owner: 'lister' }),
        make.daemonRow('b', { owner: 'lister', inbox: 'i', draining: true }),
      ],
      grants: [
        make.grantRow('g1', { owner: 'lister', daemon: 'a' }),
        make.grantRow('g2', { owner: 'lister', daemon: 'a', session: 'old' }),
      ],
      tasks: [make.taskRow('listed-0', 9, { owner: 'lister', status: 'running', daemon: 'a' })],
    })
    const { lines } = await records.daemons('lister', page)
    expect(lines).toMatchObject([
      { name: 'a', granted: 1, running: 1, pull: false, slots: 2 },
      { name: 'b', granted: 0, running: 0, pull: true, draining: true },
    ])
    expect((await records.daemons('lister', { ...page, state: 'draining' })).lines).toHaveLength(1)
    expect((await records.daemons('lister', { ...page, since: iso(make.at + 1) })).lines).toEqual([])
    expect((await records.daemons('lister', { ...page, since: iso(make.at) })).lines).toHaveLength(2)
    expect((await records.daemons('nobody', page)).lines).toEqual([])
  })
})

describe('what all directives have told', () => {
  const tell = (id: string, ...times: number[]) => {
    const key = `teller/${id}` as const
    const events = times.map((ms, index) => make.eventRow(id, index + 1, { directive: key, at: make.at + ms }))
    return commit({ directives: [make.directiveRow(id, { owner: 'teller', key })], events })
  }
  const all = async (since: string | undefined, limit: number): Promise<string[]> => {
    const seen: string[] = []
    for (let after: string | undefined; ;) {
      const query = { limit, ...(since === undefined ? {} : { since }), ...(after === undefined ? {} : { after }) }
      const page = await records.allEvents('teller', query)
      expect(page.lines.length).toBeLessThanOrEqual(limit)
      seen.push(...page.lines.map(({ directive, number }) => `${directive} ${number}`))
      if (page.next === null) return seen
      after = page.next
    }
  }
  beforeAll(async () => {
    await tell('a', 1, 3, 3, 9)
    await tell('b', 2, 3)
    await commit({ events: [make.eventRow('c', 1, { directive: 'teller2/c', at: make.at + 3 })] })
  })

  test('comes in the order of time, page by page, each line once, and no other owner’s', async () => {
    const told = ['a 1', 'b 1', 'a 2', 'a 3', 'b 2', 'a 4']
    for (const limit of [1, 2, 100]) {
      expect(await all(iso(make.at), limit)).toEqual(told)
      expect(await all(iso(make.at + 3), limit)).toEqual(told.slice(2))
    }
    const { lines } = await records.allEvents('teller', { since: iso(make.at + 9), limit: 9 })
    expect(lines).toEqual((await records.events('teller', 'a', 3, 1))?.lines)
    await expect(records.allEvents('teller', { after: '1.a', limit: 1 })).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('of the past nothing, unless it says since when; by which clock that is read, it says', async () => {
    const before = Date.now() - 60_000
    const { lines, next, asOf } = await records.allEvents('teller', { limit: 9 })
    expect({ lines, next }).toEqual({ lines: [], next: null })
    expect(Date.parse(asOf)).toBeGreaterThan(before)
  })
})

describe('a history', () => {
  beforeAll(() => running('told'))

  test('comes from a number on, and says where it goes on', async () => {
    expect(await records.events('alice', 'told', 0, 1)).toMatchObject({ lines: [{ number: 1, step: null }], next: 1 })
    expect(await records.events('alice', 'told', 1, 1)).toMatchObject({
      lines: [
        {
          number: 2,
          type: 'step_passed',
          chain: 1,
          step: 'told__1_0',
          time: iso(make.at + 2),
          data: { from: 'planning' },
        },
      ],
      next: null,
    })
    expect(await records.events('alice', 'told', 2, 1)).toEqual({ lines: [], next: null })
  })

  test('of a directive that is not there is not found', async () => {
    expect(await records.events('bob', 'told', 0, 1)).toBeNull()
  })
})

test('a task is shown with its contract, and its files by name', async () => {
  await running('files')
  expect(await records.task('alice', 'files__1_0__t1')).toMatchObject({
    directive: 'files',
    step: { id: 'files__1_0', name: 'first\0' },
    contract: { address: addressOf('alice', 'files__1_0__c1') },
    files: [{ name: 'report', hash: 'h', bytes: 3, time: iso(make.at) }],
  })
  expect(await records.files('alice', 'files__1_0__c1')).toHaveLength(1)
  expect(await records.task('alice', 'none')).toBeNull()
  expect(await records.task('bob', 'files__1_0__t1')).toBeNull()
})

describe('the figures of an owner', () => {
  const nothing = {
    directives: { open: {}, ended: {}, of: 1000, parked: 0 },
    mailbox: { messages: 0, oldest: null },
    daemons: { count: 0, pulls: 0, draining: 0, slots: 0, running: 0 },
    daemonLines: [],
    grants: { open: 0, recalled: 0 },
    needs: [],
  }

  test('of nobody are all nothing', async () => {
    expect(await records.figures('noone')).toMatchObject(nothing)
  })

  test('count its own alone, though names of others begin as its name does, and as needs only what daemons are given', async () => {
    await running('theirs')
    const owner = 'counted'
    const others = ['count', 'counted-', 'counted0']
    const keyed = (id: string) => ({ owner, key: `${owner}/${id}` as const })
    const body = new Uint8Array([1])
    await commit({
      directives: ['a', 'b', 'c', 'paused', 'parked'].map((id) => make.directiveRow(id, keyed(id))),
      actors: [
        make.actorRow('a', 1, keyed('a')),
        make.actorRow('b', 1, { ...keyed('b'), status: 'completed', ended: true }),
        make.actorRow('c', 1, { ...keyed('c'), status: 'planning' }),
        make.actorRow('paused', 1, { ...keyed('paused'), facts: { paused: true } }),
        make.actorRow('parked', 1, keyed('parked')),
        make.actorRow('a__1_0', 1, { ...keyed('a__1_0'), kind: 'step', status: 'running' }),
      ],
      messages: [owner, ...others].flatMap((each) => [
        { shard: 0, to: `${each}/a`, from: `${each}/c`, body },
        { shard: 0, to: `${each}/a__1_0`, from: `${each}/c`, body },
      ]),
      ready: [
        make.readyRow('r1', { directive: `${owner}/a`, since: make.at + 5 }),
        make.readyRow('r2', { directive: `${owner}/c`, since: make.at + 3 }),
        make.readyRow('r3', { directive: `${owner}/c`, role: 'evaluator' }),
        make.readyRow('r4', { directive: `${owner}/c`, manual: true }),
        make.readyRow('r5', { directive: 'counted0/c' }),
        make.readyRow('r6', { directive: `${owner}/paused`, since: make.at + 1 }),
        make.readyRow('r7', { directive: `${owner}/parked`, since: make.at + 1 }),
      ],
      daemons: [
        make.daemonRow('idle', { owner }),
        make.daemonRow('busy', { owner, slots: 4 }),
        make.daemonRow('script', { owner, slots: 1, inbox: 'i', draining: true }),
        make.daemonRow('busy', { owner: 'counted0' }),
      ],
      grants: [
        make.grantRow('g1', { owner, daemon: 'busy' }),
        make.grantRow('g2', { owner, daemon: 'busy', recalled: true }),
        make.grantRow('g1', { owner: 'counted0', daemon: 'busy' }),
      ],
      tasks: [make.taskRow('a', 1, { owner, status: 'running', daemon: 'busy' })],
      faulted: [
        { key: `${owner}/a__1_0`, reason: 'poison' },
        { key: `${owner}/parked`, reason: 'poison' },
      ],
    })
    const figures = await records.figures(owner)
    expect(figures).toMatchObject({
      directives: { open: { active: 3, planning: 1 }, ended: { completed: 1 }, parked: 2 },
      mailbox: { messages: 2, oldest: { to: 'a' } },
      daemons: { count: 3, pulls: 1, draining: 1, slots: 7, running: 1 },
      grants: { open: 2, recalled: 1 },
      needs: [
        { role: 'evaluator', tasks: 1, since: iso(make.at) },
        { role: 'worker', tasks: 2, since: iso(make.at + 3) },
      ],
    })
    expect(figures.daemonLines).toMatchObject([
      { name: 'busy', granted: 2, running: 1 },
      { name: 'idle', granted: 0, running: 0 },
      { name: 'script', pull: true },
    ])
    const since = Date.parse(figures.mailbox.oldest?.since ?? '')
    expect(since).toBeLessThanOrEqual(Date.parse(figures.time))
    expect(since).toBeGreaterThan(make.at)
  })
})
