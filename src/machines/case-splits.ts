/** By what a state tells messages of one type apart: what guards look at, and nothing else of a message. */
import type { DirectiveContext } from './directive-context.ts'
import { directiveGuards } from './directive-guards.ts'
import type { Purpose } from './effect.ts'
import { type Live, openAttempt } from './live.ts'
import type { Message } from './message.ts'
import { has, last, option, type Read, type Split } from './split.ts'
import { byCounted, byFailed, byLeaving, byMerged } from './step-splits.ts'
import { colourOf, levelOf, type StepContext } from './step-context.ts'
import type { Task } from './task.ts'

const taskOf = ({ snapshot }: Live): Task | null => (snapshot.context as { task?: Task | null }).task ?? null
const directiveOf = ({ snapshot }: Live): DirectiveContext => snapshot.context as DirectiveContext
const stepOf = ({ snapshot }: Live): StepContext => snapshot.context as StepContext

const hash = '0'.repeat(64)
const commit = '0'.repeat(40)
const verdict = { criteriaResults: null, summaryFeedback: '', reworkInstructions: null, steps: [] }
const passed = { verdict: { ...verdict, passed: true, overallScore: 1, confidenceLevel: 'green' }, rework: [] }
const doubted = { verdict: { ...verdict, passed: true, overallScore: 0.5, confidenceLevel: 'yellow' }, rework: [] }
const notPassed = { verdict: { ...verdict, passed: false, overallScore: 0, confidenceLevel: 'red' }, rework: [] }

const byAttempt = (live: Live): Split => {
  const open = openAttempt(live)
  const own =
    open === null ? [] : [option('open', `of attempt ${open.attempt}`, { attempt: open.attempt, nonce: open.nonce })]
  const other = open === null ? 'of any attempt' : 'of any other attempt'
  return {
    options: [...own, last('other', other, { attempt: 0, nonce: '' })],
    of: ({ attempt, nonce }) => (attempt === open?.attempt && nonce === open?.nonce ? 'open' : 'other'),
  }
}

const byTask = (live: Live): Split => {
  const task = taskOf(live)
  const own = task === null ? [] : [option('this', `of task ${task.number}`, { number: task.number })]
  return {
    options: [...own, last('other', task === null ? 'of any task' : 'of any other task', { number: 0 })],
    of: ({ number }) => (number === task?.number ? 'this' : 'other'),
  }
}

const byGrant = (live: Live): Split => {
  const grant = openAttempt(live)?.grant
  const own = grant === undefined ? [] : [option('same', 'of the grant that it has', { grant })]
  return {
    options: [...own, option('new', grant === undefined ? '' : 'of any other grant', { grant: 'a-grant' })],
    of: (message) => (message['grant'] === grant ? 'same' : 'new'),
  }
}

const byForce: Split = {
  options: [
    option('plain', 'without force'),
    option('forced', 'with force', { force: true }),
    option('pulled', "of a person's pull", { manual: true }),
  ],
  of: ({ force, manual }) => (force === true ? 'forced' : manual === true ? 'pulled' : 'plain'),
}

const byPull: Split = {
  options: [option('plain', 'of a daemon'), option('pulled', "of a person's pull", { manual: true })],
  of: ({ manual }) => (manual === true ? 'pulled' : 'plain'),
}

const byEnd: Split = {
  options: [option('done', 'as done', { outcome: 'done' }), last('failed', 'as failed', { outcome: 'failed' })],
  of: ({ outcome }) => (outcome === 'failed' ? 'failed' : 'done'),
}

const plans = [
  option('plan', 'with a plan', { plan: { hash, steps: 1 } }),
  option('faults', 'with a plan that has faults', { plan: { faults: ['a fault'] } }),
]
const byPlan: Split = {
  options: [...plans, option('none', 'without a plan')],
  of: ({ plan }) => (has(plan, 'hash') ? 'plan' : has(plan, 'faults') ? 'faults' : 'none'),
}

const byCommit: Split = {
  options: [option('commit', 'with a commit', { commit }), option('none', 'without a commit')],
  of: (message) => (typeof message['commit'] === 'string' ? 'commit' : 'none'),
}

/** Under the guarded autonomy level the verdict's colour counts as well (R52). */
const byVerdict = (live: Live): Split => {
  const step = stepOf(live)
  const { given } = step
  const guarded = live.snapshot.machine.id === 'step' && given.settings.autonomy === 'guarded'
  const isDoubted = (of: typeof passed.verdict): boolean =>
    guarded &&
    ['yellow', 'red'].includes(
      colourOf({ ...step, score: of.overallScore, level: levelOf(of, given.settings.thresholds) }) ?? '',
    )
  return {
    options: [
      option('passed', 'with a verdict of passed', { verdict: passed }),
      ...(guarded ? [option('doubted', 'with a yellow or red verdict of passed', { verdict: doubted })] : []),
      option('not passed', 'with a verdict of not passed', { verdict: notPassed }),
      option('none', 'without a verdict', { verdict: { fault: 'there is no file with a verdict' } }),
    ],
    of: ({ verdict: reading }) => {
      if (!has(reading, 'verdict')) return 'none'
      const { verdict: of } = reading as typeof passed
      return !of.passed ? 'not passed' : isDoubted(of) ? 'doubted' : 'passed'
    },
  }
}

const merges = {
  merged: option('merged', 'with a merge', { merge: { kind: 'merged', base: commit, line: commit } }),
  conflict: option('conflict', 'with a conflict', { merge: { kind: 'conflict', files: ['a file'] } }),
  foreign: option('foreign', 'with foreign commits', { merge: { kind: 'foreign', commits: [commit] } }),
  prepared: option('prepared', 'with a prepared line', { merge: { kind: 'prepared', line: commit } }),
  published: option('published', 'with a published line', { merge: { kind: 'published', line: commit } }),
}
const byMerge: Split = {
  options: [...Object.values(merges), option('none', 'without a result')],
  of: ({ merge }) => (has(merge, 'kind') ? (merge as { kind: string }).kind : 'none'),
}

/** What of a task's end counts for its purpose. */
const byResult = (live: Live): Split[] => {
  const task = taskOf(live)
  if (task === null) return []
  const splits: Record<Purpose, () => Split> = {
    plan: () => byPlan,
    work: () => byCommit,
    evaluate: () => byVerdict(live),
    accept: () => byVerdict(live),
    merge: () => byMerge,
    prepare: () => byMerge,
    publish: () => byMerge,
  }
  return [splits[task.purpose]()]
}

/** A task that is ended by hand brings neither a commit nor a merge. */
const byHand = (live: Live): Split[] => {
  const purpose = taskOf(live)?.purpose
  return purpose === 'plan' || purpose === 'evaluate' || purpose === 'accept' ? byResult(live) : []
}

const byCause: Split = {
  options: [
    option('lost', 'whose daemon or grant is gone', { why: 'daemon', reason: 'the daemon is gone' }),
    option('stall', 'that makes no progress', { why: 'stall', reason: 'no progress' }),
    option('refused', 'that was refused or not accepted', { why: 'refused', reason: 'refused' }),
  ],
  of: ({ why }) => (why === 'stall' ? 'stall' : why === 'refused' || why === 'accept' ? 'refused' : 'lost'),
}

const byMeans: Split = {
  options: [
    option('means', 'of the means', { means: true, reason: 'a failure of the means' }),
    option('work', 'of the work', { means: false, reason: 'a failure of the work' }),
  ],
  of: ({ means }) => (means === true ? 'means' : 'work'),
}

const byDependency = (live: Live): Split => {
  const { waitsFor } = stepOf(live)
  const waited = waitsFor[0]
  const key = waitsFor.length === 1 ? 'only' : 'one'
  const words = `of step ${waitsFor.join(' or ')}, which it waits for`
  const own = waited === undefined ? [] : [option(key, words, { index: waited })]
  const other = Math.max(-1, ...waitsFor) + 1
  return {
    options: [...own, option('other', 'of a step that it does not wait for', { index: other })],
    of: ({ index }) => (waitsFor.includes(index as number) ? key : 'other'),
  }
}

const verbs = ['evaluate', 'approve', 'reject', 'retry', 'cancel'] as const
const byVerb: Split = {
  options: verbs.map((verb) => option(verb, verb, verb === 'reject' ? { verb, text: 'why' } : { verb })),
  of: ({ verb }) => String(verb),
}
const byLife: Split = {
  options: [
    option('live', 'while its directive lives', { live: true }),
    option('ended', 'while its directive ends or has ended', { live: false }),
  ],
  of: ({ live }) => (live === true ? 'live' : 'ended'),
}

const byStepOfPlan = (live: Live): Split => {
  const { chain, failed } = directiveOf(live)
  const steps = chain?.steps ?? 0
  const whole = Array.from({ length: Math.min(steps, failed.length + 1) }, (_, at) => at)
  const other = whole.find((at) => !failed.includes(at))
  const first = failed[0]
  const options = [
    ...(first === undefined
      ? []
      : [
          option('covered', 'of a failed step, with all that failed beside it', { index: first, covers: failed }),
          option('uncovered', 'of a failed step, without others that failed', { index: first, covers: [first] }),
        ]),
    ...(other === undefined ? [] : [option('in', 'of a step of its plan that has not failed', { index: other })]),
    option('none', steps === 0 ? 'of any step' : 'of a step that its plan does not have', { index: steps }),
  ]
  const of = (message: Read): string => {
    const looked = { context: directiveOf(live), event: message as object as Message & { type: 'step.command' } }
    const { index, verb } = message
    if (!directiveGuards.commandsStep(looked)) return 'none'
    if (!failed.includes(index as number)) return 'in'
    return verb !== 'retry' || directiveGuards.retriesFailed(looked) ? 'covered' : 'uncovered'
  }
  return { options, of }
}

/** The last slice of those that are told to stop ends the wait when nobody is left to answer. */
const bySlice = (live: Live): Split => {
  const { told, stopped } = directiveOf(live)
  const over =
    stopped >= told ? [option('over', 'the last, after which none is left to stop', { next: null, told: 0 })] : []
  const few = Math.max(0, stopped - told)
  return {
    options: [
      ...over,
      option('last', 'the last', { next: null, told: few + 1 }),
      option('more', 'with more to come', { next: 1, told: 1 }),
    ],
    of: (message) => (message['next'] !== null ? 'more' : stopped >= told + Number(message['told']) ? 'over' : 'last'),
  }
}

/** Whether what was told to stop, and what is answered to that, is of the count that goes on. */
const byCount = ({ recount }: { recount?: number }, other: string): Split => ({
  options: [
    option('present', '', recount === undefined ? {} : { recount }),
    last('other', other, { recount: (recount ?? 0) + 1 }),
  ],
  of: (message) => (message['recount'] === recount ? 'present' : 'other'),
})

const byCountOfSlice = (live: Live): Split[] =>
  directiveOf(live).slice === 'cancel' ? [byCount(directiveOf(live), 'of another count')] : []

const byAsker = (live: Live): Split[] => {
  if (live.snapshot.machine.id !== 'step') return []
  const { recount } = stepOf(live)
  const { options } = byCount(stepOf(live), 'of a count anew')
  const before = recount === undefined ? [] : [last('earlier', 'of an earlier count')]
  return [{ options: [...options, ...before], of: ({ recount: of }) => askedIn(of as number | undefined, recount) }]
}

const askedIn = (of: number | undefined, recount: number | undefined): string => {
  if (of === recount) return 'present'
  return (of ?? 0) > (recount ?? 0) ? 'other' : 'earlier'
}

const byNeed: Split = {
  options: [
    option('needed', 'which a retry would need', { needed: true }),
    option('failed', 'that a step has failed', { needed: false, failed: true }),
    option('root', 'that a step without dependencies may go', { needed: false, root: true }),
    option('not needed', 'which a retry does without', { needed: false }),
  ],
  of: ({ needed, failed, root }) => {
    if (needed === true) return 'needed'
    if (failed === true) return 'failed'
    return root === true ? 'root' : 'not needed'
  },
}

/** Coarse first. A type that is not here is of one case: nothing in such a message matters. */
export const splitsOf = (live: Live, type: string): readonly Split[] => {
  const make: Record<string, () => Split[]> = {
    'task.granted': () => [byGrant(live)],
    'task.accepted': () => [byAttempt(live)],
    'task.done': () => [byAttempt(live), ...byResult(live)],
    'task.failed': () => [byAttempt(live), byMeans],
    'task.lost': () => [byAttempt(live), byCause],
    'task.end': () => [byTask(live), byForce, byEnd, ...byHand(live)],
    'contract.complete': () => [byTask(live), byPull, ...byHand(live)],
    plan: () => [{ ...byPlan, options: plans }],
    'step.passed': () => [byMerged(live)],
    'step.unpassed': () => [byLeaving],
    'line.moved': () => [byCounted],
    'step.failed': () => [byFailed(live)],
    'step.stopped': () => [byCount(directiveOf(live), 'of another count')],
    'message.dropped': () => [byNeed],
    cancel: () => byAsker(live),
    'slice.done': () => [...byCountOfSlice(live), bySlice(live)],
    'step.command': () => [byVerb, byStepOfPlan(live)],
    'dependency.passed': () => [byDependency(live)],
    'dependency.withdrawn': () => [byDependency(live)],
    command: () => [byVerb, byLife],
  }
  return make[type]?.() ?? []
}
