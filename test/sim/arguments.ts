/** What `npm run sim` was asked for, in words of the command line. */
import { type Command, InvalidArgumentError } from 'commander'
import { command, whole } from '../support/arguments.ts'
import { type Changes, isNumberName, isStrike, numbersMin } from './changes.ts'
import { sizeNames } from './options.ts'
import { isSize, type Mix } from './seeds.ts'

export interface Asked {
  seeds: number
  from: number
  jobs: number
  size: Mix
  /** The one to replay; null for many. */
  seed: number | null
  changes: Changes
  /** How many seeds may fail before the run ends. */
  failures: number
  /** Whether to list what was never visited. */
  uncovered: boolean
}

const seedMax = 2 ** 32 - 1

const sizeIn = (text: string): Mix => {
  if (text === 'mixed' || isSize(text)) return text
  throw new InvalidArgumentError(`It is one of ${sizeNames.join(', ')}, mixed.`)
}

const strikesIn = (text: string): string[] => {
  const names = text === 'none' ? [] : text.split(',')
  const unknown = names.find((name) => !isStrike(name))
  if (unknown === undefined) return names
  throw new InvalidArgumentError(`${unknown} is neither a fault nor a deed; docs/simulator.md lists them.`)
}

const numbersIn = (text: string): Changes['numbers'] =>
  Object.fromEntries(
    text.split(',').map((pair) => {
      const [, name = '', value] = /^(\w+)=(\d{1,9})$/.exec(pair) ?? []
      if (isNumberName(name) && Number(value) >= numbersMin[name]) return [name, Number(value)]
      const known = Object.entries(numbersMin).map(([each, least]) => `${each} (from ${least})`)
      throw new InvalidArgumentError(`${pair} is not <name>=<number>, with one of ${known.join(', ')}.`)
    }),
  )

interface Given extends Pick<Asked, 'seeds' | 'from' | 'jobs' | 'size' | 'failures'> {
  seed?: number
  only?: string[]
  with?: Changes['numbers']
  uncovered?: true
}

const commandFor = (jobs: number): Command =>
  command('sim', 'Runs Writ in simulated worlds in which things go wrong, and checks its rules (docs/simulator.md).')
    .option('--seeds <count>', 'how many worlds', whole(1, 1_000_000_000), 1_000)
    .option('--from <seed>', 'the first one', whole(0, seedMax), 1)
    .option('--jobs <count>', 'how many at a time', whole(1, 256), jobs)
    .option('--size <size>', `how large they are: ${sizeNames.join(', ')}, mixed`, sizeIn, 'mixed')
    .option('--failures <count>', 'end after so many seeds that fail', whole(1, 1_000_000), 10)
    .option('--uncovered', 'list the pairs of a state and a message that no world has met')
    .option('--seed <seed>', 'replay this one, and show its trace', whole(0, seedMax))
    .option('--only <names>', 'with --seed: leave these faults and deeds on, by comma; none for none', strikesIn)
    .option('--with <numbers>', 'with --seed: a world of other numbers, as in engines=1,chaosMs=4000', numbersIn)

/** Ends the process with words for people when they are wrong. `jobs`: as many as there are processors. */
export const asked = (args: readonly string[], jobs: number): Asked => {
  const program = commandFor(jobs).parse([...args], { from: 'user' })
  const given = program.opts<Given>()
  if (given.seed === undefined && (given.only !== undefined || given.with !== undefined))
    program.error('error: --only and --with change the world of one seed: say which with --seed')
  const last = given.from + given.seeds - 1
  if (last > seedMax)
    program.error(
      `error: --from and --seeds go up to seed ${last}, and the last one that can be replayed is ${seedMax}`,
    )
  return {
    ...given,
    seed: given.seed ?? null,
    changes: { only: given.only ?? null, numbers: given.with ?? {} },
    uncovered: given.uncovered ?? false,
  }
}
