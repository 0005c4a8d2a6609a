/**
 * Watching actors of all nodes: the state of each that matches, then every message that it takes with its state after it, each once and
 * in order. What NATS lost on the way shows by the actors' versions, and is read from their journals.
 */
import type { Bus, Incoming } from '../actors/ports/bus.ts'
import type { Clock } from '../actors/ports/clock.ts'
import { WritError } from '../protocol/errors.ts'
import {
  type ActorsApi,
  type ActorsPage,
  framesOf,
  machineIn,
  type Definitions,
  type InspectionFrame,
  type Selection,
  selects,
  type Sighting,
  sightingMessage,
} from '../protocol/inspection.ts'
import {
  coalesceMsDefault,
  inspectedActorsDefault,
  inspectionRenewMs,
  noticeMs,
  sightingsAheadMax,
} from '../protocol/limits.ts'
import { Coalescing } from './coalescing.ts'
import { decode } from './json.ts'
import { isPassing } from './retry.ts'
import { follows, isNews, type Shown, shownOf } from './shown.ts'
import { subjects } from './subjects.ts'

export interface InspectOptions {
  bus: Pick<Bus, 'subscribe'>
  owner: string
  actors: ActorsApi
  selection: Selection
  clock: Clock
  /** Actors at most; a notice says of the others. */
  max?: number
  /** Of one actor, at most one state in so many ms; 0: every one. */
  coalesceMs?: number
  /** Called once all that match are shown, and nothing that they take from now on is missed. */
  opened?: () => void
  /** Called as often as there is something to show; never again once the signal is aborted. */
  take: (frame: InspectionFrame) => void
  /** Resolves once there is room for more of what can wait: what was, and what is at the beginning. */
  ready?: () => Promise<void>
  signal: AbortSignal
}

/** Of a list: so many at once. */
const pageLines = 100

/** Watches until the signal. Throws what the first request for it throws: NO_ANSWER, BAD_INPUT and the like. */
export const inspect = (options: InspectOptions): Promise<void> => new Inspection(options).run()

class Inspection {
  readonly #options: InspectOptions
  readonly #max: number
  readonly #selects: ReturnType<typeof selects>
  readonly #shown = new Map<string, Shown>()
  /** The machine that each was shown on last. */
  readonly #machines = new Map<string, string>()
  readonly #hidden = new Set<string>()
  readonly #coalescing: Coalescing
  readonly #threads = new Set<string>()
  #definitions: Definitions = {}
  #ahead: Sighting[] = []
  /** Something may be missing that no later sighting would show. */
  #behind = true
  #inspection: string | undefined
  #renewAt = 0
  #noticedAt = -noticeMs
  #noticed = ''
  #wake = (): void => undefined
  #opened: (() => void) | undefined

  constructor(options: InspectOptions) {
    const { max = inspectedActorsDefault, coalesceMs = coalesceMsDefault, clock, selection } = options
    this.#options = options
    this.#opened = options.opened
    this.#max = max
    this.#selects = selects(selection)
    this.#coalescing = new Coalescing(clock, coalesceMs, (sighting) => this.#tell(sighting))
  }

  async run(): Promise<void> {
    const { bus, owner, selection, signal } = this.#options
    const { directive } = selection
    const pattern = subjects.inspect.pattern({ owner, ...(directive === undefined ? {} : { directive }) })
    const subscription = bus.subscribe(pattern, {}, (message) => this.#hear(message))
    try {
      await this.#renew()
      while (!signal.aborted) await this.#round()
      this.#coalescing.end()
    } finally {
      this.#leave()
      await subscription.drain()
    }
  }

  /** Nothing more is made for who has gone. Nobody waits for that: a watch ends by itself, too. */
  #leave(): void {
    const { actors, selection } = this.#options
    if (this.#inspection === undefined) return
    actors.inspect({ ...selection, inspection: this.#inspection, ends: true }).catch(() => undefined)
  }

  async #round(): Promise<void> {
    try {
      if (this.#options.clock.monotonic() >= this.#renewAt) await this.#renew()
      if (this.#behind) await this.#catchUp()
      for (
        let next = this.#ahead.shift();
        next !== undefined && !this.#options.signal.aborted;
        next = this.#ahead.shift()
      )
        await this.#take(next)
      if (!this.#behind) await this.#wait(this.#renewAt - this.#options.clock.monotonic())
    } catch (error) {
      if (this.#options.signal.aborted) return
      if (!isPassing(error)) throw error
      this.#behind = true
      this.#notice(`no node answers: ${error instanceof WritError ? error.message : String(error)}`)
      await this.#wait(500)
    }
  }

  /** A thread that was not heard of before may have taken something unseen. */
  async #renew(): Promise<void> {
    const { actors, selection, clock } = this.#options
    const renewed = this.#inspection === undefined ? selection : { ...selection, inspection: this.#inspection }
    const { inspection, threads, silent } = await actors.inspect(renewed)
    this.#inspection = inspection
    // What was lost last would never show: who has a few to look at looks at them anew.
    if (this.#shown.size <= pageLines || threads.some((thread) => !this.#threads.has(thread))) this.#behind = true
    for (const thread of threads) this.#threads.add(thread)
    this.#renewAt = clock.monotonic() + (silent.length > 0 ? inspectionRenewMs / 10 : inspectionRenewMs)
  }

  #hear({ body }: Incoming): void {
    const sighting = readSighting(body)
    if (sighting === null || !this.#selects(sighting.sessionId, sighting.rootId, sighting.writ.kind)) return
    if (this.#ahead.length < sightingsAheadMax) this.#ahead.push(sighting)
    else this.#behind = true
    this.#wake()
  }

  /** Shows the states of those that were not shown yet, and of the others what was missed. */
  async #catchUp(): Promise<void> {
    this.#behind = false
    const { actors, selection, signal } = this.#options
    const unmet = new Set(this.#shown.keys())
    let after: string | null = null
    let total = 0
    do {
      const query = { ...selection, definitions: true, limit: pageLines, ...(after === null ? {} : { after }) }
      const page: ActorsPage = await actors.list(query)
      this.#definitions = { ...this.#definitions, ...page.definitions }
      total = Math.max(total, page.total)
      for (const { sessionId } of page.sightings) unmet.delete(sessionId)
      for (const sighting of page.sightings) await this.#listed(sighting)
      after = page.next
    } while (after !== null && this.#shown.size < this.#max && !signal.aborted)
    // Beyond those that were listed, or with a directive that has ended meanwhile.
    for (const id of unmet) if (!signal.aborted && this.#shown.get(id)?.hasEnded !== true) await this.#fill(id)
    if (total > this.#shown.size) this.#noticeHidden(total)
    if (this.#shown.size === 0) this.#notice('no actor matches yet; it is shown once there is one')
    this.#opened?.()
    this.#opened = undefined
  }

  async #listed(sighting: Sighting): Promise<void> {
    const { sessionId: id, writ } = sighting
    const shown = this.#shown.get(id)
    if (shown !== undefined) {
      if (writ.version > shown.version || !shown.isWhole) await this.#fill(id, writ.version)
      return
    }
    if (this.#shown.size >= this.#max) return
    await this.#options.ready?.()
    this.#shown.set(id, shownOf(sighting))
    this.#tell(sighting)
  }

  async #take(sighting: Sighting): Promise<void> {
    const { sessionId: id, writ } = sighting
    const shown = this.#shown.get(id)
    if (shown === undefined) return this.#begin(sighting)
    if (!isNews(writ, shown)) return
    if (follows(writ, shown)) {
      await this.#learn(sighting)
      this.#show(sighting)
    } else await this.#fill(id, writ.version)
  }

  async #begin(sighting: Sighting): Promise<void> {
    const { sessionId: id, writ } = sighting
    if (this.#shown.size >= this.#max) {
      if (this.#hidden.size < sightingsAheadMax) this.#hidden.add(id)
      return this.#noticeHidden(this.#shown.size + this.#hidden.size)
    }
    // What was listed before is all that matches: this one is new, and its beginning was lost.
    if (writ.origin !== 'begin' && writ.origin !== 'checkpoint' && isWhole(this.#options.selection))
      return this.#fill(id, writ.version)
    await this.#learn(sighting)
    this.#shown.set(id, shownOf(sighting))
    this.#tell(sighting)
  }

  /** The definition of the machine that an actor runs on. */
  async #learn(sighting: Sighting): Promise<void> {
    const { sessionId: actor } = sighting
    const name = machineIn(sighting)
    if (name in this.#definitions || this.#machines.get(actor) === name) return
    const { definitions } = await this.#options.actors.list({ actor, definitions: true, limit: 1 })
    this.#definitions = { ...this.#definitions, ...definitions }
  }

  /** What was missed up to that version, or to now, from the journal. */
  async #fill(id: string, toVersion?: number): Promise<void> {
    const shown = this.#shown.get(id)
    const fromVersion = shown === undefined ? 1 : shown.version + (shown.isWhole ? 1 : 0)
    let after: string | null = null
    do {
      const to = toVersion === undefined ? {} : { toVersion }
      const query = { actor: id, fromVersion, ...to, definitions: true, ...(after === null ? {} : { after }) }
      const page = await this.#options.actors.history(query)
      this.#definitions = { ...this.#definitions, ...page.definitions }
      for (const sighting of page.sightings) this.#show(sighting)
      after = page.next
    } while (after !== null)
  }

  #show(sighting: Sighting): void {
    const { sessionId: id, writ } = sighting
    const shown = this.#shown.get(id)
    if (shown !== undefined && !isNews(writ, shown)) return
    this.#shown.set(id, shownOf(sighting))
    if (shown === undefined) this.#tell(sighting)
    else this.#coalescing.take(sighting)
  }

  #tell(sighting: Sighting): void {
    if (this.#options.signal.aborted) return
    const { sessionId: id } = sighting
    const begins = this.#machines.get(id) !== machineIn(sighting)
    this.#machines.set(id, machineIn(sighting))
    for (const frame of framesOf(sighting, begins, this.#definitions)) this.#options.take(frame)
  }

  #noticeHidden(total: number): void {
    this.#notice(
      `showing ${this.#shown.size} of ${total} actors that match; ask for fewer by id, kind or directive, or for more with max`,
    )
  }

  /** The same is not said again, and anything else not too often. */
  #notice(text: string): void {
    const now = this.#options.clock.monotonic()
    if (text === this.#noticed || now - this.#noticedAt < noticeMs || this.#options.signal.aborted) return
    this.#noticed = text
    this.#noticedAt = now
    this.#options.take({ type: '@writ.notice', text })
  }

  /** Until something comes, `ms` are over, or it is called off. */
  #wait(ms: number): Promise<void> {
    const { clock, signal } = this.#options
    return new Promise((resolve) => {
      const end = (): void => {
        alarm.cancel()
        signal.removeEventListener('abort', end)
        this.#wake = () => undefined
        resolve()
      }
      const alarm = clock.after(Math.max(0, ms), end)
      this.#wake = end
      signal.addEventListener('abort', end)
      if (signal.aborted || this.#ahead.length > 0) end()
    })
  }
}

/** Whether a list of it leaves nothing out that has ended. */
const isWhole = ({ actor, directive }: Selection): boolean =>
  directive !== undefined || (actor !== undefined && !/[*?]/.test(actor))

const readSighting = (body: Uint8Array): Sighting | null => {
  try {
    return sightingMessage.parse(decode(body))
  } catch {
    return null
  }
}
