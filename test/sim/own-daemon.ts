/**
 * A daemon of the simulated world that runs the client of production, put together as there (src/daemon/assembly.ts): over the simulated
 * bus, clock and disk, with work that takes its time and comes to what chance says. Odd ones and liars are in daemon.ts.
 */
import type { Incoming } from '../../src/actors/ports/bus.ts'
import { decode } from '../../src/bus/json.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { assemble, type Daemon, type Shared, type Works } from '../../src/daemon/assembly.ts'
import { type AttemptRecord, attemptKey, attemptsIn, type RecordFiles } from '../../src/daemon/attempts.ts'
import { type DaemonClock, pause } from '../../src/daemon/clock.ts'
import { runHandled, type TaskContext, type TaskFailure, type TaskResult } from '../../src/daemon/handled-attempt.ts'
import type { Log } from '../../src/daemon/log.ts'
import type { Output } from '../../src/daemon/output.ts'
import type { DaemonBus } from '../../src/daemon/wire.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { beatMs } from '../../src/protocol/limits.ts'
import type { Hello, Order, Receipt, Spawn } from '../../src/protocol/task.ts'
import type { SimBus } from './bus.ts'
import type { DaemonSpec, WorldDaemon } from './daemons.ts'
import { homeOn, SimDisk } from './disk.ts'
import { clockOf, deaf, Process, ProcessBus } from './process.ts'
import type { SimRandom } from './random.ts'
import type { Fault } from './rates.ts'
import { type DaemonWorld, outcomeOf } from './work.ts'

const neverMs = 300_000
/** What is answered so is not asked again. */
const isFinal = (error: unknown): boolean =>
  error instanceof WritError &&
  ['STALE', 'NOT_FOUND', 'REFUSED', 'CONFLICT', 'BAD_INPUT', 'TOO_LARGE'].includes(error.code)

export class OwnDaemon implements WorldDaemon {
  readonly spec: DaemonSpec
  readonly process: Process
  readonly #world: DaemonWorld
  readonly #disk: SimDisk
  readonly #random: SimRandom
  readonly #aside: SimRandom
  readonly #clock: DaemonClock
  readonly #sim: SimBus
  /** What had no receipt on its disk as it was started. */
  #taken: readonly string[] = []
  readonly #running = new Set<string>()
  /** It stops as the next record is written, which takes its time then. */
  #stopsAtRecord: (() => void) | null = null

  constructor(world: DaemonWorld, spec: DaemonSpec, disk?: SimDisk) {
    this.#world = world
    this.spec = spec
    this.#random = world.random.fork()
    this.#aside = this.#random.aside()
    this.#disk = disk ?? new SimDisk(this.#aside)
    this.process = new Process(spec.name, () => this.#atCall())
    const now = (): number => Math.floor(world.clock.monotonic())
    this.#clock = { ...clockOf(this.process, world.clock, 1, 0), now }
    this.#sim = world.network.join(spec.name)
  }

  start(): void {
    this.#taken = this.#disk.open()
    this.#world.trace.add(`${this.spec.name} starts as ours, with ${this.#taken.length} attempts`)
    void this.#live()
  }

  kill(): void {
    this.#world.trace.add(`${this.spec.name} dies`)
    this.process.kill()
    this.#sim.kill()
  }

  /** `keeps`: else its machine has lost its power, somebody has removed its records, or it is another machine's. */
  successor(keeps: boolean): OwnDaemon {
    const lost = keeps ? null : this.#aside.pick(['power', 'records', 'home'])
    if (lost === 'power') this.#disk.losePower(this.#aside)
    if (lost === 'records') this.#disk.clear()
    return new OwnDaemon(this.#world, this.spec, lost === 'home' ? undefined : this.#disk)
  }

  knows(attempt: { task: string; attempt: number }): boolean {
    return this.#disk.record(attemptKey(attempt)) !== null
  }

  /** An outcome is reported until somebody has taken it, whatever became of the processes meanwhile. */
  unfinished(): string | null {
    const left = this.#disk.open().find((name) => !this.#disk.receipted.has(name))
    return left === undefined ? null : `${this.spec.name} has not reported ${left}`
  }

  async #live(): Promise<void> {
    const { trace, clock, luck } = this.#world
    const { owner, name, slots, offer } = this.spec
    const { home, files } = homeOn(this.#disk, this.process, { clock, luck, random: this.#aside })
    const replace: RecordFiles['replace'] = async (file, text) => {
      this.#stopsAtRecord?.()
      if (this.#stopsAtRecord !== null) await pause(this.#clock, this.#aside.between(1, 20))
      return files.replace(file, text)
    }
    const ground = {
      ...{ owner, name, slots, roles: offer.roles, labels: offer.labels },
      ...{ bus: this.#bus(), clock: this.#clock, log: this.#log(), home, attempts: attemptsIn({ ...files, replace }) },
    }
    const daemon = await assemble(ground, (shared) => Promise.resolve(this.#works(shared)))
    daemon.ready.catch((error: unknown) => trace.violate('hello', `${name} is refused: ${String(error)}`))
    await this.#untilItLeaves(daemon)
    await daemon.stop(this.#aside.chance(0.3))
    for (const name of this.#running) trace.violate('R45', `${this.spec.name} has stopped, and leaves ${name} running`)
    this.#end()
  }

  async #untilItLeaves(daemon: Daemon): Promise<void> {
    for (;;) {
      await pause(this.#clock, beatMs)
      if (this.#strikes('daemonFlaps')) return this.#nextRecord()
      if (!this.#strikes('daemonDrains')) continue
      daemon.drain()
      return daemon.drained
    }
  }

  /** Where a stop is hardest to get right; if none is written soon, it stops all the same. */
  #nextRecord(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopsAtRecord = resolve
      void pause(this.#clock, beatMs).then(resolve)
    })
  }

  #strikes(fault: Fault): boolean {
    return this.#world.luck.strikes(fault, this.#aside)
  }

  /** Whoever supervises it starts it again. */
  #end(): void {
    this.kill()
    this.#world.revive(this.spec.name, this.#aside.between(100, 5_000))
  }

  #atCall(): void {
    if (this.#strikes('daemonKilledAtCall')) this.#end()
  }

  #works(shared: Shared): Works {
    const openOutput = (_: AttemptRecord, flows: () => void): Output => silentOutput(flows)
    return {
      executors: this.spec.offer.executors,
      run: (record, spawn) => {
        this.#checkBeginning(record, spawn)
        const work = (_: Spawn, context: TaskContext) => this.#work(spawn, context)
        const attempt = runHandled(record, spawn, { ...shared, openOutput }, work)
        this.#running.add(attemptKey(record))
        void attempt.outcome.then(() => this.#running.delete(attemptKey(record)))
        return attempt
      },
      removePlans: () => Promise.resolve(),
      endFormer: () => Promise.resolve(),
      outputs: () => () => Promise.reject(new WritError('NOT_FOUND', 'the simulator keeps no output')),
      keep: () => Promise.resolve({ now: () => undefined, stop: () => undefined }),
      close: () => Promise.resolve(),
    }
  }

  #checkBeginning({ task, attempt, nonce }: AttemptRecord, { owner }: Spawn): void {
    const { trace } = this.#world
    const name = `${task}/${attempt}`
    const before = this.#disk.begun.get(name)
    if (owner !== this.spec.owner) trace.violate('10', `${this.spec.name} was sent a task of ${owner}`)
    if (before === nonce) trace.violate('R45', `${this.spec.name} runs ${name} twice`)
    else if (before !== undefined) trace.violate('7', `${name} was sent under two nonces`)
    this.#disk.begun.set(name, nonce)
    trace.add(`${this.spec.name} runs ${name}`)
  }

  /** The work takes its time; one that is slow says that it is getting on, one that stalls says nothing. */
  async #work(spawn: Spawn, { signal, progress, output }: TaskContext): Promise<TaskResult | TaskFailure> {
    const ending = new AbortController()
    signal.addEventListener('abort', () => {
      if (!this.#strikes('cancelIgnored')) ending.abort()
    })
    const rest = (ms: number): Promise<void> => pause(this.#clock, ms, ending.signal)
    if (this.#strikes('workNever')) await rest(neverMs)
    if (this.#strikes('workStalls')) await rest(60_000)
    for (let left = this.#strikes('workSlow') ? this.#random.between(3, 12) : 0; left > 0; left--) {
      await rest(5_000)
      if (left % 2 === 0) progress('it gets on')
      else output('a line')
    }
    if (!this.#strikes('workInstant')) await rest(this.#random.between(5, 800))
    const { aborted } = ending.signal
    if (spawn.task.role === 'planner' && !aborted) await this.process.outcome(this.#world.plan(spawn, this.#random))
    return resultOf(outcomeOf(this.#world, this.#random, spawn, aborted))
  }

  /** Sees what is reported and answered, and what the answers are. */
  #bus(): DaemonBus {
    const answered = (asked: Pick<Incoming, 'subject' | 'body'>, answer: object): void => this.#answered(asked, answer)
    const bus = new ProcessBus(this.process, this.#sim, { ...deaf, said: (...told) => this.#said(...told), answered })
    return {
      publish: (subject, body) => bus.publish(subject, body),
      subscribe: (pattern, options, take) => bus.subscribe(pattern, options, take),
      request: async (subject, body, deadlineMs) => {
        try {
          const answer = await bus.request(subject, body, deadlineMs)
          this.#heard(subject, body, (answer as Partial<Receipt>).counted)
          return answer
        } catch (error) {
          if (isFinal(error)) this.#heard(subject, body, false)
          throw error
        }
      },
    }
  }

  /** What it does not name in its hello is taken for lost. */
  #checkHello({ running }: Hello): void {
    for (const name of this.#taken)
      if (this.#disk.open().includes(name) && !this.#disk.receipted.has(name) && !running.includes(name))
        this.#world.trace.violate('R43', `${this.spec.name} says hello without ${name}, of which it has a record`)
  }

  #said(subject: string, body: object): void {
    if (subjects.daemon.read(subject)?.verb === 'hello') this.#checkHello(body as Hello)
    const read = subjects.report.read(subject)
    if (read === null) return
    const { attempt, nonce, session } = body as Stamp
    this.#world.reported(`${read.owner} ${read.id} ${attempt} ${nonce} ${session} ${read.daemon} ${read.verb}`)
  }

  #heard(subject: string, body: object, counted: boolean | undefined): void {
    const read = subjects.report.read(subject)
    if (read?.verb !== 'done' && read?.verb !== 'failed') return
    const name = `${read.id}/${(body as Stamp).attempt}`
    this.#disk.receipted.add(name)
    this.#world.trace.add(`${this.spec.name} has the receipt of ${read.verb} ${name}: ${counted}`)
  }

  /** Whoever was told that an attempt is accepted may rely on it, whatever becomes of the process. */
  #answered({ subject, body }: Pick<Incoming, 'subject' | 'body'>, answer: object): void {
    const read = subjects.daemonSession.read(subject)
    if (read?.verb !== 'spawn') return
    const { id: task, attempt, nonce } = (decode(body) as Spawn).task
    // What it cannot do is a failure of the attempt, as if it had reported that.
    if ('error' in answer)
      this.#world.reported(`${read.owner} ${task} ${attempt} ${nonce} ${read.session} ${read.id} failed`)
    else if (this.#disk.record(attemptKey({ task, attempt }))?.nonce !== nonce)
      this.#world.trace.violate('12', `${this.spec.name} has accepted ${task}/${attempt}, and has no record of it`)
  }

  #log(): Log {
    const say =
      (level: string) =>
      (fields: object, text: string): void =>
        this.#world.trace.add(`${this.spec.name} ${level} ${text} ${JSON.stringify(fields)}`)
    return { debug: () => undefined, info: say('info'), warn: say('warn'), error: say('error') }
  }
}

type Stamp = Pick<Order, 'attempt' | 'nonce'> & { session: string }

/** What is written goes nowhere, but counts as a sign of life. */
const silentOutput = (flows: () => void): Output => ({
  take: () => {
    flows()
    return 0
  },
  note: () => undefined,
  read: (offset) => ({ offset, bytes: Buffer.alloc(0), total: 0 }),
  close: () => ({ head: 0, leftOut: 0 }),
})

/** As a handler gives it back. */
const resultOf = ({ verb, body }: ReturnType<typeof outcomeOf>): TaskResult | TaskFailure => {
  if (verb === 'done') return body
  const { reason, means } = { reason: '', means: false, ...body }
  return { failed: reason, means }
}
