/** Where an effect comes from: the actor, and its directive with all that belongs to it. */
import type { ActorKey } from '../protocol/ids.ts'
import type { DirectiveFacts } from './memory.ts'

export interface Origin {
  key: ActorKey
  owner: string
  id: string
  /** A step's index in the plan; null for a directive. */
  step: number | null
  directive: DirectiveFacts
}
