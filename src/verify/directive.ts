/** A directive with everything that is stored of it: all checks over it, once the states of its actors are known. */
import type { DirectivePart } from '../actors/ports/survey.ts'
import type { ActorKey } from '../protocol/ids.ts'
import { checkRecords } from './records.ts'
import { Scene } from './scene.ts'
import { checkSlots } from './slots.ts'
import type { State } from './state.ts'
import { checkDoubled, checkTasks } from './tasks.ts'
import type { Tell } from './tell.ts'
import { checkWaits } from './waits.ts'

/** `states`: of every actor of the part that could be opened. */
export const checkDirective = (part: DirectivePart, states: ReadonlyMap<ActorKey, State>, tell: Tell): void => {
  const scene = new Scene(part, states)
  checkRecords(scene, tell)
  checkTasks(scene, tell)
  checkDoubled(scene, tell)
  checkSlots(scene, tell)
  checkWaits(scene, tell)
}
