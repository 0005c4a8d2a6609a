/** `npm run fuzz -- --seed=7 --count=100000`: the same for longer, by default with a seed of its own each time. */
import { it } from 'vitest'
import { fuzz } from './fuzz.ts'

const env = (name: string, otherwise: number): number => Number(process.env[`WRIT_FUZZ_${name}`] ?? otherwise)

it('whatever is sent on any subject is answered, and is no fault of ours', async () => {
  const seed = env('SEED', Math.floor(Math.random() * 2 ** 31))
  console.log(`seed ${seed}`)
  await fuzz({ seed, count: env('COUNT', 20_000) })
})
