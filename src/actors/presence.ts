/**
 * What the beats of daemons say: a live view of this thread's own, one atom per daemon that others may watch, and never
 * durable. Rebuilt after a move from the next beats (DESIGN 8, sessions and liveness).
 */
import { type Atom, createAtom } from '@xstate/store'

/** A daemon as its last sign of life has it. */
export interface Presence {
  session: string
  /** Monotonic ms of the last sign of life. */
  seenAt: number
  /** Attempts that it runs, by its last beat, less those that were reported ended since. */
  running: number
  /** No grant before the next beat: nobody knows what one of its slots is doing. */
  waitsForBeat: boolean
  /** How often in a row it refused what it was sent, or did not answer; no grant before this time, monotonic ms. */
  refusals: number
  notBefore: number
}

/**
 * The session of a daemon that is to say hello, and with it what it runs: the database was restored from an earlier copy, and what that
 * says of the daemon (`at` 0) may not be true any more. No session is called so: its beat is not known.
 */
export const unheard = ''

/** A daemon that has just been heard of. */
export const heardOf = (session: string, seenAt: number): Presence => ({
  session,
  seenAt,
  running: 0,
  waitsForBeat: false,
  refusals: 0,
  notBefore: 0,
})

/** By `<owner>/<daemon>`. */
export interface PresenceView {
  get: (key: string) => Presence | undefined
  has: (key: string) => boolean
  keys: () => string[]
  set: (key: string, presence: Presence) => void
  delete: (key: string) => void
}

export const openPresence = (): PresenceView => {
  const heard = new Map<string, Atom<Presence>>()
  return {
    get: (key) => heard.get(key)?.get(),
    has: (key) => heard.has(key),
    keys: () => [...heard.keys()],
    set: (key, presence) => {
      const known = heard.get(key)
      if (known === undefined) heard.set(key, createAtom(presence))
      else known.set(presence)
    },
    delete: (key) => void heard.delete(key),
  }
}
