/**
 * What `get` and `list` answer with: the records as people and scripts read them, made by one SQL statement each from what
 * was committed. Times are ISO 8601 by the database's clock. Fields may be added within a version of the wire, never renamed. What of
 * texts and lists of texts would be too large for one message is cut short, and ends in `…`.
 */
import type { Check, Definition, Needs, Role } from './directive.ts'
import type { Verdict } from './verdict.ts'
import type { By } from './waiting.ts'

/** Those that a directive stays in until a person retries it. */
export const endedStatuses: ReadonlySet<string> = new Set<DirectiveStatus>(['completed', 'failed', 'cancelled'])

export const directiveStatuses = [
  'draft',
  'planning',
  'active',
  'checking',
  'completed',
  'failing',
  'failed',
  'cancelling',
  'cancelled',
] as const
export type DirectiveStatus = (typeof directiveStatuses)[number]
export type StepStatus =
  | 'pending'
  | 'running'
  | 'evaluating'
  | 'merging'
  | 'passed'
  | 'rework'
  | 'failed'
  | 'skipped'
  | 'cancelled'
  | 'held'
export const taskStatuses = ['pending', 'starting', 'running', 'done', 'failed', 'cancelled'] as const
export type TaskStatus = (typeof taskStatuses)[number]

/** One page of a list; `next` is what `after` takes for the following page, null on the last. */
export interface Page<T> {
  lines: readonly T[]
  next: string | null
}

/** What the engine writes into the `facts` of a directive's row: the figures that its snapshot knows and lists show. */
export interface DirectiveFacts {
  steps?: number
  passed?: number
  failed?: number
  paused?: boolean
  /** Plans that were asked for again (R18). */
  regenerations?: number
  /** The recorded line: a full commit id. */
  line?: string | null
  /** Why it failed, for people. */
  reason?: string | null
}

/** What the engine writes into the `facts` of a step's row. */
export interface StepFacts {
  /** 1 for the first work, 2 for the first rework. */
  round?: number
  score?: number | null
  level?: string | null
  /** It passed without a verdict (R32, R33). */
  unevaluated?: boolean
  commit?: string | null
  reason?: string | null
  /** Since when it waits for a person, ms since 1970 (R51): an evaluation in between does not start that anew. */
  heldSince?: number | null
}

/** A directive in a list. */
export interface DirectiveLine {
  id: string
  address: string
  owner: string
  title: string
  status: DirectiveStatus
  paused: boolean
  /** Why its actor is parked until somebody mends it; null as a rule. */
  parked: string | null
  /** What it waits for, in words; null when it has ended. */
  waiting: string | null
  since: string
  steps: number
  passed: number
  failed: number
  created: string
}

export interface ChainView {
  generation: number
  title: string
  description: string
  /** SHA-256 of the plan. */
  hash: string
  steps: number
  created: string
}

/** A step in its directive's `get`: those that never began are there too. */
export interface StepLine {
  id: string
  address: string
  index: number
  name: string
  status: StepStatus
  /** The last attempt's number over the life of the step; 0 before the first. */
  attempt: number
  round: number
  score: number | null
  level: string | null
  unevaluated: boolean
  parked: string | null
  waiting: string | null
  since: string
  /** When something happens to it by itself (waiting.ts); null: never, or it waits for nothing. */
  until: string | null
  /** Who can end what it waits for; null when it waits for nothing. */
  by: By | null
  reason: string | null
  /** Names of the steps that it waits for. */
  dependsOn: readonly string[]
  /** Its task that has not ended, as `task.<address>.…` takes it, with the daemon that has it. */
  task: string | null
  daemon: string | null
}

const underWayStatuses: ReadonlySet<StepStatus> = new Set(['running', 'evaluating', 'merging', 'rework', 'held'])

/** Whether it has begun and not ended, or is parked. */
export const isUnderWay = ({ status, parked }: Pick<StepLine, 'status' | 'parked'>): boolean =>
  underWayStatuses.has(status) || parked !== null

/** How many of the current chain's steps are in each status. */
export type StepCounts = Record<StepStatus, number>

export interface DirectiveView extends DirectiveLine {
  definition: Definition
  /** As for a step. */
  until: string | null
  by: By | null
  reason: string | null
  line: string | null
  regenerations: number
  /** Of the current chain; all 0 before there is one. */
  counts: StepCounts
  /** The address of its latest planning contract (R2); null before it started, and with a plan ready-made. */
  orchestrator: string | null
  chain: ChainView | null
  /** In a `get` the first 500, or as many as go into one answer; `nextStep` is where `steps` goes on, null when these are all. */
  stepList: readonly StepLine[]
  nextStep: number | null
  /** The directive's own tasks, oldest first: planning, the line's beginning and publishing, the acceptance checks. */
  tasks: readonly TaskLine[]
  /** The number of the last event of its history. */
  events: number
}

export interface EvaluationView {
  number: number
  type: 'monitoring' | 'acceptance'
  evaluator: 'automated' | 'manual'
  /** The task that judged. */
  task: string
  verdict: Verdict
  time: string
}

export interface StepView extends StepLine {
  directive: string
  description: string
  taskPlan: string
  checks: readonly Check[]
  needs: Needs
  evaluate: boolean
  requiresApproval: boolean
  commit: string | null
  evaluations: readonly EvaluationView[]
  /** Of work, evaluation and merging, oldest first. */
  tasks: readonly TaskView[]
}

/** A task in a list. */
export interface TaskLine {
  id: string
  address: string
  directive: string
  /** The step's id and name; null for a directive's own task. */
  step: { id: string; name: string } | null
  name: string
  role: Role
  purpose: string
  priority: number
  status: TaskStatus
  reason: string
  round: number
  daemon: string | null
  attempt: number | null
  created: string
  ended: string | null
}

export interface AttemptView {
  attempt: number
  daemon: string
  accepted: boolean
  opened: string
  deadline: string
  closed: string | null
  /** How it was closed: done, failed, cancelled, lost, refused, timed_out, superseded; null while it is open. */
  as: string | null
  reason: string
  result: string | null
  startCommit: string | null
  commit: string | null
  /** What its daemon was last told: to end it, with its work (`finish`) or without (`cancel`). */
  asked: 'cancel' | 'finish' | null
  /** What the daemon reported after it was closed, which changed nothing (R43). */
  late: LateReport | null
}

export interface LateReport {
  outcome: 'done' | 'failed'
  result: string | null
  reason: string | null
  commit: string | null
  time: string
}

export interface FileLine {
  name: string
  /** SHA-256 of the content. */
  hash: string
  bytes: number
  time: string
}

/** A repository of a contract; the primary one is the directive's. */
export interface RepositoryView {
  name: string
  /** URL or local path. */
  location: string
  primary: boolean
}

/** The name under which the directive's repository is a contract's primary one (R4). */
export const repositoryName = 'directive-repo'

/** The envelope of one piece of delegated work. */
export interface ContractView {
  id: string
  address: string
  name: string
  kind: string
  phase: string
  description: string
  localOnly: boolean
  /** It plans its directive (R2). */
  orchestrator: boolean
  repositories: readonly RepositoryView[]
}

export interface TaskView extends TaskLine {
  supervisor: boolean
  localOnly: boolean
  repository: string | null
  feedback: string | null
  manual: boolean
  contract: ContractView
  attempts: readonly AttemptView[]
  files: readonly FileLine[]
}

/** A daemon as the registry has it in its tables; `granted` and `running` are as of `asOf`. */
export interface DaemonLine {
  name: string
  session: string
  roles: readonly Role[]
  executors: readonly string[]
  labels: Record<string, string>
  slots: number
  granted: number
  running: number
  draining: boolean
  /** A script's `pull`: one slot, until it expires. */
  pull: boolean
  since: string
  asOf: string
}
