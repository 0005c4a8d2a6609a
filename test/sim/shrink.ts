/** Looks for the smallest world that still breaks the same rule: fewer faults and deeds, fewer of everything, less time. */
import { type Changes, changed, type NumberName, numbersMin, strikesOf } from './changes.ts'
import type { SimOptions } from './options.ts'
import { type Outcome, simulate } from './world.ts'

export interface Shrunk {
  changes: Changes
  options: SimOptions
  outcome: Outcome
  /** How many worlds were tried. */
  tried: number
}

/** The rule of a violation, as `<rule>: <what>`. */
export const ruleOf = (violation: string | undefined): string => violation?.split(':')[0] ?? ''

/** Worlds to try at most: what is left then is small enough. */
const triesMax = 400

interface Left extends Changes {
  only: readonly string[]
}

const sizes = [
  'chaosMs',
  'owners',
  'directives',
  'engines',
  'threadsPerNode',
  'builds',
  'scripts',
  'clients',
  'daemons',
  'stepsMax',
] as const

export class Shrinking {
  readonly #options: SimOptions
  readonly #isOver: () => boolean
  #best: Shrunk
  #changes: Left

  /** `outcome`: what came of the world of these options. */
  constructor(options: SimOptions, outcome: Outcome, isOver: () => boolean = () => false) {
    this.#options = options
    this.#isOver = isOver
    this.#changes = { only: strikesOf(options), numbers: {} }
    this.#best = { changes: this.#changes, options, outcome, tried: 0 }
  }

  async run(): Promise<Shrunk> {
    for (let before = ''; before !== JSON.stringify(this.#changes) && !this.#isDone();) {
      before = JSON.stringify(this.#changes)
      await this.#switchOff()
      for (const name of sizes) await this.#lower(name)
    }
    return this.#best
  }

  #isDone(): boolean {
    return this.#best.tried >= triesMax || this.#isOver()
  }

  /** All at once, halves, quarters, … and in the end one by one. */
  async #switchOff(): Promise<void> {
    const { only } = this.#changes
    for (let size = only.length; size >= 1; size = Math.floor(size / 2))
      for (let from = 0; from < only.length; from += size) {
        const off = new Set(only.slice(from, from + size))
        const left = this.#changes.only.filter((name) => !off.has(name))
        if (left.length < this.#changes.only.length) await this.#try({ ...this.#changes, only: left })
      }
  }

  /** To the least at once, else by halves. */
  async #lower(name: NumberName): Promise<void> {
    const least = numbersMin[name]
    for (let to: number = least, now = this.#numberOf(name); now > least && to < now;) {
      const numbers = { ...this.#changes.numbers, [name]: to }
      if (await this.#try({ ...this.#changes, numbers })) return this.#lower(name)
      to = Math.ceil((to + now) / 2)
      if (now - to < least / 2) return
    }
  }

  #numberOf(name: NumberName): number {
    return this.#changes.numbers[name] ?? this.#options[name]
  }

  async #try(changes: Left): Promise<boolean> {
    if (this.#isDone()) return false
    this.#best.tried++
    const options = changed(this.#options, changes)
    const outcome = await simulate(options)
    const isSame = ruleOf(outcome.violations[0]) === ruleOf(this.#best.outcome.violations[0])
    if (!isSame || outcome.violations.length === 0) return false
    this.#changes = changes
    this.#best = { changes, options, outcome, tried: this.#best.tried }
    return true
  }
}
