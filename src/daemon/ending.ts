/** Why an attempt is being ended before its time, and how whatever it does at that moment hears of it. */

/** `finish` lets the work so far be pushed; every other reason drops it. */
export type Reason = 'cancel' | 'finish' | 'total' | 'stop'

/** Thrown where something would begin although the attempt is being ended. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** What has to end with the attempt: a process, say. */
export interface Endable {
  ended: Promise<unknown>
  /** Asks it to end, and sees to it when it does not (at once with `force`). */
  stop: (force?: boolean) => Promise<void>
}

export interface Ending {
  reason: () => Reason | null
  /** Aborted for every reason but `finish`. */
  signal: AbortSignal
  /** TERM to what runs, KILL later (at once with `force`). The first reason stays, but `finish` gives way to any other. */
  end: (reason: Reason, force?: boolean) => void
  /** Waits for what has to end with the attempt. Throws Interrupted when it came too late. */
  watch: <T extends Endable>(begin: () => Promise<T>) => Promise<T>
}

export const openEnding = (): Ending => {
  const aborting = new AbortController()
  const running = new Set<Endable>()
  let reason: Reason | null = null
  const refuse = (): void => {
    if (reason !== null) throw new Interrupted(`the attempt is being ended: ${reason}`)
  }
  return {
    reason: () => reason,
    signal: aborting.signal,
    end: (why, force = false) => {
      if (reason === null || reason === 'finish') reason = why
      if (reason !== 'finish') aborting.abort(new Interrupted(reason))
      for (const one of running) void one.stop(force)
    },
    watch: async (begin) => {
      refuse()
      const one = await begin()
      running.add(one)
      void one.ended.then(() => running.delete(one))
      // It was asked to end while this process was being started.
      if (reason !== null) void one.stop()
      return one
    },
  }
}
