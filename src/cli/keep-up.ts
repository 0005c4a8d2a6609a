/** A private server that is started again when it ends by itself; the rest of Writ waits for it and goes on. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Server } from '../embedded/server.ts'

export interface Kept<S extends Server> {
  /** The one that runs, or ran last. */
  current: () => S
  stop: (force: boolean) => Promise<void>
}

/** Between two tries to start it again, in ms. */
const pauseMs = 1_000

/** `start` takes the port to try first: the one that everybody who is connected goes on using. */
export const keepUp = async <S extends Server>(
  start: (port: number | undefined) => Promise<S>,
  say: (line: string) => void,
): Promise<Kept<S>> => {
  let server = await start(undefined)
  let stopping = false
  const restart = async (): Promise<S | null> => {
    while (!stopping) {
      try {
        return await start(server.port)
      } catch (error) {
        say(`${server.name} does not start: ${error instanceof Error ? error.message : String(error)}`)
        await delay(pauseMs)
      }
    }
    return null
  }
  const watch = async (): Promise<void> => {
    for (;;) {
      const { code, signal } = await server.exited
      if (stopping) return
      say(`${server.name} ended by itself (${signal ?? code ?? 'nobody knows why'}): starting it again`)
      const next = await restart()
      if (next === null) return
      server = next
      say(`${server.name} is up again`)
    }
  }
  void watch()
  return {
    current: () => server,
    stop: async (force) => {
      stopping = true
      await server.stop(force)
    },
  }
}
