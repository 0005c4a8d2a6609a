/**
 * A daemon of the simulated world: it says hello, beats, takes spawns and reports, as ours does; and by chance it refuses,
 * says nothing, stalls, repeats itself, comes too late or lies. It may die and come back, with its records or without.
 */
import type { Incoming, Subscription } from '../../src/actors/ports/bus.ts'
import type { Clock } from '../../src/actors/ports/clock.ts'
import { decode } from '../../src/bus/json.ts'
import { retried } from '../../src/bus/retry.ts'
import { readAddress, subjects } from '../../src/bus/subjects.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { addressOf } from '../../src/protocol/ids.ts'
import { beatMs, textBytesMax } from '../../src/protocol/limits.ts'
import type { BeatReply, HelloReply, Order, Receipt, Spawn } from '../../src/protocol/task.ts'
import type { DaemonSpec, WorldDaemon } from './daemons.ts'
import type { Fault } from './rates.ts'
import { clockOf, Process, ProcessBus } from './process.ts'
import type { SimRandom } from './random.ts'
import type { DaemonWorld, Outcome } from './work.ts'
import { outcomeOf } from './work.ts'

/** An attempt as the daemon has it on its disk. `spawn` is null when its cancel came first. */
export interface AttemptRecord {
  order: Order
  session: string
  spawn: Spawn | null
  outcome: Outcome | null
  receipt: boolean
}

const keyOf = ({ task, attempt }: Order): string => `${task}/${attempt}`
const callMs = 5_000
/** Work that is not done in this time is never done, as far as any directive here waits. */
const neverMs = 300_000
const failedBody = { reason: 'the opposite', means: false }
const hour = 3_600_000

export class SimDaemon implements WorldDaemon {
  readonly spec: DaemonSpec
  readonly records: Map<string, AttemptRecord>
  readonly process: Process
  readonly #world: DaemonWorld
  readonly #random: SimRandom
  readonly #aside: SimRandom
  readonly #clock: Clock
  readonly #sim
  readonly #bus: ProcessBus
  #session: string
  #slots: number
  #draining = false
  #orders: Subscription | null = null

  constructor(world: DaemonWorld, spec: DaemonSpec, records: Map<string, AttemptRecord> = new Map()) {
    this.#world = world
    this.spec = spec
    this.records = new Map([...records].map(([key, record]) => [key, { ...record }]))
    this.#random = world.random.fork()
    this.#aside = this.#random.aside()
    this.#slots = spec.slots
    this.process = new Process(spec.name)
    this.#clock = clockOf(this.process, world.clock, 1, 0)
    this.#sim = world.network.join(spec.name)
    this.#bus = new ProcessBus(this.process, this.#sim)
    this.#session = `s${this.#random.token(8)}`
  }

  start(): void {
    this.#world.trace.add(`${this.spec.name} starts with ${this.#running().length} attempts`)
    void this.#live()
  }

  kill(): void {
    this.#world.trace.add(`${this.spec.name} dies`)
    this.process.kill()
    this.#sim.kill()
  }

  successor(keeps: boolean): SimDaemon {
    return new SimDaemon(this.#world, this.spec, keeps ? this.records : undefined)
  }

  knows({ task, attempt }: { task: string; attempt: number }): boolean {
    return this.records.has(`${task}/${attempt}`)
  }

  /** Others do not rely on it. */
  unfinished(): null {
    return null
  }

  async #live(): Promise<void> {
    await this.#hello()
    this.#listen()
    for (const record of this.records.values()) this.#resume(record)
    for (;;) {
      await this.#sleep(beatMs)
      await this.#misbehave()
      await this.#beat()
    }
  }

  #listen(): void {
    void this.#orders?.drain()
    const { owner, name: id } = this.spec
    const pattern = subjects.daemonSession.pattern({ owner, id, session: this.#session })
    this.#orders = this.#bus.subscribe(pattern, {}, (message) => this.#take(message))
  }

  #strikes(fault: Fault): boolean {
    return this.#world.luck.strikes(fault, this.#aside)
  }

  async #misbehave(): Promise<void> {
    if (this.#strikes('daemonMute')) await this.#sleep(this.#aside.between(10_000, 90_000))
    if (this.#strikes('daemonFlaps')) await this.#flap()
    if (this.#strikes('daemonDrains')) this.#forAWhile((drains) => (this.#draining = drains))
    if (this.#strikes('daemonShrinks')) {
      const fewer = this.#aside.between(0, this.spec.slots)
      this.#forAWhile((shrinks) => (this.#slots = shrinks ? fewer : this.spec.slots))
    }
  }

  #forAWhile(set: (on: boolean) => void): void {
    set(true)
    this.#clock.after(this.#aside.between(1_000, 20_000), () => set(false))
  }

  /** Leaves, and is back at once: as the same, or as one that knows nothing of itself. */
  async #flap(): Promise<void> {
    const { owner, name: id, home } = this.spec
    try {
      await this.#bus.request(subjects.daemon.at({ owner, id, verb: 'bye' }), { session: this.#session }, callMs)
    } catch (error) {
      if (!(error instanceof WritError)) throw error
    }
    if (home === null && this.#aside.chance(0.5)) this.#session = `s${this.#aside.token(8)}`
    await this.#hello()
    this.#listen()
  }

  async #hello(): Promise<void> {
    const { owner, name: id, home, offer } = this.spec
    const hello = {
      session: this.#session,
      slots: this.#slots,
      draining: this.#draining,
      ...offer,
      running: this.#running(),
      ...(home === null ? {} : { home }),
    }
    for (;;) {
      try {
        const subject = subjects.daemon.at({ owner, id, verb: 'hello' })
        const reply = (await this.#bus.request(subject, hello, callMs)) as HelloReply
        this.#session = reply.session
        return
      } catch (error) {
        if (!(error instanceof WritError)) throw error
        await this.#sleep(1_000)
      }
    }
  }

  async #beat(): Promise<void> {
    const { owner, name: id } = this.spec
    const offer = { slots: this.#slots, draining: this.#draining }
    const beat = { session: this.#session, running: this.#running(), ...offer }
    try {
      const subject = subjects.daemon.at({ owner, id, verb: 'beat' })
      const { known } = (await this.#bus.request(subject, beat, callMs)) as BeatReply
      if (!known) await this.#hello()
    } catch (error) {
      if (!(error instanceof WritError)) throw error
    }
  }

  /** What it runs, and what it has not got its receipt for. */
  #running(): string[] {
    return [...this.records].flatMap(([key, { receipt }]) => (receipt ? [] : [key]))
  }

  #busy(): number {
    return [...this.records.values()].filter(({ outcome }) => outcome === null).length
  }

  #take(message: Incoming): void {
    const verb = subjects.daemonSession.read(message.subject)?.verb
    const body = decode(message.body)
    if (verb === 'spawn') this.#spawn(message, body as Spawn)
    else if (verb === 'cancel' || verb === 'finish') this.#end(message, verb, body as Order)
  }

  #spawn(message: Incoming, spawn: Spawn): void {
    const { owner } = this.spec
    const { trace } = this.#world
    const { luck } = this.#world
    const { id: task, attempt, nonce } = spawn.task
    if (spawn.owner !== owner) trace.violate('10', `${this.spec.name} was sent a task of ${spawn.owner}`)
    const order = { task, attempt, nonce }
    const known = this.records.get(keyOf(order))
    if (known !== undefined && known.order.nonce !== nonce)
      trace.violate('7', `${keyOf(order)} was sent under two nonces`)
    if (known !== undefined) return message.reply({ accepted: true })
    if (luck.strikes('spawnIgnored', this.#random)) return
    if (this.#draining) return message.reply({ error: new WritError('DRAINING', 'it takes nothing new').body })
    if (this.#busy() >= this.spec.slots || luck.strikes('spawnRefused', this.#random))
      return message.reply({ error: new WritError('BUSY', 'all slots are taken').body })
    const record = { order, session: this.#session, spawn, outcome: null, receipt: false }
    this.records.set(keyOf(order), record)
    trace.add(`${this.spec.name} runs ${keyOf(order)}`)
    if (spawn.task.role !== 'planner' && this.#strikes('workInstant')) {
      void this.#over(record, outcomeOf(this.#world, this.#random, spawn, false))
      this.#clock.after(this.#aside.between(1, 3_000), () => message.reply({ accepted: true }))
      return
    }
    message.reply({ accepted: true })
    void this.#run(record, spawn)
  }

  #end(message: Incoming, verb: 'cancel' | 'finish', order: Order): void {
    if (this.#strikes('orderUnheard')) return
    message.reply({ accepted: true })
    const known = this.records.get(keyOf(order))
    if (known?.order.nonce === order.nonce && known.outcome !== null) return
    if (known !== undefined && this.#world.luck.strikes('cancelIgnored', this.#random)) return
    const record = known ?? { order, session: this.#session, spawn: null, outcome: null, receipt: false }
    this.records.set(keyOf(order), record)
    const spawn = record.spawn
    if (verb === 'finish' && spawn !== null) void this.#over(record, outcomeOf(this.#world, this.#random, spawn, true))
    else void this.#over(record, { verb: 'failed', body: { reason: 'told to stop', means: false } })
  }

  #resume(record: AttemptRecord): void {
    if (record.receipt) return
    if (record.outcome !== null) void this.#report(record, record.outcome)
    else if (record.spawn !== null) void this.#run(record, record.spawn)
  }

  /** The work takes its time; one that is slow says that it is getting on, one that stalls says nothing. */
  async #run(record: AttemptRecord, spawn: Spawn): Promise<void> {
    const { luck } = this.#world
    if (this.#strikes('workNever')) await this.#sleep(neverMs)
    if (luck.strikes('workStalls', this.#random)) await this.#sleep(60_000)
    const slow = luck.strikes('workSlow', this.#random)
    for (let left = slow ? this.#random.between(3, 12) : 0; left > 0 && record.outcome === null; left--) {
      await this.#sleep(5_000)
      await this.#send(record, 'progress', {})
    }
    await this.#sleep(this.#random.between(5, 800))
    if (spawn.task.role === 'planner' && record.outcome === null)
      await this.process.outcome(this.#world.plan(spawn, this.#random))
    await this.#over(record, outcomeOf(this.#world, this.#random, spawn, false))
  }

  async #over(record: AttemptRecord, outcome: Outcome): Promise<void> {
    if (record.outcome !== null) return
    record.outcome = outcome
    if (this.#world.luck.strikes('reportLate', this.#random)) await this.#sleep(this.#random.between(5_000, 60_000))
    await this.#report(record, outcome)
  }

  async #report(record: AttemptRecord, { verb, body }: Outcome): Promise<void> {
    const { luck } = this.#world
    if (luck.strikes('reportForged', this.#random)) this.#forge()
    if (this.#strikes('reportTooLarge')) await this.#sendTooLarge(record)
    const first = this.#send(record, verb, body)
    if (luck.strikes('reportTwice', this.#random)) void this.#later(record, { verb, body })
    if (this.#strikes('reportReplayed')) this.#replay()
    if (this.#strikes('reportDisordered')) void this.#send(record, 'progress', {})
    await first
    record.receipt = true
    if (!this.#strikes('reportContradicted')) return
    const opposite = verb === 'done' ? failedBody : {}
    await this.#send(record, verb === 'done' ? 'failed' : 'done', opposite)
  }

  /** Of any attempt that it ever had, in whatever session. */
  #replay(): void {
    const old = this.#aside.pick([...this.records.values()])
    if (old?.outcome != null) void this.#send(old, old.outcome.verb, old.outcome.body)
  }

  /** Whoever sends too much hears so at once. */
  async #sendTooLarge({ order, session }: AttemptRecord): Promise<void> {
    const { owner, name: daemon } = this.spec
    const { task, attempt, nonce } = order
    const subject = subjects.report.at({ owner, ...readAddress(addressOf(owner, task)), daemon, verb: 'done' })
    const report = { attempt, nonce, session, result: 'x'.repeat(textBytesMax + 1) }
    try {
      await this.#bus.request(subject, report, callMs)
      this.#world.trace.violate('11', `a report of ${textBytesMax + 1} bytes was taken`)
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      if (!['BAD_INPUT', 'TOO_LARGE', 'NO_ANSWER', 'UNREACHABLE'].includes(error.code))
        this.#world.trace.violate('11', `a report that is too large is answered ${error.code}: ${error.message}`)
    }
  }

  async #later(record: AttemptRecord, { verb, body }: Outcome): Promise<void> {
    await this.#sleep(this.#random.between(0, 20_000))
    await this.#send(record, verb, body)
  }

  /** Until it has the receipt. */
  async #send({ order, session }: AttemptRecord, verb: 'done' | 'failed' | 'progress', body: object): Promise<void> {
    const { owner, name: daemon } = this.spec
    const { task, attempt, nonce } = order
    this.#world.reported(`${owner} ${task} ${attempt} ${nonce} ${session} ${daemon} ${verb}`)
    const subject = subjects.report.at({ owner, ...readAddress(addressOf(owner, task)), daemon, verb })
    const time = { clock: this.#clock, random: this.#random }
    try {
      const receipt = (await retried(time, verb === 'progress' ? callMs : hour, () =>
        this.#bus.request(subject, { attempt, nonce, session, ...body }, callMs),
      )) as Receipt
      this.#world.trace.add(`${daemon} has the receipt of ${verb} ${keyOf(order)}: ${receipt.counted}`)
    } catch (error) {
      if (!(error instanceof WritError)) throw error
    }
  }

  /** A report about somebody's open attempt, with all that this daemon can know or guess of it but one thing. */
  #forge(): void {
    const { owner, name: daemon } = this.spec
    const open = this.#world.openAttempts().filter((row) => row.owner === owner)
    const row = this.#random.pick(open)
    if (row === undefined) return
    const wrong = row.daemon === daemon ? this.#random.pick(['nonce', 'session', 'attempt']) : 'daemon'
    const body = {
      attempt: wrong === 'attempt' ? row.attempt + 1 : row.attempt,
      nonce: wrong === 'nonce' ? `${row.nonce}x` : row.nonce,
      session: wrong === 'session' ? `${row.session}x` : row.session,
      ...(this.#random.chance(0.5) ? { reason: 'forged' } : { result: 'forged' }),
    }
    const verb = 'reason' in body ? 'failed' : 'done'
    const subject = subjects.report.at({ owner, ...readAddress(addressOf(owner, row.task)), daemon, verb })
    this.#world.trace.add(`${daemon} forges ${verb} of ${row.task}/${row.attempt}: wrong ${wrong}`)
    this.#bus.request(subject, body, callMs).then(
      (receipt) => this.#world.forged((receipt as Receipt).counted, `${row.task}/${row.attempt}, wrong ${wrong}`),
      () => undefined,
    )
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.after(ms, resolve))
  }
}
