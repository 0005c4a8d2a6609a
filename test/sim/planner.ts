/** What planners of the simulated world submit before they are done: a plan, none, one with faults, two, or nonsense. */
import { WritClient } from '../../src/bus/client.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { planBy } from './plans.ts'
import type { SimRandom } from './random.ts'
import type { World } from './world.ts'

const faulty = { steps: [{ name: 'a', depends_on: ['a'] }] }

const noPlans = [
  42,
  'a plan',
  [],
  {},
  { steps: [] },
  { steps: 'all of them' },
  { steps: [null] },
  { steps: [{ name: 'a', description: 'a', task_plan: 'a', depends_on: null }] },
  { steps: [{ name: 'a', description: 'a', task_plan: 'a', depends_on: ['b'] }] },
  { steps: ['a', 'a'].map((name) => ({ name, description: name, task_plan: name, depends_on: [] })) },
  {
    steps: [
      ['a', 'b'],
      ['b', 'a'],
    ].map(([name, other]) => ({ name, description: name, task_plan: name, depends_on: [other] })),
  },
]

export class Planner {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  async submit(owner: string, directive: string, random: SimRandom): Promise<void> {
    const { luck, clock, network, options } = this.#world
    if (luck.strikes('planMissing', random)) return
    const bad = luck.strikes('planBad', random)
    const plan = bad ? faulty : planBy(random, options)
    const bus = network.join(`planner-${random.token(6)}`)
    const client = new WritClient(bus, owner, { clock, random, deadlineMs: 60_000 })
    const aside = random.aside()
    if (luck.strikes('planNonsense', aside)) await this.#offer(client, directive, aside.pick(noPlans) ?? {}, true)
    await this.#offer(client, directive, plan, bad)
    if (luck.strikes('planTwice', aside)) await this.#offer(client, directive, planBy(aside, options), false)
  }

  async #offer(client: WritClient, directive: string, plan: unknown, bad: boolean): Promise<void> {
    const { store, trace } = this.#world
    try {
      await client.directive(directive).plan({ plan })
      const key = `${client.owner}/${directive}`
      const hasChain = [...store.tables.chains.values()].some((row) => row.directive === key)
      if (bad && !hasChain) trace.violate('R11', `a plan with faults was accepted for ${directive}`)
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      trace.add(`the plan for ${directive} was not taken: ${error.code} ${error.message}`)
    }
  }
}
