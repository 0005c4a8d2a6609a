/**
 * States as a build has stored them, with what it made of the messages that came then. A journal is folded by the machines that it
 * was made with, so whatever knows a version makes the same of both for ever.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import {
  advance,
  type Advance,
  fire,
  type Live,
  load,
  same,
  store,
  type Stored,
  timersOf,
} from '../../src/machines/advance.ts'
import type { TimerCommand } from '../../src/machines/effect.ts'
import type { Message } from '../../src/machines/message.ts'
import { type Short, whole } from './support.ts'
import {
  at,
  directiveEvents,
  directivePlaces,
  type Place,
  registryEvents,
  registryPlaces,
  stepEvents,
  stepPlaces,
} from './tables.ts'

/** What a state makes of a message, or of a timer by its id; of those that it makes the same of, the first. */
interface Taken {
  told: Message | { timer: string }
  value: Stored['value']
  /** The fields of the context that are other ones then. */
  context: Stored['context']
  /** Of effects the kind, of events the type as well. */
  effects: string[]
  timers: TimerCommand[]
}

export interface GoldenState {
  name: string
  settings: unknown
  value: Stored['value']
  context: Stored['context']
  /** The timers that it waits for. */
  timers: string[]
  takes: Taken[]
}

const folder = new URL('./golden/', import.meta.url)
const stamp = { at: 10_000_000, seed: 'golden' }

const typical: Record<string, [places: Record<string, Place>, events: Record<string, Short>, names: string[]]> = {
  step: [
    stepPlaces,
    stepEvents,
    [
      ...['pending, waiting', 'running, starting', 'running, working', 'running, backoff', 'evaluating, working'],
      ...['evaluating, asked for when passed', 'merging, working', 'rework', 'held', 'held, limited, approve'],
      ...['passed', 'failed', 'cancelled', 'skipped'],
    ],
  ],
  directive: [
    directivePlaces,
    directiveEvents,
    [
      ...['draft', 'planning, working', 'active, preparing, working', 'active, running', 'active, running, paused'],
      ...['checking, judging, working', 'checking, publishing, working', 'failing, stopping'],
      ...['cancelling, waiting for one', 'completed', 'failed'],
    ],
  ],
  registry: [registryPlaces, registryEvents, Object.keys(registryPlaces)],
}

/** The versions of which there are such states, as `<name>@<version>`. */
export const goldenNames = (): string[] =>
  existsSync(folder) ? readdirSync(folder).map((file) => file.replace(/\.json$/, '')) : []

export const goldenStates = (name: string): GoldenState[] =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as GoldenState[]

/** Keeps those of the present version of a machine. One that there are some of is left alone: they never change. */
export const keepGolden = (name: string): void => {
  if (goldenNames().includes(name)) return
  const [places, events, names] = typical[name.split('@')[0] ?? ''] ?? [{}, {}, []]
  const states = names.flatMap((each) => {
    const place = places[each]
    return place === undefined ? [] : [stateIn(each, place, events)]
  })
  mkdirSync(folder, { recursive: true })
  const lines = states.map((state) => JSON.stringify(state))
  writeFileSync(new URL(`${name}.json`, folder), `[\n${lines.join(',\n')}\n]\n`)
}

const stateIn = (name: string, place: Place, events: Record<string, Short>): GoldenState => {
  const { live, settings } = at(place)
  const { value, context } = plain(store(live))
  const takes = new Map<string, Taken>()
  for (const short of Object.values(events)) {
    const told = short.type.startsWith('timer ') ? timerIn(live, short.type.slice('timer '.length)) : whole(live, short)
    if (told === null) continue
    const taken = takenOf(live, told, settings)
    const outcome = JSON.stringify([taken.value, Object.keys(taken.context), taken.effects, taken.timers])
    if (!takes.has(outcome)) takes.set(outcome, taken)
  }
  return { name, settings, value, context, timers: timersOf(live), takes: [...takes.values()] }
}

const timerIn = (live: Live, name: string): Taken['told'] | null => {
  const timer = timersOf(live).find((id) => id.startsWith(`xstate.after.${name}.`))
  return timer === undefined ? null : { timer }
}

export const openGolden = (name: string, { value, context }: Pick<Stored, 'value' | 'context'>): Live => {
  const [machine = '', version = ''] = name.split('@')
  return load({ machine, version, value, context })
}

/** As it is stored and read back. */
export const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

export const takenOf = (live: Live, told: Taken['told'], settings: unknown): Taken => {
  const given = { ...stamp, settings }
  const taken: Advance = 'timer' in told ? fire(live, told.timer, given) : advance(live, told, given)
  const [before, after] = [plain(store(live)).context, plain(store(taken.live))]
  const other = Object.entries(after.context).filter(([field, is]) => !same(before[field], is))
  return plain({
    told,
    value: after.value,
    context: Object.fromEntries(other),
    effects: taken.effects.map((effect) => (effect.kind === 'event' ? `event ${effect.type}` : effect.kind)),
    timers: taken.timers,
  })
}
