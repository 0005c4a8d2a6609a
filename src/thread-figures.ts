/** The figures of this thread as it stands: read when somebody asks, from what is counted or kept anyway. */
import { performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Engine } from './actors/engine.ts'
import type { ThreadFigures } from './protocol/figures.ts'

/** To be called in the thread that the engine runs in: its event loop and heap are told. */
export const figuresOf = ({ host, holder, loop }: Engine, node: string): ThreadFigures => {
  const { active, idle } = performance.eventLoopUtilization()
  return {
    node,
    shards: holder.epochs().size,
    upMs: Math.round(active + idle),
    busyMs: Math.round(active),
    queue: loop.depth,
    mailbox: [...host.waiting.values()].reduce((sum, { size }) => sum + size, 0),
    actors: host.memory.actors.size,
    heapBytes: getHeapStatistics().used_heap_size,
    ...host.figures,
  }
}
