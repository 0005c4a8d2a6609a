/** Rows of messages that are parked. */
import type { ActorKey } from '../../protocol/ids.ts'

export interface ParkedRow {
  /** The message's id, or null when it was none of the mailbox. */
  message: number | null
  actor: ActorKey
  /** Who told it. */
  from: string
  body: Uint8Array
  reason: string
  /** How often it was tried. */
  tries: number
  at: number
}

/** What later messages from the same to the same wait behind. */
export interface ParkedAhead {
  id: number
  to: ActorKey
  from: string
}

/** A message that a person is to decide about. `waits`: it is in its mailbox still, and its actor is parked. */
export interface StoppedMessage {
  actor: ActorKey
  from: string
  body: Uint8Array
  tries: number
  reason: string
  waits: boolean
}

/** A parked message that is parked no more. `back`: in its mailbox again, at the place that it had; else it is gone. */
export interface UnparkedRow {
  message: number
  actor: ActorKey
  shard: number
  back: boolean
}
