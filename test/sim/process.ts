/**
 * One process of the simulated world, a thread or a daemon: everything that reaches its code comes through here, so it can
 * be killed between any two moments, or frozen while time goes on and its messages, timers and answers pile up.
 */
import type { Bus, Incoming, Published } from '../../src/actors/ports/bus.ts'
import type { Alarm, Clock } from '../../src/actors/ports/clock.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import { WritError } from '../../src/protocol/errors.ts'
import type { SimBus } from './bus.ts'

/** Sees each call of a process to its store, and each word: right before it, and right after it was made. */
export type AtCall = (when: 'before' | 'after') => void

export class Process {
  readonly name: string
  readonly #atCall: AtCall
  #state: 'up' | 'frozen' | 'dead' = 'up'
  #waiting: (() => void)[] = []
  /** Ends each call to the store that is under way, as a lost connection does. */
  readonly #open = new Set<() => void>()

  constructor(name: string, atCall: AtCall = () => undefined) {
    this.name = name
    this.#atCall = atCall
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  enter(call: () => void): void {
    if (this.#state === 'up') call()
    else if (this.#state === 'frozen') this.#waiting.push(call)
  }

  freeze(): void {
    if (this.#state === 'up') this.#state = 'frozen'
  }

  /** Everything that came meanwhile comes now. */
  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#state = 'up'
    const waiting = this.#waiting
    this.#waiting = []
    for (const call of waiting) this.enter(call)
  }

  kill(): void {
    this.#state = 'dead'
    this.#waiting = []
  }

  /** A word of its own: not said when it dies right before it. */
  say(call: () => void): void {
    if (this.#state === 'up') this.#atCall('before')
    this.enter(call)
    if (this.#state === 'up') this.#atCall('after')
  }

  /**
   * A call to the store or to others: not made by who is dead, and made only once it goes on by who is frozen. `lost`: what is
   * heard instead of an answer when the connection is lost meanwhile.
   */
  call<T>(make: () => Promise<T>, lost: (() => WritError) | null): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => this.#settle(end, () => reject(lost?.()))
      this.say(() => {
        if (lost !== null) this.#open.add(end)
        make().then(
          (value) => this.#settle(end, () => resolve(value)),
          (error: unknown) => this.#settle(end, () => reject(error)),
        )
      })
    })
  }

  #settle(end: () => void, settle: () => void): void {
    this.#open.delete(end)
    this.enter(settle)
  }

  /** Its connections to the store are lost: of what was asked, nothing more is heard. Answers how many calls it was waiting for. */
  disconnect(): number {
    const open = [...this.#open]
    for (const end of open) end()
    return open.length
  }

  /** The promise as this process sees it: never settled once it is dead. */
  outcome<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.enter(() => resolve(value)),
        (error: unknown) => this.enter(() => reject(error)),
      )
    })
  }
}

/** A process's own clock: begins anywhere, and may run a little fast or slow. */
export const clockOf = (process: Process, world: Clock, rate: number, begin: number): Clock => ({
  monotonic: () => begin + world.monotonic() * rate,
  after: (ms, call): Alarm => world.after(ms / rate, () => process.enter(call)),
})

/** The store as a process sees it. */
export const storeOf = (process: Process, store: Store): Store =>
  new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): Promise<unknown> =>
        process.call(
          () => Promise.resolve(Reflect.apply(value, target, args)),
          () => lostAt(name),
        )
    },
  })

const lostAt = (name: string | symbol): WritError =>
  name === 'commit'
    ? new WritError('UNKNOWN_RESULT', 'the connection was lost before the database said whether it committed')
    : new WritError('UNREACHABLE', 'the connection to the database was lost')

/** Sees what a process says, at the moment that it says it. */
export interface Ear {
  said: (subject: string, body: object) => void
  answered: (asked: { subject: string; body: Uint8Array }, answer: object, process: string) => void
  acknowledged: (message: Published) => void
}

export const deaf: Ear = { said: () => undefined, answered: () => undefined, acknowledged: () => undefined }

/** The bus as a process sees it. */
export class ProcessBus implements Bus {
  readonly #process: Process
  readonly #bus: SimBus
  readonly #ear: Ear

  constructor(process: Process, bus: SimBus, ear: Ear = deaf) {
    this.#process = process
    this.#bus = bus
    this.#ear = ear
  }

  publish(subject: string, body: object): void {
    this.#process.say(() => {
      this.#ear.said(subject, body)
      this.#bus.publish(subject, body)
    })
  }

  request(subject: string, body: object, deadlineMs: number): Promise<unknown> {
    return this.#ask(subject, body, () => this.#bus.request(subject, body, deadlineMs))
  }

  deliver(subject: string, body: object, withinMs: number): Promise<boolean> {
    return this.#ask(subject, body, () => this.#bus.deliver(subject, body, withinMs))
  }

  #ask<T>(subject: string, body: object, ask: () => Promise<T>): Promise<T> {
    const asked = (): Promise<T> => {
      this.#ear.said(subject, body)
      return ask()
    }
    return this.#process.call(asked, null)
  }

  subscribe(
    pattern: string,
    options: { queue?: string },
    take: (message: Incoming) => void,
  ): { drain: () => Promise<void> } {
    const own = this.#bus.subscribe(pattern, options, (message) =>
      this.#process.enter(() => take(this.#heard(message))),
    )
    return { drain: () => this.#process.outcome(own.drain()) }
  }

  #heard(message: Incoming): Incoming {
    const reply = (answer: object): void =>
      this.#process.say(() => {
        this.#ear.answered(message, answer, this.#process.name)
        message.reply(answer)
      })
    return { ...message, reply }
  }

  #brought(message: Published): Published {
    const ack = (): void => {
      this.#ear.acknowledged(message)
      message.ack()
    }
    return { ...message, ack }
  }

  flush(): Promise<void> {
    return this.#process.outcome(this.#bus.flush())
  }

  async consume(take: (message: Published) => void): Promise<{ drain: () => Promise<void> }> {
    const own = await this.#process.outcome(
      this.#bus.consume((message) => this.#process.enter(() => take(this.#brought(message)))),
    )
    return { drain: () => this.#process.outcome(own.drain()) }
  }

  close(): Promise<void> {
    return this.#process.outcome(this.#bus.close())
  }
}
