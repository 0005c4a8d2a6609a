/** Nodes, put together from what their threads say, and from what the database has of those that say nothing. */
import type { LeaseLine, Leases } from '../protocol/nodes.ts'
import { figureSum, ratesTogether, type Rates, type ThreadLine } from './thread-rates.ts'

export interface NodeLine {
  /** Empty for threads that do not say, which are of an older version. */
  node: string
  /** `silent`: none of its threads answers, and their leases are not over or nobody has taken over yet. `partly`: some do not. */
  state: 'ready' | 'leaving' | 'partly' | 'silent'
  /** More than one only while threads that began anew are of another. */
  versions: readonly string[]
  /** The newest schemas of the database that its threads know. */
  schemas: readonly number[]
  /** Of silent threads those that the database has. */
  shards: number
  /** Messages that its threads know to wait in their mailboxes. */
  mailbox: number
  /** Since the oldest of its threads started, in ms; null when none says. */
  upMs: number | null
  perSecond: Rates | null
  threads: readonly ThreadLine[]
  /** Threads that have a lease and do not answer. */
  silent: readonly LeaseLine[]
}

/** By name. `leases`: null when nobody tells. */
export const nodeLines = (threads: readonly ThreadLine[], leases: Leases | null = null): NodeLine[] => {
  const known = leases?.threads ?? []
  const names = [...new Set([...threads.map(nameOf), ...known.map(({ node }) => node)])].toSorted()
  return names.map((node) =>
    lineOf(
      node,
      threads.filter((thread) => nameOf(thread) === node),
      known.filter((lease) => lease.node === node),
      Date.parse(leases?.time ?? ''),
    ),
  )
}

const nameOf = ({ figures }: ThreadLine): string => figures?.node ?? ''

const lineOf = (node: string, threads: readonly ThreadLine[], leases: readonly LeaseLine[], now: number): NodeLine => {
  const answering = new Set(threads.map(({ thread }) => thread))
  const silent = leases.filter(({ thread }) => !answering.has(thread))
  const ups = threads.flatMap(({ figures }) => figures?.upMs ?? [])
  const joined = leases.map(({ since }) => now - Date.parse(since))
  const versions = [...threads.map(({ version }) => version), ...silent.flatMap(({ version }) => version ?? [])]
  return {
    node,
    state: stateOf(threads, silent, leases),
    versions: [...new Set(versions)].toSorted(),
    schemas: [...new Set(leases.flatMap(({ schema }) => schema ?? []))].toSorted((a, b) => a - b),
    shards: figureSum(threads, 'shards') + silent.reduce((sum, { shards }) => sum + shards, 0),
    mailbox: figureSum(threads, 'mailbox'),
    upMs: ups.length > 0 ? Math.max(...ups) : joined.length > 0 ? Math.max(...joined) : null,
    perSecond: ratesTogether(threads),
    threads,
    silent,
  }
}

const stateOf = (
  threads: readonly ThreadLine[],
  silent: readonly LeaseLine[],
  leases: readonly LeaseLine[],
): NodeLine['state'] => {
  if (silent.length > 0) return threads.length === 0 ? 'silent' : 'partly'
  return leases.some(({ leaving }) => leaving) ? 'leaving' : 'ready'
}
