/** Chance by seed (mulberry32): the same seed gives the same run. */
import type { Random } from '../../src/actors/ports/clock.ts'

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'

export class SimRandom implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** One of them; undefined of none. */
  pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.next() * list.length)]
  }

  token(length: number): string {
    let text = ''
    for (let at = 0; at < length; at++) text += letters[Math.floor(this.next() * letters.length)]
    return text
  }

  /** Chance of its own for one part of the world, so that drawing more there changes nothing elsewhere. */
  fork(): SimRandom {
    return new SimRandom(this.between(0, 2 ** 32 - 1))
  }

  /** As `fork`, but nothing is drawn here: for what came later, so that all else stays as it was. */
  aside(): SimRandom {
    return new SimRandom(this.#state ^ 0x9e3779b9)
  }
}
