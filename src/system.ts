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
const poolBytes = 4096
let pool = randomBytes(0)
let used = 0

/** Asking the operating system costs more than all else of a token: it is asked for many bytes at once. */
const bytesOf = (count: number): Uint8Array => {
  if (used + count > pool.length) {
    pool = randomBytes(Math.max(poolBytes, count))
    used = 0
  }
  used += count
  return pool.subarray(used - count, used)
}

/** 32 letters, so that a byte gives one without favour. */
export const systemRandom: Random = {
  token: (length) => {
    let text = ''
    for (const byte of bytesOf(length)) text += letters[byte % letters.length]
    return text
  },
}
