/** The host of a thread on simulated servers, where nobody else is and nothing is logged. */
import { type Host, noFigures } from '../../src/actors/host.ts'
import { Inspections } from '../../src/actors/inspections.ts'
import { Loader } from '../../src/actors/loader.ts'
import { Memory } from '../../src/actors/memory.ts'
import { openPresence } from '../../src/actors/presence.ts'
import { catalog } from '../../src/machines/catalog.ts'
import { wireOf } from '../../src/bus/wire.ts'
import { SimNetwork } from '../sim/bus.ts'
import type { SimClock } from '../sim/clock.ts'
import { SimRandom } from '../sim/random.ts'
import type { SimStore } from '../sim/store.ts'

const silent = (): void => undefined

export const quietHost = (clock: SimClock, store: SimStore): Host => {
  const memory = new Memory()
  let places = 0
  return {
    memory,
    loader: new Loader(memory, store, catalog),
    store,
    wire: wireOf(new SimNetwork(clock, new SimRandom(1)).join('t'), silent),
    clock,
    random: new SimRandom(1),
    log: { info: silent, warn: silent, error: silent },
    figures: noFigures(),
    now: () => 0,
    accepted: new Map(),
    waiting: new Map(),
    parkedAhead: new Map(),
    inFlight: new Set(),
    doubted: new Map(),
    order: () => [1, ++places],
    machines: catalog,
    written: () => [],
    inspections: new Inspections(clock),
    presence: openPresence(),
  }
}
