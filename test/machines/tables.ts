/** The tables of (state, event) → (state, effects): every state that a machine rests in, and every event that it can meet. */
import { type Live, statusOf, timersOf } from '../../src/machines/advance.ts'
import type { Effect } from '../../src/machines/effect.ts'
import type { DirectiveSettings, StepSettings } from '../../src/machines/given.ts'
import {
  aDirective,
  aStep,
  actor,
  passOf,
  reading,
  type Short,
  type TestActor,
  the,
  toCompleted,
  toEvaluation,
  toJudging,
  toMerge,
  toPassed,
  toPlanner,
  toPreparing,
  toPublishing,
  toRunning,
  work,
} from './support.ts'

/** A state by the messages that lead to it. */
export interface Place {
  make: () => TestActor
  path: readonly Short[]
}

const stopped = { type: 'task.failed', reason: 'stopped', means: false }
const step = (path: readonly Short[], over: Partial<StepSettings> = {}): Place => ({ make: () => aStep(over), path })
const toFailed = [...work, the.failed]
const toHeld = [...toEvaluation, the.passing]
const approval = { requiresApproval: true }
const limit = (decision: 'approve' | 'reject' | 'cancel') => ({ ...approval, hold: { ms: 60_000, decision } })

export const stepPlaces: Record<string, Place> = {
  'pending, waiting': step([]),
  'pending, ready': step([the.ready]),
  'pending, begun': step([...toEvaluation, the.notPassing, the.dispatch, the.cancel, the.retry]),
  'running, queued': step([the.ready, the.dispatch]),
  'running, starting': step([the.ready, the.dispatch, the.granted]),
  'running, working': step(work),
  'running, backoff': step([...work, the.means]),
  'running, stopping': step([...work, the.cancel]),
  'running, last try': step([
    ...work,
    the.means,
    { type: 'timer backoff' },
    the.granted,
    the.means,
    { type: 'timer backoff' },
    the.granted,
  ]),
  'running, not evaluated': step(work, { evaluate: false }),
  'running, not evaluated, no repository': step(work, { evaluate: false, merges: false, hasDependents: false }),
  'running, not evaluated, to be approved': step(work, { evaluate: false, requiresApproval: true }),
  'evaluating, queued': step([...work, the.done]),
  'evaluating, starting': step([...work, the.done, the.granted]),
  'evaluating, working': step(toEvaluation),
  'evaluating, backoff': step([...toEvaluation, the.means]),
  'evaluating, stopping': step([...toEvaluation, the.cancel]),
  'evaluating, second evaluation': step([...toEvaluation, the.noVerdict, the.granted, the.accepted]),
  'evaluating, holds without verdict': step(toEvaluation, { onEvaluatorFailure: { retries: 0, then: 'hold' } }),
  'evaluating, fails without verdict': step(toEvaluation, { onEvaluatorFailure: { retries: 0, then: 'fail' } }),
  'evaluating, to be approved': step(toEvaluation, approval),
  'evaluating, to be approved, limited': step(toEvaluation, limit('approve')),
  'evaluating, asked for when passed and approved': step(
    [...toHeld, the.approve, the.granted, the.merged, the.evaluate, the.granted],
    approval,
  ),
  'evaluating, no rework left': step(toEvaluation, { maxRework: 0 }),
  'evaluating, no repository': step(toEvaluation, { merges: false, hasDependents: false }),
  'evaluating, asked for when passed': step([...toPassed, the.evaluate, the.granted, the.accepted]),
  'evaluating, asked for when passed, dependents begun': step([
    ...toPassed,
    the.evaluate,
    the.granted,
    { type: 'dependent.begun', index: 7 },
  ]),
  'evaluating, asked for when passed, stopping': step([...toPassed, the.evaluate, the.granted, the.cancel]),
  'evaluating, asked for when passed and ended': step([...toPassed, the.evaluateEnded, the.granted]),
  'evaluating, asked for when passed, out of line': step([
    ...toPassed,
    the.evaluate,
    the.granted,
    { type: 'line.moved', counted: true },
  ]),
  'evaluating, asked for when passed, out of line, stopping': step([
    ...toPassed,
    the.evaluate,
    the.granted,
    { type: 'line.moved', counted: true },
    the.cancel,
  ]),
  'evaluating, asked for when failed': step([...toFailed, the.evaluate, the.granted]),
  'evaluating, asked for when cancelled': step([...work, the.cancel, stopped, the.evaluate, the.granted]),
  'evaluating, asked for when passed and ended, stopping': step([
    ...toPassed,
    the.evaluateEnded,
    the.granted,
    the.cancel,
  ]),
  'evaluating, asked for when pending': step([...toFailed, the.retry, the.evaluate, the.granted]),
  'evaluating, asked for when running': step([...work, the.evaluate, the.granted]),
  'evaluating, asked for when evaluating': step([...toEvaluation, the.evaluate, the.granted]),
  'evaluating, asked for when merging': step([...toMerge, the.evaluate, the.granted]),
  'evaluating, asked for when in rework': step([...toEvaluation, the.notPassing, the.evaluate, the.granted]),
  'evaluating, asked for when held': step([...toHeld, the.evaluate, the.granted], approval),
  'merging, queued': step([...toEvaluation, the.passing]),
  'merging, starting': step([...toEvaluation, the.passing, the.granted]),
  'merging, working': step(toMerge),
  'merging, backoff': step([...toMerge, the.means]),
  'merging, stopping': step([...toMerge, the.cancel]),
  'merging, no rework left': step(toMerge, { maxRework: 0 }),
  rework: step([...toEvaluation, the.notPassing]),
  'rework, waiting': step([...toEvaluation, the.notPassing, { type: 'dependency.withdrawn', index: 1 }]),
  held: step(toHeld, approval),
  'held, no repository': step(toHeld, { ...approval, merges: false }),
  'held, limited, approve': step(toHeld, limit('approve')),
  'held, limited, reject': step(toHeld, limit('reject')),
  'held, limited, cancel': step(toHeld, limit('cancel')),
  'held, foreign commits': step([...toMerge, the.foreign]),
  passed: step(toPassed),
  'passed, no rework left': step(toPassed, { maxRework: 0 }),
  'passed, no dependents, no repository': step([...toEvaluation, the.passing], { merges: false, hasDependents: false }),
  'passed, flagged': step([
    ...toPassed,
    the.evaluate,
    the.granted,
    { type: 'dependent.begun', index: 7 },
    the.notPassing,
  ]),
  failed: step(toFailed),
  cancelled: step([...work, the.cancel, stopped]),
  'skipped, waiting': step([the.cancel]),
  skipped: step([the.ready, the.cancel]),
}

const directive = (path: readonly Short[], over: Partial<DirectiveSettings> = {}): Place => ({
  make: () => aDirective(over),
  path,
})
const pause = { type: 'pause' }
const stepFailed = { type: 'step.failed', index: 1, name: 's1', reason: 'cannot be done' }
const stepReady = { type: 'step.ready', index: 1 }
const toldAnew = { type: 'message.dropped', needed: false }
const noPlan = { type: 'task.done' }
const toFailing = [...toRunning, stepFailed]
const toEnd = [{ type: 'slice.done', told: 0, next: null }]
const bare = { hasRepository: false, hasChecks: false }

export const directivePlaces: Record<string, Place> = {
  draft: directive([]),
  'draft, paused': directive([pause]),
  'draft, with a plan': directive([], { readyPlan: { hash: 'h9', steps: 3 } }),
  'draft, with a plan, no repository': directive([], { ...bare, readyPlan: { hash: 'h9', steps: 3 } }),
  'planning, queued': directive([the.start]),
  'planning, starting': directive([the.start, the.granted]),
  'planning, working': directive(toPlanner),
  'planning, working, no regeneration left': directive(toPlanner, { maxRegenerations: 0 }),
  'planning, working, paused, no repository': directive([...toPlanner, pause], bare),
  'planning, backoff': directive([...toPlanner, the.means]),
  'planning, last try': directive([
    ...[...toPlanner, the.means, { type: 'timer backoff' }, the.granted],
    ...[the.means, { type: 'timer backoff' }, the.granted],
  ]),
  'active, wrapping': directive([...toPlanner, the.plan]),
  'active, stopping': directive([...toPlanner, the.plan, { type: 'timer stopping' }]),
  'active, preparing, queued': directive([...toPlanner, the.plan, noPlan]),
  'active, preparing, starting': directive([...toPlanner, the.plan, noPlan, the.granted]),
  'active, preparing, working': directive(toPreparing),
  'active, preparing, backoff': directive([...toPreparing, the.means]),
  'active, running, slice out': directive([...toPreparing, the.prepared]),
  'active, running': directive(toRunning),
  'active, running, one to go': directive([...toRunning, passOf(0, 'l0', 'l1')]),
  'active, running, one to go, bare': directive(
    [...toPlanner, the.plan, noPlan, the.told, { type: 'step.passed', index: 0, merged: null }],
    bare,
  ),
  'active, running, paused': directive([...toRunning, pause]),
  'active, running, paused, missed': directive([...toRunning, pause, stepReady]),
  'active, running, waking, missed': directive([...toRunning, pause, stepReady, { type: 'resume' }, pause, stepReady]),
  'active, running, rework owed': directive([...toJudging, the.notPassing]),
  'checking, judging, queued': directive([...toRunning, passOf(0, 'l0', 'l1'), passOf(1, 'l1', 'l2')]),
  'checking, judging, starting': directive([...toRunning, passOf(0, 'l0', 'l1'), passOf(1, 'l1', 'l2'), the.granted]),
  'checking, judging, working': directive(toJudging),
  'checking, judging, backoff': directive([...toJudging, the.means]),
  'checking, judging, last try': directive([...toJudging, the.noVerdict, the.granted]),
  'checking, judging, no repository': directive(
    [
      ...[...toPlanner, the.plan, noPlan, the.told],
      ...[0, 1].map((index) => ({ type: 'step.passed', index, merged: null })),
      the.granted,
    ],
    { hasRepository: false },
  ),
  'checking, publishing, queued': directive([...toJudging, the.passing]),
  'checking, publishing, starting': directive([...toJudging, the.passing, the.granted]),
  'checking, publishing, working': directive(toPublishing),
  'checking, publishing, backoff': directive([...toPublishing, the.means]),
  'failing, telling': directive(toFailing),
  'failing, telling, other slice out': directive([...toPreparing, the.prepared, stepFailed]),
  'failing, stopping': directive([...toJudging, { type: 'step.unpassed', index: 1 }, stepFailed]),
  'failing, waiting': directive([...toFailing, { type: 'slice.done', told: 2, next: null }]),
  'failing, waiting for one': directive([
    ...toFailing,
    { type: 'slice.done', told: 2, next: null },
    { type: 'step.stopped', index: 0 },
  ]),
  'cancelling, planner stops': directive([...toPlanner, the.cancel]),
  'cancelling, telling': directive([...toRunning, the.cancel]),
  'cancelling, judge stops': directive([...toJudging, the.cancel]),
  'cancelling, waiting for one': directive([...toRunning, the.cancel, the.told]),
  'cancelling, telling anew': directive([...toRunning, the.cancel, the.told, toldAnew]),
  'cancelling, waiting anew': directive([
    ...toRunning,
    the.cancel,
    the.told,
    toldAnew,
    { type: 'slice.done', told: 2, next: null, recount: 1 },
  ]),
  completed: directive(toCompleted),
  failed: directive([...toFailing, ...toEnd]),
  'failed, two steps': directive([...toFailing, { ...stepFailed, index: 0 }, ...toEnd]),
  'failed, paused': directive([...toFailing, pause, ...toEnd]),
  'failed, paused, unheard': directive([...toFailing, pause, ...toEnd, { ...toldAnew, needed: true }]),
  'failed, no plan': directive([...toPlanner, the.failed]),
  cancelled: directive([...toRunning, the.cancel, ...toEnd]),
  'cancelled, unheard': directive([...toRunning, the.cancel, ...toEnd, { ...toldAnew, needed: true }]),
  'cancelled, in draft': directive([the.cancel]),
  'cancelled, in draft, with a plan': directive([the.cancel], { ...bare, readyPlan: { hash: 'h9', steps: 3 } }),
  'cancelled, before the line': directive([...toPlanner, the.plan, noPlan, the.cancel, ...toEnd]),
}

export const registryPlaces: Record<string, Place> = {
  settling: { make: () => actor('registry', {}), path: [] },
  granting: { make: () => actor('registry', {}), path: [{ type: 'settled' }] },
}

const forTasks: Record<string, Short> = {
  'task.granted': { type: 'task.granted', grant: 'g2' },
  'task.granted, the same': the.granted,
  'task.accepted': the.accepted,
  'task.accepted, stale': { type: 'task.accepted', attempt: 1, nonce: 'forged' },
  'task.done': { type: 'task.done', commit: 'c2', result: 'r2' },
  'task.done, stale': { type: 'task.done', attempt: 1, nonce: 'forged', verdict: reading(true) },
  'task.done, passed': the.passing,
  'task.done, not passed': the.notPassing,
  'task.done, no verdict': the.noVerdict,
  'task.done, conflict': the.conflict,
  'task.done, foreign': the.foreign,
  'task.failed': the.failed,
  'task.failed, means': the.means,
  'task.failed, stale': { type: 'task.failed', attempt: 1, nonce: 'forged', reason: '', means: true },
  'task.lost, daemon': the.lost,
  'task.lost, grant': { type: 'task.lost', why: 'grant', reason: 'the grant is gone' },
  'task.lost, stall': { type: 'task.lost', why: 'stall', reason: 'no progress' },
  'task.lost, accept': { type: 'task.lost', why: 'accept', reason: 'not accepted' },
  'task.lost, refused': { type: 'task.lost', why: 'refused', reason: 'busy' },
  'task.lost, stale': { type: 'task.lost', attempt: 1, nonce: 'forged', why: 'daemon', reason: '' },
  'task.end': { type: 'task.end', verdict: reading(true) },
  'task.end, failed': { type: 'task.end', outcome: 'failed' },
  'task.end, force': { type: 'task.end', force: true, verdict: reading(true), plan: { hash: 'h5', steps: 5 } },
  'task.end, manual, failed': { type: 'task.end', manual: true, outcome: 'failed' },
  'task.end, another': { type: 'task.end', number: 77, force: true },
  'contract.complete': { type: 'contract.complete', verdict: reading(true), plan: { hash: 'h6', steps: 6 } },
  'contract.complete, manual': { type: 'contract.complete', manual: true, verdict: reading(true) },
  'contract.complete, manual, another': { type: 'contract.complete', manual: true, number: 77 },
  'contract.complete, another': { type: 'contract.complete', number: 77 },
  'timer total': { type: 'timer total' },
  'timer backoff': { type: 'timer backoff' },
  'timer stopping': { type: 'timer stopping' },
}

const verbs = ['evaluate', 'approve', 'reject', 'retry', 'cancel'] as const
const commands = Object.fromEntries(
  verbs.flatMap((verb) =>
    [true, false].map((live): [string, Short] => [
      `command ${verb}${live ? '' : ', ended'}`,
      { type: 'command', verb, live, ...(verb === 'reject' ? { text: 'other colour' } : {}) },
    ]),
  ),
)

export const stepEvents: Record<string, Short> = {
  dispatch: the.dispatch,
  'dependency.passed': the.ready,
  'dependency.passed, another': { type: 'dependency.passed', index: 2 },
  'dependency.withdrawn': { type: 'dependency.withdrawn', index: 1 },
  'dependency.withdrawn, another': { type: 'dependency.withdrawn', index: 0 },
  'dependent.begun': { type: 'dependent.begun', index: 7 },
  'line.moved': { type: 'line.moved' },
  'line.moved, counted': { type: 'line.moved', counted: true },
  cancel: the.cancel,
  'cancel, counted anew': { ...the.cancel, recount: 1 },
  retry: the.retry,
  rework: { type: 'rework', feedback: 'the whole does not fit' },
  ...commands,
  'task.done, merged': the.merged,
  ...forTasks,
  'timer hold': { type: 'timer hold' },
}

export const directiveEvents: Record<string, Short> = {
  start: the.start,
  plan: { type: 'plan', plan: { hash: 'h2', steps: 4 } },
  'plan with faults': { type: 'plan', plan: { faults: ['one', 'two'] } },
  pause,
  resume: { type: 'resume' },
  cancel: the.cancel,
  retry: the.retry,
  'step.ready': stepReady,
  'step.passed': { type: 'step.passed', index: 1, merged: null },
  'step.passed, merged': { type: 'step.passed', index: 1, merged: { base: 'l1', line: 'l5' } },
  'step.passed, merged, answering': {
    type: 'step.passed',
    index: 1,
    merged: { base: 'elsewhere', line: 'l5' },
    answers: true,
  },
  'step.unpassed': { type: 'step.unpassed', index: 1 },
  'step.unpassed, of itself': { type: 'step.unpassed', index: 1, sentBack: false },
  'step.unpassed, before': { type: 'step.unpassed', index: 1, sentBack: true, before: true },
  'step.failed': stepFailed,
  'step.failed, another': { type: 'step.failed', index: 0, name: 's0', reason: 'too hard' },
  'step.stopped': { type: 'step.stopped', index: 1 },
  'step.stopped, of a count anew': { type: 'step.stopped', index: 1, recount: 1 },
  'slice.done': { type: 'slice.done', told: 2, next: null },
  'slice.done, more': { type: 'slice.done', told: 2, next: 200 },
  'slice.done, of a count anew': { type: 'slice.done', told: 2, next: null, recount: 1 },
  'message.dropped': { type: 'message.dropped', needed: false },
  'message.dropped, needed': { type: 'message.dropped', needed: true },
  ...Object.fromEntries(
    verbs.map((verb): [string, Short] => [
      `step.command ${verb}`,
      { type: 'step.command', verb, index: 1, ...(verb === 'reject' ? { text: 'other colour' } : {}) },
    ]),
  ),
  'step.command retry, covers all': { type: 'step.command', verb: 'retry', index: 1, covers: [1, 0] },
  'step.command, no such step': { type: 'step.command', verb: 'approve', index: 2 },
  'step.command, below zero': { type: 'step.command', verb: 'approve', index: -1 },
  'task.done, plan': { type: 'task.done', plan: { hash: 'h3', steps: 2 } },
  'task.done, plan with faults': { type: 'task.done', plan: { faults: ['one', 'two'] } },
  'task.done, prepared': the.prepared,
  'task.done, published': the.published,
  'task.done, not passed, names': {
    type: 'task.done',
    verdict: reading(false, { reworkInstructions: null }, [0, 0, 7]),
  },
  ...forTasks,
}

export const registryEvents: Record<string, Short> = {
  ...Object.fromEntries(
    ['daemon.hello', 'daemon.bye', 'daemon.lost', 'daemon.drain'].map((type): [string, Short] => [
      type,
      { type, daemon: 'd1', session: 's1' },
    ]),
  ),
  ...Object.fromEntries(
    ['need', 'release', 'holding'].map((type): [string, Short] => [type, { type, directive: 'x' }]),
  ),
  audit: { type: 'audit' },
  settled: { type: 'settled' },
}

/** An actor in this place. */
export const at = ({ make, path }: Place): TestActor => {
  const made = make()
  if (path.length > 0) made.tellAll(...path)
  return made
}

const stateText = (live: Live): string =>
  typeof live.snapshot.value === 'string'
    ? live.snapshot.value
    : JSON.stringify(live.snapshot.value).replaceAll('"', '')

/** Short JSON for people: no quotes around keys, and nothing that is null, false or empty. */
const brief = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(brief).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).filter(([, each]) => each !== null && each !== false && each !== '')
  return `{${fields.map(([key, each]) => `${key}: ${brief(each)}`).join(', ')}}`
}

/** What changed in the context, field by field. */
const changes = (before: Live, after: Live): string[] => {
  const [was, is] = [before.snapshot.context, after.snapshot.context]
  return Object.keys(is)
    .filter((key) => !['given', 'report'].includes(key) && JSON.stringify(was[key]) !== JSON.stringify(is[key]))
    .map((key) => `${key}=${brief(is[key])}`)
}

const timerName = (id: string): string => id.split('.')[2] ?? id

const effectLine = (effect: Effect): string => {
  const { kind, ...rest } = effect
  if (effect.kind === 'tell') return `tell ${brief(effect.to)} ${brief(effect.message)}`
  if (effect.kind !== 'event') return `${kind} ${brief(rest)}`
  return `event ${effect.type} (${effect.severity}, ${effect.source}) ${brief(effect.data)}`
}

/** What one event does, as lines; none when it does nothing. */
const outcomeOf = (actor: TestActor, short: Short): string => {
  const before = actor.live
  const { live, effects, timers } = actor.tellAll(short)
  const [was, is] = [stateText(before), stateText(live)]
  const set = changes(before, live)
  const lines = [
    ...(was === is ? [] : [`  -> ${is}, ${statusOf(live)}`]),
    ...(set.length === 0 ? [] : [`  ${set.join(' ')}`]),
    ...timers.map((timer) => `  ${timer.do} ${timerName(timer.id)}${timer.do === 'set' ? ` ${timer.delay}` : ''}`),
    ...effects.map((effect) => `  ${effectLine(effect)}`),
  ]
  return lines.join('\n')
}

/** One state of the table as text: what each event does, those with the same outcome together. */
export const tableOf = (name: string, place: Place, events: Record<string, Short>): string => {
  const actor = at(place)
  const here = actor.live
  const back = actor.mark()
  const outcomes = new Map<string, string[]>()
  for (const [event, short] of Object.entries(events)) {
    const outcome = outcomeOf(back(), short)
    outcomes.set(outcome, [...(outcomes.get(outcome) ?? []), event])
  }
  const rows = [...outcomes].map(([outcome, names]) => `${names.join('; ')}\n${outcome === '' ? '  nothing' : outcome}`)
  const timers = timersOf(here).map(timerName).join(', ') || 'none'
  return [`## ${name}: ${stateText(here)}, ${statusOf(here)}; timers: ${timers}`, ...rows].join('\n')
}
