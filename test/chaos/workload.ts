/** Directives all the time: each is submitted, steered by a person where its shape says so, and followed to its end. */
import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsBus } from '../../src/bus/nats-bus.ts'
import { WritClient } from '../../src/bus/client.ts'
import { isPassing } from '../../src/bus/retry.ts'
import type { EventLine } from '../../src/protocol/commands.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { stepId } from '../../src/protocol/ids.ts'
import { systemRandom } from '../../src/system.ts'
import type { SimRandom } from '../sim/random.ts'
import type { Archive } from './archive.ts'
import { Publisher } from './publisher.ts'
import { Publishing } from './publishing.ts'
import { Receipts } from './receipts.ts'
import { type Places, type Shape, type ShapeName, shapeNames, shapeOf } from './shapes.ts'

export interface WorkloadOptions {
  bus: NatsBus
  /** Where plain publishes go to. */
  natsUrl: string
  random: SimRandom
  places: Places
  folder: string
  /** Of what is stored of a directive that has ended: kept before it goes. */
  archive: Pick<Archive, 'keep'>
  wrong: (what: string) => void
}

const owner = 'default'
/** Short: what is not answered is asked for again by us, too. */
const deadlineMs = 3_000
const lookMs = 250
const retriesMax = 20
/** Of directives that have ended. */
const deletedPart = 0.3

type Verb = 'start' | 'pause' | 'resume' | 'cancel' | 'retry'

export class Workload {
  readonly receipts: Receipts
  /** All that were begun, by their ids. */
  readonly shapes = new Map<string, Shape>()
  /** How those that have ended did. */
  readonly ended = new Map<string, string>()
  /** Numbers of the events of each directive, as they came to a watcher. */
  readonly heard = new Map<string, number[]>()
  /** Those that a person has deleted. */
  readonly deleted = new Set<string>()
  readonly client: WritClient
  readonly publishing: Publishing
  readonly #options: WorkloadOptions
  readonly #over = new AbortController()
  readonly #watching: Promise<void>
  #wanted = true
  #made = 0
  #bag: ShapeName[] = []

  constructor(options: WorkloadOptions) {
    this.#options = options
    setMaxListeners(0, this.#over.signal)
    this.receipts = new Receipts(join(options.folder, 'receipts.jsonl'))
    this.client = new WritClient(options.bus, owner, { deadlineMs })
    this.publishing = new Publishing({
      client: this.client,
      publisher: new Publisher(options.natsUrl),
      file: join(options.folder, 'published.jsonl'),
      signal: this.#over.signal,
      wrong: options.wrong,
    })
    this.#watching = this.#watch()
  }

  get open(): string[] {
    return [...this.shapes.keys()].filter((id) => !this.ended.has(id))
  }

  /** So many at a time, one after the other, until it is told to finish; resolves when the last has ended. */
  async run(atOnce: number): Promise<void> {
    await Promise.all(Array.from({ length: atOnce }, () => this.#oneAfterTheOther()))
  }

  /** Begins no more. */
  finish(): void {
    this.#wanted = false
  }

  /** Waits for nothing any more. */
  async stop(): Promise<void> {
    this.#wanted = false
    this.#over.abort(new Error('the run is over'))
    await this.#watching
  }

  /** Submits and follows one of this shape. Never rejects: what goes wrong is told. */
  async one(name: ShapeName): Promise<void> {
    const { random, places, wrong } = this.#options
    const shape = shapeOf(name, ++this.#made, random, places)
    this.shapes.set(shape.id, shape)
    try {
      await this.#drive(shape)
    } catch (error) {
      if (!this.#over.signal.aborted) wrong(`${shape.id}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  async #oneAfterTheOther(): Promise<void> {
    while (this.#wanted) await this.one(this.#next())
  }

  /** Each shape once before any comes again. */
  #next(): ShapeName {
    if (this.#bag.length === 0) this.#bag = [...shapeNames]
    const at = this.#options.random.between(0, this.#bag.length - 1)
    return this.#bag.splice(at, 1)[0] ?? 'chain'
  }

  async #drive(shape: Shape): Promise<void> {
    const { id, input } = shape
    await this.#asked(id, 'create', null, (command) => this.client.createDirective({ ...input, command }))
    await this.#command(id, 'start')
    await this.#steer(shape)
    for (let left = retriesMax; left > 0; left--) {
      const { status, reason } = await this.client.wait(id, { signal: this.#over.signal })
      if (status !== 'failed') {
        this.ended.set(id, status)
        if (status !== shape.ends)
          this.#options.wrong(`${id} ended as ${status}, not as ${shape.ends}: ${String(reason)}`)
        return this.#putAway(id)
      }
      await this.#command(id, 'retry')
    }
    throw new Error(`it has failed ${retriesMax} times`)
  }

  /** Some are deleted: neither they nor anything of them is there from then on. */
  async #putAway(id: string): Promise<void> {
    const { archive, random } = this.#options
    const last = await archive.keep(id, this.#over.signal)
    if (!random.chance(deletedPart)) return
    // A watcher that has missed some cannot ask for them any more then.
    while ((this.heard.get(id)?.at(-1) ?? 0) < last) await this.#pause(lookMs)
    await this.#asked(id, 'delete', null, (command) => this.client.directive(id).delete({ command }))
    this.deleted.add(id)
    const found = await this.#lookedFor(id)
    if (found !== 'GONE') this.#options.wrong(`${id} was deleted, so we were told, and is ${found}`)
  }

  /** The status of a directive, or the code of why there is none. */
  async #lookedFor(id: string): Promise<string> {
    for (;;) {
      try {
        return (await this.client.directive(id).get()).status
      } catch (error) {
        this.#over.signal.throwIfAborted()
        if (!isPassing(error)) return error instanceof WritError ? error.code : String(error)
      }
    }
  }

  async #steer(shape: Shape): Promise<void> {
    const { id, name } = shape
    const { random } = this.#options
    if (name === 'published') return this.publishing.endAll(shape)
    if (name === 'approved') return this.#decide(id, 1, random.chance(0.4))
    if (name !== 'paused' && name !== 'cancelled') return
    await this.#pause(random.between(200, 4000))
    if (name === 'cancelled') return this.#command(id, 'cancel')
    await this.#command(id, 'pause')
    await this.#pause(random.between(200, 3000))
    await this.#command(id, 'resume')
  }

  /** A person decides on a step once it is held; first against it, perhaps. */
  async #decide(id: string, index: number, against: boolean): Promise<void> {
    const address = stepId(id, 1, index)
    const held = async (): Promise<void> => {
      for (;;) {
        const status = await this.client
          .step(address)
          .get()
          .then(
            ({ status }) => status,
            (error: unknown) => {
              if (isPassing(error) || (error instanceof WritError && error.code === 'NOT_FOUND')) return null
              throw error
            },
          )
        if (status === 'held') return
        await this.#pause(lookMs)
      }
    }
    await held()
    if (against) {
      await this.#asked(id, 'reject', index, (command) => this.client.step(address).reject({ command, text: 'Again.' }))
      await held()
    }
    await this.#asked(id, 'approve', index, (command) => this.client.step(address).approve({ command }))
  }

  #command(id: string, verb: Verb): Promise<void> {
    return this.#asked(id, verb, null, (command) => this.client.directive(id)[verb]({ command }))
  }

  /** Asks until there is an answer, always for the same command: it must be done once, however often it was asked for. */
  async #asked(
    directive: string,
    verb: string,
    step: number | null,
    ask: (command: string) => Promise<unknown>,
  ): Promise<void> {
    const [command, asked] = [systemRandom.token(20), Date.now()]
    for (let tries = 1; ; tries++) {
      try {
        await ask(command)
        return this.receipts.add({ directive, verb, step, asked, answered: Date.now(), refused: null, tries })
      } catch (error) {
        this.#over.signal.throwIfAborted()
        if (isPassing(error)) continue
        const refused = error instanceof WritError ? error.code : 'unknown'
        this.receipts.add({ directive, verb, step, asked, answered: Date.now(), refused, tries })
        // It may have ended before it was paused, or gone on.
        if (refused === 'REFUSED' && (verb === 'pause' || verb === 'resume')) return
        throw error
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#over.signal })
  }

  async #watch(): Promise<void> {
    while (!this.#over.signal.aborted) {
      try {
        for await (const event of this.client.allEvents({ signal: this.#over.signal })) this.#hear(event)
      } catch (error) {
        // At first nobody may answer.
        if (!isPassing(error)) this.#options.wrong(`the watcher of events ended: ${String(error)}`)
        await delay(lookMs)
      }
    }
  }

  #hear({ directive, number }: EventLine): void {
    const numbers = this.heard.get(directive)
    if (numbers === undefined) this.heard.set(directive, [number])
    else numbers.push(number)
  }
}
