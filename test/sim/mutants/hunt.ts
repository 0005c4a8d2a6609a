/**
 * The half of `npm run sim:mutants` that is bundled with a planted bug: runs worlds by seed until one breaks a rule, and
 * tells its parent. What only breaks the simulator itself is no find.
 */
import { swarm } from '../swarm.ts'
import { type Seed, seedOf } from '../seeds.ts'
import { simulate } from '../world.ts'

/** What is told of one seed. `lines`: its trace, when somebody wants to read it. */
export interface Told extends Seed {
  /** The rule that broke first, with what was seen; null: none did. */
  broken: string | null
  /** What fell over instead. */
  crashed: string | null
  lines: readonly string[]
}

const shownLines = 60

/** A word of Node's own about code that cannot go on, or a check that did not get through. */
const isCrash = (text: string): boolean =>
  /\b(Type|Reference|Range|Syntax)Error\b/.test(text) || text.startsWith('check:')

let rejected: string | null = null
process.on('unhandledRejection', (reason) => {
  rejected ??= String(reason instanceof Error ? reason.stack : reason)
})

const outcomeOf = async ({ seed, size }: Seed): Promise<Told> => {
  rejected = null
  try {
    const { violations, trace } = await simulate(swarm(seed, size))
    const broken = violations.find((text) => !isCrash(text)) ?? null
    const lines = broken === null ? [] : trace.around(0, shownLines)
    return { seed, size, broken, crashed: violations.find(isCrash) ?? rejected, lines }
  } catch (error) {
    return { seed, size, broken: null, crashed: String(error), lines: [] }
  }
}

const [from = 1, to = 1] = process.argv.slice(2).map(Number)
for (let seed = from; seed <= to; seed++) {
  const told = await outcomeOf(seedOf(seed, 'mixed'))
  process.send?.(told)
  if (told.broken !== null && told.crashed === null) break
}
process.disconnect()
