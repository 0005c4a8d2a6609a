/**
 * Long walks through every reachable state: each path gives the same from memory, from JSON, from MessagePack and from
 * XState's public function; every message that comes twice leads to the same state; and the accounts always balance.
 */
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { type AnyMachineSnapshot, type AnyStateMachine, transition } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import {
  advance,
  type Advance,
  fire,
  type Live,
  load,
  openAttempt,
  phase,
  statusOf,
  store,
  timersOf,
} from '../../src/machines/advance.ts'
import { current } from '../../src/machines/catalog.ts'
import type { Effect } from '../../src/machines/effect.ts'
import type { Message } from '../../src/machines/message.ts'
import type { StepContext } from '../../src/machines/step-context.ts'
import {
  aDirective,
  aStep,
  actor,
  directiveSettings,
  type Short,
  stepSettings,
  type TestActor,
  whole,
} from './support.ts'
import { directiveEvents, registryEvents, stepEvents } from './tables.ts'

const packr = new Packr({ useRecords: false })
const seconds = 1000

interface Subject {
  machine: AnyStateMachine
  settings: unknown
  events: Readonly<Record<string, Short>>
  make: () => TestActor
  states: number
}
const hold = { ms: 60_000, decision: 'reject' } as const
const limits = { total: 100, stopping: 10, backoff: [5] }
const stepOf = { ...stepSettings, limits, requiresApproval: true, hold }
const directiveOf = { ...directiveSettings, limits }
const subjects: [string, Subject][] = [
  ['step', { machine: current.step, settings: stepOf, events: stepEvents, make: () => aStep(stepOf), states: 22 }],
  [
    'directive',
    {
      machine: current.directive,
      settings: directiveOf,
      events: directiveEvents,
      make: () => aDirective(directiveOf),
      states: 58,
    },
  ],
  [
    'registry',
    { machine: current.registry, settings: {}, events: registryEvents, make: () => actor('registry', {}), states: 2 },
  ],
]

const given = (settings: unknown) => ({ at: 5000, seed: 'seed', settings })

/** The messages and due timers that this state can meet. */
const meets = (live: Live, events: Subject['events']): { type: string }[] => [
  ...Object.values(events)
    .filter(({ type }) => !type.startsWith('timer '))
    .map((short) => whole(live, short)),
  ...timersOf(live).map((type) => ({ type })),
]

const take = (live: Live, event: { type: string }, settings: unknown) =>
  event.type.startsWith('xstate.')
    ? fire(live, event.type, given(settings))
    : advance(live, event as Message, given(settings))

/** Leaves out what only counts up, so that the walk ends. */
const serialized = ({ value, context }: AnyMachineSnapshot): string => {
  const { task, waitsFor, manual, rework, commit, flagged, dependentsBegun, stops, worked } = context
  const { chain, line, slice, missed, told, stopped, owed, passed } = context
  return JSON.stringify([
    ...[value, Math.min(task?.tries ?? 0, 1), waitsFor?.length === 0, manual?.from, rework > 0, commit !== null],
    ...[flagged, dependentsBegun, stops > 0, worked],
    ...[chain !== null, line !== null, slice, missed, told > stopped, owed > 0, Math.min(passed, 1)],
  ])
}

/** A few events that lead everywhere; the plan has one step, so that passing is near. */
const ways = (events: Subject['events']): Subject['events'] => {
  const few = Object.entries(events).filter(
    ([name]) => !/stale|another|step\.command|no such|more$|task\.end/.test(name),
  )
  const plan = 'plan' in events ? { plan: { type: 'plan', plan: { hash: 'h2', steps: 1 } } } : {}
  return { ...Object.fromEntries(few), ...plan }
}

/** Every state that can be reached, by the shortest path. XState's own search drives the machine; the turn's part is laid in. */
const reachable = ({ machine, settings, events }: Subject): Live[] => {
  const asLive = (snapshot: AnyMachineSnapshot): Live => ({ snapshot })
  const paths = getShortestPaths(machine, {
    input: { given: given(settings) },
    limit: 1_000_000,
    events: (snapshot) => meets(asLive(snapshot as AnyMachineSnapshot), ways(events)),
    serializeState: (snapshot) => serialized(snapshot as AnyMachineSnapshot),
  })
  return paths.map(({ state }) => load(store(asLive(state as AnyMachineSnapshot))))
}

/** It counts as passed, be it that it is evaluated for its own sake. */
const hasPassed = (live: Live): boolean => {
  const { manual, inLine } = live.snapshot.context as Partial<StepContext>
  return statusOf(live) === 'passed' || (manual?.from === 'passed' && !manual.live && inLine === true)
}

describe.each(subjects)('a %s', (_, subject) => {
  const { machine, settings, events, states } = subject
  const everywhere = reachable(subject)

  it('reaches the states that it has', () => {
    const values = new Set(everywhere.map(({ snapshot }) => JSON.stringify(snapshot.value)))
    expect(values.size).toBeGreaterThanOrEqual(states)
    expect(new Set(everywhere.map(statusOf)).has('')).toBe(false)
  })

  it(
    'R45: every path is the same from memory, from JSON, from MessagePack and from the public function',
    () => {
      const differing: unknown[] = []
      for (const live of spread(everywhere, 100)) {
        const stored = store(live)
        const opened = [load(JSON.parse(JSON.stringify(stored))), load(packr.unpack(packr.pack(stored)))]
        for (const event of meets(live, events)) {
          const expected = take(live, event, settings)
          const views = opened.map((other) => viewOf(take(other, event, settings)))
          if (views.some((view) => view !== viewOf(expected))) differing.push([stored.value, event])
          if (publicView(machine, live, event, settings) !== ownView(expected))
            differing.push([stored.value, event, 'public'])
        }
      }
      expect(differing).toEqual([])
    },
    120 * seconds,
  )

  it(
    'R45: every message that comes twice leads to the same state as once',
    () => {
      // Between actors the mailbox delivers each message once; these are counted, so that nothing grows with the plan.
      const counted = new Set(['step.ready', 'step.passed', 'step.unpassed', 'step.stopped', 'slice.done'])
      counted.add('message.dropped')
      if (machine.id === 'step') counted.add('cancel')
      const differing: unknown[] = []
      for (const live of spread(everywhere, 250))
        for (const event of meets(live, events).filter(({ type }) => !counted.has(type))) {
          const once = take(live, event, settings).live
          const twice = take(once, event, settings).live
          if (JSON.stringify(store(twice)) !== JSON.stringify(store(once))) differing.push([live.snapshot.value, event])
        }
      expect(differing).toEqual([])
    },
    120 * seconds,
  )

  it(
    'R45: the durable timers that are set are always those that the state waits for',
    () => {
      const differing: unknown[] = []
      for (const live of spread(everywhere, 250))
        for (const event of meets(live, events)) {
          const timers = new Set(timersOf(live).filter((id) => id !== event.type))
          const result = take(live, event, settings)
          for (const timer of result.timers)
            if (timer.do === 'set') timers.add(timer.id)
            else timers.delete(timer.id)
          if ([...timers].toSorted().join() !== timersOf(result.live).join())
            differing.push([live.snapshot.value, event])
        }
      expect(differing).toEqual([])
    },
    120 * seconds,
  )
})

/** At most so many, evenly spread. */
const spread = (all: readonly Live[], most: number): Live[] => {
  const every = Math.max(1, Math.ceil(all.length / most))
  return all.filter((_, at) => at % every === 0)
}

const viewOf = ({ live, effects, timers, changed }: Advance): string =>
  JSON.stringify([store(live), effects, timers, changed])

/** Without the event that the pure step adds itself, and without the timers. */
const ownView = ({ live, effects }: Advance): string =>
  JSON.stringify([store(live), effects.filter((effect) => !isGeneric(effect))])

interface OwnAction {
  type: string
  params?: unknown
}

/** What XState's public function makes of it. */
const publicView = (machine: AnyStateMachine, live: Live, event: { type: string }, settings: unknown): string => {
  const before = { ...live.snapshot, context: { ...live.snapshot.context, given: given(settings), report: null } }
  const [after, actions] = transition(machine, before as never, event as never) as [AnyMachineSnapshot, OwnAction[]]
  const effects = actions.filter(({ type }) => type === 'effect').map(({ params }) => params as Effect)
  return JSON.stringify([store({ snapshot: after }), effects])
}

/** The event that the pure step adds itself. */
const isGeneric = (effect: Effect): boolean => effect.kind === 'event' && 'to' in effect.data && 'from' in effect.data

/** The books of one actor: what was opened must be closed, once. */
const book = () => {
  let waits = 0
  let open: number | null = null
  let task: number | null = null
  let counted = 0
  let asked = 0
  let count: number | undefined
  let answers = 0
  const enter = (effect: Effect): void => {
    switch (effect.kind) {
      case 'task':
        expect(task).toBeNull()
        task = effect.number
        break
      case 'taskEnded':
        expect([effect.number, open, waits]).toEqual([task, null, 0])
        task = null
        break
      case 'ready':
        waits++
        expect([waits, effect.number]).toEqual([1, task])
        break
      case 'unready':
        waits--
        expect(waits).toBe(0)
        break
      case 'spawn':
        expect([open, waits, effect.number]).toEqual([null, 0, task])
        open = effect.attempt
        break
      case 'stop':
      case 'finish':
        expect(effect.attempt).toBe(open)
        break
      case 'closed':
        expect([effect.attempt, effect.number]).toEqual([open, task])
        open = null
        break
      case 'tell':
        if (effect.message.type === 'step.passed') counted++
        if (effect.message.type === 'step.unpassed' && effect.message.before !== true) counted--
        expect([0, 1]).toContain(counted)
        if (effect.message.type === 'step.stopped') answers++
        break
      default:
    }
  }
  const afterwards = (before: Live, live: Live, { type, counted: isTakenBack, recount }: Short): void => {
    expect(openAttempt(live)?.attempt ?? null).toBe(open)
    const { task: has } = live.snapshot.context as { task?: { number: number } | null }
    expect(has?.number ?? null).toBe(task)
    // As a directive of an earlier version tells it, that has not counted.
    if (type === 'line.moved' && isTakenBack !== true && hasPassed(before) && !hasPassed(live)) counted = 0
    const { stops } = live.snapshot.context as { stops?: number }
    // Of a count anew, what was asked for before is owed no more.
    if (type === 'cancel' && recount === count) asked++
    if (type === 'cancel' && recount !== undefined && count === undefined) {
      asked = answers + (live.snapshot.context as { stops: number }).stops
      count = Number(recount)
    }
    if (stops !== undefined) expect(asked - answers).toBe(stops)
    if (phase(live) !== 'stopping') expect(stops ?? 0).toBe(0)
  }
  return { enter, afterwards }
}

describe.each(subjects.slice(0, 2))('any %s', (_, { events, make }) => {
  it(
    'R45: whatever comes in whatever order, attempts and tasks are opened and closed once, passing is counted once, and each cancel answered once',
    () => {
      const short = fc.constantFrom(...Object.values(events))
      fc.assert(
        fc.property(fc.array(short, { minLength: 20, maxLength: 120 }), (shorts) => {
          const made = make()
          const { enter, afterwards } = book()
          for (const each of shorts) {
            const before = made.live
            const { effects } = made.tellAll(each)
            for (const effect of effects) enter(effect)
            afterwards(before, made.live, each)
          }
        }),
        { numRuns: 150 },
      )
    },
    120 * seconds,
  )
})
