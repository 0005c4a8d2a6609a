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

  /** Up to the first violation: so many lines from the beginning, and so many from the end. */
  around(first: number, last: number): string[] {
    const at = this.#lines.findIndex((line) => line.includes('VIOLATION'))
    const lines = at < 0 ? this.#lines : this.#lines.slice(0, at + 1)
    const between = lines.length - first - last
    if (between <= 0) return [...lines]
    return [...lines.slice(0, first), `… ${between} lines …`, ...lines.slice(-last)]
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
