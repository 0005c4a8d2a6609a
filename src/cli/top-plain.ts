/** `writ top` for a pipe: a line for each thing, tab-separated, that begins with what it is; whole values, in base units. */
import type { DaemonFigures, OwnerFigures } from '../protocol/figures.ts'
import { shardCount } from '../protocol/limits.ts'
import { oneLine } from './terminal.ts'
import { figureSum, type ThreadLine } from './thread-rates.ts'
import type { TopView } from './top.ts'

type Row = readonly (string | number | null)[]

export const plainTop = ({ time, threads, figures }: TopView): string[] => {
  const rows: Row[] = [
    ['time', time],
    ['shards', figureSum(threads, 'shards'), shardCount],
    ...threads.map(threadRow),
    ...(figures === null ? [] : ownerRows(figures)),
  ]
  return rows.map((row) => row.map((cell) => oneLine(String(cell ?? ''))).join('\t'))
}

/** Thread, node, version, shards, load, commits a second, units a commit, queue, mailbox, actors, heap in bytes, refused, unknown. */
const threadRow = ({ thread, version, figures, perSecond }: ThreadLine): Row => {
  const head = ['thread', thread, figures?.node ?? '', version]
  if (figures === null) return head
  const { shards, queue, mailbox, actors, heapBytes, refusedCommits, unknownCommits } = figures
  const rates =
    perSecond === null ? ['', '', ''] : [perSecond.load.toFixed(3), perSecond.commits.toFixed(1), batch(perSecond)]
  return [...head, shards, ...rates, queue, mailbox, actors, heapBytes, refusedCommits, unknownCommits]
}

const batch = ({ units, commits }: { units: number; commits: number }): string =>
  commits === 0 ? '' : (units / commits).toFixed(1)

const ownerRows = ({ directives, mailbox, needs, grants, daemonLines }: OwnerFigures): Row[] => [
  ...Object.entries({ ...directives.open, ...directives.ended }).map(([status, count]) => [
    'directives',
    status,
    count,
  ]),
  ['parked', directives.parked],
  ['mailbox', mailbox.messages, mailbox.oldest?.to ?? '', mailbox.oldest?.since ?? ''],
  ...needs.map(({ role, tasks, since }) => ['need', role, tasks, since]),
  ['grants', grants.open, grants.recalled],
  ...daemonLines.map(daemonRow),
]

/** Daemon, slots, granted, running, ms since it was heard of, state, roles. */
const daemonRow = ({ name, slots, granted, running, silentMs, draining, pull, roles }: DaemonFigures): Row => {
  const state = draining ? 'draining' : pull ? 'pull' : 'ready'
  return ['daemon', name, slots, granted, running, silentMs, state, roles.join(',')]
}
