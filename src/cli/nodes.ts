/** Nodes, put together from what their threads say. */
import { figureSum, ratesTogether, type Rates, type ThreadLine } from './thread-rates.ts'

export interface NodeLine {
  /** Empty for threads that do not say, which are of an older version. */
  node: string
  /** More than one only while threads that began anew are of another. */
  versions: readonly string[]
  shards: number
  /** Since the oldest of its threads started, in ms; null when none says. */
  upMs: number | null
  perSecond: Rates | null
  threads: readonly ThreadLine[]
}

/** By name. */
export const nodeLines = (threads: readonly ThreadLine[]): NodeLine[] => {
  const names = [...new Set(threads.map(nameOf))].toSorted()
  return names.map((node) =>
    lineOf(
      node,
      threads.filter((thread) => nameOf(thread) === node),
    ),
  )
}

const nameOf = ({ figures }: ThreadLine): string => figures?.node ?? ''

const lineOf = (node: string, threads: readonly ThreadLine[]): NodeLine => {
  const ups = threads.flatMap(({ figures }) => figures?.upMs ?? [])
  return {
    node,
    versions: [...new Set(threads.map(({ version }) => version))].toSorted(),
    shards: figureSum(threads, 'shards'),
    upMs: ups.length === 0 ? null : Math.max(...ups),
    perSecond: ratesTogether(threads),
    threads,
  }
}
