/** Pages of histories, as `events` and `event.list` answer them. */
import type { EventLine } from './commands.ts'
import type { Page } from './views.ts'

/** Lines of the histories of all directives of an owner, in the order of time. */
export interface EventsPage extends Page<EventLine> {
  /** When they were looked for, by the clock of the database: what is told later is not among them. */
  asOf: string
}

/** Lines of one directive's history; `next` as in a page. */
export interface EventPage {
  lines: readonly EventLine[]
  next: number | null
}
