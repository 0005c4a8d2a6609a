/** How much has to happen in a run, so that nothing wrong means something: a world in which nothing happens breaks no rule. */
import type { Tally } from './tally.ts'

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
  /** Each kind of fault and of deed: rare ones need the same few worlds as all others to have met once in a while. */
  happened: 0.001,
  /** Kinds that took effect at all. */
  kinds: 0.9,
  /** Pairs of a state and a message: rare ones need many worlds. */
  visited: 0.5,
  visitedByMany: 0.85,
} as const

/** So many worlds meet nearly all that there can be. */
const many = 10_000

/** What is below its floor, in words. */
export const tooLittle = (tally: Tally, reachable: ReadonlySet<string>): string[] => {
  const { seeds, ended, events, migrated, faults, deeds, visited } = tally
  if (seeds < floorSeedsMin) return []
  const kinds = [...faults, ...deeds]
  const pairs = [...visited].filter((pair) => reachable.has(pair)).length
  const counts = [
    { name: 'directives ended', count: ended, floor: floors.ended * seeds },
    { name: 'events', count: events, floor: floors.events * seeds },
    { name: 'migrations', count: migrated, floor: floors.migrated * seeds },
    ...kinds.map((each) => ({ ...each, floor: Math.floor(floors.happened * seeds) })),
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
