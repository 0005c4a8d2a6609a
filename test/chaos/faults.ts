/** Does one fault to a site, for some time, and heals it: when it is over, everything is in its place again. */
import { setTimeout as delay } from 'node:timers/promises'
import type { SimRandom } from '../sim/random.ts'
import type { Kind } from './kinds.ts'
import type { Link, LinkFault } from './link.ts'
import { type Place, type Site, threadsPerNode } from './site.ts'

/** What was hit; null: the machine does not allow it. Throws when it does not heal. */
type Fault = (site: Site, random: SimRandom) => Promise<string | null>

const second = 1000
const stormCount = 5
const threadWithinMs = 60 * second
/** One lease, in which a thread that stands still is noticed, and the start of the next one. */
const threadLoopMs = 13 * second

const one = <T>(list: readonly T[], random: SimRandom): T => {
  const picked = random.pick(list)
  if (picked === undefined) throw new Error('there is nothing to pick from')
  return picked
}

const frozen = async (place: Place, ms: number): Promise<string> => {
  place.send('SIGSTOP')
  await delay(ms).finally(() => place.send('SIGCONT'))
  return `${place.name} for ${ms / second} s`
}

const killed = async (place: Place, pauseMs: number): Promise<string> => {
  await place.kill()
  await delay(pauseMs)
  await place.up()
  return place.name
}

const threadBroken = async (site: Site, random: SimRandom, fault: 'exit' | 'hang'): Promise<string> => {
  const node = one(site.nodes, random)
  const thread = random.between(0, threadsPerNode - 1)
  site.breakThread(node, thread, fault)
  const until = performance.now() + threadWithinMs
  while (!site.hasBroken(node, thread)) {
    if (performance.now() > until) throw new Error(`the thread ${thread} of ${node.name} does not look for its fault`)
    await delay(50)
  }
  if (fault === 'hang') await delay(threadLoopMs)
  return `thread ${thread} of ${node.name}`
}

/** Some links at once; now and then all of them. */
const someLinks = (site: Site, random: SimRandom): Link[] => {
  if (random.chance(0.15)) return site.links
  const first = one(site.links, random)
  return random.chance(0.5) ? [first] : [...new Set([first, one(site.links, random)])]
}

const broken = async (links: readonly Link[], fault: LinkFault, ms: number): Promise<void> => {
  for (const link of links) link.break(fault)
  try {
    await delay(ms)
  } finally {
    for (const link of links) link.heal()
  }
}

const named = (links: readonly Link[]): string => links.map(({ name }) => name).join(', ')

/** Short, again and again: what has just connected anew is cut as well. */
const cutAgainAndAgain =
  (fault: LinkFault): Fault =>
  async (site, random) => {
    const links = someLinks(site, random)
    for (let left = random.between(2, 6); left > 0; left--) {
      await broken(links, fault, random.between(20, 300))
      await delay(random.between(50, 600))
    }
    return named(links)
  }

const faults: Record<Kind, Fault> = {
  'node-kill': (site, random) => killed(one(site.nodes, random), random.between(0, 3 * second)),
  'node-stop': (site, random) => frozen(one(site.nodes, random), random.between(12, 18) * second),
  'node-leave': async (site, random) => {
    const node = one(site.nodes, random)
    await site.part(node)
    return `${node.name}, and ${(await site.join()).name}`
  },
  'node-storm': async (site, random) => {
    const node = one(site.nodes, random)
    for (let left = stormCount; left > 1; left--) {
      await node.kill()
      node.begin()
      await delay(random.between(500, 2500))
    }
    return killed(node, 0)
  },
  'nodes-rolling': async (site) => {
    for (const node of site.nodes) {
      await node.leave()
      await node.up()
    }
    return site.nodes.map(({ name }) => name).join(', ')
  },
  'nodes-upgrade': async (site, random) => {
    site.release()
    for (const node of site.nodes) {
      await site.replace(node)
      // Both serve side by side.
      await delay(random.between(1, 4) * second)
    }
    return site.nodes.map(({ name }) => name).join(', ')
  },
  'thread-end': (site, random) => threadBroken(site, random, 'exit'),
  'thread-loop': (site, random) => threadBroken(site, random, 'hang'),
  'daemon-kill': (site, random) => killed(one(site.daemons, random), random.between(0, 5 * second)),
  'daemon-stop': (site, random) =>
    // Now and then for longer than its lease.
    frozen(one(site.daemons, random), random.chance(0.2) ? 33 * second : random.between(3, 10) * second),
  'nats-kill': async ({ servers }) => {
    await servers.nats.kill()
    return 'NATS'
  },
  'nats-stop': async ({ servers }, random) => {
    await servers.nats.stopFor(random.between(2, 14) * second)
    return 'NATS'
  },
  'nats-wipe': async ({ servers }) => {
    await servers.nats.wipe()
    return 'NATS'
  },
  'postgres-terminate': async ({ servers }, random) => {
    for (let left = random.between(1, 4); left > 0; left--) {
      await servers.postgres.terminate()
      await delay(random.between(50, 800))
    }
    return 'all sessions'
  },
  'postgres-crash': async ({ servers }) => {
    await servers.postgres.crash()
    return 'one backend'
  },
  'postgres-immediate': async ({ servers }) => {
    await servers.postgres.immediate()
    return 'Postgres'
  },
  'postgres-stop': async ({ servers }, random) => {
    await servers.postgres.stopFor(random.between(2, 14) * second)
    return 'Postgres'
  },
  'link-before': cutAgainAndAgain('before'),
  'link-after': cutAgainAndAgain('after'),
  'link-half-open': async (site, random) => {
    const links = someLinks(site, random)
    await broken(links, 'half-open', random.between(3, 12) * second)
    return named(links)
  },
  'link-trickle': async (site, random) => {
    const links = someLinks(site, random)
    await broken(links, 'trickle', random.between(3, 10) * second)
    return named(links)
  },
  'disk-full': async ({ servers }, random) => {
    if (servers.disk === null) return null
    servers.disk.fill()
    try {
      await delay(random.between(2, 8) * second)
    } finally {
      servers.disk.free()
    }
    await servers.postgres.mend()
    return "Postgres's file system"
  },
}

export const inflict = (kind: Kind, site: Site, random: SimRandom): Promise<string | null> => faults[kind](site, random)
