/** Of which build each node of the world is, from its next start on: while nothing is healed yet, of several that follow each other. */
import type { SimRandom } from './random.ts'

/** A node that was started again on its data folder has another name. */
export const firstName = (node: string): string => node.split('~')[0] ?? node

export class Fleet {
  /** How many there are. */
  readonly newest: number
  readonly #random: SimRandom
  /** That of all nodes at first; null: each has its own. */
  readonly #first: number | null
  /** By the node's first name. */
  readonly #builds = new Map<string, number>()
  #isHealed = false

  constructor(newest: number, random: SimRandom) {
    this.newest = newest
    this.#random = random
    this.#first = random.pick([null, 1, newest]) ?? null
  }

  of(node: string): number {
    if (this.#isHealed) return this.newest
    const name = firstName(node)
    const build = this.#builds.get(name) ?? this.#first ?? this.#random.between(1, this.newest)
    this.#builds.set(name, build)
    return build
  }

  /** Another machine in the place of one. */
  follows(node: string, before: string): void {
    this.#builds.set(firstName(node), this.of(before))
  }

  /** From here on all are of the newest, that opens everything. */
  heal(): void {
    this.#isHealed = true
  }

  mayBe(build: number): boolean {
    return build >= 1 && build <= this.newest
  }

  deploy(node: string, build: number): void {
    if (this.mayBe(build)) this.#builds.set(firstName(node), build)
  }

  /** Nodes that live write what this build does not know: whoever runs it deploys the next one. */
  refused(node: string, build: number): void {
    this.deploy(node, Math.max(this.of(node), build + 1))
  }
}
