/** Actors to try the machines with: settings that name everything, and messages that fill in the open attempt's stamp. */
import { advance, type Advance, begin, fire, type Live, openAttempt, timersOf } from '../../src/machines/advance.ts'
import type { Effect } from '../../src/machines/effect.ts'
import type { DirectiveSettings, StepSettings } from '../../src/machines/given.ts'
import type { Message } from '../../src/machines/message.ts'
import type { Task } from '../../src/machines/task.ts'
import type { ActorKind } from '../../src/protocol/ids.ts'
import type { Verdict } from '../../src/protocol/verdict.ts'

export const limits = { total: 14_400_000, stopping: 30_000, backoff: [5_000, 30_000] }

export const stepSettings: StepSettings = {
  limits,
  index: 3,
  name: 'build',
  dependsOn: [1],
  hasDependents: true,
  evaluate: true,
  requiresApproval: false,
  merges: true,
  maxRework: 1,
  thresholds: { green: 0.8, yellow: 0.5 },
  autonomy: 'full',
  onEvaluatorFailure: { retries: 1, then: 'pass' },
  hold: null,
}

export const directiveSettings: DirectiveSettings = {
  limits,
  maxRegenerations: 1,
  hasRepository: true,
  hasChecks: true,
  acceptRetries: 1,
  readyPlan: null,
}

/** A message in short: the stamp of the open attempt and the number of the present task may be left out. */
export type Short = { type: string } & Record<string, unknown>

export const verdictOf = (passed: boolean, more: Partial<Verdict> = {}): Verdict => ({
  passed,
  overallScore: passed ? 0.9 : 0.3,
  confidenceLevel: passed ? 'green' : 'red',
  criteriaResults: null,
  summaryFeedback: passed ? 'good' : 'not good',
  reworkInstructions: passed ? null : 'do better',
  steps: [],
  ...more,
})
export const reading = (passed: boolean, more: Partial<Verdict> = {}, rework: readonly number[] = []) => ({
  verdict: verdictOf(passed, more),
  rework,
})

const stamped = new Set(['task.accepted', 'task.done', 'task.failed', 'task.lost'])
const numbered = new Set(['task.end', 'contract.complete'])

/** The whole message, for an actor in this state. */
export const whole = (live: Live, short: Short): Message => {
  const { type } = short
  const open = openAttempt(live)
  const task = (live.snapshot.context as { task?: Task | null }).task ?? null
  const stamp = stamped.has(type) ? { attempt: open?.attempt ?? 99, nonce: open?.nonce ?? 'none' } : {}
  const number = numbered.has(type) ? { number: task?.number ?? 99 } : {}
  const rest = type === 'task.done' ? { result: null, commit: null } : {}
  const end =
    type === 'task.end' ? { outcome: 'done', result: null, reason: 'by hand', force: false, manual: false } : {}
  const complete = type === 'contract.complete' ? { inside: false } : {}
  return { ...stamp, ...number, ...rest, ...end, ...complete, ...short } as object as Message
}

export const actor = (kind: ActorKind, settings: unknown) => {
  let turns = 0
  const given = () => ({ at: ++turns * 1000, seed: `s${turns}`, settings })
  const first = begin(kind, given())
  let live = first.live
  const all: Effect[] = [...first.effects]
  const took = (result: Advance): Advance => {
    live = result.live
    all.push(...result.effects)
    return result
  }
  const self = {
    settings,
    first,
    get live() {
      return live
    },
    /** Every effect since it began. */
    all,
    /** Goes on from another state. */
    from: (other: Live) => {
      live = other
      return self
    },
    /** Marks where it stands; what this gives leads back there, so that a way is gone once and not once per message. */
    mark: () => {
      const here = { live, turns }
      return () => {
        ;({ live, turns } = here)
        return self
      }
    },
    tell: (short: Short): Advance => took(advance(live, whole(live, short), given())),
    /** Takes several, and hands back what came of the last. */
    tellAll: (...shorts: readonly Short[]): Advance => {
      const results = shorts.map((short) =>
        short.type.startsWith('timer ') ? self.fire(short.type.slice('timer '.length)) : self.tell(short),
      )
      const last = results.at(-1)
      if (last === undefined) throw new Error('nothing was told')
      return last
    },
    /** Fires the timer whose name is this, wherever it sits. */
    fire: (name: string): Advance => {
      const id =
        timersOf(live).find((timer) => timer.startsWith(`xstate.after.${name}.`)) ?? `xstate.after.${name}.nowhere`
      return took(fire(live, id, given()))
    },
  }
  return self
}
export type TestActor = ReturnType<typeof actor>

export const aStep = (over: Partial<StepSettings> = {}) => actor('step', { ...stepSettings, ...over })
export const aDirective = (over: Partial<DirectiveSettings> = {}) =>
  actor('directive', { ...directiveSettings, ...over })

export const kinds = (effects: readonly Effect[]): string[] => effects.map(({ kind }) => kind)
export const ofKind = <K extends Effect['kind']>(effects: readonly Effect[], kind: K): Extract<Effect, { kind: K }>[] =>
  effects.filter((effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind)
export const events = (effects: readonly Effect[]): string[] => ofKind(effects, 'event').map(({ type }) => type)
export const told = (effects: readonly Effect[]): string[] =>
  ofKind(effects, 'tell').map(
    ({ to, message }) => `${typeof to === 'string' ? to : `step ${to.step}`}: ${message.type}`,
  )

/** Messages in short, by what they say. */
export const the = {
  ready: { type: 'dependency.passed', index: 1 },
  dispatch: { type: 'dispatch' },
  granted: { type: 'task.granted', grant: 'g1' },
  accepted: { type: 'task.accepted' },
  done: { type: 'task.done', commit: 'c1', result: 'r1' },
  passing: { type: 'task.done', verdict: reading(true) },
  notPassing: { type: 'task.done', verdict: reading(false) },
  noVerdict: { type: 'task.done', verdict: { fault: 'no file' } },
  merged: { type: 'task.done', merge: { kind: 'merged', base: 'l0', line: 'l1' } },
  conflict: { type: 'task.done', merge: { kind: 'conflict', files: ['a.txt', 'b.txt'] } },
  foreign: { type: 'task.done', merge: { kind: 'foreign', commits: ['f1'] } },
  prepared: { type: 'task.done', merge: { kind: 'prepared', line: 'l0' } },
  published: { type: 'task.done', merge: { kind: 'published', line: 'l1' } },
  means: { type: 'task.failed', reason: 'died by a signal', means: true },
  failed: { type: 'task.failed', reason: 'cannot be done', means: false },
  lost: { type: 'task.lost', why: 'daemon', reason: 'the daemon is gone' },
  cancel: { type: 'cancel' },
  retry: { type: 'retry' },
  evaluate: { type: 'command', verb: 'evaluate', live: true },
  evaluateEnded: { type: 'command', verb: 'evaluate', live: false },
  approve: { type: 'command', verb: 'approve', live: true },
  reject: { type: 'command', verb: 'reject', text: 'other colour', live: true },
  start: { type: 'start' },
  plan: { type: 'plan', plan: { hash: 'h1', steps: 2 } },
  told: { type: 'slice.done', told: 1, next: null },
} as const satisfies Record<string, Short>

/** Ways to a state. */
export const work = [the.ready, the.dispatch, the.granted, the.accepted] as const
export const toEvaluation = [...work, the.done, the.granted, the.accepted] as const
export const toMerge = [...toEvaluation, the.passing, the.granted, the.accepted] as const
export const toPassed = [...toMerge, the.merged] as const
export const toPlanner = [the.start, the.granted, the.accepted] as const
export const toPreparing = [...toPlanner, the.plan, the.done, the.granted, the.accepted] as const
export const toRunning = [...toPreparing, the.prepared, the.told] as const
export const passOf = (index: number, base: string, line: string) => ({
  type: 'step.passed',
  index,
  merged: { base, line },
})
export const toJudging = [
  ...toRunning,
  passOf(0, 'l0', 'l1'),
  passOf(1, 'l1', 'l2'),
  the.granted,
  the.accepted,
] as const
export const toPublishing = [...toJudging, the.passing, the.granted, the.accepted] as const
export const toCompleted = [...toPublishing, the.published] as const
