/** What the command line asks a node. */
import type { WritClient } from '../bus/client.ts'
import type { Listed, ListQuery } from '../protocol/commands.ts'
import type { DirectiveInput } from '../protocol/directive.ts'
import type { OwnerFigures } from '../protocol/figures.ts'
import type { Leases } from '../protocol/nodes.ts'
import type { OutputPart } from '../protocol/task.ts'
import type { WaitingQuery, WaitLine } from '../protocol/waiting.ts'
import type {
  DaemonLine,
  DirectiveLine,
  DirectiveStatus,
  DirectiveView,
  Page,
  StepLine,
  StepView,
  TaskLine,
  TaskView,
} from '../protocol/views.ts'

/** What a command to a directive or a step is answered with. */
export interface Brief {
  id: string
  address: string
  status: DirectiveStatus
}

type Query<Of extends Listed> = Partial<ListQuery<Of>>

export interface NodeApi {
  create: (input: DirectiveInput) => Promise<Brief>
  tell: (id: string, verb: 'start' | 'pause' | 'resume' | 'cancel' | 'retry' | 'mend' | 'delete') => Promise<Brief>
  plan: (id: string, plan: string) => Promise<Brief>
  evaluate: (id: string, step: string) => Promise<Brief>
  directive: (id: string) => Promise<DirectiveView>
  /** As `directive`, with the first page of its steps only: enough to see how it stands. */
  glance: (id: string) => Promise<DirectiveView>
  /** The steps that have begun and not ended: of a large plan the first of them. */
  underWay: (id: string) => Promise<readonly StepLine[]>
  directives: (query: Query<'directive'>) => Promise<Page<DirectiveLine>>
  step: (id: string) => Promise<StepView>
  tellStep: (id: string, verb: 'evaluate' | 'approve' | 'retry' | 'cancel') => Promise<Brief>
  rejectStep: (id: string, text: string) => Promise<Brief>
  task: (id: string) => Promise<TaskView>
  tasks: (query: Query<'task'>) => Promise<Page<TaskLine>>
  /** A part of an attempt's output, from a byte on. */
  output: (id: string, from: { attempt?: number; offset: number }) => Promise<OutputPart>
  endTask: (id: string, end: Parameters<ReturnType<WritClient['task']>['end']>[0]) => Promise<unknown>
  daemons: (query: Query<'daemon'>) => Promise<Page<DaemonLine>>
  /** What there is of the owner, in figures. */
  figures: () => Promise<OwnerFigures>
  /** The threads of all nodes that have a lease. */
  nodes: () => Promise<Leases>
  /** It takes nothing new, and ends once nothing of it runs. */
  drain: (daemon: string) => Promise<object>
  waiting: (query: Partial<WaitingQuery>) => Promise<Page<WaitLine>>
  /** What failed too often. */
  parked: WritClient['parked']
  /** One actor, looked into. */
  actor: WritClient['actor']
  events: WritClient['events']
  allEvents: WritClient['allEvents']
  /** What all have told since then: a page. */
  listEvents: WritClient['listEvents']
  contract: WritClient['contract']
}

/** A large plan's steps come in pages. */
const wholeDirective = async (client: WritClient, id: string): Promise<DirectiveView> => {
  const at = client.directive(id)
  let view: DirectiveView = await at.get()
  while (view.nextStep !== null) {
    const page = await at.steps({ from: view.nextStep })
    view = { ...view, nextStep: page.nextStep, stepList: [...view.stepList, ...page.stepList] }
  }
  return view
}

export const nodeApi = (client: WritClient): NodeApi => {
  const brief = async (answer: Promise<{ directive: Brief }>): Promise<Brief> => (await answer).directive
  return {
    create: (input) => brief(client.createDirective(input)),
    tell: (id, verb) => brief(client.directive(id)[verb]()),
    plan: (id, plan) => brief(client.directive(id).plan({ plan })),
    evaluate: (id, step) => brief(client.directive(id).evaluate({ step })),
    directive: (id) => wholeDirective(client, id),
    glance: (id) => client.directive(id).get(),
    underWay: async (id) => (await client.directive(id).steps({ underWay: true })).stepList,
    directives: (query) => client.listDirectives(query),
    step: (id) => client.step(id).get(),
    tellStep: (id, verb) => brief(client.step(id)[verb]()),
    rejectStep: (id, text) => brief(client.step(id).reject({ text })),
    task: (id) => client.task(id).get(),
    tasks: (query) => client.listTasks(query),
    output: (id, from) => client.task(id).output(from),
    endTask: (id, end) => client.task(id).end(end),
    daemons: (query) => client.listDaemons(query),
    figures: () => client.ownerFigures(),
    nodes: () => client.listNodes(),
    drain: (daemon) => client.drainDaemon(daemon),
    waiting: (query) => client.listWaiting(query),
    parked: client.parked,
    actor: (id) => client.actor(id),
    events: (id, options) => client.events(id, options),
    allEvents: (options) => client.allEvents(options),
    listEvents: (query) => client.listEvents(query),
    contract: (id) => client.contract(id),
  }
}
