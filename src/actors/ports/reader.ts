/** The port to the records, for people: what was committed, read in one statement each. Nothing is decided by it. */
import type { EventsQuery, ListQuery } from '../../protocol/commands.ts'
import type { ParkedLine, ParkedQuery } from '../../protocol/parked.ts'
import type { WaitingQuery, WaitLine } from '../../protocol/waiting.ts'
import type { CountedFigures } from '../../protocol/figures.ts'
import type { Leases } from '../../protocol/nodes.ts'
import type { EventPage, EventsPage } from '../../protocol/event-views.ts'
import type {
  DaemonLine,
  DirectiveLine,
  DirectiveView,
  FileLine,
  Page,
  StepView,
  TaskLine,
  TaskView,
} from '../../protocol/views.ts'

/** A line with its message as bytes: what is in it is for whoever knows messages. */
export interface ParkedRecord extends Omit<ParkedLine, 'type'> {
  body: Uint8Array | null
  /** Of the whole body. */
  bytes: number | null
}

export interface Reader {
  directives: (owner: string, query: ListQuery) => Promise<Page<DirectiveLine>>
  directive: (owner: string, id: string) => Promise<DirectiveView | null>
  step: (owner: string, id: string) => Promise<StepView | null>
  events: (owner: string, directive: string, after: number, limit: number) => Promise<EventPage | null>
  allEvents: (owner: string, query: EventsQuery) => Promise<EventsPage>
  tasks: (owner: string, query: ListQuery) => Promise<Page<TaskLine>>
  task: (owner: string, id: string) => Promise<TaskView | null>
  daemons: (owner: string, query: ListQuery) => Promise<Page<DaemonLine>>
  /** What waits for what. Throws NOT_FOUND for a directive that is not there. */
  waiting: (owner: string, query: WaitingQuery) => Promise<Page<WaitLine>>
  /** What is parked, longest first; messages with the beginnings of their bodies. Throws NOT_FOUND for a directive that is not there. */
  parked: (owner: string, query: ParkedQuery) => Promise<Page<ParkedRecord>>
  /** One of them with its whole body, by the id of the line; null: nothing of that id is parked. */
  parkedOne: (owner: string, id: string) => Promise<ParkedRecord | null>
  /** What there is of the owner, in figures. */
  figures: (owner: string) => Promise<CountedFigures>
  /** The threads that have a lease, of all nodes. */
  leases: () => Promise<Leases>
  /** Null when there is no such contract. */
  files: (owner: string, contract: string) => Promise<readonly FileLine[] | null>
  close: () => Promise<void>
}
