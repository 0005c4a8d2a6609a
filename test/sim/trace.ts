/** What happened, line by line, and a hash over all of it: the same seed gives the same one. */
import { createHash } from 'node:crypto'
import type { SimClock } from './clock.ts'

export class Trace {
  readonly #clock: SimClock
  readonly #lines: string[] = []
  /** What was found wrong, first of all the first. */
  readonly violations: string[] = []

  constructor(clock: SimClock) {
    this.#clock = clock
  }

  add(line: string): void {
    this.#lines.push(`${this.#clock.monotonic().toFixed(1)} ${line}`)
  }

  /** A rule is broken. The run goes on to its next look, and then stops. */
  violate(rule: string, what: string): void {
    this.violations.push(`${rule}: ${what}`)
    this.add(`VIOLATION ${rule}: ${what}`)
  }

  get length(): number {
    return this.#lines.length
  }

  last(count: number): string[] {
    const at = this.#lines.findIndex((line) => line.includes('VIOLATION'))
    return at < 0 ? this.#lines.slice(-count) : this.#lines.slice(Math.max(0, at + 1 - count), at + 1)
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  digest(): string {
    return createHash('sha256')
      .update(`${this.#lines.join('\n')}\n`)
      .digest('hex')
      .slice(0, 16)
  }
}
