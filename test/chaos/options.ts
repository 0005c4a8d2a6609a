/** What `npm run chaos` was asked for, in words of the command line. */
import { InvalidArgumentError } from 'commander'
import { command, whole } from '../support/arguments.ts'
import { type Kind, kinds } from './kinds.ts'

export interface ChaosOptions {
  minutes: number
  /** Of the faults and of the plans; when threads and processes run is up to the machine. */
  seed: number
  only: readonly Kind[]
  json: boolean
  nodes: number
  /** How many are under way at a time. */
  directives: number
  /** The folder of the run is kept, although nothing was wrong. */
  keep: boolean
}

type Given = Omit<ChaosOptions, 'seed' | 'only'> & Partial<Pick<ChaosOptions, 'seed' | 'only'>>

const seedMax = 2 ** 31
const minutesMax = 10_000

const minutesIn = (text: string): number => {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN
  if (value > 0 && value <= minutesMax) return value
  throw new InvalidArgumentError(`It is a number above 0, up to ${minutesMax}.`)
}

const kindIn = (text: string): Kind => {
  const kind = kinds.find((each) => each === text)
  if (kind === undefined) throw new InvalidArgumentError(`There is no ${text}; there are ${kinds.join(', ')}.`)
  return kind
}

const kindsIn = (text: string): Kind[] => [...new Set(text.split(',').map(kindIn))]

/** Ends the process with words for people when they are wrong. */
export const asked = (args: readonly string[]): ChaosOptions => {
  const program = command(
    'chaos',
    'Mistreats real nodes, daemons and servers, and checks what comes of it (docs/chaos.md).',
  )
    .option('--minutes <minutes>', 'how long there are faults', minutesIn, 3)
    .option('--seed <seed>', 'which faults and directives; another one each time when unset', whole(0, seedMax))
    .option('--only <kinds>', 'these kinds of faults alone, by comma; docs/chaos.md lists them', kindsIn)
    .option('--nodes <count>', 'how many nodes', whole(1, 100), 3)
    .option('--directives <count>', 'how many are under way at a time', whole(1, 1000), 10)
    .option('--keep', 'keep logs and data although nothing was wrong', false)
    .option('--json', 'the report as one value, on standard output', false)
    .parse([...args], { from: 'user' })
  const { seed = Math.floor(Math.random() * seedMax), only = kinds, ...given } = program.opts<Given>()
  return { ...given, seed, only }
}
