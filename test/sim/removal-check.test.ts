/** Directives that have ended are removed in some worlds: then they are there no more, and all the rest goes on. */
import { expect, test } from 'vitest'
import { calm } from './options.ts'
import { noFaultsAtAll } from './rates.ts'
import { checkRemoval } from './removal-check.ts'
import { World } from './world.ts'

const brief = (seed: number): World =>
  new World(calm(seed, { directives: 2, removes: true, faults: { ...noFaultsAtAll, keptShort: 1 } }))

/** A world in which the first to end is removed while the other goes on. */
const withRemoved = async (): Promise<{ world: World; violations: readonly string[]; ended: number }> => {
  for (let seed = 1; seed < 100; seed++) {
    const world = brief(seed)
    const { violations, ended } = await world.run()
    if (world.store.tables.removed.size > 0) return { world, violations, ended }
  }
  throw new Error('in no world is anything removed')
}

test('a directive that has ended and was removed is neither missed nor forgotten in what a world has come to', async () => {
  const { world, violations, ended } = await withRemoved()
  expect(violations).toEqual([])
  expect(ended).toBe(2)
  for (const key of world.store.tables.removed.keys()) expect(world.store.tables.actors.has(key)).toBe(false)
})

test('that something was removed that goes on is told', async () => {
  const world = new World(calm(1))
  const { store, checkers, trace } = world
  const check = checkRemoval(store.tables, checkers.fold, trace)
  checkers.others.push(({ shards, actors = [] }) => {
    const begun = actors.filter(({ kind, status }) => kind === 'directive' && status === 'active')
    check({ shards, removed: begun })
  })
  const { violations } = await world.run()
  expect(violations).toContainEqual(expect.stringMatching(/^removal: ann\/d0 was removed, and has not ended/))
})
