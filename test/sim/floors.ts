/** How much has to happen in a run, so that nothing wrong means something: a world in which nothing happens breaks no rule. */
import type { Deed, Fault } from './rates.ts'
import type { Mix } from './seeds.ts'
import type { Count, Tally } from './tally.ts'

/** Runs of fewer worlds prove nothing, and are not held to this. */
export const floorSeedsMin = 500

/** Per world, or, of kinds and pairs, of all that there are. */
export const floors = {
  /** Directives that have ended. */
  ended: 1,
  /** What the scheduler let happen. */
  events: 200,
  /** Actors that became of a later version of their machine: few worlds have several builds. */
  migrated: 0.1,
  /** Each kind of fault and of deed that is not common: rare ones need the same few worlds as all others to have met once in a while. */
  happened: 0.001,
  /** Kinds that took effect at all. */
  kinds: 0.9,
  /** Pairs of a state and a message: rare ones need many worlds. */
  visited: 0.5,
  visitedByMany: 0.85,
} as const

/**
 * So often each common kind takes effect at least in a short run of worlds of all sizes, so that one that is lost is seen there and then:
 * a third, or less, of what was the least in four such runs.
 */
const common: Readonly<Partial<Record<Fault | Deed, number>>> = {
  busDrop: 150,
  busDuplicate: 150,
  busSlow: 60,
  partition: 25,
  commitUnknownApplied: 60,
  commitUnknownLost: 25,
  commitUnknownLate: 25,
  commitRefused: 10,
  commitSlow: 60,
  callFails: 60,
  callSlow: 150,
  engineKilled: 60,
  engineFrozen: 60,
  engineStopped: 25,
  clockDrift: 150,
  daemonGone: 60,
  daemonRestarted: 60,
  daemonForgets: 60,
  spawnRefused: 3,
  spawnIgnored: 3,
  workSlow: 10,
  reportTwice: 25,
  reportLate: 10,
  reportForged: 25,
  workFails: 3,
  meansFail: 10,
  notPassed: 10,
  verdictBad: 10,
  verdictMissing: 3,
  mergeConflict: 3,
  busReorder: 25,
  busOneWay: 25,
  busHalfOpen: 25,
  streamRedelivers: 150,
  streamLosesTail: 60,
  streamWiped: 25,
  streamSilent: 60,
  callUnknown: 60,
  callLate: 150,
  storeDown: 25,
  backendKilled: 150,
  databaseClockJumps: 10,
  engineKilledAtCall: 25,
  engineFrozenAtCall: 10,
  engineJoins: 25,
  engineLeaves: 10,
  nodeKilled: 25,
  nodeFrozen: 25,
  nodeOld: 60,
  messagePoisoned: 10,
  daemonImpostor: 25,
  daemonHerd: 10,
  workInstant: 10,
  reportReplayed: 10,
  reportContradicted: 10,
  reportDisordered: 10,
  orderUnheard: 3,
  machineThrows: 10,
  keptShort: 25,
  nodeUpgraded: 25,
  nodeDowngraded: 25,
  pause: 150,
  resume: 150,
  cancel: 25,
  retry: 150,
  evaluate: 150,
  steerStep: 150,
  completeContract: 60,
  endTask: 60,
  publishDone: 60,
  createAgain: 60,
  mend: 60,
  startAgain: 60,
  planByHand: 60,
  askTwice: 60,
  trespass: 60,
  publishComplete: 60,
  publishFlood: 25,
}

/** Of the common kinds, per world. */
export const commonFloors: ReadonlyMap<string, number> = new Map(
  Object.entries(common).map(([kind, count]) => [kind, count / floorSeedsMin] as const),
)

/** So many worlds meet nearly all that there can be. */
const many = 10_000

/** In worlds of one size alone, what is common in others may be rare. */
const floorOf = ({ name }: Count, seeds: number, size: Mix): number => {
  const often = size === 'mixed' ? commonFloors.get(name) : undefined
  return Math.floor((often ?? floors.happened) * seeds)
}

/** What is below its floor, in words. */
export const tooLittle = (tally: Tally, reachable: ReadonlySet<string>, size: Mix): string[] => {
  const { seeds, ended, events, migrated, faults, deeds, visited } = tally
  if (seeds < floorSeedsMin) return []
  const kinds = [...faults, ...deeds]
  const pairs = [...visited].filter((pair) => reachable.has(pair)).length
  const counts = [
    { name: 'directives ended', count: ended, floor: floors.ended * seeds },
    { name: 'events', count: events, floor: floors.events * seeds },
    { name: 'migrations', count: migrated, floor: floors.migrated * seeds },
    ...kinds.map((each) => ({ ...each, floor: floorOf(each, seeds, size) })),
    {
      name: 'kinds of faults and deeds',
      count: kinds.filter(({ count }) => count > 0).length,
      floor: floors.kinds * kinds.length,
    },
    {
      name: 'pairs of a state and a message',
      count: pairs,
      floor: (seeds < many ? floors.visited : floors.visitedByMany) * reachable.size,
    },
  ]
  return counts.flatMap(({ name, count, floor }) =>
    count < Math.ceil(floor) ? [`${name}: ${count}, and not ${Math.ceil(floor)} or more`] : [],
  )
}
