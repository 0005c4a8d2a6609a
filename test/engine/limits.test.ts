/** What can grow has a limit (invariant 11): commits, whatever is asked at once. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Commit } from '../../src/actors/ports/rows.ts'
import { weightOf } from '../../src/actors/weight.ts'
import { commitActorsMax, commitBytesMax } from '../../src/protocol/limits.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf } from '../support/world.ts'

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

const expectSmall = (seen: readonly Commit[]): void => {
  expect(Math.max(...seen.map(weightOf))).toBeLessThanOrEqual(commitBytesMax)
  expect(Math.max(...seen.map(({ actors = [] }) => actors.length))).toBeLessThanOrEqual(commitActorsMax)
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

it('steps that remember long feedback are cancelled in slices that are no larger than a commit may be', async () => {
  const world = await test.world()
  const count = 12
  const names = Array.from({ length: count }, (_, at) => `s${at}`)
  const verdict = { passed: false, reworkInstructions: 'z'.repeat(200_000) }
  await world.daemon('d', {
    slots: 2 * count,
    work: ({ task, feedback }) => {
      if (task.role === 'evaluator') return { done: { verdict } }
      return feedback === null ? { done: {} } : null
    },
  })
  const seen = commits()
  const id = await world.start({ plan: planOf(Object.fromEntries(names.map((name) => [name, []]))) })
  await Promise.all(names.map((_, step) => world.until(id, 'step_running', { step, nth: 2 })))
  await world.client.directive(id).cancel()
  await world.until(id, 'directive_cancelled')
  expectSmall(seen)
})
