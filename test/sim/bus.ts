/**
 * The twin of NATS in memory, over simulated time: the same contract (test/contract/bus.contract.ts), and faults by seed.
 * One SimNetwork is the servers; each SimBus is one client of it, with a name by which it can be cut off or killed.
 */
import type { Bus, Incoming, Published, Subscription } from '../../src/actors/ports/bus.ts'
import { answerOf } from '../../src/bus/answer.ts'
import { encode } from '../../src/bus/json.ts'
import { streamedSubjects } from '../../src/bus/stream.ts'
import { checkPattern, checkQueue, checkSubject, isInbox } from '../../src/bus/syntax.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { type BusFaults, Links, noFaults } from './bus-links.ts'
import { servers, SimStream } from './bus-stream.ts'
import type { SimClock } from './clock.ts'
import type { SimRandom } from './random.ts'

export type { BusFaults } from './bus-links.ts'

/** A half-open connection is noticed by the pings that nobody answers. */
const noticedMs = 20_000

interface Message {
  subject: string
  body: Uint8Array
  replyTo: string | null
}

interface Listener {
  client: string
  pattern: readonly string[]
  queue: string | null
  take: (message: Message) => void
  /** Deliveries on their way. */
  pending: number
  state: 'open' | 'draining' | 'ended'
  ended: () => void
}

const matches = (pattern: readonly string[], tokens: readonly string[]): boolean => {
  const { length } = pattern
  if (pattern[length - 1] === '>' ? tokens.length < length : tokens.length !== length) return false
  // From the end on: patterns of one bus begin alike.
  for (let at = length - 1; at >= 0; at--) {
    const one = pattern[at]
    if (one !== '*' && one !== '>' && one !== tokens[at]) return false
  }
  return true
}

/**
 * Listeners are kept by what their patterns begin with, so that a message is held against few of them: a thread alone has
 * one per shard and noun.
 */
const placeOf = (pattern: readonly string[]): string => {
  if (!pattern.some((one) => one === '*' || one === '>')) return pattern.join('.')
  const [, , , noun, shard] = pattern
  return noun === undefined || shard === undefined || /[*>]/.test(noun + shard) ? '*' : `${noun} ${shard}`
}

const placesOf = (subject: string, tokens: readonly string[]): string[] => [subject, `${tokens[3]} ${tokens[4]}`, '*']

const streamed = streamedSubjects.map((pattern) => pattern.split('.'))

export class SimNetwork {
  /** Is told the kind of each fault that takes effect. */
  onFault: (kind: string) => void = () => undefined
  readonly links: Links
  /** What clients would have logged. */
  readonly log: string[] = []
  readonly clock: SimClock
  readonly stream: SimStream
  readonly #random: SimRandom
  readonly #listeners = new Map<string, Set<Listener>>()
  #inboxes = 0

  constructor(clock: SimClock, random: SimRandom, faults: Partial<BusFaults> = {}) {
    this.clock = clock
    this.#random = random
    this.links = new Links(clock, random, { ...noFaults, ...faults }, (kind) => this.onFault(kind))
    this.stream = new SimStream(this, random)
  }

  get faults(): BusFaults {
    return this.links.faults
  }

  set faults(faults: Partial<BusFaults>) {
    this.links.faults = { ...noFaults, ...faults }
  }

  join(name: string): SimBus {
    return new SimBus(this, name)
  }

  inbox(client: string): string {
    return `_INBOX.${client}.${this.#inboxes++}`
  }

  /**
   * Sends without any check: what a client in another language may do. Answers false when the servers say that nobody
   * listens; of what does not reach them they say nothing.
   */
  send(from: string, message: Message): boolean {
    if (this.links.isMute(from)) return true
    const tokens = message.subject.split('.')
    const here: Listener[] = []
    for (const place of placesOf(message.subject, tokens))
      for (const one of this.#listeners.get(place) ?? [])
        if (one.state === 'open' && matches(one.pattern, tokens) && this.links.seems(from, one.client)) here.push(one)
    for (const listener of this.#receivers(here)) this.#deliver(from, listener, message)
    const kept = streamed.some((pattern) => matches(pattern, tokens))
    if (kept) this.travel(from, servers, () => this.stream.keep(message.subject, message.body))
    return kept || here.length > 0
  }

  /** Everybody without a queue, and one of each queue. */
  #receivers(listeners: readonly Listener[]): Listener[] {
    const chosen = listeners.filter((one) => one.queue === null)
    for (const queue of new Set(listeners.map((one) => one.queue))) {
      const one = this.#random.pick(listeners.filter((member) => member.queue === queue))
      if (queue !== null && one !== undefined) chosen.push(one)
    }
    return chosen
  }

  #deliver(from: string, listener: Listener, message: Message): void {
    listener.pending++
    const settled = (): void => {
      listener.pending--
      this.#endIfDrained(listener)
    }
    const arrive = (): void => {
      if (listener.state !== 'ended') listener.take(message)
    }
    this.travel(from, listener.client, arrive, settled)
  }

  /** Lets something arrive after its delay, unless it is lost; `settled` is called either way, at its time. */
  travel(from: string, to: string, arrive: () => void, settled: () => void = () => undefined): void {
    const times = this.links.copies()
    const cut = !this.reaches(from, to)
    for (let time = 1; time <= times; time++) {
      this.clock.after(this.links.delay(from, to), () => {
        if (!cut && this.reaches(from, to)) arrive()
        if (time === times) settled()
      })
    }
    if (times === 0) this.clock.after(0, settled)
  }

  reaches(from: string, to: string): boolean {
    return this.links.reaches(from, to)
  }

  listen(listener: Listener): void {
    const place = placeOf(listener.pattern)
    this.#listeners.set(place, (this.#listeners.get(place) ?? new Set()).add(listener))
  }

  drain(listener: Listener): void {
    if (listener.state === 'open') listener.state = 'draining'
    this.#endIfDrained(listener)
  }

  #endIfDrained(listener: Listener): void {
    if (listener.state === 'draining' && listener.pending === 0) this.end(listener)
  }

  end(listener: Listener): void {
    listener.state = 'ended'
    const place = placeOf(listener.pattern)
    const others = this.#listeners.get(place)
    others?.delete(listener)
    if (others?.size === 0) this.#listeners.delete(place)
    listener.ended()
  }
}

export class SimBus implements Bus {
  readonly name: string
  readonly #network: SimNetwork
  readonly #own = new Set<{ listener: Listener; drained: Promise<void> }>()
  readonly #takers = new Set<Subscription>()
  readonly #asking = new Set<(reason: WritError) => void>()
  #closed = false

  constructor(network: SimNetwork, name: string) {
    this.#network = network
    this.name = name
  }

  publish(subject: string, body: object): void {
    checkSubject(subject)
    this.#send(subject, encode(body), null)
  }

  request(subject: string, body: object, deadlineMs: number): Promise<unknown> {
    return this.#ask(subject, body, deadlineMs).then((answer) => {
      if (answer === 'late') throw new WritError('NO_ANSWER', `nobody answered on ${subject} within ${deadlineMs} ms`)
      if (answer === 'nobody') throw new WritError('NO_ANSWER', `nobody listens on ${subject}`)
      return answerOf(subject, answer)
    })
  }

  deliver(subject: string, body: object, withinMs: number): Promise<boolean> {
    return this.#ask(subject, body, withinMs).then((answer) => answer !== 'nobody')
  }

  async #ask(subject: string, body: object, deadlineMs: number): Promise<Uint8Array | 'late' | 'nobody'> {
    checkSubject(subject)
    const bytes = encode(body)
    if (this.#closed) throw new WritError('UNREACHABLE', `${subject} could not be asked: the connection is closed`)
    const inbox = this.#network.inbox(this.name)
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.#asking.delete(reject)
        alarm.cancel()
        this.#network.end(answers.listener)
        this.#own.delete(answers)
        act()
      }
      const end = (silence: 'late' | 'nobody'): void => settle(() => resolve(silence))
      const alarm = this.#network.clock.after(deadlineMs, () => end('late'))
      const answers = this.#listen(inbox, null, (message) => settle(() => resolve(message.body)))
      this.#asking.add(reject)
      const heard = this.#send(subject, bytes, inbox)
      if (!heard) this.#network.travel(servers, this.name, () => end('nobody'))
    })
  }

  subscribe(pattern: string, options: { queue?: string }, take: (message: Incoming) => void): Subscription {
    checkPattern(pattern)
    if (options.queue !== undefined) checkQueue(options.queue)
    const own = this.#listen(pattern, options.queue ?? null, (message) => this.#hand(take, message))
    return { drain: () => this.#drain(own) }
  }

  #listen(
    pattern: string,
    queue: string | null,
    take: (message: Message) => void,
  ): { listener: Listener; drained: Promise<void> } {
    let ended = (): void => undefined
    const drained = new Promise<void>((resolve) => {
      ended = resolve
    })
    const listener: Listener = {
      client: this.name,
      pattern: pattern.split('.'),
      queue,
      take,
      pending: 0,
      state: 'open',
      ended,
    }
    const own = { listener, drained }
    this.#own.add(own)
    this.#network.listen(listener)
    return own
  }

  #drain(own: { listener: Listener; drained: Promise<void> }): Promise<void> {
    this.#own.delete(own)
    this.#network.drain(own.listener)
    return own.drained
  }

  #hand(take: (message: Incoming) => void, { subject, body, replyTo: wanted }: Message): void {
    const replyTo = wanted !== null && isInbox(wanted) ? wanted : null
    let open = replyTo !== null
    const reply = (answer: object): void => {
      if (replyTo === null || !open) return
      open = false
      this.#send(replyTo, bytesOf(answer), null)
    }
    try {
      take({ subject, body, wantsReply: replyTo !== null, replyTo, reply })
    } catch (error) {
      this.#network.log.push(`${this.name}: taking ${subject} failed: ${String(error)}`)
      reply(errorReply(error))
    }
  }

  #send(subject: string, body: Uint8Array, replyTo: string | null): boolean {
    return !this.#closed && this.#network.send(this.name, { subject, body, replyTo })
  }

  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { clock } = this.#network
      const lost = new WritError('UNREACHABLE', 'the connection was lost')
      if (this.#closed || !this.#network.links.seems(this.name, servers)) clock.after(0, () => reject(lost))
      else if (!this.#network.links.isHeard(this.name)) clock.after(noticedMs, () => reject(lost))
      else clock.after(2 * this.#network.faults.delayMs[1], resolve)
    })
  }

  async consume(take: (message: Published) => void): Promise<Subscription> {
    if (this.#closed || !this.#network.reaches(this.name, servers))
      throw new WritError('UNREACHABLE', 'the connection was lost')
    const taker = this.#network.stream.join(this.name, take)
    this.#takers.add(taker)
    return taker
  }

  async close(): Promise<void> {
    await Promise.all([...this.#takers].map((taker) => taker.drain()))
    await Promise.all([...this.#own].map((own) => this.#drain(own)))
    this.kill()
  }

  /** Gone without a goodbye: nothing is handed over any more, and what it was asking stays unanswered. */
  kill(): void {
    this.#closed = true
    for (const { listener } of this.#own) this.#network.end(listener)
    for (const taker of this.#takers) void taker.drain()
    for (const reject of this.#asking) reject(new WritError('UNREACHABLE', 'the connection is closed'))
    this.#own.clear()
  }
}

const errorReply = (error: unknown): object => ({
  error: (error instanceof WritError ? error : new WritError('INTERNAL', 'taking the message failed')).body,
})

const bytesOf = (answer: object): Uint8Array => {
  try {
    return encode(answer)
  } catch (error) {
    return encode(errorReply(error))
  }
}
