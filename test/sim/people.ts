/** People of the simulated world: they create directives and start them, then do what comes to their mind until the world heals. */
import { isDeepStrictEqual } from 'node:util'
import { WritClient } from '../../src/bus/client.ts'
import { isPassing } from '../../src/bus/retry.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { WritError } from '../../src/protocol/errors.ts'
import {
  type ActorKey,
  actorKey,
  directiveKeyOf,
  readKey,
  registryId,
  shardOf,
  stepId,
} from '../../src/protocol/ids.ts'
import { messageId } from '../../src/protocol/parked.ts'
import type { SimBus, SimNetwork } from './bus.ts'
import type { SimClock } from './clock.ts'
import type { Deed } from './rates.ts'
import { directiveBy, type Drawn, planBy } from './plans.ts'
import type { SimRandom } from './random.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'

export interface PeopleWorld extends Drawn {
  clock: SimClock
  random: SimRandom
  network: SimNetwork
  trace: Trace
  tables: Tables
  deeds: Record<Deed, number>
  healing: () => boolean
  /** Whether something could be parked for no fault of the code. */
  mayBeParked: () => boolean
  /** Counts a deed by its name. */
  count: (deed: string) => void
  /** A person has asked to complete this contract, `<owner> <contract>`. */
  finished: (contract: string) => void
}

/** How long people look on between two deeds, in ms. */
const restMs = { least: 500, most: 8_000 }
const eagerMs = { least: 20, most: 700 }
const hour = 3_600_000
const minute = 60_000

type Ends = 'completeContract' | 'endTask' | 'publishDone' | 'publishComplete' | 'publishFlood'
/** What is said to whoever asks for what cannot be now; anything else is a fault. */
const refusals = new Set(['REFUSED', 'NOT_FOUND', 'CONFLICT', 'BAD_PLAN', 'PARKED', 'INTERNAL'])

export class Person {
  readonly directive: ActorKey
  /** Whether the directive was created as far as this person was told. */
  created = false
  /** Its name on the bus. */
  readonly client: string
  readonly #world: PeopleWorld
  readonly #random: SimRandom
  readonly #bus: SimBus
  readonly #client: WritClient

  constructor(world: PeopleWorld, owner: string, id: string) {
    this.#world = world
    this.#random = world.random.fork()
    this.client = `person-${owner}-${id}`
    this.#bus = world.network.join(this.client)
    this.#client = new WritClient(this.#bus, owner, { clock: world.clock, random: this.#random, deadlineMs: hour })
    this.directive = `${owner}/${id}`
  }

  async live(): Promise<void> {
    const { id } = readKey(this.directive)
    const input = directiveBy(this.#random, id, this.#world)
    await this.#sleep(this.#random.between(0, 3_000))
    this.created = (await this.#ask('create', () => this.#client.createDirective(input))) !== null
    await this.#ask('start', () => this.#client.directive(id).start())
    while (!this.#world.healing()) {
      const { least, most } = this.#world.eager ? eagerMs : restMs
      await this.#sleep(this.#random.between(least, most))
      const deed = this.#choose()
      if (deed === null || this.#world.healing()) continue
      if (deed !== 'parkedRetry' && deed !== 'parkedDrop') this.#world.count(deed)
      await this.#do(deed, id, input)
    }
  }

  /** What has to be said so that the directive can come to its end: called now and then once the world heals. */
  async help(): Promise<void> {
    const { tables } = this.#world
    const { id } = readKey(this.directive)
    const row = tables.actors.get(this.directive)
    // What it told its registry may outlive a directive that was removed.
    if (row === undefined) return this.#retryRegistry()
    if (row.facts['paused'] === true) await this.#ask('resume', () => this.#client.directive(id).resume())
    const isParked = [...tables.faulted.keys(), ...tables.parked.map(({ actor }) => actor)].some(
      (key) => directiveKeyOf(key) === this.directive,
    )
    if (isParked && this.#world.mayBeParked()) await this.#ask('mend', () => this.#client.directive(id).mend())
    await this.#retryRegistry()
    if (row.status === 'draft') await this.#ask('start', () => this.#client.directive(id).start())
    for (const step of this.#steps().filter(({ status }) => status === 'held'))
      await this.#ask('approve', () => this.#client.step(step.id).approve())
  }

  /** What is parked of a registry is mended with nobody's directive. */
  async #retryRegistry(): Promise<void> {
    const { tables, mayBeParked } = this.#world
    const registry = actorKey(readKey(this.directive).owner, registryId)
    for (const { message, actor } of [...tables.parked])
      if (actor === registry && message !== null && mayBeParked()) {
        const id = messageId(registryId, message)
        await this.#ask(`retry ${id}`, () => this.#client.parked.retry({ id }))
      }
  }

  #choose(): Deed | null {
    const { deeds } = this.#world
    const total = Object.values(deeds).reduce((sum, rate) => sum + rate, 0)
    let at = this.#random.next() * total
    for (const [deed, rate] of Object.entries(deeds)) {
      at -= rate
      if (at < 0) return deed as Deed
    }
    return null
  }

  async #do(deed: Deed, id: string, input: Parameters<WritClient['createDirective']>[0]): Promise<unknown> {
    const directive = this.#client.directive(id)
    switch (deed) {
      case 'pause':
      case 'resume':
      case 'cancel':
      case 'retry':
      case 'mend':
        return this.#ask(deed, () => directive[deed]())
      case 'parkedRetry':
      case 'parkedDrop':
        return this.#decide(deed)
      case 'createAgain':
        return this.#createAgain(input)
      case 'evaluate': {
        const step = this.#random.pick(this.#steps())
        return step === undefined ? null : this.#ask(deed, () => directive.evaluate({ step: step.id }))
      }
      case 'steerStep':
        return this.#steer()
      case 'startAgain':
        return this.#ask(deed, () => directive.start())
      case 'planByHand':
        return this.#ask(deed, () => directive.plan({ plan: planBy(this.#random, this.#world) }))
      case 'askTwice':
        return this.#askTwice(id)
      case 'trespass':
        return this.#trespass(id)
      case 'completeContract':
      case 'endTask':
      case 'publishDone':
      case 'publishComplete':
      case 'publishFlood':
        return this.#end(deed)
    }
  }

  /** About one message or actor that is parked: of the directive, or of its owner's registry. */
  async #decide(deed: 'parkedRetry' | 'parkedDrop'): Promise<unknown> {
    const { tables } = this.#world
    const registry = actorKey(readKey(this.directive).owner, registryId)
    const isOf = (actor: ActorKey): boolean => actor === registry || directiveKeyOf(actor) === this.directive
    const messages = [
      ...tables.parked.flatMap(({ message, actor }) => (message === null ? [] : [{ message, actor }])),
      ...[...tables.messages.values()].flatMap(({ id, to }) =>
        tables.faulted.has(to) ? [{ message: id, actor: to }] : [],
      ),
    ].flatMap(({ message, actor }) => (isOf(actor) ? [messageId(readKey(actor).id, message)] : []))
    const actors = [...tables.faulted.keys()].flatMap((key) => (isOf(key) ? [readKey(key).id] : []))
    const id = this.#random.pick(deed === 'parkedDrop' ? messages : [...messages, ...actors])
    if (id === undefined) return null
    this.#world.count(deed)
    if (deed === 'parkedRetry') return this.#ask(`retry ${id}`, () => this.#client.parked.retry({ id }))
    return this.#ask(`drop ${id}`, () => this.#client.parked.drop({ id, why: 'away with it' }))
  }

  /** One command that is sent twice at once has one answer. */
  async #askTwice(id: string): Promise<void> {
    const command = this.#random.token(20)
    const verb = this.#random.pick(['pause', 'resume', 'retry', 'cancel'] as const) ?? 'pause'
    const ask = (): Promise<unknown> => this.#ask(`${verb} twice`, () => this.#client.directive(id)[verb]({ command }))
    const [one, other] = await Promise.all([ask(), ask()])
    if (one !== null && other !== null && !isDeepStrictEqual(one, other))
      this.#world.trace.violate('R45', `${verb} of ${this.directive} has two answers to one command`)
  }

  /** What is another owner's is not there for anybody else, whatever is asked. */
  async #trespass(id: string): Promise<void> {
    const { clock, trace } = this.#world
    const stranger = new WritClient(this.#bus, 'eve', { clock, random: this.#random, deadlineMs: minute })
    const step = this.#random.pick(this.#steps())
    const asks = [
      () => stranger.directive(id).cancel(),
      () => stranger.directive(id).plan({ plan: planBy(this.#random, { stepsMax: 1, varied: false }) }),
      ...(step === undefined ? [] : [() => stranger.step(step.id).approve()]),
    ]
    try {
      await (this.#random.pick(asks) ?? asks[0])?.()
      trace.violate('10', `a stranger was answered about ${this.directive}`)
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      const isRefused = error.code === 'INTERNAL' && error.message.startsWith('the database refused')
      if (error.code !== 'NOT_FOUND' && !isPassing(error) && !isRefused)
        trace.violate('10', `a stranger who asks about ${this.directive} hears ${error.code} ${error.message}`)
    }
  }

  /** The same again is answered, something else is refused (R53). */
  async #createAgain(input: Parameters<WritClient['createDirective']>[0]): Promise<void> {
    const other = this.#random.chance(0.5)
    const again = other ? { ...input, goal: 'something else' } : input
    const answer = await this.#ask('create again', () => this.#client.createDirective(again))
    if (other && answer !== null) this.#world.trace.violate('R53', `${this.directive} was created with other content`)
  }

  async #steer(): Promise<unknown> {
    const steps = this.#steps()
    const held = steps.filter(({ status }) => status === 'held')
    const step = this.#world.eager
      ? (this.#oneOfAny(steps) ?? this.#firstStep)
      : this.#random.pick(held.length > 0 ? held : steps)
    if (step === undefined) return null
    const verb = this.#random.pick(['approve', 'reject', 'evaluate', 'retry', 'cancel'] as const) ?? 'approve'
    const at = this.#client.step(step.id)
    return this.#ask(`${verb} ${step.id}`, () => (verb === 'reject' ? at.reject({ text: 'otherwise' }) : at[verb]()))
  }

  /** What is seldom so is met as often as what is mostly so. */
  #oneOfAny(steps: readonly { id: string; status: string }[]): { id: string; status: string } | undefined {
    const status = this.#random.pick([...new Set(steps.map((step) => step.status))])
    return this.#random.pick(steps.filter((step) => step.status === status))
  }

  /** Of the first plan, whether there is one or not. */
  get #firstStep(): { id: string } {
    return { id: stepId(readKey(this.directive).id, 1, 0) }
  }

  async #end(how: Ends): Promise<unknown> {
    const rows = [...this.#world.tables.tasks.values()].filter(({ directive }) => directive === this.directive)
    const open = rows.filter(({ endedAt }) => endedAt === null)
    const task = this.#random.pick(open.length > 0 ? open : rows)
    if (task === undefined) return null
    const outcome = this.#random.chance(0.7) ? 'done' : 'failed'
    const force = this.#random.chance(0.5)
    if (how === 'endTask') return this.#ask(`end ${task.id}`, () => this.#client.task(task.id).end({ outcome, force }))
    const { owner } = readKey(this.directive)
    if (how === 'completeContract') {
      this.#world.finished(`${owner} ${task.contract}`)
      return this.#ask(`finish ${task.contract}`, () => this.#client.contract(task.contract).finish())
    }
    this.#world.trace.add(`${how} of ${task.id}`)
    const { id, contract } = task
    const shard = shardOf(owner, id)
    if (how === 'publishComplete') {
      this.#world.finished(`${owner} ${contract}`)
      this.#bus.publish(subjects.contract.at({ owner, shard, id: contract, verb: 'complete' }), {})
    }
    const count = how === 'publishFlood' ? 20 : how === 'publishDone' ? 1 : 0
    for (let at = 0; at < count; at++) this.#bus.publish(subjects.task.at({ owner, shard, id, verb: 'done' }), {})
    return null
  }

  #steps(): { id: string; status: string }[] {
    return [...this.#world.tables.actors.values()].filter(
      ({ kind, directive }) => kind === 'step' && directive === this.directive,
    )
  }

  /** Null: it was refused, or nobody answered for an hour. */
  async #ask(what: string, call: () => Promise<unknown>): Promise<unknown> {
    const { trace } = this.#world
    trace.add(`${this.directive}: ${what}`)
    try {
      const answer = await call()
      trace.add(`${this.directive}: ${what} is answered ${JSON.stringify(answer)}`)
      return answer
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      trace.add(`${this.directive}: ${what} fails: ${error.code} ${error.message}`)
      if (error.message.startsWith('the database refused')) return this.#ask(what, call)
      const isGone = error.code === 'GONE' && this.#world.tables.removed.has(this.directive)
      if (!refusals.has(error.code) && !isGone)
        trace.violate('answer', `${this.directive}: ${what}: ${error.code} ${error.message}`)
      return null
    }
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#world.clock.after(ms, resolve))
  }
}
