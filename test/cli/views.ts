/** Records as a node would show them. */
import type { EventLine } from '../../src/protocol/commands.ts'
import { directiveInput } from '../../src/protocol/directive.ts'
import { addressOf, stepId } from '../../src/protocol/ids.ts'
import type { ParkedLine } from '../../src/protocol/parked.ts'
import type { DirectiveView, StepLine } from '../../src/protocol/views.ts'
import type { WaitLine } from '../../src/protocol/waiting.ts'

const since = '2026-05-01T11:59:20Z'

export const stepLine = (directive: string, index: number, more: Partial<StepLine> = {}): StepLine => {
  const id = stepId(directive, 1, index)
  return {
    id,
    address: addressOf('default', id),
    index,
    name: `step${index}`,
    status: 'pending',
    attempt: 0,
    round: 1,
    score: null,
    level: null,
    unevaluated: false,
    parked: null,
    waiting: null,
    since,
    until: null,
    by: null,
    reason: null,
    dependsOn: [],
    task: null,
    daemon: null,
    ...more,
  }
}

const none = {
  pending: 0,
  running: 0,
  evaluating: 0,
  merging: 0,
  passed: 0,
  rework: 0,
  failed: 0,
  skipped: 0,
  cancelled: 0,
  held: 0,
}

export const directiveView = (id: string, more: Partial<DirectiveView> = {}): DirectiveView => ({
  id,
  address: addressOf('default', id),
  owner: 'default',
  title: 'Hello',
  status: 'active',
  paused: false,
  parked: null,
  waiting: null,
  since,
  until: null,
  by: null,
  steps: 0,
  passed: 0,
  failed: 0,
  created: '2026-05-01T11:50:00Z',
  definition: directiveInput.parse({ title: 'Hello', goal: 'Say hello.' }),
  reason: null,
  line: null,
  regenerations: 0,
  counts: none,
  orchestrator: null,
  chain: null,
  stepList: [],
  nextStep: null,
  tasks: [],
  events: 0,
  ...more,
})

export const event = (directive: string, number: number, type: string, more: Partial<EventLine> = {}): EventLine => ({
  number,
  directive,
  type,
  severity: 'info',
  source: 'system',
  time: '2026-05-01T11:59:30Z',
  data: {},
  ...more,
})

/** Of the directive's first step, unless it is said to be another actor's. */
export const waitLine = (directive: string, more: Partial<WaitLine> = {}): WaitLine => {
  const id = more.id ?? stepId(directive, 1, 0)
  return {
    id,
    address: addressOf('default', id),
    kind: 'step',
    directive,
    step: 'step0',
    status: 'running',
    parked: null,
    reason: null,
    waiting: 'the worker, attempt 1',
    since,
    until: '2026-05-01T15:59:20Z',
    by: { who: 'daemon', names: ['builder'] },
    task: addressOf('default', `${id}__t1`),
    needs: null,
    next: `writ task output ${addressOf('default', `${id}__t1`)} --follow`,
    ...more,
  }
}

/** A message to the directive that is parked. */
export const parkedLine = (directive: string, more: Partial<ParkedLine> = {}): ParkedLine => ({
  id: `${directive}__m41`,
  kind: 'message',
  actor: { id: directive, address: addressOf('default', directive), kind: 'directive' },
  directive,
  step: null,
  message: `${directive}__m41`,
  type: 'step.passed',
  from: `${directive}__1_0`,
  reason: 'the database refuses the content',
  since,
  tries: 5,
  mailbox: 0,
  next: `writ parked show ${directive}__m41`,
  ...more,
})
