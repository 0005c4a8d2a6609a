/** How much has to happen in a run, so that nothing wrong means something: a world in which nothing happens breaks no rule. */
import type { Tally } from './tally.ts'

/** Runs of fewer worlds prove nothing, and are not held to this. */
export const floorSeedsMin = 500

/** Per world, or, of the pairs, of all that there are. */
export const floors = {
  /** Directives that have ended. */
  ended: 1,
  /** What the scheduler let happen. */
  events: 200,
  /** Each kind of fault and of deed. */
  happened: 0.02,
  /** Pairs of a state and a message. */
  visited: 0.5,
} as const

/** What is below its floor, in words. */
export const tooLittle = (tally: Tally, reachable: ReadonlySet<string>): string[] => {
  const { seeds, ended, events, faults, deeds, visited } = tally
  if (seeds < floorSeedsMin) return []
  const pairs = [...visited].filter((pair) => reachable.has(pair)).length
  const counts = [
    { name: 'directives ended', count: ended, floor: floors.ended * seeds },
    { name: 'events', count: events, floor: floors.events * seeds },
    ...[...faults, ...deeds].map((each) => ({ ...each, floor: floors.happened * seeds })),
    { name: 'pairs of a state and a message', count: pairs, floor: floors.visited * reachable.size },
  ]
  return counts.flatMap(({ name, count, floor }) =>
    count < Math.ceil(floor) ? [`${name}: ${count}, and not ${Math.ceil(floor)} or more`] : [],
  )
}
