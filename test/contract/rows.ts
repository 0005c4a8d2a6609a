/** Rows of every table for tests of the store: whole, valid, and different where a test says so. */
import type {
  ActorRow,
  AttemptRow,
  DirectiveRow,
  EventRow,
  HeldRow,
  ReadyRow,
  TaskRow,
} from '../../src/actors/ports/rows.ts'
import type { DaemonRow, GrantRow } from '../../src/actors/ports/registry-rows.ts'
import type { ThreadIdentity } from '../../src/actors/ports/store.ts'
import { directiveInput, type Definition } from '../../src/protocol/directive.ts'
import type { PlanRow } from '../../src/protocol/plan.ts'

export const at = 1_700_000_000_000

export const identity = (thread: string, more: Partial<ThreadIdentity> = {}): ThreadIdentity => ({
  thread,
  node: `node of ${thread}`,
  nonce: `nonce of ${thread}`,
  home: null,
  machines: ['directive@1', 'step@1', 'registry@1'],
  ...more,
})

export const actorRow = (id: string, version: number, more: Partial<ActorRow> = {}): ActorRow => ({
  key: `alice/${id}`,
  shard: 0,
  owner: 'alice',
  id,
  kind: 'directive',
  directive: `alice/${id}`,
  version,
  machine: 'directive',
  machineVersion: '1',
  snapshot: new Uint8Array([version, 0, 255, 128]),
  status: 'active',
  ended: false,
  waiting: 'a slot for a worker',
  since: at,
  facts: { passed: version },
  ...more,
})

export const definitionOf = (title: string, more: object = {}): Definition => {
  const { plan: _plan, id: _id, ...definition } = directiveInput.parse({ title, goal: 'that it works', ...more })
  return definition
}

export const directiveRow = (id: string, more: Partial<DirectiveRow> = {}): DirectiveRow => ({
  key: `alice/${id}`,
  owner: 'alice',
  id,
  title: `Title of ${id}`,
  definition: definitionOf(`Title of ${id}`),
  content: 'hash of the content',
  plan: null,
  steps: 0,
  at,
  ...more,
})

export const eventRow = (id: string, sequence: number, more: Partial<EventRow> = {}): EventRow => ({
  directive: `alice/${id}`,
  sequence,
  type: 'directive_active',
  severity: 'info',
  source: 'system',
  data: { from: 'planning' },
  generation: null,
  step: null,
  at: at + sequence,
  ...more,
})

export const taskRow = (id: string, number: number, more: Partial<TaskRow> = {}): TaskRow => ({
  owner: 'alice',
  id: `${id}__t${number}`,
  contract: `${id}__c${number}`,
  actor: `alice/${id}`,
  directive: `alice/${id.split('__')[0] ?? id}`,
  step: null,
  number,
  role: 'worker',
  purpose: 'work',
  supervisor: true,
  name: 'Supervisor',
  contractName: 'Work',
  contractKind: 'simple',
  phase: 'plan',
  description: 'what is to be done',
  localOnly: true,
  repository: null,
  round: 1,
  feedback: null,
  manual: false,
  priority: 5,
  status: 'pending',
  reason: '',
  daemon: null,
  attempt: null,
  version: 1,
  at,
  endedAt: null,
  ...more,
})

export const attemptRow = (id: string, attempt: number, more: Partial<AttemptRow> = {}): AttemptRow => ({
  owner: 'alice',
  task: `${id}__t1`,
  attempt,
  actor: `alice/${id}`,
  directive: `alice/${id.split('__')[0] ?? id}`,
  shard: 0,
  role: 'worker',
  number: 1,
  nonce: 'n1',
  grant: 'g1',
  daemon: 'd1',
  session: 's1',
  inbox: null,
  startCommit: null,
  line: null,
  accepted: false,
  openedAt: at,
  deadline: at + 1000,
  closedAt: null,
  closed: null,
  reason: '',
  result: null,
  commit: null,
  asked: null,
  reported: null,
  ...more,
})

export const readyRow = (id: string, more: Partial<ReadyRow> = {}): ReadyRow => ({
  directive: 'alice/d',
  actor: `alice/${id}`,
  number: 1,
  role: 'worker',
  priority: 5,
  since: at,
  manual: false,
  labels: { os: 'linux' },
  executor: null,
  begun: false,
  ...more,
})

export const heldRow = (id: string, more: Partial<HeldRow> = {}): HeldRow => ({
  directive: 'alice/d',
  id,
  number: 1,
  daemon: 'd1',
  session: 's1',
  roles: ['worker', 'evaluator'],
  executors: ['shell'],
  labels: { os: 'linux' },
  inbox: null,
  reuses: 0,
  recalled: false,
  actor: null,
  task: null,
  role: null,
  ...more,
})

export const daemonRow = (name: string, more: Partial<DaemonRow> = {}): DaemonRow => ({
  owner: 'alice',
  name,
  session: 's1',
  home: null,
  slots: 2,
  roles: ['worker'],
  executors: ['shell'],
  labels: {},
  draining: false,
  inbox: null,
  at,
  ...more,
})

export const grantRow = (id: string, more: Partial<GrantRow> = {}): GrantRow => ({
  owner: 'alice',
  id,
  directive: 'alice/d',
  number: 1,
  daemon: 'd1',
  session: 's1',
  role: 'worker',
  requirement: 'worker',
  recalled: false,
  at,
  ...more,
})

export const planRow = (index: number, more: Partial<PlanRow> = {}): PlanRow => ({
  index,
  name: `step ${index}`,
  description: `what step ${index} is for`,
  taskPlan: `do ${index}`,
  dependsOn: index === 0 ? [] : [index - 1],
  dependents: [index + 1],
  checks: [],
  needs: {},
  requiresApproval: false,
  ...more,
})
