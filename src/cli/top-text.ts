/** `writ top` for a person: a few lines about the whole, then the threads and the daemons as tables, as much as fits the terminal. */
import type { DaemonFigures, NeedFigures, OwnerFigures } from '../protocol/figures.ts'
import { shardCount } from '../protocol/limits.ts'
import { since, span } from './ago.ts'
import type { Size } from './live-picture.ts'
import { type Column, tableLines } from './table.ts'
import type { Terminal } from './terminal.ts'
import { type FigureName, figureSum, type ThreadLine } from './thread-rates.ts'
import type { TopView } from './top.ts'
import { fit } from './width.ts'

const MiB = 1024 * 1024
const nameCharsMax = 24
/** Each table gets at least so many rows, however low the terminal is. */
const tableRowsMin = 2
/** Of each table: the blank line before it, its headings, and the line about what is not shown. */
const tableFrame = 3

/** At most `rows` lines, but for a terminal that is lower than that makes sense. */
export const topLines = (view: TopView, { paint }: Pick<Terminal, 'paint'>, { columns, rows }: Size): string[] => {
  const { threads, figures } = view
  const summary = summaryLines(view, paint, columns)
  const daemons = figures?.daemonLines ?? []
  const room = Math.max(2 * tableRowsMin, rows - summary.length - 2 * tableFrame)
  const forThreads = Math.max(tableRowsMin, room - Math.min(daemons.length, Math.floor(room / 2)))
  const forDaemons = Math.max(tableRowsMin, room - Math.min(threads.length, forThreads))
  const tables = { paint, columns }
  return [
    ...summary,
    ...shownTable(tables, threads.toSorted(byLoad), threadColumns, {
      of: threads.length,
      rows: forThreads,
      what: 'thread',
    }),
    ...shownTable(tables, daemons, daemonColumns, {
      of: figures?.daemons.count ?? 0,
      rows: forDaemons,
      what: 'daemon',
    }),
  ]
}

const shownTable = <T>(
  terminal: Pick<Terminal, 'paint' | 'columns'>,
  all: readonly T[],
  columns: readonly Column<T>[],
  { of, rows, what }: { of: number; rows: number; what: string },
): string[] => {
  if (all.length === 0) return []
  const shown = all.slice(0, rows)
  const rest = of - shown.length
  const more = rest > 0 ? [terminal.paint.dim(`… and ${many(rest, `${what} more`, `${what}s more`)}`)] : []
  return ['', ...tableLines(terminal, shown, columns), ...more]
}

const summaryLines = (view: TopView, paint: Terminal['paint'], columns: number): string[] => {
  const { figures, time, owner, threads } = view
  const clock = new Date(time).toTimeString().slice(0, 8)
  const facts = [...(threads.length === 0 ? [] : nodeFacts(view)), ...(figures === null ? [] : ownerFacts(figures))]
  const width = Math.max(0, ...facts.map(([name]) => name.length))
  const nobody = threads.length === 0 ? `  ${paint.red('no node answers')}` : ''
  return [
    `${paint.bold('writ top')}  ${clock}  owner ${owner}${nobody}`,
    ...facts.map(([name, text]) => `${paint.dim(name.padEnd(width))}  ${fit(text, columns - width - 2)}`),
  ]
}

type Fact = [name: string, text: string]

const nodeFacts = ({ threads, perSecond }: TopView): Fact[] => {
  const nodes = new Set(threads.flatMap(({ figures }) => figures?.node ?? [])).size
  const held = figureSum(threads, 'shards')
  const missing = held < shardCount ? `; ${shardCount - held} are on the move, or nobody's who answers` : ''
  const [refused, unknown] = [figureSum(threads, 'refusedCommits'), figureSum(threads, 'unknownCommits')]
  const of =
    perSecond === null || perSecond.commits === 0 ? '' : ` of ${short(perSecond.units / perSecond.commits)} units`
  const rate = perSecond === null ? '' : `${short(perSecond.commits)} a second${of}, `
  return [
    ['nodes', `${nodes} with ${many(threads.length, 'thread')} and ${held} of ${shardCount} shards${missing}`],
    ['commits', `${rate}${refused} refused, ${unknown} unknown`],
  ]
}

const ownerFacts = ({ time, directives, mailbox, needs, grants, daemons }: OwnerFigures): Fact[] => {
  const now = Date.parse(time)
  const { oldest, messages } = mailbox
  const ended = counted(directives.ended)
  const { count, pulls, slots, running, draining } = daemons
  return [
    [
      'directives',
      listed([
        counted(directives.open) || 'none is open',
        ended === '' ? '' : `of the newest ${directives.of}: ${ended}`,
        directives.parked > 0 ? `${directives.parked} parked` : '',
      ]),
    ],
    [
      'mailboxes',
      oldest === null
        ? 'empty'
        : `${many(messages, 'message')}, the oldest to ${oldest.to} for ${since(oldest.since, now)}`,
    ],
    ['needs', needs.map((need) => needText(need, now)).join(', ') || 'none'],
    ['grants', listed([`${grants.open} open`, grants.recalled > 0 ? `${grants.recalled} recalled` : ''])],
    [
      'daemons',
      listed([
        `${count - pulls} with ${many(slots, 'slot')}`,
        `${running} running`,
        pulls > 0 ? many(pulls, 'pull') : '',
        draining > 0 ? `${draining} draining` : '',
      ]),
    ],
  ]
}

const needText = ({ role, tasks, since: from }: NeedFigures, now: number): string =>
  `${many(tasks, role)} for ${tasks === 1 ? '' : 'up to '}${since(from, now)}`

const byLoad = (a: ThreadLine, b: ThreadLine): number => (b.perSecond?.load ?? 0) - (a.perSecond?.load ?? 0)

const many = (count: number, one: string, several = `${one}s`): string => `${count} ${count === 1 ? one : several}`
const listed = (parts: readonly string[]): string => parts.filter((part) => part !== '').join(', ')
const counted = (counts: Readonly<Record<string, number>>): string =>
  listed(Object.entries(counts).map(([status, count]) => `${count} ${status}`))

/** Three digits are enough to see by. */
const short = (count: number): string => count.toFixed(count >= 100 ? 0 : 1)
const nameOf = (name: string): string => fit(name, nameCharsMax)
const figure = (of: FigureName, heading: string): Column<ThreadLine> => ({
  heading,
  text: ({ figures }) => (figures === null ? '' : String(figures[of])),
  right: true,
})
const batchOf = ({ perSecond }: ThreadLine): string =>
  perSecond === null || perSecond.commits === 0 ? '' : short(perSecond.units / perSecond.commits)

const threadColumns: readonly Column<ThreadLine>[] = [
  { heading: 'THREAD', text: ({ thread }) => nameOf(thread) },
  figure('shards', 'SHARDS'),
  {
    heading: 'LOAD',
    text: ({ perSecond }) => (perSecond === null ? '' : `${Math.round(perSecond.load * 100)}%`),
    right: true,
  },
  { heading: 'COMMIT/S', text: ({ perSecond }) => (perSecond === null ? '' : short(perSecond.commits)), right: true },
  { heading: 'UNITS', text: batchOf, right: true },
  figure('queue', 'QUEUE'),
  figure('mailbox', 'MAIL'),
  figure('actors', 'ACTORS'),
  {
    heading: 'HEAP',
    text: ({ figures }) => (figures === null ? '' : `${Math.round(figures.heapBytes / MiB)} MiB`),
    right: true,
  },
  figure('refusedCommits', 'REFUSED'),
  figure('unknownCommits', 'UNKNOWN'),
]

const daemonColumns: readonly Column<DaemonFigures>[] = [
  { heading: 'DAEMON', text: ({ name }) => nameOf(name) },
  { heading: 'SLOTS', text: ({ granted, slots }) => `${granted}/${slots}`, right: true },
  { heading: 'RUNNING', text: ({ running }) => String(running), right: true },
  { heading: 'BEAT', text: ({ silentMs }) => (silentMs === null ? '' : span(silentMs)), right: true },
  { heading: 'STATE', text: ({ draining, pull }) => (draining ? 'draining' : pull ? 'pull' : 'ready') },
  { heading: 'ROLES', text: ({ roles }) => roles.join(',') },
]
