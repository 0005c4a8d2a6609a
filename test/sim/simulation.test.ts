/**
 * The whole of Writ by seed: the engine over a simulated store and bus, with daemons and people, in worlds that are small
 * enough for every test run. `npm run sim` runs larger ones, and more of them.
 */
import { expect, test, vi } from 'vitest'
import { calm } from './options.ts'
import { checkSeed, regressions } from './seeds.ts'
import { simulate } from './world.ts'

// Fewer shards, so that directives share them, and that threads have less to subscribe for.
vi.mock('../../src/protocol/limits.ts', async (original) => ({ ...(await original<object>()), shardCount: 16 }))

const seeds = 300
const perTest = 50

test('R5 R20 R22 R41: in a calm world every directive is completed, each time in the same way', async () => {
  const [first, second] = [await simulate(calm(1)), await simulate(calm(1))]
  expect(first.violations).toEqual([])
  expect(second.digest).toBe(first.digest)
})

test('the same seed gives the same trace, whatever goes wrong', async () => {
  for (const seed of [1, 2, 3]) {
    const [first, second] = [await checkSeed(seed, 'small'), await checkSeed(seed, 'small')]
    expect(second.trace.lines).toEqual(first.trace.lines)
  }
})

for (let from = 1; from <= seeds; from += perTest)
  test(`R42 R43 R44 R45 R47 R49: seeds ${from} to ${from + perTest - 1}: no rule breaks, and all comes to its end`, async () => {
    for (let seed = from; seed < from + perTest; seed++) await checkSeed(seed, 'small')
  }, 120_000)

test(`R39 R43: seeds 1 to ${perTest} with scripts that pull: no rule breaks, and all comes to its end`, async () => {
  for (let seed = 1; seed <= perTest; seed++) await checkSeed(seed, 'pulls')
}, 120_000)

test.each(regressions())('R45: seed $seed finds no more: $found', async ({ seed, size }) => {
  await checkSeed(seed, size)
})
