/** What the world sees of a daemon, whether it is ours or an odd one. */
import type { Offer } from '../../src/protocol/needs.ts'
import type { Process } from './process.ts'

export interface DaemonSpec {
  owner: string
  name: string
  slots: number
  /** Null: it starts anew each time. */
  home: string | null
  offer: Offer
}

export interface WorldDaemon {
  readonly spec: DaemonSpec
  readonly process: Process
  start: () => void
  kill: () => void
  /** The one that is started in its place: with its records, or without. */
  successor: (keeps: boolean) => WorldDaemon
  /** Whether it has a record of the attempt. */
  knows: (attempt: { task: string; attempt: number }) => boolean
  /** What it has still to do, in words; null: nothing that anybody relies on. */
  unfinished: () => string | null
}
