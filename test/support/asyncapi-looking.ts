/** Examples of looking into one actor: the step `hello` of `greet`, while its worker runs. */
import { addressOf } from '../../src/protocol/ids.ts'
import type { Example } from './asyncapi-examples.ts'

const id = 'greet__1_0'
const directive = { id: 'greet', address: addressOf('default', 'greet') }
const place = { id, address: addressOf('default', id), version: 3 }
const time = '2026-05-01T12:00:03.000Z'
const state = { running: { open: 'working' } }
const running = { status: 'running', state }
const evaluating = { status: 'evaluating', state: { evaluating: 'queued' } }
const timer = 'xstate.after.total.work.open'
const task = { purpose: 'work', number: 1, attempt: 1, nonce: '[redacted]', grant: 'g1', tries: 0 }
const view = {
  ...place,
  kind: 'step',
  machine: 'step',
  machineVersion: '1',
  since: time,
  ...running,
  tags: ['running'],
  context: { task, round: 1, rework: 0 },
  waiting: 'the worker, attempt 1',
  timers: [{ id: timer, due: '2026-05-01T16:00:03.000Z' }],
  parked: null,
  mailbox: 0,
}
const changes = [{ path: 'state.running.open', before: 'starting', after: 'working' }]
const done = { type: 'task.done', attempt: 1, nonce: '[redacted]', result: null, commit: null }
const asks = ['closes attempt 1 of task 1 as done', 'ends task 1 as done', 'makes task 2 for an evaluator (evaluate)']
const taken = { outcome: 'taken', ...evaluating, changed: true, asks, refusal: null }
const heldBack = [{ guard: 'isOpen', needs: 'it comes from the open attempt, 1, with its nonce' }]

export const lookingExamples: Readonly<Record<string, Example>> = {
  'actor.get': { message: {}, answer: view },
  'actor.journal': {
    message: { fromVersion: 3 },
    answer: {
      lines: [
        {
          version: 3,
          entry: 0,
          time,
          type: 'task.accepted',
          from: 'watch',
          message: { type: 'task.accepted', attempt: 1, nonce: '[redacted]' },
          before: { status: 'running', state: { running: { open: 'starting' } } },
          after: running,
          changes,
        },
      ],
      next: null,
    },
  },
  'actor.diff': { message: { from: 2, to: 3 }, answer: { from: { ...view, version: 2 }, to: view, changes } },
  'actor.next': {
    message: { type: 'task.done' },
    answer: {
      ...place,
      ...running,
      waiting: 'the worker, attempt 1',
      migrates: null,
      messages: [
        { type: 'task.done', about: 'of attempt 1', ...taken, heldBack: [], message: done },
        {
          type: 'task.done',
          about: 'of any other attempt',
          outcome: 'nothing',
          ...running,
          changed: false,
          asks: [],
          refusal: null,
          heldBack,
          message: { ...done, attempt: 0, nonce: '' },
        },
      ],
      timers: [],
      unanswered: ['dispatch', 'line.moved'],
    },
  },
  'actor.try': {
    message: { message: { type: 'task.done' } },
    answer: {
      ...place,
      migrates: null,
      message: done,
      timer: null,
      outcome: 'taken',
      refusal: null,
      before: running,
      after: evaluating,
      changes,
      asks,
      effects: [{ kind: 'taskEnded', number: 1, status: 'done', reason: '' }],
      timers: [{ do: 'cancel', id: timer }],
      heldBack: [],
    },
  },
  'actor.past': {
    message: { at: 4 },
    answer: {
      ...directive,
      version: 4,
      title: 'Greet',
      time,
      status: 'active',
      paused: false,
      state: { flow: { active: 'running' }, gate: 'open' },
      waiting: '1 of 1 steps',
      reason: null,
      steps: 1,
      passed: 0,
      failed: 0,
      generation: 1,
      line: null,
      counts: { running: 1 },
      stepList: [
        {
          ...place,
          index: 0,
          name: 'hello',
          dependsOn: [],
          ...running,
          attempt: 1,
          round: 1,
          score: null,
          level: null,
          unevaluated: false,
          waiting: 'the worker, attempt 1',
          since: time,
          reason: null,
        },
      ],
      nextStep: null,
    },
  },
}
