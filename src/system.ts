/** Time and chance as they really are: what a node gives its engines. */
import { randomBytes } from 'node:crypto'
import type { Clock, Random } from './actors/ports/clock.ts'

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}

const letters = 'abcdefghijklmnopqrstuvwxyz012345'
/** 32 letters, so that a byte gives one without favour. */
export const systemRandom: Random = {
  token: (length) => [...randomBytes(length)].map((byte) => letters[byte % letters.length]).join(''),
}
