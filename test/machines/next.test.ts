/** What an actor is said to take next is what it then takes: for random states and messages, held against XState's own function. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AnyMachineSnapshot, type AnyStateMachine, transition } from 'xstate'
import { getStateNodes } from 'xstate/graph'
import { type Live, load, statusOf, store, timersOf } from '../../src/machines/advance.ts'
import { current } from '../../src/machines/catalog.ts'
import { caseOf } from '../../src/machines/cases.ts'
import type { Effect } from '../../src/machines/effect.ts'
import { guardWords } from '../../src/machines/guard-words.ts'
import type { Message } from '../../src/machines/message.ts'
import { nextOf } from '../../src/machines/next.ts'
import { type Outcome, tryMessage, tryTimer } from '../../src/machines/trial.ts'
import {
  aDirective,
  aStep,
  actor,
  directiveSettings,
  type Short,
  stepSettings,
  type TestActor,
  the,
  toEvaluation,
  whole,
  work,
} from './support.ts'
import {
  directiveEvents,
  directivePlaces,
  type Place,
  registryEvents,
  registryPlaces,
  stepEvents,
  stepPlaces,
} from './tables.ts'

const stepOptions = fc.record({
  evaluate: fc.boolean(),
  requiresApproval: fc.boolean(),
  merges: fc.boolean(),
  hasDependents: fc.boolean(),
  dependsOn: fc.constantFrom([1], [], [1, 2], [0, 1, 2]),
  maxRework: fc.constantFrom(0, 1, 2),
  autonomy: fc.constantFrom('full', 'guarded', 'manual'),
  onEvaluatorFailure: fc.record({ retries: fc.constantFrom(0, 1), then: fc.constantFrom('pass', 'hold', 'fail') }),
  hold: fc.constantFrom(null, { ms: 60_000, decision: 'reject' }, { ms: 60_000, decision: 'approve' }),
})
const directiveOptions = fc.record({
  maxRegenerations: fc.constantFrom(0, 1),
  hasRepository: fc.boolean(),
  hasChecks: fc.boolean(),
  acceptRetries: fc.constantFrom(0, 1),
  readyPlan: fc.constantFrom(null, null, { hash: 'h9', steps: 3 }),
})

interface Walk {
  settings: object
  path: readonly Short[]
  message: Short
}

/** Fields that guards look at, drawn anew: so that a message is not only one of the tables. */
const drawn = fc.record(
  {
    attempt: fc.nat(3),
    index: fc.integer({ min: -1, max: 4 }),
    number: fc.nat(4),
    force: fc.boolean(),
    manual: fc.boolean(),
    live: fc.boolean(),
    means: fc.boolean(),
    grant: fc.constantFrom('g1', 'g2', 'g3'),
    told: fc.nat(3),
    next: fc.constantFrom(null, 0, 7),
    covers: fc.subarray([0, 1, 2]),
    why: fc.constantFrom('daemon', 'grant', 'stall', 'accept', 'refused'),
  },
  { requiredKeys: [] },
)

/** Mostly as it is in the table; sometimes with other values in the fields that it has. */
const varied = (events: Readonly<Record<string, Short>>): fc.Arbitrary<Short> =>
  fc.tuple(fc.constantFrom(...Object.values(events)), fc.boolean(), drawn).map(([short, isAsItIs, fields]) => {
    if (isAsItIs) return short
    const own = Object.entries(fields).filter(([key]) => key in short || ['force', 'manual', 'number'].includes(key))
    return { ...short, ...Object.fromEntries(own) }
  })

type Events = Readonly<Record<string, Short>>

/** From a state that has a name in the tables some way on, at random, under settings at random. */
const walk = (
  settings: fc.Arbitrary<object>,
  places: Readonly<Record<string, Place>>,
  events: Events,
): fc.Arbitrary<Walk> => {
  const begin = fc.constantFrom(...Object.values(places).map((place) => place.path))
  const on = fc.array(fc.constantFrom(...Object.values(events)), { maxLength: 8 })
  const message = varied(events).filter(({ type }) => !type.startsWith('timer '))
  return fc.tuple(settings, begin, on, message).map(([of, first, more, last]) => {
    return { settings: of, path: [...first, ...more], message: last }
  })
}

interface Walked {
  make: (settings: object) => TestActor
  walks: fc.Arbitrary<Walk>
  runs: number
}

const stepWalks = walk(
  stepOptions.map((over) => ({ ...stepSettings, ...over })),
  stepPlaces,
  stepEvents,
)
const directiveWalks = walk(
  directiveOptions.map((over) => ({ ...directiveSettings, ...over })),
  directivePlaces,
  directiveEvents,
)
const registryWalks = walk(fc.constant({}), registryPlaces, registryEvents)
const subjects: [string, Walked][] = [
  ['step', { make: (of) => aStep(of), walks: stepWalks, runs: 500 }],
  ['directive', { make: (of) => aDirective(of), walks: directiveWalks, runs: 500 }],
  ['registry', { make: () => actor('registry', {}), walks: registryWalks, runs: 50 }],
]

/** As it comes from the store: without what is of the turn. */
const led = (made: TestActor, path: readonly Short[]): Live => {
  if (path.length > 0) made.tellAll(...path)
  return load(JSON.parse(JSON.stringify(store(made.live))))
}

const given = (settings: unknown) => ({ at: 9000, seed: 'seed', settings })

interface Happened {
  value: unknown
  status: string
  effects: unknown[]
  changed: boolean
  refused: boolean
  asks: boolean
}

/** What really happens, by the public function alone, from the state as it is stored. */
const happens = (live: Live, event: { type: string }, settings: unknown): Happened => {
  const { snapshot } = load(JSON.parse(JSON.stringify(store(live))))
  const before = { ...snapshot, context: { ...snapshot.context, given: given(settings), report: null } }
  const machine = snapshot.machine as AnyStateMachine
  const [after, actions] = transition(machine, before as never, event as never) as [
    AnyMachineSnapshot,
    { type: string; params?: { kind?: string; delay?: number } }[],
  ]
  const kept = (one: AnyMachineSnapshot): string => JSON.stringify(store({ snapshot: one }))
  const asked = actions.filter(({ type, params }) => type !== 'xstate.raise' || params?.delay !== undefined)
  return {
    value: after.value,
    status: statusOf({ snapshot: after }),
    effects: asked.filter(({ type }) => type === 'effect').map(({ params }) => params),
    changed: kept(after) !== kept(snapshot),
    refused: asked.some(({ params }) => params?.kind === 'refuse'),
    asks: asked.length > 0,
  }
}

const outcomeOf = ({ changed, refused, asks }: Happened): Outcome =>
  refused ? 'refused' : changed || asks ? 'taken' : 'nothing'

/** The line of `next` that speaks of this message; none when the state does not answer its type. */
const lineOf = (live: Live, message: Message, settings: unknown) => {
  const { messages } = nextOf(live, given(settings), message.type)
  const lines = messages.filter(({ cases }) => cases.includes(caseOf(live, message, given(settings))))
  expect(lines.length, `${message.type}: ${caseOf(live, message, given(settings))}`).toBe(messages.length > 0 ? 1 : 0)
  return lines[0]
}

describe.each(subjects)('the next messages of a %s', (_, { make, walks, runs }) => {
  it('are taken, refused or nothing as `next` and `try` say, and lead where they say, for random states and messages', () => {
    const met = { taken: 0, refused: 0, nothing: 0 }
    fc.assert(
      fc.property(walks, ({ settings, path, message: short }) => {
        const live = led(make(settings), path)
        const before = JSON.stringify(store(live))
        const message = whole(live, short)
        const real = happens(live, message, settings)
        const outcome = outcomeOf(real)
        met[outcome]++
        const line = lineOf(live, message, settings)
        expect(line?.outcome ?? 'nothing').toBe(outcome)
        expect(line?.state ?? live.snapshot.value).toEqual(real.value)
        expect(line?.status ?? statusOf(live)).toBe(real.status)
        const trial = tryMessage(live, message, given(settings))
        expect([trial.outcome, trial.live.snapshot.value]).toEqual([outcome, real.value])
        expect(trial.effects.filter((effect) => !isOfStatus(effect))).toEqual(real.effects)
        expect(JSON.stringify(store(live))).toBe(before)
        if (outcome === 'refused') expect(real.changed).toBe(false)
      }),
      { numRuns: runs, seed: 4 },
    )
    if (runs >= 500) for (const count of Object.values(met)) expect(count).toBeGreaterThan(runs / 20)
  }, 120_000)

  it('are tried with timers as well: each that the state waits for does what was said', () => {
    fc.assert(
      fc.property(walks, ({ settings, path }) => {
        const live = led(make(settings), path)
        const { timers } = nextOf(live, given(settings))
        expect(timers.map(({ id }) => id)).toEqual(timersOf(live))
        for (const { id, outcome, state } of timers) {
          const real = happens(live, { type: id }, settings)
          expect([outcome, state]).toEqual([outcomeOf(real), real.value])
          expect(tryTimer(live, id, given(settings)).outcome).toBe('taken')
        }
      }),
      { numRuns: Math.min(runs, 50), seed: 6 },
    )
  })
})

/** The event that the pure step adds itself. */
const isOfStatus = (effect: Effect): boolean => effect.kind === 'event' && 'to' in effect.data && 'from' in effect.data

describe('what holds a message back', () => {
  const needsOf = (live: Live, settings: object, type: string, about: RegExp): string[] =>
    nextOf(live, given(settings), type)
      .messages.filter((line) => about.test(line.about))
      .flatMap(({ heldBack }) => heldBack.map(({ needs }) => needs))

  it('has words for every guard that stands before a message', () => {
    for (const machine of Object.values(current))
      for (const node of getStateNodes(machine))
        for (const [type, candidates] of node.transitions)
          for (const { guard, target, actions } of candidates) {
            if (guard === undefined || (target === undefined && actions.length === 0)) continue
            if (type.startsWith('xstate.')) continue
            const name = typeof guard === 'string' ? guard : (guard as { type: string }).type
            expect(Object.keys(guardWords), `${machine.id} ${type}`).toContain(name)
          }
  })

  it('is told with what it would take: dependencies, the open attempt, force', () => {
    const pending = led(aStep({ dependsOn: [1, 2] }), [])
    expect(needsOf(pending, stepSettings, 'dispatch', /^$/)).toEqual(['the steps that it waits for have passed (1, 2)'])
    const working = led(aStep(), work)
    expect(needsOf(working, stepSettings, 'task.done', /other attempt/)).toEqual([
      'it comes from the open attempt, 1, with its nonce',
    ])
    expect(needsOf(working, stepSettings, 'task.end', /task 1, without force/)).toEqual([
      "it comes with force, or the task is a person's pull",
    ])
  })

  it('is told of commands by the one that was given: no guard of another command is named', () => {
    const held = led(aStep({ requiresApproval: true }), [...toEvaluation, the.passing])
    const lines = nextOf(held, given(stepSettings), 'command').messages
    const refused = lines.filter(({ outcome }) => outcome === 'refused')
    expect(refused.map(({ about }) => about)).toEqual(
      ['evaluate', 'approve', 'reject', 'retry', 'cancel'].map(
        (verb) => `${verb}, while its directive ends or has ended`,
      ),
    )
    expect(refused.map(({ heldBack }) => heldBack.map(({ guard }) => guard))).toEqual([
      ['asksEvaluation'],
      ['asks'],
      ['asks'],
      ['asks'],
      ['asks'],
    ])
  })

  it('messages that fare alike are one line, and those that do not are told apart', () => {
    const working = led(aStep(), toEvaluation)
    const about = nextOf(working, given(stepSettings), 'task.done').messages.map((line) => [line.about, line.status])
    expect(about).toEqual([
      ['of attempt 2, with a verdict of passed', 'merging'],
      ['of attempt 2, with a verdict of not passed', 'rework'],
      ['of attempt 2, without a verdict', 'evaluating'],
      ['of any other attempt', 'evaluating'],
    ])
  })
})
