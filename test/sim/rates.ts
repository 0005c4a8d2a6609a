/** What goes wrong in a simulated world, and what people do in it: everything by name, with how likely it is. */

/** How likely each fault is. Per message, commit, call, spawn, report or task; those marked so: per half second and world. */
export const firstFaultRates = {
  /** Of the bus. */
  busDrop: 0.03,
  busDuplicate: 0.05,
  /** Whether messages take up to half a second at all. */
  busSlow: 1,
  /** Per half second. */
  partition: 0.02,
  /** Of commits: applied and not told, lost and not told, applied after it was given up, refused, slow. */
  commitUnknownApplied: 0.03,
  commitUnknownLost: 0.03,
  commitUnknownLate: 0.02,
  commitRefused: 0.004,
  commitSlow: 0.05,
  /** Of the store's other calls. */
  callFails: 0.004,
  callSlow: 0.03,
  /** Of threads; the first three per half second. */
  engineKilled: 0.02,
  engineFrozen: 0.015,
  engineStopped: 0.01,
  clockDrift: 0.01,
  /** Of daemons; the first three per half second. */
  daemonGone: 0.01,
  daemonRestarted: 0.015,
  daemonForgets: 0.01,
  spawnRefused: 0.05,
  spawnIgnored: 0.03,
  workSlow: 0.05,
  workStalls: 0.02,
  cancelIgnored: 0.1,
  reportTwice: 0.2,
  reportLate: 0.05,
  reportForged: 0.2,
  /** Of the work itself. */
  workFails: 0.03,
  meansFail: 0.05,
  notPassed: 0.1,
  verdictBad: 0.05,
  verdictMissing: 0.03,
  planBad: 0.2,
  planMissing: 0.1,
  mergeConflict: 0.2,
} as const

/** Those that came later. They are drawn last, and from chances of their own: worlds without them are what they were. */
export const laterFaultRates = {
  /** Of the bus: what overtakes others on its way; the rest per half second: who is not heard, or hears nothing, or both unnoticed. */
  busReorder: 0.05,
  busOneWay: 0.015,
  busHalfOpen: 0.015,
  /** Of the stream, per half second: hands over again, loses what came last, is wiped and made anew, hands nothing over. */
  streamRedelivers: 0.05,
  streamLosesTail: 0.02,
  streamWiped: 0.01,
  streamSilent: 0.02,
  /** Of the store's calls: done and not told, done and told late. */
  callUnknown: 0.004,
  callLate: 0.03,
  /** Of the store, per half second. */
  storeDown: 0.006,
  backendKilled: 0.03,
  databaseClockJumps: 0.004,
  /** Of threads: at a call, or between its answer and what follows; and of nodes, per half second. */
  engineKilledAtCall: 0.0006,
  engineFrozenAtCall: 0.0004,
  engineJoins: 0.01,
  engineLeaves: 0.01,
  nodeKilled: 0.01,
  nodeFrozen: 0.01,
  /** Of nodes as they start: of an older version, that does not know the machines of some directives. */
  nodeOld: 0.2,
  /** Of messages that wait in mailboxes: every commit that takes it is refused, until it is parked. */
  messagePoisoned: 0.03,
  /** Of daemons, per beat: silent for a while though they work; leave and are back at once; change their slots, or drain and think better of it. */
  daemonMute: 0.02,
  daemonFlaps: 0.02,
  daemonDrains: 0.02,
  daemonShrinks: 0.02,
  /** Per half second: another under the name of one that is there; a whole herd, that goes and comes back at once. */
  daemonImpostor: 0.01,
  daemonHerd: 0.004,
  /** Of work: never done though its daemon beats; done before its acceptance is heard. */
  workNever: 0.02,
  workInstant: 0.05,
  /** Of reports: one of yesterday once more, the opposite afterwards, out of order, and larger than it may be. */
  reportReplayed: 0.1,
  reportContradicted: 0.05,
  reportDisordered: 0.1,
  reportTooLarge: 0.01,
  /** Planners, evaluators and mergers talk nonsense, or say what there is no place for. */
  planNonsense: 0.15,
  planTwice: 0.1,
  verdictNonsense: 0.05,
  mergeNonsense: 0.1,
  mergeForeign: 0.03,
  mergeFails: 0.05,
  workWithoutCommit: 0.15,
} as const

/** Those that came after these, likewise. */
export const latestFaultRates = {
  /** Of orders: its daemon does not hear it. */
  orderUnheard: 0.3,
  /** Of messages that actors take: their machine throws at it whenever it is tried, until the world heals. */
  machineThrows: 0.01,
  /** Whether events and what actors took are kept for some seconds only. */
  keptShort: 0.5,
} as const

/** Those of worlds in which nodes are of several builds. */
export const buildFaultRates = {
  /** Of nodes, per half second: it comes back as the next build, or as the one before. */
  nodeUpgraded: 0.06,
  nodeDowngraded: 0.03,
  /** Of actors of an older version of their machine: their migration throws whenever it is tried, until the world heals. */
  migrationThrows: 0.15,
} as const

/** Those of worlds in which daemons run the client of production. */
export const clientFaultRates = {
  /** Of records that a daemon writes: its disk is full; it takes its time. */
  recordFails: 0.01,
  recordSlow: 0.05,
  /** Of daemons: right before or after a call, a word, or a record. */
  daemonKilledAtCall: 0.004,
} as const

/** Those of worlds in which people decide about each message that is parked. */
export const decidedFaultRates = {
  /** Of messages to registries, and of theirs: as `messagePoisoned` of all others. */
  registryPoisoned: 0.03,
  /** Of attempts, as they begin and as they end: every commit in which one of its actor does is refused, until that is parked. */
  taskRefused: 0.03,
} as const

export const faultRates = {
  ...firstFaultRates,
  ...laterFaultRates,
  ...latestFaultRates,
  ...buildFaultRates,
  ...clientFaultRates,
  ...decidedFaultRates,
} as const

export type Fault = keyof typeof faultRates
export type Faults = Record<Fault, number>

const later: ReadonlySet<string> = new Set(Object.keys(faultRates).filter((fault) => !(fault in firstFaultRates)))

export const isLater = (fault: Fault): boolean => later.has(fault)

/** What people do, per turn of theirs. */
export const firstDeedRates = {
  pause: 1,
  resume: 2,
  cancel: 0.4,
  retry: 1,
  evaluate: 1,
  steerStep: 2,
  completeContract: 0.5,
  endTask: 0.5,
  publishDone: 0.5,
  createAgain: 0.5,
} as const

export const laterDeedRates = {
  mend: 0.5,
  startAgain: 0.3,
  planByHand: 0.5,
  askTwice: 0.5,
  trespass: 0.3,
  publishComplete: 0.3,
  publishFlood: 0.2,
} as const

export const decidedDeedRates = {
  parkedRetry: 1,
  parkedDrop: 1,
} as const

export const deedRates = { ...firstDeedRates, ...laterDeedRates, ...decidedDeedRates } as const

export type Deed = keyof typeof deedRates

/** A value for each of these. */
export const all = <K extends string>(
  rates: Readonly<Record<K, number>>,
  value: (rate: number, name: string) => number,
): Record<K, number> =>
  Object.fromEntries(Object.entries<number>(rates).map(([name, rate]) => [name, value(rate, name)])) as Record<
    K,
    number
  >

export const noFaultsAtAll: Faults = all(faultRates, () => 0)
export const noDeeds: Record<Deed, number> = all(deedRates, () => 0)
