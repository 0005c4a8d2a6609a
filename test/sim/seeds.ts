/** Runs worlds by seed and says, when one fails, all that is needed to see it again. */
import { readFileSync } from 'node:fs'
import { described, type Size, swarm } from './options.ts'
import { type Outcome, simulate } from './world.ts'

const shownLines = 100

/** Throws when the world of this seed breaks a rule. */
export const checkSeed = async (seed: number, size: Size): Promise<Outcome> => {
  const options = swarm(seed, size)
  const outcome = await simulate(options)
  if (outcome.violations.length === 0) return outcome
  const lines = [
    `seed ${seed} (${size}) breaks ${outcome.violations.join('\n  and ')}`,
    `its world: ${described(options)}`,
    `its trace, the last ${shownLines} lines up to the first violation:`,
    ...outcome.trace.last(shownLines),
    `again: npm run sim -- --seed=${seed} --size=${size}`,
  ]
  throw new Error(lines.join('\n'))
}

/** Seeds that found something once, with what they found: `<size> <seed> <what>`, a line each. */
export const regressions = (): { seed: number; size: Size; found: string }[] =>
  readFileSync(new URL('regressions.txt', import.meta.url), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, size, seed, found] = /^(small|large|pulls) (\d+) (.+)$/.exec(line) ?? []
      return found === undefined ? [] : [{ seed: Number(seed), size: size as Size, found }]
    })
