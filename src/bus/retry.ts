/** Asking until there is an answer: what passes by itself (a shard on the move, a server that restarts) is waited for. */
import type { Clock, Random } from '../actors/ports/clock.ts'
import { type Code, WritError } from '../protocol/errors.ts'
import { Silence } from './silence.ts'

const passing = new Set<Code>([
  'NO_ANSWER',
  'NOT_HOLDER',
  'UNREACHABLE',
  'FENCED',
  'UNKNOWN_RESULT',
  'BUSY',
  'DRAINING',
])
const firstPauseMs = 50
const longestPauseMs = 2_000

/** Whether the same call may well succeed in a moment. */
export const isPassing = (error: unknown): boolean => error instanceof WritError && passing.has(error.code)

/** Half to all of the pause, by chance: whoever failed together shall not come back together. */
const pauseMs = (tries: number, random: Random): number => {
  const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** tries)
  const digits = 4
  return longest * (0.5 + Number.parseInt(random.token(digits), 36) / 36 ** digits / 2)
}

/**
 * Calls until it does not throw what passes by itself, or the time is up: then it throws the last error. `call` is told
 * how many ms are left, and how often it was tried before.
 */
export const retried = async <T>(
  time: { clock: Clock; random: Random },
  deadlineMs: number,
  call: (leftMs: number, tries: number) => Promise<T>,
): Promise<T> => {
  const { clock, random } = time
  const begin = clock.monotonic()
  const end = begin + deadlineMs
  for (let tries = 0; ; tries++) {
    try {
      return await call(end - clock.monotonic(), tries)
    } catch (error) {
      const pause = pauseMs(tries, random)
      if (!isPassing(error) || clock.monotonic() + pause >= end)
        throw error instanceof Silence ? error.inAll(clock.monotonic() - begin) : error
      await new Promise<void>((resolve) => clock.after(pause, resolve))
    }
  }
}
