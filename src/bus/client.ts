/**
 * What the command line and programs speak: every request of the wire as a typed method, asked again until it is answered.
 * Each call has a command id of its own, so that asking again never does a thing twice.
 */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Bus } from '../actors/ports/bus.ts'
import type { Clock, Random } from '../actors/ports/clock.ts'
import {
  type CreateDirective,
  type daemonsQuery,
  type directivesQuery,
  type EventLine,
  eventsAnswer,
  type eventsQuery,
  type tasksQuery,
} from '../protocol/commands.ts'
import { ownerName, shardOf } from '../protocol/ids.ts'
import { firstTryMs, requestDeadlineMs } from '../protocol/limits.ts'
import type { DirectiveView } from '../protocol/views.ts'
import type { waitingQuery } from '../protocol/waiting.ts'
import { allEventsOf } from './all-events.ts'
import { eventsOf } from './events.ts'
import { inspect, type InspectOptions } from './inspection.ts'
import { replay, type ReplayOptions } from './replay.ts'
import { retried } from './retry.ts'
import { parkedMessages } from './parked-messages.ts'
import type { Message } from './subject.ts'
import { readAddress, subjects } from './subjects.ts'
import { untilEnded } from './until-ended.ts'

const deadlineMsDefault = 30_000
const commandChars = 20

export interface ClientOptions {
  /** How long a call is asked again before it throws. */
  deadlineMs?: number
  clock?: Clock
  random?: Random
}

/** What a request is answered with, as its declaration has it. */
export type AnswerTo<M extends Message> = M extends { answer: infer A extends z.ZodType } ? z.output<A> : unknown

type Asked<M extends Message> =
  Record<never, never> extends z.input<M['payload']>
    ? (input?: z.input<M['payload']>) => Promise<AnswerTo<M>>
    : (input: z.input<M['payload']>) => Promise<AnswerTo<M>>
type Api = typeof subjects.api.messages

/**
 * A method for each verb that is answered. A `command` in its input names the call: the same one again has the same answer for a
 * day, from whichever process it comes. What a method throws is a WritError; its `code` says why (see `codes`).
 */
export type Methods<M extends Record<string, Message>> = {
  [V in keyof M as M[V]['kind'] extends 'request' ? V : never]: Asked<M[V]>
}

const systemClock: Clock = {
  monotonic: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Without what a client brings along; in tests something else may stand for it. */
type Watching<T> = Omit<T, 'bus' | 'owner' | 'actors' | 'clock'> & Partial<T>

/** What is used of a bus. */
export type ClientBus = Pick<Bus, 'request' | 'subscribe'>

/** 32 letters, so that a byte gives one without favour. */
const letters = 'abcdefghijklmnopqrstuvwxyz012345'
const systemRandom: Random = {
  token: (length) => [...randomBytes(length)].map((byte) => letters[byte % letters.length]).join(''),
}

const takesCommand = (payload: z.ZodType): boolean => payload instanceof z.ZodObject && 'command' in payload.shape

/**
 * Speaks for one owner. A call is asked again until it is answered or its time is up (`deadlineMs`, 30 s when unset): then it throws
 * what was wrong last, NO_ANSWER or UNREACHABLE as a rule. Refusals are thrown at once: NOT_FOUND (also for what is another owner's),
 * REFUSED (not in the present state), CONFLICT, BAD_INPUT and BAD_PLAN with every fault.
 */
export class WritClient {
  readonly owner: string
  readonly #bus: ClientBus
  readonly #deadlineMs: number
  readonly #time: { clock: Clock; random: Random }

  /** Throws BAD_INPUT when that is no owner's name. */
  constructor(bus: ClientBus, owner: string, options: ClientOptions = {}) {
    const { deadlineMs = deadlineMsDefault, clock = systemClock, random = systemRandom } = options
    this.#bus = bus
    this.owner = ownerName(owner)
    this.#deadlineMs = deadlineMs
    this.#time = { clock, random }
  }

  /**
   * Makes a draft. With an `id` of the caller's, creating it again with the same content answers with the one that is there; with
   * other content throws CONFLICT. Throws BAD_INPUT and BAD_PLAN with every fault.
   */
  createDirective(input: CreateDirective): Promise<AnswerTo<Api['directive.create']>> {
    return this.#api('directive', 'create', input)
  }

  /** A page, newest first: the next one with its `next` as `after`. `limit` lines, 100 when unset. So for the other lists. */
  listDirectives(query: z.input<typeof directivesQuery> = {}): Promise<AnswerTo<Api['directive.list']>> {
    return this.#api('directive', 'list', query)
  }

  listDaemons(query: z.input<typeof daemonsQuery> = {}): Promise<AnswerTo<Api['daemon.list']>> {
    return this.#api('daemon', 'list', query)
  }

  /** The daemon takes nothing new from now on, and ends once nothing of it runs. */
  drainDaemon(name: string): Promise<AnswerTo<typeof subjects.daemon.messages.drain>> {
    return this.#ask(subjects.daemon.at({ owner: this.owner, id: name, verb: 'drain' }), {})
  }

  listTasks(query: z.input<typeof tasksQuery> = {}): Promise<AnswerTo<Api['task.list']>> {
    return this.#api('task', 'list', query)
  }

  /** What waits for what, longest first: a page, as of the other lists. Throws NOT_FOUND for a directive that is not there. */
  listWaiting(query: z.input<typeof waitingQuery> = {}): Promise<AnswerTo<Api['waiting.list']>> {
    return this.#api('waiting', 'list', query)
  }

  /** Messages and actors that failed too often: a list (longest first), one of them, and what a person does with it. */
  get parked(): Methods<typeof parkedMessages> {
    return this.#methods(parkedMessages, (verb) => subjects.api.at({ owner: this.owner, noun: 'parked', verb }))
  }

  /** What all directives have told since a time, oldest first: a page, and when it was looked for. */
  listEvents(query: z.input<typeof eventsQuery> = {}): Promise<AnswerTo<Api['event.list']>> {
    return this.#api('event', 'list', query)
  }

  /** The threads of all nodes that have a lease, also those that say nothing any more. */
  listNodes(): Promise<AnswerTo<Api['node.list']>> {
    return this.#ask(subjects.api.at({ owner: this.owner, noun: 'node', verb: 'list' }), {})
  }

  /** What there is of the owner, in figures. */
  ownerFigures(): Promise<AnswerTo<Api['owner.figures']>> {
    return this.#ask(subjects.api.at({ owner: this.owner, noun: 'owner', verb: 'figures' }), {})
  }

  /** Makes the owner's registry unless it is there: its daemons are heard from then on, before any directive. */
  async openOwner(): Promise<void> {
    await this.#ask(subjects.api.at({ owner: this.owner, noun: 'owner', verb: 'open' }), {})
  }

  /** By its id, or its address `<shard>.<id>`; so for the others. Throws BAD_INPUT when it is neither. */
  directive(at: string): Methods<typeof subjects.directive.messages> {
    const place = this.#place(at)
    return this.#methods(subjects.directive.messages, (verb) => subjects.directive.at({ ...place, verb }))
  }

  step(at: string): Methods<typeof subjects.step.messages> {
    const place = this.#place(at)
    return this.#methods(subjects.step.messages, (verb) => subjects.step.at({ ...place, verb }))
  }

  contract(at: string): Methods<typeof subjects.contract.messages> {
    const place = this.#place(at)
    return this.#methods(subjects.contract.messages, (verb) => subjects.contract.at({ ...place, verb }))
  }

  task(at: string): Methods<typeof subjects.task.messages> {
    const place = this.#place(at)
    return this.#methods(subjects.task.messages, (verb) => subjects.task.at({ ...place, verb }))
  }

  /** Looks into actors: as they are, as they go on, as they were. Changes nothing. */
  get actors(): Methods<typeof subjects.actors.messages> {
    return this.#methods(subjects.actors.messages, (verb) => subjects.actors.at({ owner: this.owner, verb }))
  }

  /** Looks into one actor: a directive, a step, or the registry (`__registry`). Changes nothing. */
  actor(at: string): Methods<typeof subjects.actor.messages> {
    const place = this.#place(at)
    return this.#methods(subjects.actor.messages, (verb) => subjects.actor.at({ ...place, verb }))
  }

  /**
   * Watches actors of all nodes until the signal: the state of each that matches, then every message that it takes with its state after
   * it, as frames of XState's inspector. Throws what the first request throws.
   */
  inspect(options: Watching<InspectOptions>): Promise<void> {
    const { owner, actors } = this
    return inspect({ bus: this.#bus, owner, actors, clock: this.#time.clock, ...options })
  }

  /** The same frames of what was, from the journals, also of what ended long ago. Throws NOT_FOUND when nothing matches. */
  replay(options: Watching<ReplayOptions>): Promise<void> {
    return replay({ actors: this.actors, clock: this.#time.clock, ...options })
  }

  /**
   * A directive's events after a number, in their order, each once, for as long as they are wanted: live, and what the live
   * ones leave out is fetched. Ends with the signal; throws when the directive is not there, or at first nobody answers.
   */
  events(
    at: string,
    options: { after?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<EventLine, void, undefined> {
    const { id } = this.#place(at)
    const pattern = subjects.event.pattern({ owner: this.owner, directive: id })
    const ask = this.directive(at)
    const fetch = async (after: number): Promise<EventLine[]> => eventsAnswer.parse(await ask.events({ after })).events
    return eventsOf({ bus: this.#bus, clock: this.#time.clock, pattern, fetch, ...options })
  }

  /**
   * What all directives of the owner tell, each event once and those of one directive in their order, for as long as they are
   * wanted: from now on, or since a time (ISO 8601). Ends with the signal; throws when at first nobody answers.
   */
  allEvents(options: { since?: string; signal?: AbortSignal } = {}): AsyncGenerator<EventLine, void, undefined> {
    const fetch = async (directive: string, after: number, limit: number): Promise<readonly EventLine[]> =>
      eventsAnswer.parse(await this.directive(directive).events({ after, limit })).events
    return allEventsOf({
      bus: this.#bus,
      clock: this.#time.clock,
      pattern: subjects.event.pattern({ owner: this.owner }),
      list: (query) => this.listEvents(query),
      fetch,
      ...options,
    })
  }

  /**
   * Waits until the directive has ended (completed, failed or cancelled), through restarts of whatever is in between, and gives it
   * back as it is then. Throws the signal's reason once it is aborted (`AbortSignal.timeout(ms)` limits the wait), NOT_FOUND.
   */
  wait(at: string, { signal }: { signal?: AbortSignal } = {}): Promise<DirectiveView> {
    const ask = this.directive(at)
    return untilEnded({
      look: () => ask.get(),
      events: (after, until) => this.events(at, { after, signal: until }),
      clock: this.#time.clock,
      signal: signal ?? new AbortController().signal,
    })
  }

  #place(at: string): { owner: string; shard: string | number; id: string } {
    const { owner } = this
    return at.includes('.') ? { owner, ...readAddress(at) } : { owner, shard: shardOf(owner, at), id: at }
  }

  #api<T>(
    noun: 'directive' | 'daemon' | 'task' | 'waiting' | 'event',
    verb: 'create' | 'list',
    input: object,
  ): Promise<T> {
    const subject = subjects.api.at({ owner: this.owner, noun, verb })
    return this.#ask(subject, verb === 'create' ? { command: this.#command(), ...input } : input)
  }

  #methods<M extends Record<string, Message>>(messages: M, subjectOf: (verb: keyof M & string) => string): Methods<M> {
    const verbs = Object.keys(messages) as (keyof M & string)[]
    const methods = verbs.map((verb) => {
      const command = takesCommand((messages[verb] as Message).payload)
      const method = (input: object = {}): Promise<unknown> =>
        this.#ask(subjectOf(verb), command ? { command: this.#command(), ...input } : input)
      return [verb, method] as const
    })
    return Object.fromEntries(methods) as Methods<M>
  }

  #command(): string {
    return this.#time.random.token(commandChars)
  }

  /**
   * What was lost on the way, or with a node that died or froze, is asked again soon; what takes longer has twice the time with each
   * try, up to what a node works on a request. The answer is taken for what its subject declares: tests hold the nodes to that, and a
   * newer node's may hold more.
   */
  #ask<T>(subject: string, body: object): Promise<T> {
    return retried(this.#time, this.#deadlineMs, (leftMs, tries) =>
      this.#bus.request(subject, body, Math.min(leftMs, requestDeadlineMs, firstTryMs * 2 ** tries)),
    ) as Promise<T>
  }
}
