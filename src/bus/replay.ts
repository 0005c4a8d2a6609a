/** What actors took, from their journals, as if it happened now: the frames of a watch, in the same order, at any speed. */
import type { Clock } from '../actors/ports/clock.ts'
import { WritError } from '../protocol/errors.ts'
import {
  type ActorsApi,
  type Definitions,
  framesOf,
  machineIn,
  type InspectionFrame,
  inOrder,
  type Selection,
  type Sighting,
} from '../protocol/inspection.ts'
import { jsonBytes } from '../protocol/fitting.ts'
import { replayedBytesMax, replayedMax } from '../protocol/limits.ts'

export interface ReplayOptions {
  actors: ActorsApi
  selection: Selection
  clock: Clock
  /** Of each actor, both included. */
  fromVersion?: number
  toVersion?: number
  /** How many times as fast as it was; unset: without pauses. */
  speed?: number
  take: (frame: InspectionFrame) => void
  /** Resolves once there is room for more of what can wait: what was, and what is at the beginning. */
  ready?: () => Promise<void>
  signal: AbortSignal
}

/**
 * Tells all of it, or until the signal. Throws NOT_FOUND when nothing matches, TOO_LARGE when it is more than one replay can hold. The
 * history is read page by page and put in order here: it costs the nodes reads alone.
 */
export const replay = async (options: ReplayOptions): Promise<void> => {
  const { sightings, definitions, before } = await historyOf(options)
  const { take, ready, signal, clock, speed } = options
  /** The machine that each was shown on last. */
  const begun = new Map<string, string>()
  let at = Number(sightings[0]?.createdAt ?? 0)
  for (const sighting of sightings) {
    const time = Number(sighting.createdAt)
    if (speed !== undefined && time > at) await pause(clock, (time - at) / speed, signal)
    at = Math.max(at, time)
    await ready?.()
    if (signal.aborted) return
    const { sessionId: id } = sighting
    const found = begun.has(id) ? undefined : before.get(id)
    if (found !== undefined) {
      for (const frame of framesOf(listed(found), true, definitions)) take(frame)
      begun.set(id, machineIn(found))
    }
    for (const frame of framesOf(sighting, begun.get(id) !== machineIn(sighting), definitions)) take(frame)
    begun.set(id, machineIn(sighting))
  }
}

/** As one is found who was there before. */
const listed = (sighting: Sighting): Sighting => ({ ...sighting, writ: { ...sighting.writ, listed: true } })

interface Told {
  sightings: Sighting[]
  definitions: Definitions
  /** The state in which the span finds each actor, by id; none for those that begin in it. */
  before: ReadonlyMap<string, Sighting>
}

const historyOf = async (options: ReplayOptions): Promise<Told> => {
  const { actors, selection, fromVersion = 1, toVersion, take, signal } = options
  const span = {
    fromVersion: Math.max(1, fromVersion - 1),
    ...(toVersion === undefined ? {} : { toVersion }),
  }
  const before = new Map<string, Sighting>()
  const sightings: Sighting[] = []
  let definitions: Definitions = {}
  let bytes = 0
  let after: string | null = null
  do {
    const page = await actors.history({
      ...selection,
      ...span,
      definitions: true,
      ...(after === null ? {} : { after }),
    })
    for (const sighting of page.sightings)
      if (sighting.writ.version < fromVersion) before.set(sighting.sessionId, sighting)
      else sightings.push(sighting)
    definitions = { ...definitions, ...page.definitions }
    for (const { id, why } of page.faults)
      take({ type: '@writ.notice', text: `the journal of ${id} cannot be followed: ${why}; writ verify says more` })
    after = page.next
    bytes += jsonBytes(page.sightings)
    if (sightings.length > replayedMax || bytes > replayedBytesMax) throw tooLong()
  } while (after !== null && !signal.aborted)
  if (sightings.length === 0 && !signal.aborted) throw nothing()
  return { sightings: inHistory(sightings), definitions, before }
}

/** Those of one directive in its own order, whatever the clocks said; those of several by their time. */
const inHistory = (sightings: readonly Sighting[]): Sighting[] => {
  const byRoot = sightings.toSorted(
    (a, b) => inText(a.rootId, b.rootId) || inOrder(a.writ.order, b.writ.order) || timeOf(a) - timeOf(b),
  )
  let [root, time] = ['', 0]
  const timed = byRoot.map((sighting) => {
    time = Math.max(root === sighting.rootId ? time : 0, timeOf(sighting))
    root = sighting.rootId
    return { sighting, time }
  })
  // Stable: where the time is the same, those of one directive stay as they are.
  return timed.toSorted((a, b) => a.time - b.time).map(({ sighting }) => sighting)
}

const timeOf = ({ createdAt }: Sighting): number => Number(createdAt)

const inText = (a: string, b: string): number => {
  if (a === b) return 0
  return a < b ? -1 : 1
}

const tooLong = (): WritError =>
  new WritError('TOO_LARGE', 'this is more than one replay can hold', {
    hint: 'ask for fewer actors, by id or kind, or for a span of versions',
  })

const nothing = (): WritError =>
  new WritError('NOT_FOUND', 'no actor matches, or none of them has taken anything in that span', {
    hint: 'what has ended is found by its id; writ directive list shows what there is',
  })

const pause = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      alarm.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const alarm = clock.after(ms, end)
    signal.addEventListener('abort', end)
  })
