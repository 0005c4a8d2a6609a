/** What one commit is made of, and when it holds enough. */
import { WritError } from '../protocol/errors.ts'
import { batchMessagesMax, commitActorsMax, commitBytesMax } from '../protocol/limits.ts'
import { Draft } from './draft.ts'
import type { Figures } from './host.ts'
import type { Unit } from './unit.ts'

export interface Batch {
  draft: Draft
  units: Unit[]
  after: (() => void)[]
  /** The epochs under which its units ran: memory of another time must not be committed under a later one. */
  epochs: Map<number, number>
  /** Its only unit is suspected of making commits fail. */
  alone: boolean
  /** The next unit would have made it too large. */
  full: boolean
}

export const emptyBatch = (): Batch => ({
  draft: new Draft(),
  units: [],
  after: [],
  epochs: new Map(),
  alone: false,
  full: false,
})

export const isFull = ({ draft, units, alone, full }: Batch): boolean => {
  if (alone) return units.length > 0
  if (full || units.length >= batchMessagesMax) return true
  return draft.actors.size >= commitActorsMax / 2 || draft.bytes >= commitBytesMax / 2
}

/** Whether a unit's rows still go in. What is too large alone goes alone: the store has the last word. */
export const admits = ({ draft, units }: Batch, { bytes, actors }: Draft): boolean =>
  units.length === 0 || (draft.bytes + bytes <= commitBytesMax && draft.actors.size + actors.size <= commitActorsMax)

/** Throws FENCED: memory of a shard that was lost meanwhile is gone, and there is nothing to seal. `now`: the epochs of what is held. */
export const checkHeld = ({ epochs }: Batch, now: ReadonlyMap<number, number>): void => {
  for (const [shard, epoch] of epochs)
    if (now.get(shard) !== epoch) throw new WritError('FENCED', `shard ${shard} is not held any more as it was`)
}

/** A commit that has held. */
export const count = (figures: Figures, { draft, units }: Batch): void => {
  figures.commits++
  figures.units += units.length
  figures.actorRows += draft.actors.size
  figures.rows += draft.rowCount
  figures.messageRows += draft.messages.length
}
