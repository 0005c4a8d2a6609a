/** What is parked (`api.parked.…`): messages and actors that failed too often, to be tried again or dropped by a person. */
import { z } from 'zod'
import { commandId, pageCountMax } from './commands.ts'
import { type ActorKind, directiveOf, isToken } from './ids.ts'
import { nameCharsMax } from './limits.ts'

export const parkedQuery = z.object({
  directive: z.string().refine(isToken, 'it is no id').optional().describe('only this directive and its steps'),
  after: z.string().max(nameCharsMax).optional().describe('the `next` of the page before'),
  limit: z.int().min(1).max(pageCountMax).default(100),
})
export type ParkedQuery = z.output<typeof parkedQuery>

const parkedId = z.string().refine(isToken, 'it is no id').describe('as `list` says it: of a message, or of an actor')

/** `api.parked.<verb>` to one of them. */
export const parkedCommands = {
  show: z.object({ id: parkedId }),
  retry: z.object({ command: commandId, id: parkedId }),
  drop: z.object({
    command: commandId,
    id: parkedId.describe('of a message, as `list` says it'),
    why: z.string().min(1).max(nameCharsMax).describe('kept in the history of its directive'),
    by: z.string().max(nameCharsMax).optional().describe('who drops it, for the history'),
  }),
}
export type Drop = z.output<typeof parkedCommands.drop>

/** From the node that took `api.parked.retry` or `.drop` to the holder of the shard. `why`: it is dropped. */
export const unparkInner = z.object({
  command: commandId,
  id: parkedId,
  why: parkedCommands.drop.shape.why.nullable(),
  by: z.string().max(nameCharsMax).nullable(),
})
export type Unpark = z.output<typeof unparkInner>

/** How the reason begins of a try that no thread outlived to count. */
export const endedThread = 'the thread that took it ended: '

/** What the history of a directive calls a message that was dropped. */
export const droppedEvent = 'message_dropped'

export type ParkedKind = 'message' | ActorKind

/** Of a parked actor, `type`, `from` and `tries` are those of the message that it failed at, where one is known. */
export interface ParkedLine {
  /** What `show`, `retry` and `drop` take. */
  id: string
  kind: ParkedKind
  /** Whom the message is for, or the actor itself. */
  actor: { id: string; address: string; kind: ActorKind }
  /** The directive's id; null for a registry. */
  directive: string | null
  /** The step's name; null for others. */
  step: string | null
  /** The id of the message; null: none is known. */
  message: string | null
  /** What kind of message; null: none, or it cannot be read. */
  type: string | null
  /** Who told it: an actor's id, `stream`, `daemon …`. */
  from: string | null
  /** Why it is parked. */
  reason: string
  /** Since when it is parked. ISO 8601. */
  since: string
  /** How often the message was tried. */
  tries: number | null
  /** How many messages wait until the actor is tried again. */
  mailbox: number
  /** The command that goes on from here. */
  next: string
}

/** One of them, with all of its message. */
export interface ParkedView extends ParkedLine {
  /** Without secrets; null: there is none, or it cannot be read. */
  body: unknown
  /** The body as it is stored, in bytes. */
  bytes: number | null
}

/** What came of `retry` and `drop`. */
export interface Unparked {
  parked: { id: string }
  actor: { id: string; address: string }
  /** Who was told what, in words. */
  told: string
}

/** A message's id, as people name it: derived from whose it is, so that it is nobody else's. */
export const messageId = (actor: string, message: number): string => `${directiveOf(actor)}__m${message}`

/** Whose message it is, by what its id says; null when it is the id of something else. */
export const readMessageId = (id: string): { of: string; message: number } | null => {
  const [, of, message] = /^(.+)__m(\d{1,15})$/.exec(id) ?? []
  return of === undefined ? null : { of, message: Number(message) }
}
