/** A private server that is started again when it ends by itself; the rest of Writ waits for it and goes on. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Server } from '../embedded/server.ts'

export interface Kept<S extends Server> {
  /** The one that runs, or ran last. */
  current: () => S
  /** The one that runs, waited for while it is started again. */
  running: () => Promise<S>
  /** Ends it, also the one that is just being started in its place. */
  stop: (force: boolean) => Promise<void>
  /** Rejects when it ended and may not be started again. */
  failed: Promise<never>
}

/** Starts the first one (`before` is null), or one in the place of one that ended: where that one listened. */
export type Start<S extends Server> = (before: S | null) => Promise<S>

/** Between two tries to start it again, in ms. */
const pauseMs = 1_000

/**
 * Throws what the first start throws; what a later one throws is told, and it is tried again. None is tried any more once `lost` says
 * why there is nothing left to start it on.
 */
export const keepUp = async <S extends Server>(
  start: Start<S>,
  say: (line: string) => void,
  lost: () => Error | undefined,
): Promise<Kept<S>> => {
  let server = await start(null)
  const end = new AbortController()
  const stopping = (): boolean => end.signal.aborted
  let fail: (why: Error) => void = () => undefined
  const failed = new Promise<never>((_, reject) => (fail = reject))
  // Who started it may still be starting other things.
  failed.catch(() => undefined)
  const restart = async (): Promise<void> => {
    for (let told = ''; !stopping();) {
      try {
        const why = lost()
        if (why !== undefined) {
          end.abort()
          return fail(why)
        }
        server = await start(server)
        return say(`${server.name} is up again`)
      } catch (error) {
        const line = `${server.name} does not start: ${error instanceof Error ? error.message : String(error)}`
        if (line !== told && !stopping()) say(line)
        told = line
        await delay(pauseMs, undefined, { signal: end.signal }).catch(() => undefined)
      }
    }
  }
  let restarting = Promise.resolve()
  const watch = async (): Promise<void> => {
    for (;;) {
      const { code, signal } = await server.exited
      if (stopping()) return
      say(`${server.name} ended by itself (${signal ?? code ?? 'nobody knows why'}): starting it again`)
      restarting = restart()
      await restarting
    }
  }
  void watch()
  return {
    failed,
    current: () => server,
    running: async () => {
      await restarting
      return server
    },
    stop: async (force) => {
      end.abort()
      await restarting
      await server.stop(force)
    },
  }
}
