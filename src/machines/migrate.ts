/**
 * An actor of an older version becomes one of the version that is activated, before it takes its next message. What it becomes is
 * kept whole in its journal, so that a fold never runs a migration again; what follows from that is found out here, for both.
 */
import type { AnyStateMachine } from 'xstate'
import { type Advance, laidIn, load, store, type Stored, withHistory } from './advance.ts'
import type { TimerCommand } from './effect.ts'
import type { Given } from './given.ts'
import { type Live, timersOf } from './live.ts'
import type { Catalog, VersionState } from './versions.ts'

/** What the actor becomes; null when it stays what it is. Throws what its migration throws, or that its machine does not open that. */
export const migrated = (live: Live, written: readonly string[], machines: Catalog): Stored | null => {
  const { machine, version, ...before } = store(live)
  const way = machines.wayFrom(machine, version, written)
  const last = way.at(-1)
  if (last === undefined) return null
  const to = last.machine.version ?? ''
  try {
    const state = plain(way.reduce((state, { migration }) => migration?.migrate(state) ?? state, plain(before)))
    const after = { machine, version: to, value: state.value, context: state.context }
    load(after, machines)
    return after
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`its migration from ${machine}@${version} to ${machine}@${to} failed: ${why}`, { cause })
  }
}

/** Nothing that a migration does to it changes what it was made of, and nothing is in it that would not be stored. */
const plain = (state: VersionState): VersionState => JSON.parse(JSON.stringify(state)) as VersionState

/** The other version is taken up: timers that both wait for run on, the others are cancelled, or begin now. */
export const takenUp = (before: Live, after: Live, given: Given<unknown>): Advance => {
  const [waited, waits] = [timersOf(before), timersOf(after)]
  const timers: TimerCommand[] = [
    ...waited.filter((id) => !waits.includes(id)).map((id): TimerCommand => ({ do: 'cancel', id })),
    ...waits
      .filter((id) => !waited.includes(id))
      .map((id): TimerCommand => ({ do: 'set', id, delay: delayOf(after, id, given) })),
  ]
  return { live: after, ...withHistory(before, after, { effects: [], timers }), changed: true }
}

/** In ms, as entering the state would have it. */
const delayOf = (live: Live, id: string, given: Given<unknown>): number => {
  const { context } = laidIn(live, given)
  const { delays } = (live.snapshot.machine as AnyStateMachine).implementations
  const delayed = live.snapshot._nodes.flatMap((node) => node.after).find(({ eventType }) => eventType === id)
  const named: unknown = typeof delayed?.delay === 'string' ? delays[delayed.delay] : delayed?.delay
  const ms: unknown = typeof named === 'function' ? named({ context, event: { type: 'xstate.init' } }) : named
  if (typeof ms === 'number' && Number.isFinite(ms) && ms >= 0) return Math.ceil(ms)
  throw new Error(`the timer ${id} has a delay of ${String(ms)} ms`)
}
