/** A daemon in a few lines over the wire, whose tasks are functions: for tests of the engine, not of our daemon. */
import type { Bus } from '../../src/actors/ports/bus.ts'
import { decode } from '../../src/bus/json.ts'
import { retried } from '../../src/bus/retry.ts'
import { readAddress, subjects } from '../../src/bus/subjects.ts'
import type { Role } from '../../src/protocol/directive.ts'
import type { Order, Receipt, Report, Spawn } from '../../src/protocol/task.ts'
import { systemClock, systemRandom } from '../../src/system.ts'
import { Waiting } from './waiting.ts'

/** What a task's function says: what `done` carries, or `failed`. Null: it says nothing, and the task runs on. */
export type Outcome = { done: object } | { failed: { reason: string; means?: boolean } } | null

export interface FakeDaemonOptions {
  slots?: number
  roles?: Role[]
  labels?: Record<string, string>
  executors?: string[]
  session?: string
  home?: string
  /** Attempts that its hello says are running. */
  running?: string[]
  /** Does a task, once; `passes` when unset. */
  work?: (spawn: Spawn) => Outcome | Promise<Outcome>
  /** Answers a spawn: an error body refuses it, null says nothing. Accepts when unset. */
  answer?: (spawn: Spawn) => object | null
  /** Answers an order for output; that it keeps none when unset. */
  output?: object
  /** What a cancelled attempt says; that it was stopped when unset. */
  cancelled?: (spawn: Spawn) => Outcome
}

const askMs = 5_000
const patienceMs = 30_000
const beatEveryMs = 1_000
const everyRole: Role[] = ['planner', 'worker', 'evaluator', 'merger']
const lineOf = (letter: string): string => letter.repeat(40)

/** Everything goes well. */
export const passes = ({ task: { role, attempt }, merge }: Spawn): Outcome => {
  if (role === 'evaluator') return { done: { verdict: { passed: true, overallScore: 1 } } }
  if (merge?.kind === 'prepare') return { done: { merge: { kind: 'prepared', line: lineOf('a') } } }
  if (merge?.kind === 'publish') return { done: { merge: { kind: 'published', line: merge.line } } }
  if (merge?.kind === 'merge') return { done: { merge: { kind: 'merged', base: merge.line, line: merge.commit } } }
  return { done: { result: `attempt ${attempt}` } }
}

/** `planner`, `worker a`, `evaluator a`: what a test calls a spawn. */
export const callOf = ({ task, step }: Spawn): string => (step === null ? task.role : `${task.role} ${step.name}`)

const keyOf = ({ id, attempt }: { id: string; attempt: number }): string => `${id}/${attempt}`

export class FakeDaemon {
  readonly name: string
  readonly session: string
  /** Every attempt, once, in the order that they came. */
  readonly spawns: Spawn[] = []
  /** Every spawn as it came, repeats included. */
  readonly heard: Spawn[] = []
  readonly orders: { verb: string; order: Order }[] = []
  readonly receipts: Receipt[] = []
  readonly #bus: Bus
  readonly #owner: string
  readonly #options: FakeDaemonOptions
  readonly #running = new Map<string, Spawn>()
  readonly #waiting = new Waiting()
  #listening: { drain: () => Promise<void> } | null = null
  #beating: NodeJS.Timeout | null = null

  constructor(bus: Bus, owner: string, name: string, options: FakeDaemonOptions) {
    this.#bus = bus
    this.#owner = owner
    this.#options = options
    this.name = name
    this.session = options.session ?? `s-${name}`
  }

  async start(): Promise<void> {
    const pattern = subjects.daemonSession.pattern({ owner: this.#owner, id: this.name, session: this.session })
    this.#listening = this.#bus.subscribe(pattern, {}, (message) => {
      const verb = subjects.daemonSession.read(message.subject)?.verb ?? ''
      if (verb === 'spawn') this.#take(decode(message.body) as Spawn, message.reply)
      else this.#order(verb, decode(message.body) as Order, message.reply)
    })
    await this.hello()
    this.#beating = setInterval(() => void this.beat().catch(() => undefined), beatEveryMs)
  }

  async hello(): Promise<void> {
    const { slots = 1, roles = everyRole, labels = {}, executors = ['shell', 'command', 'checks'] } = this.#options
    const { running = [], home } = this.#options
    const hello = { session: this.session, slots, roles, labels, executors, running }
    await this.#ask('hello', home === undefined ? hello : { ...hello, home })
  }

  async beat(running: readonly string[] = [...this.#running.keys()]): Promise<void> {
    await this.#ask('beat', { session: this.session, running })
  }

  /** The n-th spawn that is called so, waited for. */
  spawned(call: string, nth = 1): Promise<Spawn> {
    const such = (): Spawn | undefined => this.spawns.filter((spawn) => callOf(spawn) === call)[nth - 1]
    return this.#waiting.until(such, () => `spawn ${nth} of ${call}; there came ${this.spawns.map(callOf).join(', ')}`)
  }

  /** The n-th order of this verb, waited for. */
  ordered(verb: string, nth = 1): Promise<Order> {
    const such = (): Order | undefined => this.orders.filter((each) => each.verb === verb)[nth - 1]?.order
    return this.#waiting.until(such, () => `order ${nth} to ${verb}`)
  }

  async report<V extends keyof Report>(spawn: Spawn, verb: V, body: object = {}): Promise<Receipt> {
    const { id, attempt, nonce, address } = spawn.task
    if (verb === 'done' || verb === 'failed') this.#running.delete(keyOf({ id, attempt }))
    const subject = subjects.report.at({ owner: this.#owner, ...readAddress(address), daemon: this.name, verb })
    const receipt = (await this.#request(subject, { attempt, nonce, session: this.session, ...body })) as Receipt
    this.receipts.push(receipt)
    return receipt
  }

  done(spawn: Spawn, body: object = {}): Promise<Receipt> {
    return this.report(spawn, 'done', body)
  }

  failed(spawn: Spawn, reason: string, means = false): Promise<Receipt> {
    return this.report(spawn, 'failed', { reason, means })
  }

  async bye(): Promise<void> {
    await this.fallSilent()
    await this.#ask('bye', { session: this.session })
  }

  /** Hears and says nothing any more. */
  async fallSilent(): Promise<void> {
    if (this.#beating !== null) clearInterval(this.#beating)
    await this.#listening?.drain()
  }

  #ask(verb: 'hello' | 'beat' | 'bye', body: object): Promise<unknown> {
    return this.#request(subjects.daemon.at({ owner: this.#owner, id: this.name, verb }), body)
  }

  #request(subject: string, body: object): Promise<unknown> {
    const time = { clock: systemClock, random: systemRandom }
    return retried(time, patienceMs, () => this.#bus.request(subject, body, askMs))
  }

  /** A daemon does not do the same attempt twice. */
  #take(spawn: Spawn, reply: (body: object) => void): void {
    this.heard.push(spawn)
    const { answer = () => ({ accepted: true }) } = this.#options
    const said = answer(spawn)
    if (said !== null) reply(said)
    const isNew = !this.spawns.some((known) => keyOf(known.task) === keyOf(spawn.task))
    if (isNew) this.spawns.push(spawn)
    this.#waiting.look()
    if (!isNew || said === null || 'error' in said) return
    this.#running.set(keyOf(spawn.task), spawn)
    void this.#run(spawn)
  }

  async #run(spawn: Spawn): Promise<void> {
    const { work = passes } = this.#options
    await this.#say(spawn, await work(spawn))
  }

  #order(verb: string, order: Order, reply: (body: object) => void): void {
    const { output = { error: { code: 'REFUSED', message: 'this daemon keeps no output' } } } = this.#options
    reply(verb === 'output' ? output : { accepted: true })
    this.orders.push({ verb, order })
    const spawn = this.#running.get(keyOf({ id: order.task, attempt: order.attempt }))
    const { cancelled = () => ({ failed: { reason: 'stopped' } }) } = this.#options
    if (spawn !== undefined && verb === 'cancel') void this.#say(spawn, cancelled(spawn))
    this.#waiting.look()
  }

  async #say(spawn: Spawn, outcome: Outcome): Promise<void> {
    if (outcome === null) return
    await ('done' in outcome ? this.done(spawn, outcome.done) : this.report(spawn, 'failed', outcome.failed))
  }
}

/** Resolves when the registry knows it. */
export const startFakeDaemon = async (
  bus: Bus,
  owner: string,
  name: string,
  options: FakeDaemonOptions = {},
): Promise<FakeDaemon> => {
  const daemon = new FakeDaemon(bus, owner, name, options)
  await daemon.start()
  return daemon
}
