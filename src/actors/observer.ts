/**
 * Answers whoever looks inside: what actors are, what they took, and what they take from now on. It runs beside the threads that do the
 * work and not in them, reads only what was committed, and changes nothing.
 */
import type { z } from 'zod'
import { catalog } from '../machines/catalog.ts'
import type { Catalog } from '../machines/versions.ts'
import { WritError } from '../protocol/errors.ts'
import { fitting } from '../protocol/fitting.ts'
import { actorKey } from '../protocol/ids.ts'
import type {
  ActorsPage,
  actorsQuery,
  Definitions,
  historyQuery,
  inspectCommand,
  InspectionOpened,
  Sighting,
} from '../protocol/inspection.ts'
import { answerBytesMax, inspectingWaitMs, inspectionLeaseMs } from '../protocol/limits.ts'
import type { Subscription } from './ports/bus.ts'
import type { Clock, Random } from './ports/clock.ts'
import type { History } from './ports/history.ts'
import type { Asked, Wire } from './ports/wire.ts'
import { historyPage } from './history-page.ts'
import { Looking } from './looking.ts'
import { Replaying } from './replaying.ts'
import { hasRoom, noRoom } from './room.ts'
import { listedSighting } from './sighting.ts'

export interface ObserverParts {
  history: History
  wire: Wire
  clock: Clock
  random: Random
  /** What it can open; all of this build when left out. */
  machines?: Catalog | undefined
}

type Input<S extends z.ZodType> = z.output<S>

export class Observer {
  readonly replaying: Replaying
  readonly #parts: ObserverParts
  readonly #machines: Catalog
  readonly #looking: Looking
  readonly #name: string
  /** Who waits for a thread to show what it takes, by the inspection. */
  readonly #shown = new Map<string, Set<(thread: string) => void>>()
  #subscriptions: Subscription[] = []
  /** Requests under way. */
  #waiting = 0

  constructor(parts: ObserverParts) {
    this.#parts = parts
    this.#name = `observer-${parts.random.token(16)}`
    this.#machines = parts.machines ?? catalog
    this.replaying = new Replaying(parts.history, parts.clock, this.#machines)
    this.#looking = new Looking(parts.history, this.replaying, this.#machines)
  }

  start(): void {
    const { wire } = this.#parts
    this.#subscriptions = [
      wire.serveActors((asked) => this.take(asked)),
      wire.serveInspecting(this.#name, (inspection, thread) => {
        for (const told of this.#shown.get(inspection) ?? []) told(thread)
      }),
    ]
  }

  async stop(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.drain()))
  }

  take(asked: Asked): void {
    if (!hasRoom(this.#waiting)) return asked.fail(noRoom())
    this.#waiting++
    void this.#answer(asked)
      .then(asked.reply, asked.fail)
      .finally(() => this.#waiting--)
  }

  async #answer({ noun, owner, id, verb, body }: Asked): Promise<object> {
    switch (`${noun}.${verb}`) {
      case 'actors.list':
        return this.#list(owner, body as Input<typeof actorsQuery>)
      case 'actors.inspect':
        return this.#inspect(owner, body as Input<typeof inspectCommand>)
      case 'actors.history': {
        const { history, clock } = this.#parts
        const page = await historyPage(
          { history, clock, replaying: this.replaying },
          owner,
          body as Input<typeof historyQuery>,
        )
        return { ...page, definitions: this.#wanted(body as Input<typeof historyQuery>, page.sightings) }
      }
      default:
        if (noun === 'actor') return this.#looking.answer(actorKey(owner, id), verb, body)
        throw new WritError('BAD_INPUT', `there is no ${noun}.${verb}`)
    }
  }

  async #list(
    owner: string,
    { after = '', limit, definitions, ...selection }: Input<typeof actorsQuery>,
  ): Promise<ActorsPage> {
    const { actors, total } = await this.#parts.history.actors(owner, selection, { after, limit: limit + 1 })
    const listed = actors.slice(0, limit).map((actor) => listedSighting(actor, this.#machines))
    const sightings = fitting(listed, { room: answerBytesMax })
    const last = actors[sightings.length - 1]
    const next = actors.length > sightings.length && last !== undefined ? last.row.id : null
    return { sightings, total, definitions: this.#wanted({ definitions }, sightings), next }
  }

  /** Every thread that lives has said that it shows what it takes, or has been waited for. */
  async #inspect(owner: string, command: Input<typeof inspectCommand>): Promise<InspectionOpened> {
    const { history, wire, clock, random } = this.#parts
    const { inspection = random.token(20), ends, ...selection } = command
    const order = { ...selection, inspection, owner, observer: this.#name, leaseMs: ends ? 0 : inspectionLeaseMs }
    if (ends) {
      wire.inspect(order)
      return { inspection, leaseMs: 0, threads: [], silent: [] }
    }
    const missing = new Set(await history.threads())
    const threads: string[] = []
    await new Promise<void>((resolve) => {
      const told = (thread: string): void => {
        if (!missing.delete(thread)) return
        threads.push(thread)
        if (missing.size === 0) end()
      }
      const alarm = clock.after(inspectingWaitMs, () => end())
      const end = (): void => {
        alarm.cancel()
        this.#hearNoMore(inspection, told)
        resolve()
      }
      this.#shown.set(inspection, (this.#shown.get(inspection) ?? new Set()).add(told))
      wire.inspect(order)
    })
    return { inspection, leaseMs: inspectionLeaseMs, threads, silent: [...missing] }
  }

  #wanted({ definitions }: { definitions: boolean }, sightings: readonly Sighting[]): Definitions {
    return definitions ? definitionsOf(sightings, this.#machines) : {}
  }

  #hearNoMore(inspection: string, told: (thread: string) => void): void {
    const waiting = this.#shown.get(inspection)
    waiting?.delete(told)
    if (waiting?.size === 0) this.#shown.delete(inspection)
  }
}

const definitionsOf = (sightings: readonly Sighting[], known: Catalog): Definitions => {
  const machines = new Map(sightings.map(({ writ }) => [`${writ.machine}@${writ.machineVersion}`, writ]))
  return Object.fromEntries(
    [...machines].flatMap(([name, { machine, machineVersion }]) => {
      const definition = known.definitionOf(machine, machineVersion)
      return definition === null ? [] : [[name, definition]]
    }),
  )
}
