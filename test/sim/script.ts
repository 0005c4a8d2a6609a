/**
 * A script of the simulated world: it pulls one task after the other and publishes what came of each, as a shell loop does;
 * and by chance it dies with its task in hand, comes too late, or says it twice.
 */
import { retried } from '../../src/bus/retry.ts'
import { readAddress, subjects } from '../../src/bus/subjects.ts'
import { WritError } from '../../src/protocol/errors.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import type { SimBus } from './bus.ts'
import type { SimRandom } from './random.ts'
import { type DaemonWorld, outcomeOf } from './work.ts'

const waitMs = 8_000
const hour = 3_600_000

export class SimScript {
  readonly #world: DaemonWorld
  readonly #owner: string
  readonly #name: string
  readonly #random: SimRandom
  readonly #bus: SimBus

  constructor(world: DaemonWorld, owner: string, name: string) {
    this.#world = world
    this.#owner = owner
    this.#name = name
    this.#random = world.random.fork()
    this.#bus = world.network.join(name)
  }

  async live(): Promise<void> {
    for (;;) {
      const spawn = await this.#pull()
      if (spawn === null) await this.#sleep(this.#random.between(500, 2_000))
      else if (this.#world.luck.strikes('workStalls', this.#random)) await this.#sleep(this.#random.between(0, 60_000))
      else await this.#work(spawn)
    }
  }

  /** Null: nothing came up, or nobody answers. It may have been given a task all the same, when the answer is lost. */
  async #pull(): Promise<Spawn | null> {
    const ask = { name: this.#name, roles: ['worker', 'evaluator'], executors: ['shell', 'checks'], waitMs }
    try {
      return (await this.#bus.request(subjects.pull.at({ owner: this.#owner }), ask, waitMs + 5_000)) as Spawn
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      return null
    }
  }

  async #work(spawn: Spawn): Promise<void> {
    const { trace } = this.#world
    const { id, attempt } = spawn.task
    if (spawn.owner !== this.#owner) trace.violate('10', `${this.#name} was given a task of ${spawn.owner}`)
    trace.add(`${this.#name} runs ${id}/${attempt}`)
    const { luck } = this.#world
    await this.#sleep(this.#random.between(5, 800))
    if (luck.strikes('reportLate', this.#random)) await this.#sleep(this.#random.between(5_000, 60_000))
    const { verb, body } = outcomeOf(this.#world, this.#random, spawn, false)
    const { result, verdict, reason } = body as { result?: string; verdict?: object; reason?: string }
    const said = verb === 'done' ? { result, verdict } : { reason }
    await this.#say(spawn, verb, said)
    if (luck.strikes('reportTwice', this.#random)) await this.#say(spawn, verb, said)
  }

  /** By a plain publish, which the stream keeps, or by a request that is repeated until it is answered. */
  async #say({ task }: Spawn, verb: 'done' | 'failed', said: object): Promise<void> {
    const subject = subjects.task.at({ owner: this.#owner, ...readAddress(task.address), verb })
    const body = { attempt: task.attempt, ...said }
    this.#world.trace.add(`${this.#name} says ${verb} of ${task.id}/${task.attempt}`)
    if (this.#random.chance(0.5)) return this.#bus.publish(subject, body)
    try {
      await retried({ clock: this.#world.clock, random: this.#random }, hour, () =>
        this.#bus.request(subject, body, 5_000),
      )
    } catch (error) {
      if (!(error instanceof WritError)) throw error
    }
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#world.clock.after(ms, resolve))
  }
}
