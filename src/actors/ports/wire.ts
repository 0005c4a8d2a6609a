/**
 * What the engine says and hears, without a subject in sight: `src/bus/wire.ts` maps it onto subjects over whatever Bus
 * it is given. What comes in is decoded and has kept its schema; a malformed request was refused already.
 */
import type { WritError } from '../../protocol/errors.ts'
import type { ActorKey } from '../../protocol/ids.ts'
import type { InspectOrder, Sighting } from '../../protocol/inspection.ts'
import type { Order, OutputOrder, OutputPart, Spawn } from '../../protocol/task.ts'
import type { Subscription } from './bus.ts'

/** A request, or a message that wants no answer. */
export interface Asked {
  noun: 'directive' | 'step' | 'contract' | 'task' | 'report' | 'mail' | 'daemon' | 'pull' | 'api' | 'actors' | 'actor'
  verb: string
  owner: string
  /** The id in the address; a daemon's name; for `api` the noun. */
  id: string
  shard: number | null
  /** Of a report: who reports. */
  daemon: string | null
  body: unknown
  wantsReply: boolean
  replyTo: string | null
  /** Answers once: with a result, or with what is wrong. */
  reply: (body: object) => void
  fail: (error: unknown) => void
}

export type Take = (asked: Asked) => void

export interface Wire {
  /**
   * Everything that carries this shard in its address. Each thread that listens hears all of it: one that is frozen and does
   * not know yet that another holds the shard now must not swallow what is for that one.
   */
  serveShard: (shard: number, take: Take) => Subscription
  /** What goes to an owner's registry: `daemon.<id>.<verb>` and `pull`. So for it. */
  serveRegistry: (owner: string, take: Take) => Subscription
  /** `api.<noun>.<verb>`, shared by all threads of all nodes. */
  serveApi: (take: Take) => Subscription
  /** Tells the other threads of all nodes that shards are to be shared out anew, or are free. */
  moved: (thread: string) => void
  serveMoved: (thread: string, take: () => void) => Subscription

  /** `actors.<verb>` and `actor.<addr>.<verb>`, shared by all nodes. */
  serveActors: (take: Take) => Subscription
  /** Tells all threads of all nodes to show what some actors take. */
  inspect: (order: InspectOrder) => void
  /** What threads are told to show; `shown` says to who told it that it is in effect. */
  serveInspect: (thread: string, take: (order: InspectOrder, shown: () => void) => void) => Subscription
  /** The threads that say to this observer that they do. */
  serveInspecting: (observer: string, take: (inspection: string, thread: string) => void) => Subscription
  /** What an actor took, for whoever watches. */
  sighting: (owner: string, sighting: Sighting) => void

  /** A line of a directive's history, for whoever watches. */
  event: (owner: string, directive: string, type: string, body: object) => void
  /** Tells the holder of an actor that a message waits for it. */
  mail: (to: ActorKey, body: object) => void
  /** Resolves when the daemon accepted; throws its refusal, or NO_ANSWER. */
  spawn: (owner: string, daemon: string, session: string, spawn: Spawn, deadlineMs: number) => Promise<void>
  /** The task that a `pull` waits for. False when nobody waits for it any more; whoever watches `>` hides that. */
  answerPull: (inbox: string, spawn: Spawn) => Promise<boolean>
  /** To a `pull` that gets no task: why. */
  endPull: (inbox: string, why: WritError) => void
  order: (owner: string, daemon: string, session: string, verb: 'cancel' | 'finish', order: Order) => Promise<void>
  /** Resolves when the daemon has taken the order. */
  drain: (owner: string, daemon: string, session: string) => Promise<void>
  /** What the daemon keeps of an attempt's output. */
  output: (owner: string, daemon: string, session: string, order: OutputOrder) => Promise<OutputPart>
  /** Asks the holder of a directive, from any thread. */
  askHolder: (owner: string, id: string, verb: string, body: object, deadlineMs: number) => Promise<object>
}
