/** What becomes of the units of a commit that did not hold: which run again, and how many of them alone in their batches. */
import { WritError } from '../protocol/errors.ts'
import type { ActorKey } from '../protocol/ids.ts'
import type { Draft } from './draft.ts'
import type { Host } from './host.ts'
import { Faulty } from './parked.ts'
import { fromDesk } from './settle.ts'
import type { Unit } from './unit.ts'

/** What the loop asks of whoever holds the shards and speaks to the world. */
export interface Around {
  /** The epoch of a held shard, or null when it is not held (any more). */
  epoch: (shard: number) => number | null
  epochs: () => ReadonlyMap<number, number>
  commit: (draft: ReturnType<Draft['commit']>) => Promise<readonly number[]>
  /** A commit said FENCED: finds out which shards were lost. */
  fenced: () => Promise<void>
  /** A commit's result is unknown: takes new epochs for these shards, however long it takes. `isAgain`: not for the first time of late. */
  reclaim: (shards: readonly number[], isAgain: boolean) => Promise<void>
  /** After the commit: what goes out, and the rows that were made. */
  out: (draft: Draft, messages: readonly number[]) => void
  /** A unit is over: committed, or dropped. */
  over: (unit: Unit, committed: boolean) => void
  /** The message that is taken from now on; null when none is. */
  turning: (message: number | null) => void
  /** A message that can never be taken: counted, and parked in the end. */
  poisoned: (unit: Unit, error: unknown) => Promise<void>
}

/** What the thread itself has noticed (a silence, a free slot): nobody else would bring it again. */
export const isOwn = ({ row, timer, asker }: Unit): boolean => row === null && timer === null && asker === null

/** How often a unit is run again that conflicts alone. */
const conflictsMax = 3

interface Failure {
  code: string
  error: unknown
  /** Of an unknown result: not the first one of late. */
  isAgain: boolean
  units: Unit[]
  shards: readonly number[]
  /** Whom they changed. */
  actors: readonly ActorKey[]
}

export interface Again {
  units: Unit[]
  /** So many of them, from the first on, run one by one: one of them is to blame. */
  alone: number
}

const inTurn = (units: Unit[]): Again => ({ units, alone: 0 })
const oneByOne = (units: Unit[]): Again => ({ units, alone: units.length })

/** What becomes of the units of a failed commit: those to run again. */
export const runAgain = async (host: Host, around: Around, failure: Failure): Promise<Again> => {
  const { code, error, isAgain, units, shards } = failure
  const { log, figures, clock } = host
  if (code === 'UNREACHABLE') {
    await new Promise<void>((resolve) => clock.after(200, resolve))
    return inTurn(units)
  }
  log.warn({ code, err: error, units: units.length }, 'a commit did not hold')
  if (code === 'FENCED') {
    await around.fenced()
    return inTurn(units)
  }
  if (code === 'UNKNOWN_RESULT') {
    figures.unknownCommits++
    await around.reclaim(shards, isAgain)
    return unanswered(units, isAgain)
  }
  if (code === 'CONFLICT') return conflicted(units)
  figures.refusedCommits++
  return bisect(around, failure)
}

/**
 * Who asked asks again, and what is stored is found again; what the thread itself has noticed is run again. But for what was alone, and
 * may be what it fails at: that is noticed again, and others have their turn until then.
 */
const unanswered = (units: Unit[], isAgain: boolean): Again =>
  units.length === 1 && isAgain ? inTurn([]) : { units: units.filter(isOwn), alone: units.length }

/** Rows and timers may be out of date and come with the next look; of the others, only the one that conflicts alone is to blame. */
const conflicted = (units: Unit[]): Again => {
  const left = units.filter(({ row, timer }) => row === null && timer === null)
  if (units.length > 1) return oneByOne(left)
  const [only] = left
  if (only === undefined || ++only.conflicts <= conflictsMax) return oneByOne(left)
  only.asker?.fail(new WritError('BUSY', `${only.what} is not as the store has it`, { hint: 'ask again' }))
  return inTurn([])
}

/** A definite refusal: the units run one by one; the one that is refused alone, without what follows from it, is to blame. */
const bisect = async (around: Around, failure: Failure): Promise<Again> => {
  const { error, units } = failure
  const [only] = units
  if (units.length > 1 || only === undefined) return oneByOne(units)
  if (!only.apart) {
    only.apart = true
    return oneByOne(units)
  }
  only.asker?.fail(new WritError('INTERNAL', `the database refused ${only.what}`, { cause: error }))
  const fault = faultOf(only, failure)
  if (fault !== null || only.row !== null || only.timer !== null) await around.poisoned(only, fault ?? error)
  return inTurn([])
}

/** Of a desk that gave one slot, and did nothing besides, it is the task's that got it; of what was to end an attempt, its actor's. */
const faultOf = ({ row, ofAttempt }: Unit, { error, actors: [actor] }: Failure): Faulty | null =>
  (ofAttempt || row?.from === fromDesk) && actor !== undefined ? new Faulty(actor, error) : null
