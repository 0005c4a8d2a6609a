/** What the parts of a thread's engine share, as it is when the engine starts: nothing in memory, nobody watching. */
import { catalog } from '../machines/catalog.ts'
import type { Catalog } from '../machines/versions.ts'
import type { Holder } from './holder.ts'
import { type Host, noFigures } from './host.ts'
import { Inspections } from './inspections.ts'
import { Loader } from './loader.ts'
import { Memory } from './memory.ts'
import { openPresence } from './presence.ts'

type Parts = Pick<Host, 'store' | 'wire' | 'clock' | 'random' | 'log'> & { machines?: Catalog | undefined }

/** `holder`: the one that is made after it. */
export const openHost = (
  { store, wire, clock, random, log, machines = catalog }: Parts,
  holder: () => Holder,
): Host => {
  const memory = new Memory()
  let places = 0
  return {
    memory,
    loader: new Loader(memory, store, machines),
    store,
    wire,
    clock,
    random,
    log,
    figures: noFigures(),
    now: () => holder().now(),
    accepted: new Map(),
    waiting: new Map(),
    parkedAhead: new Map(),
    inFlight: new Set(),
    doubted: new Map(),
    order: (shard) => [holder().epochs().get(shard) ?? 0, ++places],
    machines,
    written: () => holder().written,
    inspections: new Inspections(clock),
    presence: openPresence(),
  }
}
