/**
 * The limits as the simulated world has them: fewer shards, so that directives share them, and threads have less to subscribe for.
 * Those that no world is large enough to meet are small in some worlds: what is done in parts there is done in many.
 */
import * as production from '../../src/protocol/limits.ts'

// What is exported below by the same name comes first.
export * from '../../src/protocol/limits.ts'

export const shardCount = 16

export let commitBytesMax: number = production.commitBytesMax
export let commitActorsMax: number = production.commitActorsMax
export let batchMessagesMax: number = production.batchMessagesMax
export let cascadeMessagesMax: number = production.cascadeMessagesMax
export let sliceSteps: number = production.sliceSteps
export let sliceBytesMax: number = production.sliceBytesMax
export let residentActorsMax: number = production.residentActorsMax
export let pendingRequestsMax: number = production.pendingRequestsMax
export let parkTriesMax: number = production.parkTriesMax
export let grantReusesMax: number = production.grantReusesMax
export let takenAtOnce: number = production.takenAtOnce
export let givenUpAtOnce: number = production.givenUpAtOnce
export let journalsLookedAtOnce: number = production.journalsLookedAtOnce
export let journalCutRows: number = production.journalCutRows
export let journalCutMin: number = production.journalCutMin
export let foldedAtOnce: number = production.foldedAtOnce

const small = {
  commitBytesMax: 64 * 1024,
  commitActorsMax: 30,
  batchMessagesMax: 8,
  cascadeMessagesMax: 6,
  sliceSteps: 3,
  sliceBytesMax: 4 * 1024,
  residentActorsMax: 20,
  pendingRequestsMax: 30,
  parkTriesMax: 3,
  grantReusesMax: 2,
  takenAtOnce: 3,
  givenUpAtOnce: 2,
  journalsLookedAtOnce: 3,
  journalCutRows: 4,
  journalCutMin: 3,
  foldedAtOnce: 2,
}

/** As little at once as can be. */
const least: typeof small = {
  commitBytesMax: 32 * 1024,
  commitActorsMax: 12,
  batchMessagesMax: 2,
  cascadeMessagesMax: 2,
  sliceSteps: 1,
  sliceBytesMax: 1,
  residentActorsMax: 2,
  pendingRequestsMax: 8,
  parkTriesMax: 2,
  grantReusesMax: 1,
  takenAtOnce: 1,
  givenUpAtOnce: 1,
  journalsLookedAtOnce: 1,
  journalCutRows: 2,
  journalCutMin: 1,
  foldedAtOnce: 1,
}

/** From those of production on, ever less. */
const levels = [production, small, least]

/** From here on these are the limits: of the world that runs in this thread. */
export const limitTo = (tight: number): void => {
  const limits = levels[tight] ?? production
  ;({ commitBytesMax, commitActorsMax, batchMessagesMax, cascadeMessagesMax, sliceSteps, sliceBytesMax } = limits)
  ;({ residentActorsMax, pendingRequestsMax, parkTriesMax, grantReusesMax, takenAtOnce, givenUpAtOnce } = limits)
  ;({ journalsLookedAtOnce, journalCutRows, journalCutMin, foldedAtOnce } = limits)
}
