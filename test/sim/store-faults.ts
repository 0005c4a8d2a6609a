/** The fates of commits and calls, by the faults of now. Without any, each still takes a moment, so that things may meet. */
import type { Faults } from './options.ts'
import type { SimRandom } from './random.ts'
import type { CommitFate, SimStoreOptions } from './store.ts'

export const storeFaults = (
  faultsNow: () => Faults,
  random: SimRandom,
): Pick<Required<SimStoreOptions>, 'fate' | 'call'> => ({
  fate: () => fateBy(faultsNow(), random),
  call: () => {
    const { callSlow, callFails } = faultsNow()
    const ms = random.chance(callSlow) ? random.between(10, 3_000) : random.chance(0.3) ? random.between(1, 4) : 0
    return { ms, fails: random.chance(callFails) }
  },
})

const fateBy = (faults: Faults, random: SimRandom): CommitFate => {
  const slow = random.chance(faults.commitSlow)
  const ms = slow ? random.between(100, 5_000) : random.between(0, 5)
  if (random.chance(faults.commitUnknownApplied))
    return { appliedAfterMs: random.between(0, ms), answer: 'unknown', answeredAfterMs: ms }
  if (random.chance(faults.commitUnknownLost)) return { appliedAfterMs: null, answer: 'unknown', answeredAfterMs: ms }
  if (random.chance(faults.commitUnknownLate))
    return { appliedAfterMs: ms + random.between(1, 8_000), answer: 'unknown', answeredAfterMs: ms }
  if (random.chance(faults.commitRefused)) return { appliedAfterMs: 0, answer: 'refused', answeredAfterMs: ms }
  return { appliedAfterMs: random.between(0, ms), answer: 'told', answeredAfterMs: ms }
}
