/** What threads of all nodes tell each other about the shards, and what people are told of nodes. */
import { z } from 'zod'

/** `thread`: who says so. */
export const moved = z.looseObject({ thread: z.string().min(1).max(200) })
