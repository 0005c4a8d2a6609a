/** What must hold when a step begins to run: everything that it depends on has passed (R22). */
import { unpack } from '../../src/actors/codec.ts'
import type { Commit, StoredMessage } from '../../src/actors/ports/rows.ts'
import type { StepSettings } from '../../src/machines/given.ts'
import type { StepContext } from '../../src/machines/step-context.ts'
import { type ActorKey, actorKey, readKey, readStepId, stepId } from '../../src/protocol/ids.ts'
import type { Fold } from './fold.ts'
import { memoryOf } from './later-machines.ts'
import type { Tables } from './tables.ts'

const waiting: ReadonlySet<string> = new Set(['pending', 'rework'])

/** The status of each actor that a commit changes, as it was. */
export type Statuses = ReadonlyMap<ActorKey, string>

export const statusesOf = ({ actors }: Tables, { actors: changed = [] }: Commit): Statuses =>
  new Map(changed.flatMap(({ key }) => (actors.has(key) ? [[key, actors.get(key)?.status ?? '']] : [])))

/** `before` and `mail`: as they were before the commit that changed the step `key` among others; `tables` are as they are after it. */
export const checkDispatch = (
  key: ActorKey,
  changed: readonly { key: ActorKey; version: number }[],
  before: Statuses,
  mail: readonly StoredMessage[],
  tables: Tables,
  fold: Fold,
  wrong: (rule: string, what: string) => void,
): void => {
  const { owner, id } = readKey(key)
  const step = readStepId(id)
  if (step === null || !waiting.has(before.get(key) ?? 'pending') || tables.actors.get(key)?.status !== 'running')
    return
  const { dependsOn } = fold.settings(key) as StepSettings
  for (const index of dependsOn) {
    const other = actorKey(owner, stepId(step.directive, step.generation, index))
    const was = before.get(other) ?? tables.actors.get(other)?.status
    // It may have passed in this commit, and have been sent back to be evaluated in it as well.
    const now = changed.find((each) => each.key === other)?.version
    const passed = was === 'passed' || (now !== undefined && fold.passed.get(other) === now)
    // That it has left passed may be on its way, or parked, or wait with what it tells its other dependents in parts.
    const parked = tables.parked.map((row) => ({ ...row, to: row.actor }))
    const isTold = [...mail, ...tables.messages.values(), ...parked].some(
      ({ from, to, body }) => from === other && (to === key || (to === other && isRelay(body))),
    )
    if (!passed && !isTold && !stillCounts(fold, other)) wrong('R22', `${key} runs, and ${other} has not passed`)
  }
}

const isRelay = (body: Uint8Array): boolean => (unpack(body) as { type?: unknown } | null)?.type === 'relay'

/** One that is evaluated for its own sake, since its directive had ended: it has passed, whatever comes of it (R38). */
const stillCounts = (fold: Fold, step: ActorKey): boolean => {
  const live = fold.live(step)
  const { manual } = live === null ? { manual: null } : (memoryOf(live) as StepContext)
  return manual?.from === 'passed' && !manual.live
}
