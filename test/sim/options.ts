/** What a simulated world is made of and what goes wrong in it: everything by name, so that a failing seed can say all of it. */
import { mailboxMessagesMax } from '../../src/protocol/limits.ts'
import { SimRandom } from './random.ts'

/** How likely each fault is. Per message, commit, call, spawn, report or task; those marked so: per half second and world. */
const firstFaultRates = {
  /** Of the bus. */
  busDrop: 0.03,
  busDuplicate: 0.05,
  /** Whether messages take up to half a second at all. */
  busSlow: 1,
  /** Per half second. */
  partition: 0.02,
  /** Of commits: applied and not told, lost and not told, applied after it was given up, refused, slow. */
  commitUnknownApplied: 0.03,
  commitUnknownLost: 0.03,
  commitUnknownLate: 0.02,
  commitRefused: 0.004,
  commitSlow: 0.05,
  /** Of the store's other calls. */
  callFails: 0.004,
  callSlow: 0.03,
  /** Of threads; the first three per half second. */
  engineKilled: 0.02,
  engineFrozen: 0.015,
  engineStopped: 0.01,
  clockDrift: 0.01,
  /** Of daemons; the first three per half second. */
  daemonGone: 0.01,
  daemonRestarted: 0.015,
  daemonForgets: 0.01,
  spawnRefused: 0.05,
  spawnIgnored: 0.03,
  workSlow: 0.05,
  workStalls: 0.02,
  cancelIgnored: 0.1,
  reportTwice: 0.2,
  reportLate: 0.05,
  reportForged: 0.2,
  /** Of the work itself. */
  workFails: 0.03,
  meansFail: 0.05,
  notPassed: 0.1,
  verdictBad: 0.05,
  verdictMissing: 0.03,
  planBad: 0.2,
  planMissing: 0.1,
  mergeConflict: 0.2,
} as const

/** Those that came later. They are drawn last, and from chances of their own: worlds without them are what they were. */
const laterFaultRates = {
  /** Of the bus: what overtakes others on its way; the rest per half second: who is not heard, or hears nothing, or both unnoticed. */
  busReorder: 0.05,
  busOneWay: 0.015,
  busHalfOpen: 0.015,
  /** Of the stream, per half second: hands over again, loses what came last, is wiped and made anew, hands nothing over. */
  streamRedelivers: 0.05,
  streamLosesTail: 0.02,
  streamWiped: 0.01,
  streamSilent: 0.02,
  /** Of the store's calls: done and not told, done and told late. */
  callUnknown: 0.004,
  callLate: 0.03,
  /** Of the store, per half second. */
  storeDown: 0.006,
  backendKilled: 0.03,
  databaseClockJumps: 0.004,
  /** Of threads: at a call, or between its answer and what follows; and of nodes, per half second. */
  engineKilledAtCall: 0.0006,
  engineFrozenAtCall: 0.0004,
  engineJoins: 0.01,
  engineLeaves: 0.01,
  nodeKilled: 0.01,
  nodeFrozen: 0.01,
  /** Of nodes as they start: of an older version, that does not know the machines of some directives. */
  nodeOld: 0.2,
  /** Of messages that wait in mailboxes: every commit that takes it is refused, until it is parked. */
  messagePoisoned: 0.03,
  /** Of daemons, per beat: silent for a while though they work; leave and are back at once; change their slots, or drain and think better of it. */
  daemonMute: 0.02,
  daemonFlaps: 0.02,
  daemonDrains: 0.02,
  daemonShrinks: 0.02,
  /** Per half second: another under the name of one that is there; a whole herd, that goes and comes back at once. */
  daemonImpostor: 0.01,
  daemonHerd: 0.004,
  /** Of work: never done though its daemon beats; done before its acceptance is heard. */
  workNever: 0.02,
  workInstant: 0.05,
  /** Of reports: one of yesterday once more, the opposite afterwards, out of order, and larger than it may be. */
  reportReplayed: 0.1,
  reportContradicted: 0.05,
  reportDisordered: 0.1,
  reportTooLarge: 0.01,
  /** Planners, evaluators and mergers talk nonsense, or say what there is no place for. */
  planNonsense: 0.15,
  planTwice: 0.1,
  verdictNonsense: 0.05,
  mergeNonsense: 0.1,
  mergeForeign: 0.03,
  mergeFails: 0.05,
  workWithoutCommit: 0.15,
} as const

/** Those that came after these, likewise. */
const latestFaultRates = {
  /** Of orders: its daemon does not hear it. */
  orderUnheard: 0.3,
  /** Of messages that actors take: their machine throws at it whenever it is tried, until the world heals. */
  machineThrows: 0.01,
  /** Whether events and what actors took are kept for some seconds only. */
  keptShort: 0.5,
} as const

/** Those of worlds in which nodes are of several builds. */
const buildFaultRates = {
  /** Of nodes, per half second: it comes back as the next build, or as the one before. */
  nodeUpgraded: 0.06,
  nodeDowngraded: 0.03,
  /** Of actors of an older version of their machine: their migration throws whenever it is tried, until the world heals. */
  migrationThrows: 0.15,
} as const

export const faultRates = { ...firstFaultRates, ...laterFaultRates, ...latestFaultRates, ...buildFaultRates } as const

export type Fault = keyof typeof faultRates
export type Faults = Record<Fault, number>

const later: ReadonlySet<string> = new Set(Object.keys(faultRates).filter((fault) => !(fault in firstFaultRates)))

export const isLater = (fault: Fault): boolean => later.has(fault)

/** What people do, per turn of theirs. */
const firstDeedRates = {
  pause: 1,
  resume: 2,
  cancel: 0.4,
  retry: 1,
  evaluate: 1,
  steerStep: 2,
  completeContract: 0.5,
  endTask: 0.5,
  publishDone: 0.5,
  createAgain: 0.5,
} as const

const laterDeedRates = {
  mend: 0.5,
  startAgain: 0.3,
  planByHand: 0.5,
  askTwice: 0.5,
  trespass: 0.3,
  publishComplete: 0.3,
  publishFlood: 0.2,
} as const

export const deedRates = { ...firstDeedRates, ...laterDeedRates } as const

export type Deed = keyof typeof deedRates

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
  owners: number
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

const all = <K extends string>(
  rates: Readonly<Record<K, number>>,
  value: (rate: number, name: string) => number,
): Record<K, number> =>
  Object.fromEntries(Object.entries<number>(rates).map(([name, rate]) => [name, value(rate, name)])) as Record<
    K,
    number
  >

export const noFaultsAtAll: Faults = all(faultRates, () => 0)
export const noDeeds: Record<Deed, number> = all(deedRates, () => 0)

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
  owners: 1,
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

const sizes: Readonly<Record<Size, Sizes>> = {
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

/**
 * Where people are to meet the rest as it is: which part of the faults is on, and of what may come of work and plans. Of the deeds all
 * are, but what ends everything is seldom done.
 */
const steered = { faults: 0.1, outcomes: 0.6, ends: 0.1 }

const outcomes: ReadonlySet<string> = new Set([
  'workSlow',
  'workFails',
  'meansFail',
  'notPassed',
  'verdictBad',
  'verdictMissing',
  'planBad',
  'planMissing',
  'mergeConflict',
  'mergeFails',
])

export const sizeNames = Object.keys(sizes) as readonly Size[]

/**
 * Worlds of regressions are what they were when they found something: 1, from before there were later faults; 2, from before limits
 * were small and directives said how often failures of the means are tried again; 3, from before there were builds.
 */
const drawnAsBefore: Readonly<Record<string, 1 | 2 | 3>> = {
  'small 42': 1,
  'small 71': 1,
  'small 98': 1,
  'small 102': 1,
  'small 186': 1,
  'large 20160': 1,
  'large 20022': 1,
  'small 300036': 2,
  'pulls 300037': 2,
  'small 3276': 2,
  'pulls 4049': 2,
  'large 3911': 2,
  'large 4251': 2,
  'large 30058': 3,
  'large 30461': 3,
  'large 70054': 3,
  'large 70091': 3,
  'large 70136': 3,
  'large 200347': 3,
  'small 202036': 3,
  'pulls 257': 3,
  'large 651': 3,
  'large 31187': 3,
  'pulls 302209': 3,
  'steered 320085': 3,
}

/** How likely these were then. */
const ratesBefore: Readonly<Record<string, number>> = {
  mergeConflict: 0.05,
  workWithoutCommit: 0.03,
  messagePoisoned: 0.01,
}

/** Swarm: each seed has a world of its own and its own choice of faults, so that rare pairs of them meet without the others. */
export const swarm = (seed: number, size: Size): SimOptions => {
  const random = new SimRandom(seed)
  const share = random.pick([0.1, 0.3, 0.5, 1]) ?? 0.3
  const harder = random.pick([1, 1, 3]) ?? 1
  const asBefore = drawnAsBefore[`${size} ${seed}`]
  const eager = size === 'steered'
  const some = (now: number, name: string): number => {
    const rate = asBefore === undefined || asBefore === 3 ? now : (ratesBefore[name] ?? now)
    const on = outcomes.has(name) ? steered.outcomes : steered.faults
    return random.chance(eager ? on : share) ? Math.min(1, rate * harder) : 0
  }
  const someDeeds = eager
    ? (rate: number, name: string): number => (name === 'cancel' ? steered.ends * rate : rate)
    : some
  const of = sizes[size]
  const one = (list: readonly number[]): number => random.pick(list) ?? 1
  const first = {
    seed,
    engines: one(of.engines),
    owners: one(of.owners),
    daemons: one(of.daemons),
    directives: one(of.directives),
    stepsMax: one(of.stepsMax),
    chaosMs: one(of.chaosMs),
    healMs: 1_800_000,
    faults: { ...noFaultsAtAll, ...all(firstFaultRates, some) },
    deeds: { ...noDeeds, ...all(firstDeedRates, someDeeds) },
    // Drawn last: what was drawn before is the same in worlds without them.
    scripts: one(of.scripts),
    threadsPerNode: 1,
    builds: 1,
    homes: false,
    mailboxMax: mailboxMessagesMax,
    tight: 0,
    ownRetries: false,
    eager,
  }
  if (asBefore === 1) return first
  const second = {
    ...first,
    faults: { ...first.faults, ...all(laterFaultRates, some) },
    deeds: { ...first.deeds, ...all(laterDeedRates, someDeeds) },
    threadsPerNode: one([1, 1, 2]),
    homes: random.chance(0.3),
    mailboxMax: one([5, mailboxMessagesMax]),
  }
  if (asBefore === 2) return second
  const third = {
    ...second,
    faults: { ...second.faults, ...all(latestFaultRates, some) },
    tight: one([0, 0, 1, 2]),
    ownRetries: random.chance(0.7),
  }
  return asBefore === 3 ? third : { ...third, ...ofBuilds(third, random.aside()) }
}

/** In a third of all worlds there are several. */
const ofBuilds = ({ faults, chaosMs }: SimOptions, random: SimRandom): Partial<SimOptions> => {
  const builds = random.pick([1, 1, 1, 1, 2, 3]) ?? 1
  const some = (rate: number): number => (builds > 1 && random.chance(0.7) ? rate : 0)
  // Something has to be under way still when nodes come back.
  const longer = builds > 1 ? { chaosMs: Math.max(chaosMs, 16_000) } : {}
  return { builds, ...longer, faults: { ...faults, ...all(buildFaultRates, some) } }
}

/** The faults and deeds that are on, in one line. */
export const described = ({ faults, deeds, ...rest }: SimOptions): string => {
  const on = (rates: Record<string, number>): string =>
    Object.entries(rates)
      .flatMap(([name, rate]) => (rate > 0 ? [`${name}=${rate}`] : []))
      .join(' ')
  return `${JSON.stringify(rest)} faults: ${on(faults) || 'none'}; deeds: ${on(deeds) || 'none'}`
}
