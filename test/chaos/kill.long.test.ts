/** `npm run chaos -- --rounds=20`: the same, many times in a row at random moments. */
import { expect, it } from 'vitest'
import { killOnce, mergesOfOnce } from './kill-run.ts'

const rounds = Number(process.env['WRIT_CHAOS_ROUNDS'] ?? 20)

it.each(Array.from({ length: rounds }, (_, at) => at + 1))(
  'round %i: kill -9 at a random moment leaves no trace in the outcome',
  async () => {
    const { killedAfterMs, exit, merges, testsPass, verified, log } = await killOnce(Math.floor(Math.random() * 9000))
    console.log(`killed after ${killedAfterMs} ms: exit ${exit}`)
    expect(exit, log).toBe(0)
    expect(merges).toEqual(mergesOfOnce)
    expect(testsPass).toBe(true)
    expect(verified.exit, verified.printed).toBe(0)
  },
)
