/** Worlds by chance: a seed draws what its world is made of, and what goes wrong in it. */
import { mailboxMessagesMax } from '../../src/protocol/limits.ts'
import { calm, type SimOptions, type Size, sizes } from './options.ts'
import { SimRandom } from './random.ts'
import {
  all,
  buildFaultRates,
  clientFaultRates,
  decidedDeedRates,
  decidedFaultRates,
  firstDeedRates,
  firstFaultRates,
  latestFaultRates,
  laterDeedRates,
  laterFaultRates,
  noDeeds,
  noFaultsAtAll,
} from './rates.ts'

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

/**
 * Worlds of regressions are what they were when they found something: 1, from before there were later faults; 2, from before limits
 * were small and directives said how often failures of the means are tried again; 3, from before there were builds; 4, from before
 * there were worlds that last, daemons that differ, some that ran the client of production, and people who decided about single messages;
 * 5, from before tasks were refused.
 */
const drawnAsBefore: Readonly<Record<string, 1 | 2 | 3 | 4 | 5>> = {
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
  'steered 346562': 4,
  'large 349211': 4,
  'steered 351154': 4,
  'steered 363270': 4,
  'steered 364442': 4,
  'large 367867': 4,
  'large 372147': 4,
  'pulls 430589': 4,
  'steered 449014': 4,
  'steered 463070': 4,
  'pulls 759957': 5,
  'large 803559': 5,
  'large 6671': 5,
}

/** In one of so many worlds; no divisor of it is one of how many sizes take turns. */
const removesEvery = 3

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
    const rate = asBefore === undefined || asBefore >= 3 ? now : (ratesBefore[name] ?? now)
    const on = outcomes.has(name) ? steered.outcomes : steered.faults
    return random.chance(eager ? on : share) ? Math.min(1, rate * harder) : 0
  }
  const someDeeds = eager
    ? (rate: number, name: string): number => (name === 'cancel' ? steered.ends * rate : rate)
    : some
  const of = sizes[size]
  const one = (list: readonly number[]): number => random.pick(list) ?? 1
  const first = calm(seed, {
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
    eager,
  })
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
  if (asBefore === 3) return third
  const fourth = { ...third, ...ofBuilds(third, random.aside()) }
  if (asBefore === 4) return fourth
  const fifth = { ...fourth, ...ofDaemons(fourth, random.aside().fork()), removes: seed % removesEvery === 0 }
  const sixth = { ...fifth, ...ofClients(fifth, random.aside().fork()) }
  return { ...sixth, ...decided(sixth, random.aside().fork(), asBefore !== 5) }
}

/** Where something can be parked, people may decide about it; in some worlds also about what registries are told, and tell. */
const decided = ({ faults, deeds }: SimOptions, random: SimRandom, withRefused: boolean): Partial<SimOptions> => {
  const seldom = (rate: number): number => (random.chance(0.15) ? rate : 0)
  const registryPoisoned = seldom(decidedFaultRates.registryPoisoned)
  const decisions = all(decidedDeedRates, (rate) => (random.chance(0.7) ? rate : 0))
  const taskRefused = withRefused ? seldom(decidedFaultRates.taskRefused) : 0
  const { messagePoisoned, machineThrows, commitRefused } = faults
  const canBe = registryPoisoned + taskRefused + messagePoisoned + machineThrows + commitRefused > 0
  return { faults: { ...faults, registryPoisoned, taskRefused }, deeds: { ...deeds, ...(canBe ? decisions : {}) } }
}

/** In a third of all worlds there are several. */
const ofBuilds = ({ faults, chaosMs }: SimOptions, random: SimRandom): Partial<SimOptions> => {
  const builds = random.pick([1, 1, 1, 1, 2, 3]) ?? 1
  const some = (rate: number): number => (builds > 1 && random.chance(0.7) ? rate : 0)
  // Something has to be under way still when nodes come back.
  const longer = builds > 1 ? { chaosMs: Math.max(chaosMs, 16_000) } : {}
  return { builds, ...longer, faults: { ...faults, ...all(buildFaultRates, some) } }
}

/**
 * A pull is never missed: what it was given ends by its total time alone, so there is nothing that lasts beside scripts. Where
 * daemons stay away, or differ, there is more than one.
 */
const ofDaemons = ({ daemons, scripts }: SimOptions, random: SimRandom): Partial<SimOptions> => {
  const lasting = random.chance(0.4) && scripts === 0
  const varied = random.chance(0.4)
  return { lasting, varied, daemons: lasting || varied ? Math.max(2, daemons) : daemons }
}

/** In a half of all worlds some daemons run the client of production, or all do. */
const ofClients = ({ faults }: SimOptions, random: SimRandom): Partial<SimOptions> => {
  const clients = random.pick([0, 0, 1, 2]) ?? 0
  const some = (rate: number): number => (clients > 0 && random.chance(0.5) ? rate : 0)
  return { clients, faults: { ...faults, ...all(clientFaultRates, some) } }
}
