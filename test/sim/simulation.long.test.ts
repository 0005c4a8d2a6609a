/**
 * `npm run sim [-- --seeds=1000 --from=1 --size=large]`: many worlds, one after the other, the regressions first.
 * `npm run sim -- --seed=7 --size=small` replays one, and shows its trace.
 */
import { test, vi } from 'vitest'
import type { Size } from './options.ts'
import { checkSeed, regressions } from './seeds.ts'

vi.mock('../../src/protocol/limits.ts', async (original) => ({ ...(await original<object>()), shardCount: 16 }))

const env = (name: string): string | undefined => process.env[`WRIT_SIM_${name}`]
const size: Size = (['small', 'pulls'] as const).find((each) => each === env('SIZE')) ?? 'large'
const one = env('SEED')
const from = Number(env('FROM') ?? 1)
const end = from + Number(env('SEEDS') ?? 500)
const perTest = 50

interface Job {
  name: string
  run: () => Promise<void>
}

const replay = async (seed: number): Promise<void> => {
  const { trace, digest } = await checkSeed(seed, size)
  console.log([...trace.lines, `the trace's hash: ${digest}`].join('\n'))
}

const checkAll = async (first: number): Promise<void> => {
  for (let seed = first; seed < Math.min(end, first + perTest); seed++) await checkSeed(seed, size)
}

const known = regressions().map(({ seed, size: of, found }): Job => ({
  name: `seed ${seed} (${of}) finds no more: ${found}`,
  run: async () => void (await checkSeed(seed, of)),
}))

const fresh = Array.from({ length: Math.ceil((end - from) / perTest) }, (_, at): Job => {
  const first = from + at * perTest
  return { name: `${size} worlds from seed ${first} on`, run: () => checkAll(first) }
})

const jobs: Job[] =
  one === undefined ? [...known, ...fresh] : [{ name: `seed ${one} (${size})`, run: () => replay(Number(one)) }]

test.each(jobs)('$name: no rule breaks, and all comes to its end', ({ run }) => run())
