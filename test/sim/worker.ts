/** A thread that runs worlds: it is told one at a time, and tells what came of it. */
import { parentPort } from 'node:worker_threads'
import { type Result, textOf, withoutEnd } from './job.ts'
import { swarm } from './swarm.ts'
import type { Seed } from './seeds.ts'
import { type Outcome, simulate } from './world.ts'

/** A few worlds are run twice: the same seed has the same trace. */
const twiceEvery = 50

/** What this thread has told already. */
const visited = new Set<string>()

const resultOf = ({ seed, size }: Seed, outcome: Outcome): Result => {
  const { digest, events, ended, migrated, violations, happened } = outcome
  const fresh = [...outcome.visited].filter((pair) => !visited.has(pair))
  for (const pair of fresh) visited.add(pair)
  return {
    seed,
    size,
    digest,
    events,
    ended,
    migrated,
    happened: [...happened],
    visited: fresh,
    violations,
    again: false,
  }
}

const run = async (at: Seed): Promise<Result> => {
  const options = swarm(at.seed, at.size)
  const result = resultOf(at, await simulate(options))
  if (at.seed % twiceEvery !== 0 || result.violations.length > 0) return result
  const { digest } = await simulate(options)
  const differs = `same: two runs of one seed differ, in the hashes of their traces ${result.digest} and ${digest}`
  return { ...result, again: true, violations: digest === result.digest ? [] : [differs] }
}

parentPort?.on('message', (at: Seed) => {
  void run(at)
    .catch((error: unknown) => withoutEnd(at, `thrown: ${textOf(error)}`))
    .then((result) => parentPort?.postMessage(result))
})
