/** What must hold when an attempt is opened: its directive may begin work (R48, R49), and its grant is neither called back nor used up. */
import type { AttemptRow, Commit, HeldRow } from '../../src/actors/ports/rows.ts'
import type { StepContext } from '../../src/machines/step-context.ts'
import type { ActorKey } from '../../src/protocol/ids.ts'
import { grantReusesMax } from '../../src/protocol/limits.ts'
import type { Fold } from './fold.ts'
import type { Tables } from './tables.ts'

const dispatching: ReadonlySet<string> = new Set(['planning', 'active', 'checking'])

/** An attempt that a commit opens, with the row of its grant from before it, and whether its step was evaluated for a person then. */
export interface Opening {
  attempt: AttemptRow
  held: HeldRow | undefined
  wasManual: boolean
}

const isManual = (fold: Fold, step: ActorKey): boolean => {
  const { manual = null } = (fold.live(step)?.snapshot.context ?? {}) as Partial<StepContext>
  return manual !== null
}

export const openingsOf = ({ attempts, held }: Tables, commit: Commit, fold: Fold): Opening[] =>
  (commit.attempts ?? [])
    .filter(({ owner, task, attempt }) => !attempts.has(`${owner} ${task} ${attempt}`))
    .map((attempt) => ({
      attempt,
      held: held.get(`${attempt.directive} ${attempt.grant}`),
      wasManual: isManual(fold, attempt.actor),
    }))

/** `tables`: as they are after the commit. */
export const checkOpening = (
  { attempt, held, wasManual }: Opening,
  { actors: changed = [] }: Commit,
  tables: Tables,
  fold: Fold,
  wrong: (rule: string, what: string) => void,
): void => {
  const name = `attempt ${attempt.task}/${attempt.attempt}`
  if (held?.recalled === true) wrong('14', `${name} is opened on grant ${held.id}, which was called back`)
  if (held !== undefined && held.reuses >= grantReusesMax)
    wrong('11', `${name} is opened on grant ${held.id}, which was used ${held.reuses} times`)
  // One that the same commit changes may have begun it before, or right after.
  const directive = tables.actors.get(attempt.directive)
  if (directive === undefined || changed.some(({ key }) => key === attempt.directive)) return
  const { status, ended, facts } = directive
  // One that the same commit closes may have been the last of what was asked for.
  const may = ended ? wasManual || isManual(fold, attempt.actor) : dispatching.has(status) && facts['paused'] !== true
  if (!may)
    wrong('R48', `${name} is opened, and ${attempt.directive} is ${facts['paused'] === true ? 'paused' : status}`)
}
