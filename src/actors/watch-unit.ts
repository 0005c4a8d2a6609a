/** How an attempt's actor is told what the watch has found out. */
import type { Message } from '../machines/message.ts'
import { Faulty } from './parked.ts'
import type { AttemptRow } from './ports/rows.ts'
import { type Unit, unitOf } from './unit.ts'

export const watchUnit = ({ shard, actor }: AttemptRow, message: Message): Unit => {
  const run: Unit['run'] = async (turn) => {
    turn.tell(actor, message, 'watch')
    await turn.run().catch((error: unknown) => {
      // It is told again and again: nobody is parked for that alone, and what the daemon does still counts.
      if (error instanceof Faulty && message.type === 'task.accepted') error.counts = false
      throw error
    })
    return {}
  }
  return unitOf(shard, `${message.type} to ${actor}`, run, { ofAttempt: message.type !== 'task.accepted' })
}
