/** A plan against its hash: what its steps are was settled before anybody worked on them. */
import { ListHash } from '../actors/content-hash.ts'
import type { PlanText, Survey } from '../actors/ports/survey.ts'
import { same } from '../machines/advance.ts'
import type { PlanRow } from '../protocol/plan.ts'
import { shortly, type Tell } from './tell.ts'

const textsAtOnce = 200

/** `hashes`: of plans that are there. Reads each of them in parts. */
export const checkPlans = async (survey: Survey, hashes: ReadonlySet<string>, tell: Tell): Promise<void> => {
  for (const hash of hashes) await checkPlan(survey, hash, tell)
}

/** A plan that came with its directive is known by its content, whatever the order of keys; one of a planner by its text. */
const checkPlan = async (survey: Survey, hash: string, tell: Tell): Promise<void> => {
  const hashes = new ListHash()
  let from = 0
  for (;;) {
    const texts = await survey.planTexts(hash, from, textsAtOnce)
    for (const text of texts) {
      const row = rowOf(hash, text, tell)
      if (row === null) return
      hashes.add(row, text.step)
    }
    const last = texts.at(-1)
    if (last === undefined || texts.length < textsAtOnce) break
    from = last.index + 1
  }
  if (!hashes.isOne(hash)) tell('plan-incomplete', 'plans', hash, 'other steps than it was made of', `those of ${hash}`)
}

/** Null: it was told of. */
const rowOf = (hash: string, { index, name, dependsOn, step }: PlanText, tell: Tell): PlanRow | null => {
  const key = `${hash} ${index}`
  const row = parsed(step)
  if (row === null) tell('plan-incomplete', 'plan_steps', key, shortly(step), 'a step of a plan')
  else if (row.index !== index || row.name !== name || !same(row.dependsOn, dependsOn))
    tell('plan-incomplete', 'plan_steps', key, `${index} ${name} ${shortly(dependsOn)}`, 'as its text has it')
  else return row
  return null
}

const parsed = (step: string): PlanRow | null => {
  try {
    return JSON.parse(step) as PlanRow | null
  } catch {
    return null
  }
}
