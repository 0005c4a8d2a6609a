/**
 * What the beats of daemons say: a live view of this thread's own, held in a store that others may watch, and never durable.
 * Rebuilt after a move from the next beats (DESIGN 8, sessions and liveness).
 */
import { createStore } from '@xstate/store'

/** A daemon as its last sign of life has it. */
export interface Presence {
  session: string
  /** Monotonic ms of the last sign of life. */
  seenAt: number
  /** Attempts that it runs, by its last beat, less those that were reported ended since. */
  running: number
  /** No grant before the next beat: nobody knows what one of its slots is doing. */
  waitsForBeat: boolean
}

/** By `<owner>/<daemon>`. */
export interface PresenceView {
  get: (key: string) => Presence | undefined
  has: (key: string) => boolean
  keys: () => string[]
  set: (key: string, presence: Presence) => void
  delete: (key: string) => void
}

type Heard = Readonly<Record<string, Presence>>

const without = (heard: Heard, gone: string): Heard =>
  Object.fromEntries(Object.entries(heard).filter(([key]) => key !== gone))

export const openPresence = (): PresenceView => {
  const store = createStore({
    context: { heard: {} as Heard },
    on: {
      heard: ({ heard }, { key, presence }: { key: string; presence: Presence }) => ({
        heard: { ...heard, [key]: presence },
      }),
      gone: ({ heard }, { key }: { key: string }) => ({ heard: without(heard, key) }),
    },
  })
  const heard = (): Heard => store.getSnapshot().context.heard
  return {
    get: (key) => heard()[key],
    has: (key) => heard()[key] !== undefined,
    keys: () => Object.keys(heard()),
    set: (key, presence) => store.trigger.heard({ key, presence }),
    delete: (key) => store.trigger.gone({ key }),
  }
}
