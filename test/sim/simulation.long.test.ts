/**
 * `npm run sim [-- --seeds=1000 --from=1 --size=large]`: many large worlds, one after the other, the regressions first.
 * `npm run sim -- --seed=7 --size=small` replays one, and shows its trace.
 */
import { test } from 'vitest'
import type { Size } from './options.ts'
import { checkSeed, regressions } from './seeds.ts'

const env = (name: string): string | undefined => process.env[`WRIT_SIM_${name}`]
const size: Size = env('SIZE') === 'small' ? 'small' : 'large'
const one = env('SEED')
const from = Number(env('FROM') ?? 1)
const count = Number(env('SEEDS') ?? 500)
const saidEvery = 50

if (one === undefined) {
  test.each(regressions())('seed $seed finds no more: $found', async ({ seed, size: of }) => {
    await checkSeed(seed, of)
  })
  test(`${count} seeds from ${from} on, ${size}: no rule breaks, and all comes to its end`, async () => {
    for (let seed = from; seed < from + count; seed++) {
      await checkSeed(seed, size)
      if ((seed - from + 1) % saidEvery === 0) console.log(`${seed - from + 1} of ${count} worlds are well`)
    }
  })
} else
  test(`seed ${one}, ${size}`, async () => {
    const { trace, digest } = await checkSeed(Number(one), size)
    console.log([...trace.lines, `the trace's hash: ${digest}`].join('\n'))
  })
