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
  for (const check of [checkRecords, checkTasks, checkDoubled, checkSlots, checkWaits]) attempt(check, scene, tell)
}

/** What has a form that Writ never wrote ends one check of one directive, and none of the others. */
const attempt = (check: (scene: Scene, tell: Tell) => void, scene: Scene, tell: Tell): void => {
  try {
    check(scene, tell)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    tell('rows-unreadable', 'directives', scene.key, why, 'rows and states of the form that they are written in')
  }
}
