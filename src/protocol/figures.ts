/**
 * What is counted, for people who look on: of a thread, as each answers the NATS service protocol with it, and of all that belongs to one
 * owner, as the database has it. Counters only grow, from the thread's start; a rate is the difference of two looks.
 */
import { z } from 'zod'
import type { Role } from './directive.ts'
import { nameCharsMax, shownDaemonsMax } from './limits.ts'
import type { DaemonLine, DirectiveStatus } from './views.ts'

const count = z.int().min(0)

/** `data` of the endpoint `api` in an answer to `$SRV.STATS`. Loose: a newer thread may say more. */
export const threadFigures = z.looseObject({
  node: z.string(),
  /** Shards that it holds. */
  shards: count,
  /** Since it started, and how much of that its event loop was busy, in ms. */
  upMs: z.number(),
  busyMs: z.number(),
  /** Units of work in line, those of the batches under way included. */
  queue: count,
  /** Messages that it knows to wait in the mailboxes of its shards. */
  mailbox: count,
  /** Actors in its memory. */
  actors: count,
  heapBytes: count,
  /** Counters. A commit carries units (what came in), and writes rows, those of actors among them, and messages to other shards. */
  commits: count,
  units: count,
  rows: count,
  actorRows: count,
  messageRows: count,
  /** Commits that the database refused, and those whose result nobody knew. */
  refusedCommits: count,
  unknownCommits: count,
})
export type ThreadFigures = z.infer<typeof threadFigures>

/** A daemon with the age of its last sign of life in ms: null when the holder of the registry did not say. */
export interface DaemonFigures extends DaemonLine {
  silentMs: number | null
}

/** Tasks of one role that wait for a slot of a daemon: not those of a directive that is paused or parked, which no daemon is given. */
export interface NeedFigures {
  role: Role
  tasks: number
  /** Of the one that has waited longest. */
  since: string
}

/** What there is of one owner. Times are ISO 8601 by the database's clock. */
export interface OwnerFigures {
  time: string
  directives: {
    /** How many are in each status that is not the end. */
    open: Partial<Record<DirectiveStatus, number>>
    /** How the newest ones have ended: of at most `of` directives. */
    ended: Partial<Record<DirectiveStatus, number>>
    of: number
    /** Actors that wait to be mended. */
    parked: number
  }
  mailbox: {
    messages: number
    /** To the actor with this id, since then; null when none waits. */
    oldest: { to: string; since: string } | null
  }
  /** Pulls are those of them that are scripts, which take one task each. `running`: attempts. */
  daemons: { count: number; pulls: number; draining: number; slots: number; running: number }
  /** The busiest first, as many as `shownDaemonsMax`. */
  daemonLines: readonly DaemonFigures[]
  /** Open, and of those how many are recalled. */
  grants: { open: number; recalled: number }
  needs: readonly NeedFigures[]
}

/** All of it but what only the holder of the registry knows. */
export type CountedFigures = Omit<OwnerFigures, 'daemonLines'> & { daemonLines: readonly DaemonLine[] }

/** `directive.<addr of the registry>.silences`: how long ago these daemons were last heard of is known to the registry's holder alone. */
export const silencesQuery = z.object({
  daemons: z.array(z.string().max(nameCharsMax)).max(shownDaemonsMax).default([]),
})
/** In ms, by name. A daemon that was not heard of since its registry moved is left out. */
export interface Silences {
  silentMs: Record<string, number>
}
