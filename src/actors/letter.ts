/** What is told inside a turn. */
import type { Message } from '../machines/message.ts'
import type { ActorKey } from '../protocol/ids.ts'

/** A message on its way. `timer`: a durable timer that is due, in place of a message. */
export interface Letter {
  to: ActorKey
  from: string
  message: Message | null
  timer: string | null
}

/** Who tells whom: between two actors messages are taken in the order sent. */
export const pairOf = ({ from, to }: { from: string; to: ActorKey }): string => `${from} ${to}`

/** Who tells actors besides actors, people and daemons, and would not do it again. */
export const fromEngine: ReadonlySet<string> = new Set(['watch', 'registry'])
