/** The whole of Writ by seed, in the size that every `npm test` can afford. */
import { expect, test } from 'vitest'
import { calm } from './options.ts'
import { simulate } from './world.ts'

test('a calm world completes its directive', async () => {
  const outcome = await simulate(calm(1))
  expect(outcome.violations, outcome.trace.last(100).join('\n')).toEqual([])
})
