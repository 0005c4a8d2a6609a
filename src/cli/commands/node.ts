/** `writ node …`: the nodes, as each of their threads says of itself, and those that say nothing, as the database has them. */
import { setTimeout as delay } from 'node:timers/promises'
import { shardCount } from '../../protocol/limits.ts'
import { span } from '../ago.ts'
import { show, type Context } from '../context.ts'
import { examples, type Declare } from '../program.ts'
import { printTable } from '../table.ts'
import type { LeaseLine, Leases } from '../../protocol/nodes.ts'
import type { NodeLine } from '../nodes.ts'

export const node: Declare = (command, context) => {
  examples(
    command
      .command('list')
      .description(
        'List the nodes: their threads, shards, versions and load (over half a second), and those that are silent',
      )
      .action(async () => list(context())),
    ['writ node list', 'writ node list --json'],
  )
}

/** Between the two looks that a load is the difference of. */
const betweenMs = 500
/** How long the database's part is waited for. */
const soonMs = 4000

const list = async (context: Context): Promise<void> => {
  const { threadStats } = await import('../../bus/thread-stats.ts')
  const { nodeLines } = await import('../nodes.ts')
  const { threadLines } = await import('../thread-rates.ts')
  const { terminal } = context
  const { bus, api } = await context.link()
  const before = await threadStats(bus)
  const asked = before.length === 0 ? null : unlessFailed(api.nodes())
  if (before.length > 0) await delay(betweenMs)
  const now = await threadStats(bus)
  const told = await asked
  const leases = told === 'late' ? null : told
  const nodes = nodeLines(threadLines(now, before), leases)
  show(context, { nodes, schema: leases?.schema ?? null }, () => printTable(terminal, nodes, columnsFor(terminal.rich)))
  tell(context, nodes, leases)
  if (told === 'late') context.terminal.say(lateText)
}

/** Nodes of an older version do not tell; of one that is frozen the question may have gone to it alone. */
const unlessFailed = (asked: Promise<Leases>): Promise<Leases | null | 'late'> =>
  Promise.race([asked.catch(() => null), delay(soonMs, 'late' as const, { ref: false })])
const lateText = 'No node says what the database has (leases, schemas, silent nodes): does it answer?'

const tell = ({ terminal, flagsText, next }: Context, nodes: readonly NodeLine[], leases: Leases | null): void => {
  const { schema, time } = leases ?? { schema: 0, time: '' }
  const held = nodes.reduce((sum, { shards }) => sum + shards, 0)
  if (nodes.length > 0 && held < shardCount)
    terminal.say(`${shardCount - held} of ${shardCount} shards are on the move, or held by nobody who answers.`)
  for (const { node: name, silent } of nodes)
    if (silent.length > 0) terminal.say(`${name}: ${silentText(silent, Date.parse(time))}`)
  const older = nodes.filter(({ schemas }) => schemas.some((known) => known < schema))
  if (older.length > 0)
    terminal.say(
      `The database has schema ${schema}; once stopped, ${older.map(({ node: name }) => name).join(', ')} cannot come back.`,
    )
  if (nodes.length > 0) return
  terminal.say('No node answers.')
  next(`writ up${flagsText}`)
}

const silentText = (silent: readonly LeaseLine[], now: number): string => {
  const shards = silent.reduce((sum, each) => sum + each.shards, 0)
  const leftMs = Math.max(...silent.map(({ until }) => Date.parse(until))) - now
  const threads = silent.length === 1 ? '1 thread does' : `${silent.length} threads do`
  const when = leftMs > 0 ? `is over in ${span(leftMs)}` : 'is over'
  return `${threads} not answer; the lease ${when}, then others take the ${shards} shards`
}

const columnsFor = (rich: boolean) => [
  { heading: 'NODE', text: ({ node: name }: NodeLine) => name },
  { heading: 'THREADS', text: ({ threads, silent }: NodeLine) => String(threads.length + silent.length), right: true },
  { heading: 'SHARDS', text: ({ shards }: NodeLine) => String(shards), right: true },
  { heading: 'LOAD', text: ({ perSecond }: NodeLine) => loadOf(perSecond?.load, rich), right: true },
  { heading: 'VERSION', text: ({ versions }: NodeLine) => versions.join(',') },
  { heading: 'UP', text: ({ upMs }: NodeLine) => (upMs === null ? '' : rich ? span(upMs) : String(upMs)), right: true },
  { heading: 'STATE', text: ({ state }: NodeLine) => state },
  { heading: 'SCHEMA', text: ({ schemas }: NodeLine) => schemas.join(',') },
  { heading: 'MAIL', text: ({ mailbox }: NodeLine) => String(mailbox), right: true },
  { heading: 'COMMIT/S', text: ({ perSecond }: NodeLine) => perSecond?.commits.toFixed(1) ?? '', right: true },
]

const loadOf = (load: number | undefined, rich: boolean): string => {
  if (load === undefined) return ''
  return rich ? `${Math.round(load * 100)}%` : load.toFixed(3)
}
