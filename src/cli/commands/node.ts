/** `writ node …`: the nodes that answer, as each of their threads says of itself. */
import { setTimeout as delay } from 'node:timers/promises'
import { shardCount } from '../../protocol/limits.ts'
import { span } from '../ago.ts'
import { show, type Context } from '../context.ts'
import { examples, type Declare } from '../program.ts'
import { printTable } from '../table.ts'
import type { NodeLine } from '../nodes.ts'

export const node: Declare = (command, context) => {
  examples(
    command
      .command('list')
      .description('List the nodes that answer: their threads, shards, versions and load (over half a second)')
      .action(async () => list(context())),
    ['writ node list', 'writ node list --json'],
  )
}

/** Between the two looks that a load is the difference of. */
const betweenMs = 500

const list = async (context: Context): Promise<void> => {
  const { threadStats } = await import('../../bus/thread-stats.ts')
  const { nodeLines } = await import('../nodes.ts')
  const { threadLines } = await import('../thread-rates.ts')
  const { terminal, flagsText } = context
  const { bus } = await context.link()
  const before = await threadStats(bus)
  if (before.length > 0) await delay(betweenMs)
  const nodes = nodeLines(threadLines(await threadStats(bus), before))
  show(context, { nodes }, () => printTable(terminal, nodes, columnsFor(terminal.rich)))
  const held = nodes.reduce((sum, { shards }) => sum + shards, 0)
  if (nodes.length > 0 && held < shardCount)
    terminal.say(`${shardCount - held} of ${shardCount} shards are on the move, or held by nobody who answers.`)
  if (nodes.length > 0) return
  terminal.say('No node answers.')
  context.next(`writ up${flagsText}`)
}

const columnsFor = (rich: boolean) => [
  { heading: 'NODE', text: ({ node: name }: NodeLine) => name },
  { heading: 'THREADS', text: ({ threads }: NodeLine) => String(threads.length), right: true },
  { heading: 'SHARDS', text: ({ shards }: NodeLine) => String(shards), right: true },
  { heading: 'LOAD', text: ({ perSecond }: NodeLine) => loadOf(perSecond?.load, rich), right: true },
  { heading: 'VERSION', text: ({ versions }: NodeLine) => versions.join(',') },
  { heading: 'UP', text: ({ upMs }: NodeLine) => (upMs === null ? '' : rich ? span(upMs) : String(upMs)), right: true },
]

const loadOf = (load: number | undefined, rich: boolean): string => {
  if (load === undefined) return ''
  return rich ? `${Math.round(load * 100)}%` : load.toFixed(3)
}
