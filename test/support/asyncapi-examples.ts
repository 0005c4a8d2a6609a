/**
 * One example of every message of the wire, for its documentation: one small directive, `greet`, told from its creation to its end.
 * Answers that hold more than fits here are shortened to what a reader needs first.
 */

import { addressOf } from '../../src/protocol/ids.ts'
import { lookingExamples } from './asyncapi-looking.ts'
import { parkedExamples } from './asyncapi-parked.ts'

export interface Example {
  message: unknown
  /** Of a request. */
  answer?: unknown
}

const commit = '3f786850e387550fdab836ed7e6dc881de23001b'
const time = (seconds: number): string => `2026-05-01T12:00:${String(seconds).padStart(2, '0')}.000Z`
const named = (id: string) => ({ id, address: addressOf('default', id) })
const directive = named('greet')
const step = named('greet__1_0')
const task = named('greet__1_0__t1')
const contract = named('greet__1_0__c1')
const plan = { steps: [{ name: 'hello', description: 'Say hello', task_plan: 'echo Hello' }] }
const to = (status: string, paused = false) => ({ directive: { ...directive, status, paused } })
const command = 'c0ffee01'
const session = 's1'
const stamp = { attempt: 1, nonce: 'n1', session }
const order = { task: task.id, attempt: 1, nonce: 'n1' }
const hash = 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9'
const data = Buffer.from('hello world').toString('base64')

const sighting = {
  type: '@xstate.snapshot',
  event: { type: 'task.accepted', attempt: 1, nonce: '[redacted]' },
  snapshot: {
    status: 'active',
    value: { running: 'working' },
    context: { task: { number: 1, attempt: 1, nonce: '[redacted]' } },
    tags: ['running'],
    children: {},
    historyValue: {},
  },
  sessionId: step.id,
  rootId: directive.id,
  id: null,
  createdAt: '1777636803000',
  _version: '0.7.2',
  writ: {
    version: 3,
    entry: 0,
    entries: 1,
    order: [1, 12],
    kind: 'step',
    machine: 'step',
    machineVersion: '1',
    origin: 'daemon',
    parentId: directive.id,
    sourceId: null,
    status: 'running',
    waiting: 'the worker, attempt 1',
  },
}
const listed = { ...sighting, writ: { ...sighting.writ, listed: true } }
const until = '2026-05-01T16:00:03.000Z'

const directiveLine = {
  ...directive,
  owner: 'default',
  title: 'Greetings',
  status: 'active',
  paused: false,
  parked: null,
  waiting: '0 of 1 steps',
  since: time(2),
  steps: 1,
  passed: 0,
  failed: 0,
  created: time(1),
}
const taskLine = {
  ...task,
  directive: directive.id,
  step: { id: step.id, name: 'hello' },
  name: 'hello Supervisor',
  role: 'worker',
  purpose: 'work',
  priority: 5,
  status: 'running',
  reason: '',
  round: 1,
  daemon: 'builder',
  attempt: 1,
  created: time(2),
  ended: null,
}
const stepLine = {
  ...step,
  index: 0,
  name: 'hello',
  status: 'running',
  attempt: 1,
  round: 1,
  score: null,
  level: null,
  unevaluated: false,
  parked: null,
  waiting: 'the worker, attempt 1',
  since: time(3),
  until,
  by: { who: 'daemon', names: ['builder'] },
  reason: null,
  dependsOn: [],
  task: task.address,
  daemon: 'builder',
}
const daemonLine = {
  name: 'builder',
  session,
  roles: ['worker'],
  executors: ['shell'],
  labels: { host: 'anvil', gpu: 'yes' },
  slots: 2,
  granted: 1,
  running: 1,
  draining: false,
  pull: false,
  since: time(0),
  asOf: time(4),
}
const event = {
  number: 7,
  directive: directive.id,
  type: 'step_passed',
  severity: 'info',
  source: 'system',
  time: time(9),
  chain: 1,
  step: step.id,
  data: { name: 'hello' },
}
const spawn = {
  task: {
    ...task,
    name: 'hello Supervisor',
    role: 'worker',
    priority: 5,
    plan: 'echo Hello',
    attempt: 1,
    nonce: 'n1',
    supervisor: true,
    orchestrator: false,
    autonomous: true,
    parent: null,
    depth: 0,
  },
  contract: { ...contract, name: 'hello' },
  directive: { ...directive, title: 'Greetings' },
  step: { ...step, name: 'hello', index: 0 },
  owner: 'default',
  grant: 'g1',
  executor: 'shell',
  command: null,
  checks: [],
  feedback: null,
  thresholds: { green: 0.8, yellow: 0.5 },
  repository: null,
  baseBranch: null,
  targetBranch: null,
  targetPath: null,
  startCommit: null,
  merge: null,
  completionAction: 'branch',
  continueFrom: null,
  copyFiles: null,
  resumeSession: null,
  history: null,
  patch: null,
  localOnly: true,
  autoMergeLocal: false,
  sharedWorktreeOf: null,
  stallMs: 600_000,
  totalMs: 14_400_000,
}
const output = { attempt: 1, offset: 0, text: 'Hello\n', next: 6, total: 6, ended: true }
const receipt = { received: true, counted: true }
const accepted = { accepted: true }
const commanded = (status: string): Example => ({ message: { command }, answer: to(status) })

/** By channel. */
export const examples: Readonly<Record<string, Example>> = {
  'api.directive.create': {
    message: { id: 'greet', title: 'Greetings', goal: 'Say hello.', evaluate: false, plan },
    answer: to('draft'),
  },
  'api.directive.list': {
    message: { state: 'active', limit: 20 },
    answer: { lines: [directiveLine], next: null },
  },
  'api.daemon.list': {
    message: {},
    answer: {
      lines: [daemonLine],
      next: null,
    },
  },
  'api.task.list': { message: { text: 'greet' }, answer: { lines: [taskLine], next: null } },
  'api.waiting.list': {
    message: { olderSeconds: 600 },
    answer: {
      lines: [
        {
          ...step,
          kind: 'step',
          directive: directive.id,
          step: 'hello',
          status: 'running',
          parked: null,
          reason: null,
          waiting: 'the worker, attempt 1',
          since: time(3),
          until,
          by: { who: 'daemon', names: ['builder'] },
          task: task.address,
          needs: null,
          next: `writ task output ${task.address} --follow`,
        },
      ],
      next: null,
    },
  },
  'api.event.list': { message: { since: time(8) }, answer: { lines: [event], next: null, asOf: time(10) } },
  'api.node.list': {
    message: {},
    answer: {
      time: time(9),
      schema: 10,
      threads: [
        {
          thread: 'anvil-4711-5f3a9c01-0',
          node: 'anvil-4711-5f3a9c01',
          version: '0.1.0',
          schema: 10,
          since: time(0),
          until: time(9),
          leaving: false,
          shards: 256,
        },
      ],
    },
  },
  'api.owner.figures': {
    message: {},
    answer: {
      time: time(9),
      directives: { open: { active: 1 }, ended: { completed: 12, failed: 1 }, of: 1000, parked: 0 },
      mailbox: { messages: 1, oldest: { to: step.id, since: time(8) } },
      daemons: { count: 1, pulls: 0, draining: 0, slots: 2, running: 1 },
      daemonLines: [{ ...daemonLine, silentMs: 1200 }],
      grants: { open: 1, recalled: 0 },
      needs: [{ role: 'evaluator', tasks: 1, since: time(8) }],
    },
  },
  'api.owner.open': { message: {}, answer: {} },
  'directive.create': {
    message: {
      command,
      definition: { title: 'Greetings', goal: 'Say hello.' },
      content: hash,
      plan: { hash, steps: 1 },
    },
    answer: to('draft'),
  },
  'directive.open': { message: {}, answer: {} },
  'directive.silences': { message: { daemons: ['builder'] }, answer: { silentMs: { builder: 1200 } } },
  'directive.start': commanded('active'),
  'directive.plan': { message: { command, plan }, answer: to('active') },
  'directive.get': {
    message: {},
    answer: {
      ...directiveLine,
      until: null,
      by: { who: 'steps', names: ['hello'] },
      definition: { title: 'Greetings', goal: 'Say hello.' },
      stepList: [stepLine],
      nextStep: null,
      tasks: [],
      events: 7,
    },
  },
  'directive.pause': { message: { command }, answer: to('active', true) },
  'directive.resume': commanded('active'),
  'directive.cancel': commanded('cancelling'),
  'directive.retry': commanded('active'),
  'directive.mend': commanded('active'),
  'directive.delete': commanded('completed'),
  'directive.evaluate': { message: { command, step: 'hello' }, answer: to('active') },
  'directive.steps': { message: { from: 500 }, answer: { stepList: [{ ...stepLine, index: 500 }], nextStep: null } },
  'directive.events': { message: { after: 6 }, answer: { events: [event], next: null } },
  'step.evaluate': commanded('active'),
  'step.approve': commanded('active'),
  'step.reject': { message: { command, text: 'Greet the moon as well.' }, answer: to('active') },
  'step.retry': commanded('active'),
  'step.cancel': commanded('failing'),
  'step.get': {
    message: {},
    answer: {
      ...stepLine,
      directive: directive.id,
      description: 'Say hello',
      taskPlan: 'echo Hello',
      tasks: [taskLine],
    },
  },
  'contract.files': { message: {}, answer: { files: [{ name: 'notes.md', hash, bytes: 11, time: time(5) }] } },
  'contract.file': { message: { name: 'notes.md' }, answer: { name: 'notes.md', hash, total: 11, offset: 0, data } },
  'contract.put': { message: { command, name: 'notes.md', offset: 0, total: 11, data, hash }, answer: { contract } },
  'contract.finish': { message: { command }, answer: { contract } },
  'contract.complete': { message: {} },
  'task.end': { message: { command, outcome: 'done', result: 'by hand', force: true }, answer: { task } },
  'task.get': {
    message: {},
    answer: {
      ...taskLine,
      contract,
      attempts: [{ attempt: 1, daemon: 'builder', opened: time(3), closed: null, asked: null, late: null }],
      files: [],
    },
  },
  'task.output': { message: { offset: 0 }, answer: output },
  'task.done': { message: { attempt: 1, result: 'by hand' } },
  'task.failed': { message: { reason: 'it cannot be done' } },
  mail: { message: { look: true } },
  'report.accepted': { message: stamp, answer: receipt },
  'report.progress': { message: { ...stamp, text: 'half of it' }, answer: receipt },
  'report.done': { message: { ...stamp, result: 'Hello', commit }, answer: receipt },
  'report.failed': {
    message: { ...stamp, reason: 'exit code 3', means: false },
    answer: { received: true, counted: false },
  },
  'daemon.hello': {
    message: { session, slots: 2, roles: ['worker'], executors: ['shell'], labels: { gpu: 'yes' }, running: [] },
    answer: { session, beatMs: 5000, leaseMs: 30_000 },
  },
  'daemon.beat': {
    message: { session, running: [`${task.id}/1`], slots: 2, draining: false },
    answer: { known: true },
  },
  'daemon.bye': { message: { session }, answer: {} },
  'daemon.drain': { message: {}, answer: { daemon: { name: 'builder', draining: true } } },
  'daemonSession.spawn': { message: spawn, answer: accepted },
  'daemonSession.cancel': { message: order, answer: accepted },
  'daemonSession.finish': { message: order, answer: accepted },
  'daemonSession.drain': { message: {}, answer: { draining: true } },
  'daemonSession.output': { message: { task: task.id, attempt: 1, offset: 0 }, answer: output },
  pull: { message: { roles: ['worker'], executors: ['shell'], waitMs: 20_000 }, answer: spawn },
  event: { message: event },
  output: { message: { attempt: 1, stream: 'stdout', text: 'Hello' } },
  'actors.list': {
    message: { directive: directive.id },
    answer: { sightings: [listed], total: 1, definitions: {}, next: null },
  },
  'actors.inspect': {
    message: { actor: 'greet*' },
    answer: { inspection: 'i1', leaseMs: 30_000, threads: ['node-0'], silent: [] },
  },
  'actors.history': {
    message: { directive: directive.id, fromVersion: 1 },
    answer: { sightings: [sighting], faults: [], definitions: {}, next: null },
  },
  ...parkedExamples,
  ...lookingExamples,
  inspect: { message: sighting },
  'sys.inspect': { message: { inspection: 'i1', owner: 'default', observer: 'o1', leaseMs: 30_000, actor: 'greet*' } },
  'sys.inspecting': { message: { inspection: 'i1', thread: 'node-0' } },
  'sys.moved': { message: { thread: 'node-0' } },
}

/** In place of an answer. */
export const refusedExample = {
  error: {
    code: 'REFUSED',
    message: 'greet is completed and cannot be started',
    hint: 'only a draft is started',
  },
}
