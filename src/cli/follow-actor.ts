/** Follows one actor: whenever it is shown to have taken something, what its journal has of it is printed. */
import { WritClient } from '../bus/client.ts'
import { inspectionDeadlineMs } from '../protocol/limits.ts'
import type { Context } from './context.ts'
import { Interrupted, interruptible } from './signals.ts'

/** Until Ctrl-C (throws Interrupted), or until the actor, a directive, has ended. `look`: prints what is new. */
export const followActor = async (context: Context, id: string, look: () => Promise<void>): Promise<void> => {
  const { bus, owner } = await context.link()
  const client = new WritClient(bus, owner, { deadlineMs: inspectionDeadlineMs })
  const end = new AbortController()
  let looking = Promise.resolve()
  await interruptible(async (called) => {
    await client.inspect({
      selection: { actor: id },
      coalesceMs: 0,
      signal: AbortSignal.any([called, end.signal]),
      take: (frame) => {
        looking = looking.then(look)
        if (frame.type !== '@xstate.event' && 'snapshot' in frame && frame.snapshot.tags.includes('ended')) end.abort()
      },
    })
    await looking
    if (called.aborted) throw new Interrupted()
  })
}
