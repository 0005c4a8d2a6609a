/**
 * The budget of the hot hop (DESIGN 4): from a daemon's report to the next spawn. Counted by the engine's own figures, and
 * again by what Postgres and NATS say of themselves.
 */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Figures } from '../../src/actors/host.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import type { FakeDaemon } from '../support/fake-daemon.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { chainOf } from '../support/world.ts'

/** What one hop may cost. A worker's report ends a task and opens the next; a verdict ends a step and begins another. */
const actorRowsMax = 4
const rowsMax = { worker: 9, evaluator: 14 }
/** Report, receipt, spawn and its acceptance, and one or three events. */
const messagesMax = { worker: 5, evaluator: 7 }

let test: TestEngine
let daemon: FakeDaemon
let current: Spawn
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

/** A chain that is under way, with its grant at hand and its first task running. */
beforeEach(async () => {
  const world = await test.world()
  daemon = await world.daemon('d', { work: () => null })
  await world.start({ plan: chainOf(4) })
  current = await daemon.spawned('worker s0')
})

const next = async (call: string, body: object): Promise<Figures> => {
  const before = { ...test.engine.host.figures }
  await daemon.done(current, body)
  current = await daemon.spawned(call)
  return difference(test.engine.host.figures, before)
}

const difference = (after: Figures, before: Figures): Figures =>
  Object.fromEntries(
    Object.entries(after).map(([key, value]) => [key, value - before[key as keyof Figures]]),
  ) as Record<keyof Figures, number>

const verdict = { verdict: { passed: true, overallScore: 1 } }

/** An acceptance that waits for a second is stored by a commit of its own: a test that stood still for so long begins again. */
const again = { retry: 2 }

it(
  'a hop costs one commit of at most four actor rows, without a message row and without the registry',
  again,
  async () => {
    const toEvaluator = await next('evaluator s0', {})
    expect(toEvaluator).toMatchObject({ commits: 1, units: 1, messageRows: 0 })
    expect(toEvaluator.actorRows).toBeLessThanOrEqual(actorRowsMax)
    expect(toEvaluator.rows).toBeLessThanOrEqual(rowsMax.worker)
    const toWorker = await next('worker s1', verdict)
    expect(toWorker).toMatchObject({ commits: 1, units: 1, messageRows: 0 })
    expect(toWorker.actorRows).toBeLessThanOrEqual(actorRowsMax)
    expect(toWorker.rows).toBeLessThanOrEqual(rowsMax.evaluator)
  },
)

interface Written {
  rows: number
  transactions: number
}

/** Rows as Postgres counted them, without the lease that is renewed meanwhile, and the transactions that the history of the database was written by. */
const writtenNow = async (): Promise<Written> => {
  const [row] = await test.sql<Written[]>`
    select (select sum(n_tup_ins + n_tup_upd + n_tup_del)::int from pg_stat_user_tables where relname <> 'threads') as rows,
           (select count(distinct xmin::text)::int from (
              select xmin from writ.journal union all select xmin from writ.events
              union all select xmin from writ.tasks union all select xmin from writ.attempts) of) as transactions`
  return row ?? { rows: 0, transactions: 0 }
}

/** Connections hand their counts over at most once a second: these stand when two looks that far apart agree. */
const written = async (): Promise<Written> => {
  let last: Written = { rows: -1, transactions: -1 }
  for (;;) {
    const now = await writtenNow()
    if (now.rows === last.rows) return now
    last = now
    await new Promise((resolve) => setTimeout(resolve, 1500))
  }
}

it('Postgres itself counts no more transactions and rows than the engine does', again, async () => {
  const before = await written()
  const figures = { ...test.engine.host.figures }
  for (const [at, name] of ['s0', 's1', 's2'].entries()) {
    await next(`evaluator ${name}`, {})
    await next(`worker s${at + 1}`, verdict)
  }
  expect(difference(test.engine.host.figures, figures).commits).toBe(6)
  const after = await written()
  const { commits, rows, actorRows } = difference(test.engine.host.figures, figures)
  expect(after.transactions - before.transactions).toBeLessThanOrEqual(commits)
  // Each actor row has one in the journal, which the figures do not count.
  expect(after.rows - before.rows).toBeLessThanOrEqual(rows + actorRows)
})

it('a hop costs a few NATS messages: report, receipt, spawn, acceptance, and its events', again, async () => {
  let heard = 0
  const counting = test.bus.subscribe('>', {}, ({ subject }) => {
    if (!subject.includes('.beat')) heard++
  })
  await test.bus.flush()
  const count = async (call: string, body: object): Promise<number> => {
    await test.bus.flush()
    const before = heard
    await next(call, body)
    await test.bus.flush()
    return heard - before
  }
  expect(await count('evaluator s0', {})).toBeLessThanOrEqual(messagesMax.worker)
  expect(await count('worker s1', verdict)).toBeLessThanOrEqual(messagesMax.evaluator)
  await counting.drain()
})
