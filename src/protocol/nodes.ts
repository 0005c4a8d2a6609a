/** What threads of all nodes tell each other about the shards, and what people are told of nodes. */
import { z } from 'zod'

/** `thread`: who says so. */
export const moved = z.looseObject({ thread: z.string().min(1).max(200) })

/** A thread that has a lease, as the database has it. Times are ISO 8601. */
export interface LeaseLine {
  thread: string
  node: string
  /** Of Writ, and the newest schema that it knows; null when it is of a version that does not say. */
  version: string | null
  schema: number | null
  /** When it joined, and when its lease is over unless it is renewed. */
  since: string
  until: string
  /** It gives its shards up, and ends. */
  leaving: boolean
  shards: number
}

export interface Leases {
  /** By the clock of the database. */
  time: string
  /** Of the database. */
  schema: number
  threads: readonly LeaseLine[]
}
