/** What a journal is folded with, and the settings that the fold is given. */
import { type Defined, directiveSettings, stepSettings } from '../actors/settings.ts'
import { type ActorKey, kindOf, readKey } from '../protocol/ids.ts'
import type { PlanRow } from '../protocol/plan.ts'

export type { SetTimer } from '../actors/checkpoint.ts'
export { Folded as History } from '../actors/folded.ts'

/** The settings of an actor: of a step with its row of the plan. */
export const settingsOf = (key: ActorKey, defined: Defined, row: PlanRow | null): unknown => {
  if (kindOf(readKey(key).id) === 'registry') return {}
  return row === null ? directiveSettings(defined) : stepSettings(defined, row)
}
