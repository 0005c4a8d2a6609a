import { describe, expect, test } from 'vitest'
import { type Known, violationsOf } from './checks.ts'
import type { Attempt, Effect, History } from './history.ts'
import type { Receipt } from './receipts.ts'
import type { Shape } from './shapes.ts'

const moved = { from: 'ash', to: 'elm', amount: 5 }
const shape: Shape = {
  id: 'chain-1',
  name: 'chain',
  input: { title: 'chain', goal: 'g' },
  transfers: new Map([['s0', moved]]),
  ends: 'completed',
}
const receipt = (verb: string): Receipt => ({
  directive: shape.id,
  verb,
  step: null,
  asked: 1,
  answered: 2,
  refused: null,
  tries: 1,
})
const task = 'chain-1__1_0__t1'
const attempt: Attempt = {
  task,
  actor: 'chain-1__1_0',
  directive: shape.id,
  attempt: 1,
  role: 'worker',
  daemon: 'd',
  openedAt: 3,
  closed: 'done',
  reason: '',
  result: 'w',
}
const effect: Effect = { directive: shape.id, step: 's0', task, attempt: 1, ...moved, word: 'w' }

/** Of a run in which all was well, but for what a test changes. */
const judged = (change: Partial<History> = {}, more: Partial<Known> = {}): string[] =>
  violationsOf(
    {
      directives: new Map([[shape.id, { status: 'completed', events: [1, 2, 3], stoodStillMs: 0 }]]),
      steps: new Map([['chain-1 s0', { status: 'passed', actor: 'chain-1__1_0' }]]),
      laterSteps: 0,
      attempts: [attempt],
      effects: [effect],
      torn: [],
      told: new Map([[shape.id, ['start', 'pause', 'resume']]]),
      endedAs: new Map(),
      cut: new Set(),
      left: {},
      ...change,
    },
    {
      shapes: new Map([[shape.id, shape]]),
      receiptsOf: () => ['create', 'start', 'pause', 'resume'].map(receipt),
      heard: new Map([[shape.id, [1, 2, 3]]]),
      published: [],
      repository: '',
      ...more,
    },
  )

test('a run in which all was well has no violations', () => {
  expect(judged()).toEqual([])
})

const sent = { actor: attempt.actor, word: 'p', incarnation: 'first', wiped: false }

describe('what is wrong is found:', () => {
  const second = { ...attempt, attempt: 2 }
  const told = (...verbs: string[]): Partial<History> => ({ told: new Map([[shape.id, verbs]]) })
  const heard = (...numbers: number[]): Partial<Known> => ({ heard: new Map([[shape.id, numbers]]) })
  const rows: [string, Partial<History>, Partial<Known>, RegExp][] = [
    [
      'a directive that was answered for is not there',
      { directives: new Map() },
      {},
      /was created, so we were told, and is not there/,
    ],
    [
      'a command that was answered was never taken',
      told('start', 'pause'),
      {},
      /was told \[start pause\] .* answered \[start pause resume\]/,
    ],
    [
      'a command was taken twice',
      told('start', 'pause', 'pause', 'resume'),
      {},
      /was told \[start pause pause resume\]/,
    ],
    ['commands were taken in another order', told('start', 'resume', 'pause'), {}, /was told \[start resume pause\]/],
    [
      'a directive did not end as it was to',
      { directives: new Map([[shape.id, { status: 'active', events: [1, 2, 3], stoodStillMs: 0 }]]) },
      {},
      /is active, and was to be completed/,
    ],
    [
      'a step of what is completed has not passed',
      { steps: new Map([['chain-1 s0', { status: 'skipped', actor: 'chain-1__1_0' }]]) },
      {},
      /its step s0 is skipped/,
    ],
    [
      'two attempts of one task were accepted',
      { attempts: [attempt, second], effects: [effect, { ...effect, attempt: 2 }] },
      {},
      /2 attempts of the task .* were accepted/,
    ],
    ['an attempt did its work twice', { effects: [effect, effect] }, {}, /has done its work 2 times/],
    ['an accepted attempt has done nothing', { effects: [] }, {}, /was accepted, and has done nothing/],
    [
      'the work that was accepted is not the work that was done',
      { attempts: [{ ...attempt, result: 'x' }] },
      {},
      /has reported x, and has done w/,
    ],
    [
      'something was done that nobody knows of',
      { effects: [effect, { ...effect, attempt: 2 }] },
      {},
      /-2 has done something, and nothing is known of it/,
    ],
    [
      'money went another way',
      { effects: [{ ...effect, to: 'fir' }] },
      {},
      /the account fir stands at 5, and is to stand at 0/,
    ],
    [
      'what two attempts of one task moved counts twice',
      { attempts: [attempt, second], effects: [effect, { ...effect, attempt: 2 }] },
      {},
      /the account elm stands at 10, and is to stand at 5/,
    ],
    [
      'what a step was to move was never moved',
      { attempts: [], effects: [] },
      {},
      /the account ash stands at 0, and is to stand at -5/,
    ],
    [
      'an event is missing',
      { directives: new Map([[shape.id, { status: 'completed', events: [1, 3], stoodStillMs: 0 }]]) },
      heard(1, 3),
      /event 2 of chain-1 is not there/,
    ],
    [
      'a watcher did not hear of an event',
      {},
      heard(1, 3),
      /a watcher heard the events 1,3 of chain-1, which has 1,2,3/,
    ],
    ['a watcher heard of an event twice', {}, heard(1, 2, 2, 3), /heard the events 1,2,2,3/],
    ['a watcher heard events in another order', {}, heard(2, 1, 3), /heard the events 2,1,3/],
    [
      'what the stream had of plain publishes was never taken',
      {},
      { published: [sent] },
      /chain-1__1_0 was ended 0 times by what was published/,
    ],
    [
      'a plain publish was taken twice',
      { endedAs: new Map([[sent.actor, [sent.word, sent.word]]]) },
      { published: [sent] },
      /chain-1__1_0 was ended 2 times by what was published/,
    ],
    ['rows are left', { left: { timers: 2 } }, {}, /2 timers are left/],
    ['a line is torn', { torn: ['chain-1: s0'] }, {}, /is torn: chain-1: s0/],
  ]
  test.each(rows)('%s', (_, change, more, violation) => {
    expect(judged(change, more).join('\n')).toMatch(violation)
  })
})

test('events that are forgotten, and what a journal that was cut does not say, are not missed', () => {
  const directives = new Map([[shape.id, { status: 'completed', events: [3], stoodStillMs: 0 }]])
  expect(judged({ directives, told: new Map(), cut: new Set([shape.id]) })).toEqual([])
  expect(judged({ directives }, { heard: new Map([[shape.id, [3]]]) }).join()).toMatch(/heard the events 3 of/)
})

test('what was not accepted does not count: neither its money nor its line', () => {
  const lost = { ...attempt, attempt: 2, closed: 'lost', result: null }
  expect(judged({ attempts: [attempt, lost], effects: [effect, { ...effect, attempt: 2, word: 'x' }] })).toEqual([])
})

test('of plain publishes that a wiped stream took along, or that it may never have had, nothing has to be heard', () => {
  const lost = [
    { ...sent, wiped: true },
    { ...sent, word: 'q', incarnation: null },
  ]
  expect(judged({}, { published: lost })).toEqual([])
  const taken = { endedAs: new Map([[sent.actor, ['r']]]) }
  expect(judged(taken, { published: [...lost, { ...sent, word: 'r' }] })).toEqual([])
})

test('of a step that was sent back counts what its last round has moved, once', () => {
  const [again, inBoth] = ['chain-1__1_0__t2', { name: 'rework' as const, transfers: new Map([['a', moved]]) }]
  const both: Partial<History> = {
    steps: new Map([['chain-1 a', { status: 'passed', actor: 'chain-1__1_0' }]]),
    attempts: [attempt, { ...attempt, task: again }],
    effects: [effect, { ...effect, task: again }],
  }
  expect(judged(both, { shapes: new Map([[shape.id, { ...shape, ...inBoth }]]) })).toEqual([])
})

test('what was cancelled has moved whatever it came to, and is not asked for the rest', () => {
  const directives: History['directives'] = new Map([
    [shape.id, { status: 'cancelled', events: [1, 2, 3], stoodStillMs: 0 }],
  ])
  const cancelled = { shapes: new Map([[shape.id, { ...shape, ends: 'cancelled' as const }]]) }
  expect(judged({ directives, attempts: [], effects: [] }, cancelled)).toEqual([])
  expect(judged({ directives }, cancelled)).toEqual([])
})
