/**
 * A directive with its steps as they were: the directive's journal up to a version or a time, and those of its steps up to the same
 * moment of their shard's history. A large plan comes in pages.
 */
import type { z } from 'zod'
import { hasEnded, isPaused, type Live, statusOf, store, waitingFor } from '../machines/advance.ts'
import { WritError } from '../protocol/errors.ts'
import { jsonBytes } from '../protocol/fitting.ts'
import { type ActorKey, actorKey, addressOf, kindOf, readKey, stepId } from '../protocol/ids.ts'
import { inOrder } from '../protocol/inspection.ts'
import { answerBytesMax, pastStepsAtOnce } from '../protocol/limits.ts'
import type { lookCommands, PastDirective, PastStep } from '../protocol/looking.ts'
import type { PlanRow } from '../protocol/plan.ts'
import { withoutSecrets } from '../protocol/redaction.ts'
import { isoTime, msOfIso } from '../protocol/time.ts'
import type { DirectiveStatus, StepStatus } from '../protocol/views.ts'
import type { History } from './ports/history.ts'
import type { Replayed, Replaying } from './replaying.ts'
import { lastUntil, stateAt } from './state-at.ts'

type Query = z.output<typeof lookCommands.past>

/** The fields of a directive's context that are shown. */
interface Kept {
  chain: { generation: number; steps: number } | null
  passed: number
  failures: number
  line: string | null
  reason: string | null
}

/** Throws BAD_INPUT for what is no directive, NOT_FOUND for a moment before it was there. */
export const pastDirective = async (
  history: History,
  replaying: Replaying,
  key: ActorKey,
  { at, from }: Query,
): Promise<PastDirective> => {
  const { owner, id } = readKey(key)
  if (kindOf(id) !== 'directive')
    throw new WritError('BAD_INPUT', `${id} is a ${kindOf(id)}`, {
      hint: 'name the directive; `get` with `at` shows a step',
    })
  const seen = await stateAt(replaying, key, at)
  const { chain, passed, failures, line, reason } = store(seen.live).context as object as Kept
  const defined = await history.directive(key)
  const isUntil = typeof at === 'number' ? untilPlace(seen) : untilTime(msOfIso(at))
  const of: Of = { history, replaying, key, seen, isUntil }
  const { stepList, next } = chain === null ? { stepList: [], next: null } : await stepsOf(of, chain, from)
  return {
    id,
    address: addressOf(owner, id),
    title: defined?.definition.title ?? id,
    version: seen.version,
    time: isoTime(seen.entry.at),
    status: statusOf(seen.live) as DirectiveStatus,
    paused: isPaused(seen.live),
    state: store(seen.live).value,
    waiting: waitingFor(seen.live),
    reason: withoutSecrets(reason) as string | null,
    steps: chain?.steps ?? defined?.readyPlan?.steps ?? 0,
    passed,
    failed: failures,
    generation: chain?.generation ?? null,
    line,
    counts: countsOf(stepList),
    stepList,
    nextStep: next,
  }
}

type Until = (seen: Replayed) => boolean

/** What the directive's steps took before it took its own entry. Entries that have no place yet are told by their time. */
const untilPlace = ({ entry: { order, at } }: Replayed): Until => {
  const hasPlace = (of: readonly number[]): boolean => of[0] !== 0
  return ({ entry }) => (hasPlace(order) && hasPlace(entry.order) ? inOrder(entry.order, order) <= 0 : entry.at <= at)
}
const untilTime =
  (ms: number): Until =>
  ({ entry }) =>
    entry.at <= ms

interface Of {
  history: History
  replaying: Replaying
  key: ActorKey
  seen: Replayed
  isUntil: Until
}

const stepsOf = async (
  of: Of,
  { generation, steps }: { generation: number; steps: number },
  from: number,
): Promise<{ stepList: PastStep[]; next: number | null }> => {
  const rows = await of.history.planRows(of.key, generation, from, pastStepsAtOnce)
  const names = await namesOf(of, generation, rows)
  const stepList: PastStep[] = []
  let room = answerBytesMax
  for (const row of rows) {
    const step = await stepOf(of, generation, row, names)
    room -= jsonBytes(step) + 1
    if (room < 0 && stepList.length > 0) break
    stepList.push(step)
  }
  const next = from + stepList.length
  return { stepList, next: stepList.length > 0 && next < steps ? next : null }
}

/** Dependencies may stand on other pages. */
const namesOf = async ({ history, key }: Of, generation: number, rows: readonly PlanRow[]) => {
  const names = new Map(rows.map(({ index, name }) => [index, name]))
  for (const index of new Set(rows.flatMap(({ dependsOn }) => dependsOn)))
    if (!names.has(index)) names.set(index, (await history.planRow(key, generation, index))?.name ?? String(index))
  return names
}

const stepOf = async (
  { replaying, key, seen, isUntil }: Of,
  generation: number,
  { index, name, dependsOn }: PlanRow,
  names: ReadonlyMap<number, string>,
): Promise<PastStep> => {
  const { owner, id: directive } = readKey(key)
  const id = stepId(directive, generation, index)
  const place = {
    id,
    address: addressOf(owner, id),
    index,
    name,
    dependsOn: dependsOn.map((of) => names.get(of) ?? ''),
  }
  const last = await lastUntil(replaying, actorKey(owner, id), isUntil)
  if (last !== null) return { ...place, ...begunStep(last, seen.live) }
  return { ...place, ...neverBegun(seen, place.dependsOn) }
}

interface StepKept {
  attempts: number
  round: number
  score: number | null
  level: string | null
  unevaluated: boolean
  reason: string | null
}

const begunStep = ({ version, entry, live }: Replayed, directive: Live) => {
  const { attempts, round, score, level, unevaluated, reason } = store(live).context as object as StepKept
  // One that only waited has ended with its directive (R49).
  const isOver = hasEnded(directive) && statusOf(live) === 'pending'
  return {
    status: (isOver ? 'skipped' : statusOf(live)) as StepStatus,
    version,
    state: store(live).value,
    attempt: attempts,
    round,
    score,
    level,
    unevaluated,
    waiting: isOver ? null : waitingFor(live),
    since: isoTime(entry.at),
    reason: withoutSecrets(reason) as string | null,
  }
}

/** Nothing had been told to it yet. */
const neverBegun = ({ live, entry }: Replayed, dependsOn: readonly string[]) => ({
  status: (hasEnded(live) ? 'skipped' : 'pending') as StepStatus,
  version: 0,
  state: null,
  attempt: 0,
  round: 1,
  score: null,
  level: null,
  unevaluated: false,
  waiting: hasEnded(live) ? null : dependsOn.length === 0 ? 'its turn to begin' : `steps ${dependsOn.join(', ')}`,
  since: isoTime(entry.at),
  reason: null,
})

const countsOf = (steps: readonly PastStep[]): PastDirective['counts'] => {
  const counts: Partial<Record<StepStatus, number>> = {}
  for (const { status } of steps) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
