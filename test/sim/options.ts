/** What a simulated world is made of, by name, so that a failing seed can say all of it. */
import { mailboxMessagesMax } from '../../src/protocol/limits.ts'
import { type Deed, type Faults, noDeeds, noFaultsAtAll } from './rates.ts'

export interface SimOptions {
  seed: number
  /** Nodes, and threads of each. */
  engines: number
  threadsPerNode: number
  /** Of how many builds nodes may be. */
  builds: number
  /** Whether nodes have data folders of their own: one that is started again there fences its predecessor. */
  homes: boolean
  /** How many messages of the stream may wait for one actor. */
  mailboxMax: number
  /** How small its limits are: 0 for those of production (limits.ts). */
  tight: number
  /** Whether directives say how often failures of the means are tried again. */
  ownRetries: boolean
  /** Whether people act many times a second, at what is rarely so for long, and directives have all that can be merged and checked. */
  eager: boolean
  /** Whether directives that have ended are removed soon, in a world that keeps little (`keptShort`). */
  removes: boolean
  /** Whether attempts have so long a total time that what is lost ends only because somebody notices, and daemons may stay away for good. */
  lasting: boolean
  /** Whether daemons differ in what they offer, and tasks in what they need. */
  varied: boolean
  owners: number
  /** Whose daemons run the client of production: 0 for none, 1 for every other one, 2 for all. */
  clients: number
  /** Per owner. */
  daemons: number
  scripts: number
  directives: number
  stepsMax: number
  /** How long things go wrong, and how long after that everything may take to come to its end. */
  chaosMs: number
  healMs: number
  faults: Faults
  deeds: Record<Deed, number>
}
/** One thread, one daemon, one directive; nothing goes wrong. */
export const calm = (seed: number, more: Partial<SimOptions> = {}): SimOptions => ({
  seed,
  engines: 1,
  threadsPerNode: 1,
  builds: 1,
  homes: false,
  mailboxMax: mailboxMessagesMax,
  tight: 0,
  ownRetries: false,
  eager: false,
  removes: false,
  lasting: false,
  varied: false,
  owners: 1,
  clients: 0,
  daemons: 1,
  scripts: 0,
  directives: 1,
  stepsMax: 12,
  chaosMs: 5_000,
  healMs: 1_200_000,
  faults: noFaultsAtAll,
  deeds: noDeeds,
  ...more,
})

/**
 * `small` is for every test run, `large` for the long one; `pulls` has scripts beside the daemons. In `steered` little goes wrong, and
 * people meddle with everything.
 */
export type Size = 'small' | 'large' | 'pulls' | 'steered'

interface Sizes {
  engines: readonly number[]
  owners: readonly number[]
  daemons: readonly number[]
  scripts: readonly number[]
  directives: readonly number[]
  stepsMax: readonly number[]
  chaosMs: readonly number[]
}

export const sizes: Readonly<Record<Size, Sizes>> = {
  small: {
    engines: [1, 2, 2],
    owners: [1, 1, 2],
    daemons: [1, 2],
    scripts: [0],
    directives: [1, 1, 2],
    stepsMax: [2, 4, 8],
    chaosMs: [8_000, 16_000],
  },
  large: {
    engines: [1, 2, 3],
    owners: [1, 2],
    daemons: [1, 2, 3],
    scripts: [0],
    directives: [1, 2, 3],
    stepsMax: [3, 6, 12],
    chaosMs: [15_000, 30_000, 60_000],
  },
  pulls: {
    engines: [1, 2, 2],
    owners: [1, 1, 2],
    daemons: [1],
    scripts: [1, 2, 3],
    directives: [1, 2, 3],
    stepsMax: [3, 6],
    chaosMs: [8_000, 16_000, 30_000],
  },
  steered: {
    engines: [1, 1, 2],
    owners: [1],
    daemons: [1, 2],
    scripts: [0],
    directives: [1, 2],
    stepsMax: [2, 4],
    chaosMs: [16_000, 30_000],
  },
}

export const sizeNames = Object.keys(sizes) as readonly Size[]

/** The faults and deeds that are on, in one line. */
export const described = ({ faults, deeds, ...rest }: SimOptions): string => {
  const on = (rates: Record<string, number>): string =>
    Object.entries(rates)
      .flatMap(([name, rate]) => (rate > 0 ? [`${name}=${rate}`] : []))
      .join(' ')
  return `${JSON.stringify(rest)} faults: ${on(faults) || 'none'}; deeds: ${on(deeds) || 'none'}`
}
