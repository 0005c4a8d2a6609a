/** What can grow has a limit (invariant 11): commits, whatever is asked at once. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Commit } from '../../src/actors/ports/rows.ts'
import { unackedCountMax } from '../../src/bus/stream.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { actorKey, shardOf, stepId, taskId } from '../../src/protocol/ids.ts'
import { commitActorsMax, commitBytesMax } from '../../src/protocol/limits.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, type World } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

/** What each commit carries from now on. */
const commits = (): Commit[] => {
  const { store } = test.engine.host
  const { commit } = store
  const seen: Commit[] = []
  store.commit = (thread, rows) => {
    seen.push(rows)
    return commit(thread, rows)
  }
  return seen
}

it('requests that are large together go into several commits', async () => {
  const world = await test.world()
  const seen = commits()
  const text = 'x'.repeat(300_000)
  const ids = Array.from({ length: 12 }, (_, at) => `large${at}`)
  await Promise.all(ids.map((id) => world.create({ id, goal: text })))
  const sizes = seen.map(({ directives }) => JSON.stringify(directives ?? []).length)
  expect(seen.flatMap(({ directives = [] }) => directives)).toHaveLength(ids.length)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(commitBytesMax)
})

it('a plan of long texts is begun in slices that are no larger than a commit may be', async () => {
  const world = await test.world()
  const seen = commits()
  const description = 'y'.repeat(100_000)
  const steps = Array.from({ length: 4 }, (_, at) => ({ name: `s${at}`, description, task_plan: 'true' }))
  await world.daemon('d', { slots: 4 })
  const id = await world.start({ evaluate: false, plan: { steps } })
  await world.until(id, 'directive_completed')
  for (const { tasks = [], actors = [] } of seen) {
    expect(JSON.stringify(tasks).length).toBeLessThanOrEqual(commitBytesMax)
    expect(actors.length).toBeLessThanOrEqual(commitActorsMax)
  }
  const begun = seen.filter(({ actors = [] }) => actors.some(({ kind, version }) => kind === 'step' && version === 1))
  expect(begun.length).toBeGreaterThan(1)
})

/** Where the first task of a directive's first step is told by a plain publish that it is done. */
const doneOf = ({ owner }: World, directive: string): string => {
  const step = stepId(directive, 1, 0)
  return subjects.task.at({ owner, shard: shardOf(owner, step), id: taskId(step, 1), verb: 'done' })
}

it('plain publishes to a full mailbox are dropped with a line in the log, and those to others are taken', async () => {
  const [full, other] = [await test.world(), await test.world()]
  const plan = planOf({ a: [] })
  const [flooded, id] = [await full.start({ plan }), await other.start({ plan, evaluate: false })]
  const { store } = test.engine.host
  const { enqueue } = store
  store.enqueue = (mail) =>
    mail.to === actorKey(full.owner, stepId(flooded, 1, 0))
      ? Promise.reject(new WritError('TOO_LARGE', `the mailbox of ${mail.to} is full`))
      : enqueue(mail)
  for (let count = 0; count <= unackedCountMax; count++) test.bus.publish(doneOf(full, flooded), {})
  test.bus.publish(doneOf(other, id), {})
  await other.until(id, 'directive_completed')
  store.enqueue = enqueue
  expect(test.log.filter((line) => line.includes(`${doneOf(full, flooded)} is not taken`))).toHaveLength(
    unackedCountMax + 1,
  )
})
