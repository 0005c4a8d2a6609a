/** The pure step itself: what it refuses, what it stores, and what people see of a state. */
import { describe, expect, it } from 'vitest'
import { createMachine, raise } from 'xstate'
import {
  advance,
  begin,
  fire,
  hasEnded,
  isPaused,
  type Live,
  load,
  mayDispatch,
  openAttempt,
  phase,
  statusOf,
  store,
  timersOf,
  waitingFor,
} from '../../src/machines/advance.ts'
import type { Effect } from '../../src/machines/effect.ts'
import type { Message } from '../../src/machines/message.ts'
import {
  aDirective,
  aStep,
  actor,
  directiveSettings,
  stepSettings,
  the,
  toCompleted,
  toEvaluation,
  toJudging,
  toMerge,
  toPlanner,
  toPreparing,
  toRunning,
  work,
} from './support.ts'

const given = { at: 1000, seed: 's1', settings: stepSettings }
const total = 'xstate.after.total.step.running.open'

describe('a message', () => {
  it('R46: of a type that only XState may use is refused', () => {
    const { live } = aStep().tellAll(...work)
    for (const type of ['xstate.done.state.work', 'xstate.stop', 'xstate.error.x', total])
      expect(() => advance(live, { type } as object as Message, given)).toThrow(
        expect.objectContaining({
          code: 'BAD_INPUT',
          message: expect.stringContaining('is not for a machine'),
          hint: expect.stringContaining('internal'),
        }),
      )
    expect(() => advance(live, { type: 5 } as object as Message, given)).toThrow(
      /a message of type 5 is not for a machine/,
    )
  })

  it('R46: that is unknown changes nothing', () => {
    const { live } = aStep().tellAll(...work)
    expect(advance(live, { type: 'colour' } as object as Message, given)).toEqual({
      live,
      effects: [],
      timers: [],
      changed: false,
    })
  })
})

describe('a chart that never comes to rest', () => {
  const options = { maxIterations: aStep().live.snapshot.machine.options.maxIterations }
  /** Opened at `a`, as a snapshot of a faulty version of a machine would be. */
  const opened = (states: object): Live => {
    const machine = createMachine({ id: 'step', version: 'faulty', initial: 'a', options, states } as object)
    return { snapshot: machine.resolveState({ value: 'a', context: { report: null } }) } as object as Live
  }
  const go = { type: 'dispatch' } as Message
  const loops: [what: string, states: object][] = [
    ['by two eventless transitions', { a: { on: { dispatch: 'b' } }, b: { always: 'c' }, c: { always: 'b' } }],
    [
      'by what it tells itself',
      {
        a: { on: { dispatch: 'b' } },
        b: { entry: raise({ type: 'again' }), on: { again: { target: 'b', reenter: true } } },
      },
    ],
  ]
  it.each(loops)('R46: %s is a fault of that message alone, and holds the thread up no longer', (_what, states) => {
    const live = opened(states)
    expect(() => advance(live, go, given)).toThrow(/Infinite loop|failed at/)
    expect(live.snapshot.value).toBe('a')
  })
})

describe('a timer', () => {
  it('fires by the id that it was set with, and only while the state waits for it', () => {
    const step = aStep()
    const { timers } = step.tellAll(the.ready, the.dispatch, the.granted)
    expect(timers).toEqual([{ do: 'set', id: total, delay: 14_400_000 }])
    expect(timersOf(step.live)).toEqual([total])
    expect(timersOf(aStep().live)).toEqual([])
    const fired = fire(step.live, total, given)
    expect(phase(fired.live)).toBe('backoff')
    expect(fire(fired.live, total, given)).toMatchObject({ changed: false, effects: [], timers: [] })
  })

  it('R46: is never anything else', () => {
    expect(() => fire(aStep().live, 'cancel', given)).toThrow(
      expect.objectContaining({
        code: 'BAD_INPUT',
        message: '"cancel" is not a durable timer',
        hint: expect.stringContaining('set with'),
      }),
    )
    expect(() => fire(aStep().live, 'xstate.stop', given)).toThrow(/is not a durable timer/)
  })

  it('R28: lasts whole milliseconds, and never less than it was asked for', () => {
    const settings = { ...stepSettings, limits: { total: 100.2, stopping: 7, backoff: [5.5] } }
    const step = aStep(settings)
    expect(step.tellAll(the.ready, the.dispatch, the.granted).timers).toMatchObject([{ do: 'set', delay: 101 }])
    expect(step.tell(the.means).timers).toMatchObject([{ do: 'cancel' }, { do: 'set', delay: 6 }])
  })

  it('with a delay that is no number is a fault, not a timer that fires at once', () => {
    for (const delay of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      const settings = { ...stepSettings, limits: { total: delay, stopping: 1, backoff: [] } }
      const step = aStep(settings)
      step.tellAll(the.ready, the.dispatch)
      expect(() => step.tell(the.granted)).toThrow(
        expect.objectContaining({
          code: 'INTERNAL',
          message: expect.stringContaining('the machine step failed at the timer'),
          cause: `a delay of ${delay} ms`,
        }),
      )
    }
  })

  it('R28: without a delay is due at once', () => {
    const step = aStep({ ...stepSettings, limits: { total: 1, stopping: 1, backoff: [0] } })
    step.tellAll(the.ready, the.dispatch, the.granted)
    expect(step.tell(the.means).timers).toMatchObject([{ do: 'cancel' }, { do: 'set', delay: 0 }])
  })
})

describe('a state', () => {
  it('is stored as plain JSON without what is of the turn, and opens as the same', () => {
    const { live } = aStep().tellAll(...toEvaluation)
    const stored = store(live)
    expect(Object.keys(stored)).toEqual(['machine', 'version', 'value', 'context'])
    expect(stored).toMatchObject({ machine: 'step', version: '1', value: { evaluating: { open: 'working' } } })
    expect(stored.context).not.toHaveProperty('given')
    expect(stored.context).not.toHaveProperty('report')
    const opened = load(JSON.parse(JSON.stringify(stored)))
    expect(store(opened)).toEqual(stored)
    expect([statusOf(opened), phase(opened), openAttempt(opened)]).toEqual([
      statusOf(live),
      phase(live),
      openAttempt(live),
    ])
  })

  it('R44: of a machine version that is not known does not open', () => {
    expect(() => load({ ...store(aStep().live), version: '9' })).toThrow('there is no machine step@9')
  })

  it('R45: is the same object when nothing changed, whatever the stamp of the message', () => {
    const step = aStep()
    step.tellAll(...work)
    const before = step.live
    expect(step.tell(the.accepted).live).toBe(before)
  })

  it('R45: has not changed when a message leaves what it has as it is, part by part', () => {
    const step = aStep({ ...stepSettings, dependsOn: [1, 2, 5] })
    const passed = (index: number) => step.tell({ type: 'dependency.passed', index })
    expect(passed(2)).toMatchObject({ changed: true })
    const before = step.live
    expect(passed(2)).toMatchObject({ changed: false, live: before })
    expect(passed(5)).toMatchObject({ changed: true })
    const directive = aDirective()
    directive.tellAll(...toRunning)
    expect(directive.tell({ type: 'step.passed', index: 0, merged: null })).toMatchObject({ changed: true })
    directive.tell({ type: 'pause' })
    expect(directive.tell({ type: 'step.ready', index: 1 })).toMatchObject({ changed: true })
    const paused = directive.live
    expect(directive.tell({ type: 'step.ready', index: 1 })).toMatchObject({ changed: false, live: paused })
  })

  it('R47: every change of status leaves one event, and no event without one', () => {
    const step = aStep()
    const { effects } = step.tellAll(...work, the.done)
    expect(effects.filter(({ kind }) => kind === 'event')).toEqual([
      {
        kind: 'event',
        type: 'step_evaluating',
        severity: 'info',
        source: 'system',
        data: { from: 'running', to: 'evaluating' },
      },
    ])
    expect(actor('registry', {}).tell({ type: 'settled' })).toMatchObject({ changed: true, effects: [] })
  })

  it('R47: what a machine tells itself comes first, and no event comes twice', () => {
    const changes = (all: readonly Effect[]) => all.flatMap((each) => (each.kind === 'event' ? [each.type] : []))
    const directive = aDirective({ ...directiveSettings, maxRegenerations: 0 })
    const { effects } = directive.tellAll(...toPlanner, the.done)
    expect(changes(effects).slice(-2)).toEqual(['planning_failed', 'directive_failed'])
    expect(new Set(changes(effects)).size).toBe(changes(effects).length)
  })

  it('that cannot even begin is a fault', () => {
    expect(() => begin('step', { at: 0, seed: '', settings: null })).toThrow(
      'the machine step failed at its first state',
    )
  })

  it('a new actor begins without effects', () => {
    for (const [kind, settings] of [
      ['directive', directiveSettings],
      ['step', stepSettings],
      ['registry', {}],
    ] as const)
      expect(begin(kind, { at: 0, seed: 's', settings })).toMatchObject({ effects: [], timers: [], changed: true })
  })
})

describe('what people see', () => {
  it.each([
    ['draft', aDirective(), [], 'a person: start', null],
    ['planning', aDirective(), [the.start], 'a slot for a planner', 'queued'],
    ['planning', aDirective(), [the.start, the.granted], 'a daemon to accept attempt 1', 'starting'],
    ['planning', aDirective(), toPlanner, 'the planner, attempt 1', 'working'],
    ['planning', aDirective(), [...toPlanner, the.means], 'backoff after try 1', 'backoff'],
    ['planning', aDirective(), [...toPlanner, { type: 'pause' }], 'a person: resume', 'working'],
    ['active', aDirective(), [...toPlanner, the.plan], 'the planner to end', 'wrapping'],
    ['active', aDirective(), toPreparing, 'the merger, attempt 2', 'working'],
    ['active', aDirective(), toRunning, '2 of 2 steps', null],
    ['active', aDirective(), [...toRunning, { type: 'step.passed', index: 0, merged: null }], '1 of 2 steps', null],
    ['checking', aDirective(), toJudging, 'the evaluator, attempt 3', 'working'],
    [
      'failing',
      aDirective(),
      [
        ...toRunning,
        { type: 'step.failed', index: 0, name: 's0', reason: '' },
        { type: 'slice.done', told: 2, next: null },
      ],
      '2 steps to stop',
      null,
    ],
    ['cancelling', aDirective(), [...toPlanner, the.cancel], 'attempt 1 to stop', 'stopping'],
    ['cancelling', aDirective(), [...toRunning, the.cancel, the.told], '1 steps to stop', null],
    [
      'cancelling',
      aDirective(),
      [...toRunning, the.cancel, { type: 'slice.done', told: 3, next: null }, { type: 'step.stopped', index: 0 }],
      '2 steps to stop',
      null,
    ],
    ['completed', aDirective(), toCompleted, null, null],
    ['cancelled', aDirective(), [{ type: 'pause' }, the.cancel], null, null],
    ['pending', aStep(), [], 'dependencies 1', null],
    ['pending', aStep(), [the.ready], 'its dispatch', null],
    ['running', aStep(), [the.ready, the.dispatch], 'a slot for a worker', 'queued'],
    ['evaluating', aStep(), [...work, the.done], 'a slot for an evaluator', 'queued'],
    ['merging', aStep(), toMerge, 'the merger, attempt 3', 'working'],
    ['rework', aStep(), [...toEvaluation, the.notPassing], 'its dispatch', null],
    ['passed', aStep(), [...toMerge, the.merged], null, null],
    [
      'held',
      aStep(),
      [...toMerge, the.foreign],
      "a person: the line's branch has commits that the directive never recorded (f1)",
      null,
    ],
    ['settling', actor('registry', {}), [], null, null],
    ['granting', actor('registry', {}), [{ type: 'settled' }], null, null],
  ] as const)('%s, and what it waits for (%#)', (status, made, path, waiting, doing) => {
    if (path.length > 0) made.tellAll(...path)
    expect([statusOf(made.live), waitingFor(made.live), phase(made.live)]).toEqual([status, waiting, doing])
  })

  it('R48: a directive may dispatch while it is planning, active or checking and not paused', () => {
    const after = (...path: readonly { type: string }[]) => {
      const directive = aDirective()
      if (path.length > 0) directive.tellAll(...path)
      return [mayDispatch(directive.live), isPaused(directive.live), hasEnded(directive.live)]
    }
    expect(after()).toEqual([false, false, false])
    expect(after(the.start)).toEqual([true, false, false])
    expect(after(...toRunning)).toEqual([true, false, false])
    expect(after(...toJudging)).toEqual([true, false, false])
    expect(after(...toRunning, { type: 'pause' })).toEqual([false, true, false])
    expect(after(...toRunning, the.cancel)).toEqual([false, false, false])
    expect(after(...toCompleted)).toEqual([false, false, true])
    expect(after(...toPlanner, the.failed)).toEqual([false, false, true])
    expect(after(the.cancel)).toEqual([false, false, true])
  })

  it('R40: an attempt is open from its grant to its end', () => {
    const step = aStep()
    step.tellAll(the.ready, the.dispatch)
    expect(openAttempt(step.live)).toBeNull()
    step.tell(the.granted)
    expect(openAttempt(step.live)).toEqual({
      role: 'worker',
      number: 1,
      attempt: 1,
      nonce: 's4-1',
      grant: 'g1',
      starting: true,
    })
    step.tell(the.cancel)
    expect(openAttempt(step.live)).toMatchObject({ attempt: 1, starting: false })
    step.tell(the.failed)
    expect(openAttempt(step.live)).toBeNull()
    expect(openAttempt(actor('registry', {}).live)).toBeNull()
  })
})
