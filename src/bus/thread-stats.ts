/** Asks all threads of all nodes for their figures, as `nats service stats` does. */
import { z } from 'zod'
import { type ThreadFigures, threadFigures } from '../protocol/figures.ts'
import { decode } from './json.ts'
import type { NatsBus } from './nats-bus.ts'
import { statsSubject } from './service.ts'

export interface ThreadStats {
  thread: string
  version: string
  /** Requests to `api` that it has answered, and those of them that it refused. */
  requests: number
  errors: number
  /** Null: it is of a version that does not say. */
  figures: ThreadFigures | null
}

const stats = z.looseObject({
  id: z.string(),
  version: z.string(),
  endpoints: z.tuple(
    [z.looseObject({ num_requests: z.int(), num_errors: z.int(), data: z.unknown().optional() })],
    z.unknown(),
  ),
})

/** What came in a short time, by the names of the threads; what is no such answer is nobody's. Throws UNREACHABLE, UNAUTHORIZED. */
export const threadStats = async (bus: Pick<NatsBus, 'gather'>): Promise<ThreadStats[]> => {
  const answers = await bus.gather(statsSubject, {})
  return answers.flatMap((bytes) => readStats(bytes) ?? []).toSorted((a, b) => (a.thread < b.thread ? -1 : 1))
}

/** Anybody may call himself by our name. */
const readStats = (bytes: Uint8Array): ThreadStats | null => {
  try {
    const { id, version, endpoints } = stats.parse(decode(bytes))
    const [{ num_requests: requests, num_errors: errors, data }] = endpoints
    const figures = threadFigures.safeParse(data)
    return { thread: id, version, requests, errors, figures: figures.success ? figures.data : null }
  } catch {
    return null
  }
}
