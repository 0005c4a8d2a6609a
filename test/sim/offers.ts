/** What daemons of the simulated world offer, and what its tasks need of them, by chance. */
import { roles, type Needs } from '../../src/protocol/directive.ts'
import type { Offer } from '../../src/protocol/needs.ts'
import type { SimRandom } from './random.ts'

const executors = ['shell', 'checks', 'agent'] as const
const zones = ['near', 'far'] as const
const disks = ['fast', 'slow'] as const

/** That of every daemon where they do not differ. */
export const usual: Offer = { roles, executors: ['shell', 'checks'], labels: {} }

/** Of one that can do all that is ever needed. */
const whole: Offer = { roles, executors, labels: { zone: zones[0], disk: disks[0] } }

const some = <T>(random: SimRandom, list: readonly T[]): T[] => list.filter(() => random.chance(0.6))

/** Of the first daemon of an owner all, so that everything can be done; of the others a part. */
export const offerBy = (random: SimRandom, at: number): Offer => {
  if (at === 0) return whole
  const own = some(random, roles)
  return {
    roles: own.length === 0 ? ['worker'] : own,
    executors: some(random, executors),
    labels: {
      ...(random.chance(0.7) ? { zone: random.pick(zones) ?? zones[0] } : {}),
      ...(random.chance(0.7) ? { disk: random.pick(disks) ?? disks[0] } : {}),
    },
  }
}

/** Nothing but what a daemon with all can do. */
export const needsBy = (random: SimRandom): Needs => {
  const labels = {
    ...(random.chance(0.4) ? { zone: zones[0] } : {}),
    ...(random.chance(0.3) ? { disk: disks[0] } : {}),
  }
  const executor = random.pick([undefined, undefined, 'shell', 'agent'])
  return { labels, ...(executor === undefined ? {} : { executor }) }
}
