/** What comes of a daemon's work: results, commits and merges of a repository that only exists as sets of what is in it. */
import type { AttemptRow } from '../../src/actors/ports/rows.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import type { SimNetwork } from './bus.ts'
import type { SimClock } from './clock.ts'
import type { Luck } from './luck.ts'
import type { SimRandom } from './random.ts'
import type { Trace } from './trace.ts'

export interface Outcome {
  verb: 'done' | 'failed'
  body: object
}

/** What a daemon sees of its world. */
export interface DaemonWorld {
  clock: SimClock
  random: SimRandom
  network: SimNetwork
  trace: Trace
  /** The faults of now: they end when the world heals. */
  luck: Luck
  /** Commits, and the work that is in each: `<step's task>/<attempt>`. */
  repository: Map<string, ReadonlySet<string>>
  openAttempts: () => AttemptRow[]
  reported: (report: string) => void
  forged: (counted: boolean, what: string) => void
  /** Whoever supervises its process starts the daemon of this name again after so many ms. */
  revive: (daemon: string, ms: number) => void
  /** What the planner does before it is done. */
  plan: (spawn: Spawn, random: SimRandom) => Promise<void>
}

const noVerdicts = [
  42,
  'passed',
  [],
  [{ passed: true }],
  { passed: null },
  { passed: true, overallScore: 'much' },
  { passed: true, overallScore: -1 },
  { passed: { passed: true } },
  { verdict: { passed: true } },
]

const hex = '0123456789abcdef'.split('')

/** A commit with this in it. */
const commitWith = ({ repository }: DaemonWorld, random: SimRandom, content: ReadonlySet<string>): string => {
  const id = Array.from({ length: 40 }, () => random.pick(hex)).join('')
  repository.set(id, content)
  return id
}

const contentOf = ({ repository }: DaemonWorld, commit: string | null): ReadonlySet<string> =>
  repository.get(commit ?? '') ?? new Set()

const union = (a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> => new Set([...a, ...b])

export const outcomeOf = (world: DaemonWorld, random: SimRandom, spawn: Spawn, finish: boolean): Outcome => {
  const { luck } = world
  if (!finish && luck.strikes('meansFail', random)) return failed('the means', true)
  switch (spawn.task.role) {
    case 'planner':
      return { verb: 'done', body: {} }
    case 'evaluator':
      return evaluated(luck, random)
    case 'merger':
      return oddlyMerged(world, random) ?? merged(world, random, spawn)
    case 'worker':
      if (!finish && luck.strikes('workFails', random)) return failed('the work', false)
      return worked(world, random, spawn)
  }
}

/** What there is no place for: a merger's answer to another question, or about another line. */
const oddlyMerged = (world: DaemonWorld, random: SimRandom): Outcome | null => {
  const { luck } = world
  const aside = random.aside()
  const done = (merge: object): Outcome => ({ verb: 'done', body: { merge } })
  if (luck.strikes('mergeFails', aside)) return failed('the repository is away', aside.chance(0.5))
  if (luck.strikes('mergeForeign', aside))
    return done({ kind: 'foreign', commits: [commitWith(world, aside, new Set())] })
  if (!luck.strikes('mergeNonsense', aside)) return null
  const some = (): string => commitWith(world, aside, new Set())
  const odd = [
    { kind: 'merged', base: some(), line: some() },
    { kind: 'published', line: some() },
    { kind: 'conflict', files: [] },
  ]
  return aside.chance(0.2) ? { verb: 'done', body: {} } : done(aside.pick(odd) ?? {})
}

const failed = (reason: string, means: boolean): Outcome => ({ verb: 'failed', body: { reason, means } })

const worked = (world: DaemonWorld, random: SimRandom, { task, repository, startCommit }: Spawn): Outcome => {
  if (repository === null || world.luck.strikes('workWithoutCommit', random.aside()))
    return { verb: 'done', body: { result: 'ok' } }
  const work = new Set([`${task.id}/${task.attempt}`])
  return { verb: 'done', body: { commit: commitWith(world, random, union(contentOf(world, startCommit), work)) } }
}

const evaluated = (luck: Luck, random: SimRandom): Outcome => {
  if (luck.strikes('verdictMissing', random)) return { verb: 'done', body: {} }
  if (luck.strikes('verdictBad', random))
    return { verb: 'done', body: { verdict: { passed: 'perhaps', overallScore: 7 } } }
  const aside = random.aside()
  if (luck.strikes('verdictNonsense', aside)) return { verb: 'done', body: { verdict: aside.pick(noVerdicts) } }
  const passed = !luck.strikes('notPassed', random)
  const overallScore = passed ? random.pick([0.6, 0.9, 1]) : 0.2
  const reworkInstructions = passed ? null : 'do it again'
  return { verb: 'done', body: { verdict: { passed, overallScore, reworkInstructions, summaryFeedback: 'seen' } } }
}

const merged = (world: DaemonWorld, random: SimRandom, { merge }: Spawn): Outcome => {
  const done = (result: object): Outcome => ({ verb: 'done', body: { merge: result } })
  if (merge === null) return failed('there is nothing to merge', false)
  if (merge.kind === 'prepare') return done({ kind: 'prepared', line: commitWith(world, random, new Set()) })
  if (merge.kind === 'publish') return done({ kind: 'published', line: merge.line })
  if (world.luck.strikes('mergeConflict', random)) return done({ kind: 'conflict', files: ['a.txt'] })
  const content = union(contentOf(world, merge.line), contentOf(world, merge.commit))
  return done({ kind: 'merged', base: merge.line, line: commitWith(world, random, content) })
}
