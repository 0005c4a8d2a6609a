/** Frames of the inspector as lines for people: what an actor took, from whom, and from which state to which that led. */
import { isDeepStrictEqual } from 'node:util'
import type { EventFrame, InspectionFrame, ShownState } from '../protocol/inspection.ts'
import { registryId } from '../protocol/ids.ts'
import { oneLine, type Terminal } from './terminal.ts'

type Stated = Extract<InspectionFrame, { type: '@xstate.snapshot' | '@xstate.actor' }>

const nameWidth = 24
const eventWidth = 22

export class FrameText {
  /** How many changes were printed. */
  lines = 0
  readonly #terminal: Terminal
  readonly #nameOf: (root: string, id: string) => Promise<string>
  /** An actor that was shown, and of which nothing is printed yet. */
  #begun: Stated | null = null
  readonly #states = new Map<string, ShownState>()
  /** Lines in their order: a name may have to be asked for. */
  #printing: Promise<void> = Promise.resolve()

  constructor(terminal: Terminal, nameOf: (root: string, id: string) => Promise<string>) {
    this.#terminal = terminal
    this.#nameOf = nameOf
  }

  take(frame: InspectionFrame): void {
    if (frame.type === '@writ.notice') return this.#later(() => this.#terminal.say(`… ${oneLine(frame.text)}`))
    const isFirst = frame.type === '@xstate.event' && frame.event.type === 'xstate.init'
    this.#tellBegun(isFirst ? frame.sessionId : null)
    if (frame.type === '@xstate.event') return
    const before = this.#states.get(frame.sessionId)
    // It goes on on another machine: what led there is told next, and from where.
    if (frame.type === '@xstate.actor' && before !== undefined) return
    this.#states.set(frame.sessionId, frame.snapshot)
    if (frame.type === '@xstate.actor') this.#begun = frame
    else this.#change(frame, frame.event.type === 'xstate.init' ? null : (before ?? null))
  }

  /** Resolves once everything is printed. */
  end(): Promise<void> {
    this.#tellBegun(null)
    return this.#printing
  }

  #change(frame: Extract<Stated, { type: '@xstate.snapshot' }>, before: ShownState | null): void {
    this.lines++
    this.#later(async () => this.#print(frame, before))
  }

  /** Tells the state in which an actor was found; of one that begins just now, `except`, its first line says it. */
  #tellBegun(except: string | null): void {
    const frame = this.#begun
    this.#begun = null
    if (frame === null || frame.sessionId === except) return
    this.#later(async () => {
      const { paint, rich } = this.#terminal
      const name = await this.#named(frame)
      const at = statesText(frame.snapshot.value)
      if (rich) this.#terminal.print(`${paint.dim(clock(frame))}  ${paint.bold(name.padEnd(nameWidth))}  ${at}`)
      else this.#terminal.print([frame.createdAt, name, '', '', '', at, ''].join('\t'))
    })
  }

  async #print(frame: Extract<Stated, { type: '@xstate.snapshot' }>, before: ShownState | null): Promise<void> {
    const { paint, rich, print } = this.#terminal
    const name = await this.#named(frame)
    const event = eventText(frame.event)
    const from = await this.#from(frame)
    const skipped = frame.writ?.skipped === undefined ? '' : ` (${frame.writ.skipped} left out)`
    const [was, is] = changeOf(before?.value, frame.snapshot.value)
    const changed = changedFields(before?.context, frame.snapshot.context)
    if (!rich) {
      const time = frame.createdAt
      return print(
        [time, name, event, from, statesText(before?.value), statesText(frame.snapshot.value), changed].join('\t'),
      )
    }
    const lead = leadText(was, is, paint.dim(changed === '' ? 'no change' : `changed ${changed}`))
    const who = paint.dim(`${event.padEnd(eventWidth)} ${from}`)
    print(`${paint.dim(clock(frame))}  ${paint.bold(name.padEnd(nameWidth))}  ${lead}  ${who}${skipped}`.trimEnd())
  }

  /** Who told it, as people call it. */
  async #from({ rootId, writ }: Extract<Stated, { type: '@xstate.snapshot' }>): Promise<string> {
    const { sourceId = null, origin = '' } = writ ?? {}
    if (sourceId !== null) return `from ${oneLine(await this.#nameOf(rootId, sourceId))}`
    return origins[origin] ?? (origin === '' ? '' : `from ${oneLine(origin)}`)
  }

  async #named({ sessionId, rootId }: Stated): Promise<string> {
    if (sessionId === registryId) return 'registry'
    return oneLine(await this.#nameOf(rootId, sessionId))
  }

  #later(print: () => void | Promise<void>): void {
    this.#printing = this.#printing.then(print)
  }
}

const clock = ({ createdAt }: Stated): string => {
  const time = new Date(Number(createdAt))
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`
}

/** The states that an actor is in at once, each with the way to it: `flow.active.running gate.open`. */
const leaves = (value: unknown, above = ''): string[] => {
  if (typeof value === 'string') return [`${above}${value}`]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, part]) => leaves(part, `${above}${name}.`))
}

const statesText = (value: unknown): string => oneLine(leaves(value).join(' '))

/** Of regions side by side only those that changed. */
const changeOf = (before: unknown, after: unknown): [was: string, is: string] => {
  const [was, is] = [leaves(before), leaves(after)]
  const only = (some: string[], others: string[]): string =>
    oneLine(some.filter((leaf) => !others.includes(leaf)).join(' '))
  return [only(was, is), only(is, was)]
}

const changedFields = (before: unknown, after: unknown): string => {
  const [was, is] = [before ?? {}, after ?? {}] as Record<string, unknown>[]
  const names = Object.keys(is ?? {}).filter((name) => !isDeepStrictEqual(was?.[name], is?.[name]))
  return oneLine(names.join(', '))
}

/** A durable timer is called by its name, and not by the way to its state: `after total`. */
const eventText = ({ type }: EventFrame['event']): string =>
  oneLine(type.replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1').replace('xstate.init', 'begins'))

const origins: Readonly<Record<string, string>> = {
  begin: '',
  user: 'from a person',
  timer: '',
  desk: 'from its desk',
  watch: 'from the watch over attempts',
  registry: 'from the registry',
  daemon: 'from its daemon',
}

const leadText = (was: string, is: string, changed: string): string => {
  if (was === '' && is === '') return changed
  return was === '' ? is : `${was} → ${is}`
}
