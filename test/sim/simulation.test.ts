/**
 * The whole of Writ by seed: the engine over a simulated store and bus, with daemons and people. `npm run sim` runs as many
 * worlds as it is asked for; here it runs those of every test run.
 */
import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'
import { calm } from './options.ts'
import { simulate } from './world.ts'

interface Ran {
  code: number
  said: string
}

const sim = (...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, ['scripts/sim.mjs', ...args], (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, said: out + err }),
    )
  })

test('R5 R20 R22: in a calm world every directive is completed, each time in the same way', async () => {
  const [first, second] = [await simulate(calm(1)), await simulate(calm(1))]
  expect(first.violations).toEqual([])
  expect(second.trace.lines).toEqual(first.trace.lines)
})

test('R39 R41 R42 R43 R44 R45 R47 R48: 500 seeds: no rule breaks, all comes to its end, and enough happens', async () => {
  const { code, said } = await sim('--seeds', '500', '--jobs', '1', '--uncovered')
  expect(code, said).toBe(0)
  expect(said).toMatch(/[1-9]\d* seeds ran twice with the same trace/)
}, 3_600_000)

test('a seed is replayed in the world that is asked for, and its trace is shown', async () => {
  const { code, said } = await sim('--seed', '7', '--size=small', '--only', 'busDrop,pause', '--with', 'engines=1')
  expect(code, said).toBe(0)
  expect(said).toContain('"engines":1')
  expect(said).toMatch(/commit e0 .*\n[^]*no rule breaks/)
})

test.each([
  [['--seed'], "option '--seed <seed>' argument missing"],
  [['--seeds', 'many'], 'It is a whole number from 1 to 1000000000.'],
  [['--size', 'huge'], 'It is one of small, large, pulls, steered, mixed.'],
  [['--sides=3'], "unknown option '--sides=3'"],
  [['--only', 'pause'], 'say which with --seed'],
  [['--seed=1', '--only', 'busDrop,busBus'], 'busBus is neither a fault nor a deed'],
  [['--seed=1', '--with', 'engines=0'], 'engines=0 is not <name>=<number>'],
])('%j is refused in words', async (args, words) => {
  const { code, said } = await sim(...args)
  expect(said).toContain(words)
  expect(code).toBe(2)
})
