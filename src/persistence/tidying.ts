/** The tidying of a database: its parts one after the other, each a bounded piece of work, none held up by the failure of another. */
import { tidyAgainMs } from '../protocol/limits.ts'
import { type BlobPlace, tidyBlobs } from './blobs.ts'
import type { Connection } from './connection.ts'
import { type PlanPlace, tidyPlans } from './plans.ts'
import { forgetRemoved } from './removal.ts'
import { tidyIngress, tidyReplies } from './replies.ts'

/** Does a piece of its work; whether there is more. */
type Work = () => Promise<boolean>

/** Of one store: it knows where its walks through plans and contents stand. */
export const tidyingOf = (connection: Connection, log: (line: string) => void): Work => {
  let plans: PlanPlace | null = null
  let blobs: BlobPlace | null = null
  return each(
    {
      replies: () => tidyReplies(connection),
      'numbers of the stream': () => tidyIngress(connection),
      plans: async () => (plans = await tidyPlans(connection, plans)) !== null,
      'directives that are gone': () => forgetRemoved(connection),
      contents: async () => (blobs = await tidyBlobs(connection, blobs)) !== null,
    },
    log,
  )
}

/**
 * Each of these works in its turn. One that fails is tried again after a while, and until then the others go on; that it fails is told
 * once, until it has worked again. It counts as having more.
 */
const each = (works: Record<string, Work>, log: (line: string) => void): Work => {
  const failed = new Map<string, number>()
  const attempt = async (name: string, work: Work): Promise<boolean> => {
    if (performance.now() < (failed.get(name) ?? -Infinity) + tidyAgainMs) return true
    try {
      const more = await work()
      failed.delete(name)
      return more
    } catch (error) {
      if (!failed.has(name))
        log(
          `the tidying of ${name} fails, and is tried again: ${error instanceof Error ? error.message : String(error)}`,
        )
      failed.set(name, performance.now())
      return true
    }
  }
  return async () => {
    let more = false
    for (const [name, work] of Object.entries(works)) more = (await attempt(name, work)) || more
    return more
  }
}
