/** The rules that a step's machine decides: running, evaluating, merging, holding, and being evaluated again. */
import { describe, expect, it } from 'vitest'
import { openAttempt, statusOf, waitingFor } from '../../src/machines/advance.ts'
import {
  aStep,
  events,
  kinds,
  ofKind,
  reading,
  the,
  told,
  toEvaluation,
  toMerge,
  toPassed,
  type Short,
  work,
} from './support.ts'

const begun = { type: 'dependent.begun', index: 7 }
const lineMoved = { type: 'line.moved', counted: true }
const rejectEnded = { ...the.reject, live: false }
const stopped = { type: 'task.failed', reason: 'stopped', means: false }
const alone = { merges: false, hasDependents: false, dependsOn: [] }
const verdict = (passed: boolean, level: string | null, score: number | null = null): Short => ({
  type: 'task.done',
  verdict: reading(passed, { confidenceLevel: level, overallScore: score }),
})

describe('becoming ready', () => {
  it('R22: a step that waits asks to be dispatched when its last dependency has passed, and only then', () => {
    const step = aStep({ dependsOn: [4, 1] })
    expect(waitingFor(step.live)).toBe('dependencies 1, 4')
    expect(step.tell({ type: 'dispatch' })).toMatchObject({ changed: false, effects: [] })
    expect(step.tell(the.ready).effects).toEqual([])
    const last = step.tell({ type: 'dependency.passed', index: 4 })
    expect(last.effects).toEqual([{ kind: 'tell', to: 'directive', message: { type: 'step.ready', index: 3 } }])
    expect(step.tell({ type: 'dependency.passed', index: 4 })).toMatchObject({ changed: false, effects: [] })
  })

  it('R22: a step without dependencies waits for nothing but its dispatch', () => {
    const step = aStep({ dependsOn: [] })
    expect(step.first.effects).toEqual([])
    expect(waitingFor(step.live)).toBe('its dispatch')
    expect(statusOf(step.tell(the.dispatch).live)).toBe('running')
  })
})

describe('running', () => {
  it('R23 R24 R26: dispatch makes a worker task and offers it at once', () => {
    const { effects } = aStep().tellAll(the.ready, the.dispatch)
    expect(effects).toMatchObject([
      { kind: 'task', role: 'worker', purpose: 'work', number: 1, round: 1, feedback: null },
      { kind: 'ready', role: 'worker', number: 1 },
      { kind: 'event', type: 'step_running', data: { from: 'pending', to: 'running' } },
    ])
  })

  it('R40: a grant opens an attempt with a number and a nonce of its own', () => {
    const step = aStep()
    const { effects } = step.tellAll(the.ready, the.dispatch, the.granted)
    expect(effects).toMatchObject([
      { kind: 'unready' },
      { kind: 'spawn', attempt: 1, grant: 'g1', start: 'line', totalMs: 14_400_000 },
    ])
    expect(openAttempt(step.live)).toMatchObject({ role: 'worker', number: 1, attempt: 1, grant: 'g1', starting: true })
    expect(ofKind(effects, 'spawn')[0]?.nonce).toMatch(/^[a-z0-9-]+$/)
    expect(openAttempt(step.tell(the.accepted).live)?.starting).toBe(false)
  })

  it('R27: done work goes to be evaluated, once', () => {
    const step = aStep()
    const { effects, live } = step.tellAll(...work, the.done)
    expect(statusOf(live)).toBe('evaluating')
    expect(ofKind(effects, 'event')).toEqual([
      {
        kind: 'event',
        type: 'step_evaluating',
        severity: 'info',
        source: 'system',
        data: { from: 'running', to: 'evaluating' },
      },
    ])
    expect(step.tell({ ...the.done, attempt: 1, nonce: 's4-1' })).toMatchObject({ changed: false, effects: [] })
    expect(step.tell({ type: 'contract.complete', number: 1 })).toMatchObject({ changed: false, effects: [] })
  })

  it('R27: completing the contract of work that waits is done work', () => {
    const step = aStep()
    expect(statusOf(step.tellAll(the.ready, the.dispatch, { type: 'contract.complete' }).live)).toBe('evaluating')
  })

  it('R27: completing the contract of work that a person pulled ends it, since no daemon is there to finish it', () => {
    const step = aStep()
    const { live, effects } = step.tellAll(...work, { type: 'contract.complete', manual: true })
    expect(statusOf(live)).toBe('evaluating')
    expect(effects.slice(0, 2)).toMatchObject([
      { kind: 'closed', number: 1, as: 'done', suspect: false },
      { kind: 'taskEnded', number: 1, status: 'done' },
    ])
    expect(ofKind(effects, 'finish')).toEqual([])
    step.tell(the.granted)
    const another = step.tell({ type: 'contract.complete', manual: true, number: 1 })
    expect(another).toMatchObject({ changed: false, effects: [] })
    const judged = step.tell({ type: 'contract.complete', manual: true, verdict: reading(false) })
    expect(statusOf(judged.live)).toBe('rework')
  })

  it('R27: completing the contract of work that runs asks its daemon to finish; its report then ends the work', () => {
    const step = aStep()
    const { effects, changed } = step.tellAll(...work, { type: 'contract.complete', inside: true })
    expect([kinds(effects), changed]).toEqual([['finish'], false])
    expect(kinds(step.tell({ type: 'contract.complete', manual: false }).effects)).toEqual(['finish'])
    expect(statusOf(step.tell(the.done).live)).toBe('evaluating')
  })

  it('R28 R21: what the agent reports as failed fails the step at once', () => {
    const { effects, live } = aStep().tellAll(...work, the.failed)
    expect(statusOf(live)).toBe('failed')
    expect(ofKind(effects, 'tell')).toEqual([
      {
        kind: 'tell',
        to: 'directive',
        message: { type: 'step.failed', index: 3, name: 'build', reason: 'cannot be done' },
      },
    ])
    expect(ofKind(effects, 'event')).toMatchObject([
      { type: 'step_failed', severity: 'error', data: { reason: 'cannot be done' } },
    ])
  })

  it('R28: a failure of the means is tried again with growing delays, and then fails the step', () => {
    const step = aStep()
    expect(step.tellAll(...work, the.means).timers.at(-1)).toMatchObject({ do: 'set', delay: 5_000 })
    expect(ofKind(step.fire('backoff').effects, 'ready')).toMatchObject([{ number: 1 }])
    expect(step.tellAll(the.granted, the.lost).timers.at(-1)).toMatchObject({ do: 'set', delay: 30_000 })
    step.fire('backoff')
    const { live, effects } = step.tellAll(the.granted, the.means)
    expect(statusOf(live)).toBe('failed')
    expect(ofKind(effects, 'taskEnded')).toEqual([
      { kind: 'taskEnded', number: 1, status: 'failed', reason: 'died by a signal' },
    ])
    expect(step.all.filter(({ kind }) => kind === 'task')).toHaveLength(1)
  })

  it('R42: an attempt that no daemon accepts goes back to wait, and counts as no try', () => {
    const step = aStep()
    for (const why of ['accept', 'refused', 'accept', 'refused']) {
      const { effects, live } = step.tellAll(
        ...(step.live.snapshot.value === 'pending' ? [the.ready, the.dispatch] : []),
        the.granted,
        { type: 'task.lost', why, reason: 'busy' },
      )
      expect(kinds(effects)).toEqual(['stop', 'closed', 'ready'])
      expect(ofKind(effects, 'closed')).toMatchObject([{ as: 'refused', suspect: true, reason: 'busy' }])
      expect(statusOf(live)).toBe('running')
    }
  })

  it('R42: a refusal names its attempt and can hit no later one', () => {
    const step = aStep()
    step.tellAll(the.ready, the.dispatch, the.granted, { type: 'task.lost', why: 'accept', reason: '' }, the.granted)
    expect(step.tell({ type: 'task.lost', why: 'accept', reason: '', attempt: 1, nonce: 's3-1' })).toMatchObject({
      changed: false,
      effects: [],
    })
  })

  it('R43: a report counts only with both the number and the nonce of the open attempt', () => {
    const step = aStep()
    step.tellAll(...work)
    for (const wrong of [{ attempt: 2 }, { nonce: 's5-1' }])
      expect(step.tell({ ...the.done, ...wrong })).toMatchObject({ changed: false, effects: [] })
    expect(step.tell(the.done).changed).toBe(true)
  })

  it('R43: what a lost attempt still reports changes nothing', () => {
    const step = aStep()
    step.tellAll(...work, the.lost)
    for (const type of ['task.done', 'task.failed', 'task.accepted', 'task.lost'])
      expect(step.tell({ type, attempt: 1, nonce: 's3-1', means: true, why: 'daemon', reason: '' })).toMatchObject({
        changed: false,
        effects: [],
      })
  })

  it('R43: the total time-out stops the attempt and counts as a failure of the means', () => {
    const step = aStep()
    step.tellAll(...work)
    const { effects, live } = step.fire('total')
    expect(kinds(effects)).toEqual(['stop', 'closed', 'event'])
    expect(ofKind(effects, 'closed')).toMatchObject([{ as: 'timed_out', suspect: true }])
    expect(ofKind(effects, 'event')).toMatchObject([
      {
        type: 'task_retry',
        severity: 'warn',
        data: { task: 1, role: 'worker', failures: 1, reason: expect.stringContaining('total time') },
      },
    ])
    expect(waitingFor(live)).toBe('backoff after try 1')
  })

  it('R41: a grant that nothing waits for is given back, in every state; the one in use is kept', () => {
    const step = aStep()
    expect(step.tell(the.granted).effects).toEqual([{ kind: 'giveBack', grant: 'g1' }])
    step.tellAll(...work)
    expect(step.tell({ type: 'task.granted', grant: 'g2' }).effects).toEqual([{ kind: 'giveBack', grant: 'g2' }])
    expect(step.tell(the.granted)).toMatchObject({ changed: false, effects: [] })
  })

  it('R46: a person ends a task that waits, and takes one from a daemon only with force', () => {
    const step = aStep()
    step.tellAll(...work)
    expect(step.tell({ type: 'task.end' }).effects).toMatchObject([
      { kind: 'refuse', code: 'REFUSED', hint: expect.stringContaining('force') },
    ])
    expect(step.tell({ type: 'task.end', number: 9 }).effects).toMatchObject([
      { kind: 'refuse', text: 'task 9 is not open' },
    ])
    const { effects, live } = step.tell({ type: 'task.end', force: true })
    expect(kinds(effects).slice(0, 3)).toEqual(['stop', 'closed', 'taskEnded'])
    expect(ofKind(effects, 'closed')).toMatchObject([{ as: 'superseded', suspect: true }])
    expect(statusOf(live)).toBe('evaluating')
  })

  it('R46: a task of a manual daemon is ended by hand without force, as failed too', () => {
    const step = aStep()
    const { live } = step.tellAll(...work, { type: 'task.end', manual: true, outcome: 'failed', reason: 'gave up' })
    expect(statusOf(live)).toBe('failed')
    expect(live.snapshot.context['reason']).toBe('gave up')
  })
})

describe('evaluating', () => {
  it('R29: an evaluator judges the commit of the work', () => {
    const step = aStep()
    const { effects } = step.tellAll(...work, the.done)
    expect(ofKind(effects, 'task')).toMatchObject([
      { role: 'evaluator', purpose: 'evaluate', number: 2, manual: false },
    ])
    expect(ofKind(step.tell(the.granted).effects, 'spawn')).toMatchObject([{ attempt: 2, start: { commit: 'c1' } }])
  })

  it('R29: work that brought no commit is judged on the line', () => {
    const { effects } = aStep().tellAll(...work, { type: 'task.done' }, the.granted)
    expect(ofKind(effects, 'spawn')).toMatchObject([{ role: 'evaluator', start: 'line' }])
  })

  it('R29: without a repository there is nothing to start from', () => {
    const step = aStep(alone)
    step.tell(the.dispatch)
    expect(ofKind(step.tell(the.granted).effects, 'spawn')).toMatchObject([{ start: 'none' }])
    step.tell(the.done)
    expect(ofKind(step.tell(the.granted).effects, 'spawn')).toMatchObject([{ start: 'none' }])
  })

  it('R29 R36: with evaluation turned off, done counts as a passed verdict', () => {
    expect(statusOf(aStep({ evaluate: false }).tellAll(...work, the.done).live)).toBe('merging')
    expect(statusOf(aStep({ ...alone, evaluate: false }).tellAll(the.dispatch, the.granted, the.done).live)).toBe(
      'passed',
    )
  })

  it('R32 R33: an evaluation without a verdict is tried again first, and then fails open with its event', () => {
    for (const [report, type, reason] of [
      [the.failed, 'monitoring_failed_open', 'cannot be done'],
      [the.noVerdict, 'monitoring_parse_failed_open', 'no file'],
    ] as const) {
      const step = aStep()
      const again = step.tellAll(...toEvaluation, report)
      expect(statusOf(again.live)).toBe('evaluating')
      expect(events(again.effects)).toEqual(['monitoring_retry'])
      const { live, effects } = step.tellAll(the.granted, report)
      expect(statusOf(live)).toBe('merging')
      expect(ofKind(effects, 'event')[0]).toEqual({
        kind: 'event',
        type,
        severity: 'warn',
        source: 'system',
        data: { reason },
      })
      expect(ofKind(effects, 'evaluation')).toEqual([])
      expect(live.snapshot.context['unevaluated']).toBe(true)
    }
  })

  it('R32: an evaluator that a person ends as failed has left no verdict, whatever came with it', () => {
    const step = aStep({ onEvaluatorFailure: { retries: 0, then: 'hold' } })
    const end = { type: 'task.end', outcome: 'failed', force: true, verdict: reading(true) }
    const { live, effects } = step.tellAll(...toEvaluation, end)
    expect(statusOf(live)).toBe('held')
    expect(ofKind(effects, 'evaluation')).toEqual([])
  })

  it('R33: onEvaluatorFailure can hold the step, or fail it', () => {
    const hold = aStep({ onEvaluatorFailure: { retries: 0, then: 'hold' } }).tellAll(...toEvaluation, the.noVerdict)
    expect([statusOf(hold.live), waitingFor(hold.live)]).toEqual(['held', 'a person: there is no verdict (no file)'])
    const fail = aStep({ onEvaluatorFailure: { retries: 0, then: 'fail' } }).tellAll(...toEvaluation, the.failed)
    expect(statusOf(fail.live)).toBe('failed')
    expect(fail.live.snapshot.context['reason']).toBe('there is no verdict (cannot be done)')
  })

  it('R33: each evaluation has its retries anew', () => {
    const step = aStep({ maxRework: 2 })
    step.tellAll(...toEvaluation, the.noVerdict, the.granted, the.notPassing, ...work.slice(1), the.done, the.granted)
    expect(statusOf(step.tell(the.noVerdict).live)).toBe('evaluating')
  })

  it('R34: a verdict is handled once', () => {
    const step = aStep()
    step.tellAll(...toEvaluation)
    const open = openAttempt(step.live)
    step.tell(the.passing)
    expect(step.tell({ ...the.notPassing, attempt: open?.attempt, nonce: open?.nonce })).toMatchObject({
      changed: false,
      effects: [],
    })
  })

  it('R34: completing the contract of an evaluator that waits brings its verdict as well', () => {
    const step = aStep()
    step.tellAll(...work, the.done)
    expect(statusOf(step.tell({ type: 'contract.complete', verdict: reading(false) }).live)).toBe('rework')
  })

  it('R35: the verdict is recorded, kept by the step, and told in the history', () => {
    const { effects, live } = aStep().tellAll(...toEvaluation, the.notPassing)
    expect(ofKind(effects, 'evaluation')).toMatchObject([
      { number: 1, task: 2, by: 'automated', verdict: { passed: false } },
    ])
    expect(ofKind(effects, 'event')[0]).toEqual({
      kind: 'event',
      type: 'step_evaluation_failed',
      severity: 'info',
      source: 'system',
      data: { passed: false, overallScore: 0.3, confidenceLevel: 'red', summaryFeedback: 'not good' },
    })
    expect(live.snapshot.context).toMatchObject({ score: 0.3, level: 'red', evaluations: 1, unevaluated: false })
    const passed = aStep().tellAll(...toEvaluation, the.passing)
    expect(ofKind(passed.effects, 'event')[0]).toMatchObject({ type: 'step_evaluation_passed', severity: 'info' })
  })

  it('R36: passed work is merged first, and counts when it is in the line', () => {
    const step = aStep()
    const { live, effects } = step.tellAll(...toEvaluation, the.passing)
    expect(statusOf(live)).toBe('merging')
    expect(told(effects)).toEqual([])
    expect(ofKind(step.tell(the.granted).effects, 'spawn')).toMatchObject([{ role: 'merger', start: 'line' }])
    const passed = step.tell(the.merged)
    expect(ofKind(passed.effects, 'tell')).toEqual([
      {
        kind: 'tell',
        to: 'directive',
        message: { type: 'step.passed', index: 3, merged: { base: 'l0', line: 'l1' }, answers: true },
      },
      { kind: 'tell', to: 'dependents', message: { type: 'dependency.passed', index: 3 } },
    ])
  })

  it('R36: the word of the verdict is trusted: a low score that passed has passed', () => {
    expect(
      statusOf(aStep(alone).tellAll(the.dispatch, the.granted, the.done, the.granted, verdict(true, 'red', 0.1)).live),
    ).toBe('passed')
  })

  it('R36: work without a commit has nothing to merge', () => {
    const { live, effects } = aStep().tellAll(...work, { type: 'task.done' }, the.granted, the.passing)
    expect(statusOf(live)).toBe('passed')
    expect(ofKind(effects, 'tell')[0]?.message).toMatchObject({ type: 'step.passed', merged: null })
  })

  it('R36: what only an evaluator or a worker reports as merged is no merge', () => {
    const { effects } = aStep({ merges: false }).tellAll(...toEvaluation, { ...the.passing, merge: the.merged.merge })
    expect(ofKind(effects, 'tell')[0]?.message).toMatchObject({ type: 'step.passed', merged: null })
  })

  it('R36 R37: a conflict is a verdict of not passed: the work is done again from the line, with the files as feedback', () => {
    const step = aStep()
    const { live, effects } = step.tellAll(...toMerge, the.conflict)
    expect(statusOf(live)).toBe('rework')
    expect(ofKind(effects, 'event')[0]).toMatchObject({
      type: 'step_merge_conflict',
      severity: 'warn',
      data: { files: ['a.txt', 'b.txt'] },
    })
    const again = step.tell(the.dispatch)
    expect(ofKind(again.effects, 'task')[0]?.feedback).toMatch(/- a\.txt\n- b\.txt$/)
    expect(ofKind(step.tell(the.granted).effects, 'spawn')).toMatchObject([{ start: 'line' }])
    expect(statusOf(aStep({ maxRework: 0 }).tellAll(...toMerge, the.conflict).live)).toBe('failed')
  })

  it('R36 R51: a merge out of tries, and foreign commits, hold the step; approving merges again', () => {
    for (const [report, why] of [
      [the.failed, 'a person: its work could not be merged (cannot be done)'],
      [
        { type: 'task.done', merge: { kind: 'foreign', commits: ['f1', 'f2'] } },
        "a person: the line's branch has commits that the directive never recorded (f1, f2)",
      ],
      [{ type: 'task.done' }, 'a person: its work could not be merged (the merger gave no result)'],
    ] as const) {
      const step = aStep()
      const { live } = step.tellAll(...toMerge, report)
      expect([statusOf(live), waitingFor(live)]).toEqual(['held', why])
      expect(statusOf(step.tell(the.approve).live)).toBe('merging')
    }
  })

  it('R36: a merge onto a line that has moved is made again, and dependents wait again', () => {
    const step = aStep()
    const { live, effects } = step.tellAll(...toPassed, lineMoved)
    expect(statusOf(live)).toBe('merging')
    expect(told(effects)).toEqual(['directive: step.unpassed', 'dependents: dependency.withdrawn'])
    step.tell(the.granted)
    expect(told(step.tell(the.merged).effects)).toEqual(['directive: step.passed', 'dependents: dependency.passed'])
  })

  it('R36 R38: a step that is evaluated again when its merge turns out to be onto a line that has moved merges again before it has passed', () => {
    for (const verdictOfIt of [the.passing, the.noVerdict]) {
      const step = aStep()
      step.tellAll(...toPassed, the.evaluate, the.granted, lineMoved)
      expect(statusOf(step.tell(verdictOfIt).live)).toBe('merging')
      step.tell(the.granted)
      expect(told(step.tell(the.merged).effects)).toEqual(['directive: step.passed', 'dependents: dependency.passed'])
    }
  })

  it('R36 R38: not passed this time, it is reworked as any other', () => {
    const step = aStep()
    step.tellAll(...toPassed, the.evaluate, the.granted, lineMoved)
    expect(statusOf(step.tell(the.notPassing).live)).toBe('rework')
  })

  it('R38 R49: told to stop meanwhile, it ends as one that had begun, for it has not passed', () => {
    const step = aStep()
    const { live, effects } = step.tellAll(...toPassed, the.evaluate, lineMoved, the.cancel)
    expect(statusOf(live)).toBe('cancelled')
    expect(told(effects)).toContain('directive: step.stopped')
  })

  it('R36 R38: evaluated for its own sake, it merges again too, and counts then', () => {
    const step = aStep()
    const { effects } = step.tellAll(...toPassed, the.evaluateEnded, the.granted, lineMoved)
    expect(told(effects)).toEqual(['directive: step.unpassed', 'dependents: dependency.withdrawn'])
    expect(told(step.tell({ type: 'rework', feedback: 'no' }).effects)).toEqual(['directive: step.unpassed'])
    expect(statusOf(step.tell(the.passing).live)).toBe('merging')
    step.tell(the.granted)
    expect(told(step.tell(the.merged).effects)).toEqual(['directive: step.passed', 'dependents: dependency.passed'])
  })

  it('R36: a directive of an earlier version has not counted what it takes back, and is told nothing', () => {
    const { live, effects } = aStep().tellAll(...toPassed, { type: 'line.moved' })
    expect(statusOf(live)).toBe('merging')
    expect(told(effects)).toEqual(['dependents: dependency.withdrawn'])
  })

  it('R36: what had nothing to merge is not merged again when the line moves', () => {
    const step = aStep()
    step.tellAll(...work, { type: 'task.done' }, the.granted, the.passing)
    expect(step.tell({ type: 'line.moved' })).toMatchObject({ changed: false, effects: [] })
  })

  it('R37 R25: not passed within the budget is a rework, told the round, the feedback and the instructions', () => {
    const step = aStep()
    const { live, effects } = step.tellAll(...toEvaluation, the.notPassing)
    expect(statusOf(live)).toBe('rework')
    expect(told(effects)).toEqual(['directive: step.ready'])
    expect(ofKind(step.tell(the.dispatch).effects, 'task')).toMatchObject([
      { purpose: 'work', number: 3, round: 2, feedback: 'not good\n\ndo better' },
    ])
    expect(ofKind(step.tell(the.granted).effects, 'spawn')).toMatchObject([{ attempt: 3, start: { commit: 'c1' } }])
  })

  it('R25: without rework instructions the plan of the next round has no heading', () => {
    const step = aStep()
    step.tellAll(...toEvaluation, { type: 'task.done', verdict: reading(false, { reworkInstructions: null }) })
    expect(ofKind(step.tell(the.dispatch).effects, 'task')[0]).toMatchObject({ round: 2, feedback: null })
  })

  it('R25: a rework is told the instructions alone when there is no feedback, and nothing when they are empty', () => {
    const toldAfter = (reworkInstructions: string, summaryFeedback: string) =>
      aStep().tellAll(...toEvaluation, {
        type: 'task.done',
        verdict: reading(false, { reworkInstructions, summaryFeedback }),
      }).live.snapshot.context['feedback']
    expect(toldAfter('do better', '')).toBe('do better')
    expect(toldAfter('', 'not good')).toBeNull()
  })

  it('R36 R37: a rework without a commit of its own is judged and merged by the work before it', () => {
    const step = aStep()
    step.tellAll(...toEvaluation, the.notPassing, the.dispatch, the.granted, { type: 'task.done' })
    expect(ofKind(step.tell(the.granted).effects, 'spawn')).toMatchObject([{ start: { commit: 'c1' } }])
    expect(statusOf(step.tell(the.passing).live)).toBe('merging')
  })

  it('R37: without feedback the failure says no more than that the reworks are used up', () => {
    const silent = { type: 'task.done', verdict: reading(false, { reworkInstructions: null }) }
    const { live } = aStep({ maxRework: 0 }).tellAll(...toEvaluation, silent)
    expect(live.snapshot.context['reason']).toBe('not passed, and its 0 reworks are used up')
  })

  it('R37 R28: not passed when the budget is spent fails the step', () => {
    const { live, effects } = aStep({ maxRework: 0 }).tellAll(...toEvaluation, the.notPassing)
    expect(statusOf(live)).toBe('failed')
    expect(told(effects)).toEqual(['directive: step.failed'])
    expect(live.snapshot.context['reason']).toBe('not passed, and its 0 reworks are used up: not good\n\ndo better')
    const second = aStep({ maxRework: 1 })
    second.tellAll(...toEvaluation, the.notPassing, the.dispatch, the.granted, the.done, the.granted)
    expect(statusOf(second.tell(the.notPassing).live)).toBe('failed')
  })

  it('R20: the acceptance checks send a passed step to rework from the line, within the budget', () => {
    const step = aStep()
    const { live, effects } = step.tellAll(...toPassed, { type: 'rework', feedback: 'does not fit' })
    expect(statusOf(live)).toBe('rework')
    expect(told(effects)).toEqual([
      'directive: step.unpassed',
      'dependents: dependency.withdrawn',
      'directive: step.ready',
    ])
    expect(ofKind(step.tell(the.dispatch).effects, 'task')).toMatchObject([{ round: 2, feedback: 'does not fit' }])
    expect(ofKind(step.tell(the.granted).effects, 'spawn')).toMatchObject([{ start: 'line' }])
    const spent = aStep({ maxRework: 0 }).tellAll(...toPassed, { type: 'rework', feedback: 'does not fit' })
    expect(statusOf(spent.live)).toBe('failed')
    expect(told(spent.effects)).toEqual([
      'directive: step.unpassed',
      'dependents: dependency.withdrawn',
      'directive: step.failed',
    ])
  })
})

describe('evaluating again', () => {
  it('R38: a step that was never executed cannot be evaluated', () => {
    expect(aStep().tell(the.evaluate).effects).toMatchObject([
      { kind: 'refuse', text: 'step "build" was never executed' },
    ])
  })

  it('R38: an open task is stopped and superseded first, and the evaluation is a person’s', () => {
    const step = aStep()
    const { effects, live } = step.tellAll(...work, the.evaluate)
    expect(kinds(effects)).toEqual(['event', 'stop', 'closed', 'taskEnded', 'task', 'ready', 'event'])
    expect(effects[0]).toMatchObject({ type: 'manual_evaluation_triggered', severity: 'info', source: 'user' })
    expect(ofKind(effects, 'closed')).toMatchObject([{ as: 'superseded', suspect: true }])
    expect(ofKind(effects, 'task')).toMatchObject([{ purpose: 'evaluate', manual: true }])
    expect(statusOf(live)).toBe('evaluating')
    expect(step.tell(the.evaluate)).toMatchObject({ changed: false, effects: [] })
  })

  it('R38: a task that waits is withdrawn', () => {
    const { effects } = aStep().tellAll(the.ready, the.dispatch, the.evaluate)
    expect(kinds(effects)).toEqual(['unready', 'event', 'taskEnded', 'task', 'ready', 'event'])
  })

  it.each([
    ['running', work],
    ['evaluating', toEvaluation],
    ['merging', toMerge],
    ['rework', [...toEvaluation, the.notPassing]],
    ['passed', toPassed],
    ['failed', [...work, the.failed]],
    ['cancelled', [...work, the.cancel, stopped]],
    ['pending', [...work, the.failed, the.retry]],
    ['held', [...toMerge, the.foreign]],
  ] as const)('R38: without a verdict it never fails open: a step that was %s is so again', (status, path) => {
    const step = aStep()
    step.tellAll(...path)
    expect(statusOf(step.live)).toBe(status)
    step.tellAll(the.evaluate, the.granted)
    const { live, effects } = step.tell(the.noVerdict)
    expect(statusOf(live)).toBe(status)
    expect(live.snapshot.context).toMatchObject({ manual: null, unevaluated: false })
    expect(events(effects)).toContain('manual_evaluation_without_verdict')
  })

  it('R38: a held step keeps why and since when it is held', () => {
    const step = aStep()
    const before = step.tellAll(...toMerge, the.foreign).live.snapshot.context['held']
    expect(step.tellAll(the.evaluate, the.granted, the.noVerdict).live.snapshot.context['held']).toEqual(before)
  })

  it('R38 R35: passing again is recorded as manual and counts once', () => {
    const step = aStep()
    const asked = step.tellAll(...toPassed, the.evaluate)
    expect(told(asked.effects)).toEqual(['directive: step.unpassed', 'dependents: dependency.withdrawn'])
    const { effects, live } = step.tellAll(the.granted, the.passing)
    expect(statusOf(live)).toBe('passed')
    expect(ofKind(effects, 'evaluation')).toMatchObject([{ number: 2, by: 'manual' }])
    expect(ofKind(effects, 'tell')).toEqual([
      { kind: 'tell', to: 'directive', message: { type: 'step.passed', index: 3, merged: null } },
      { kind: 'tell', to: 'dependents', message: { type: 'dependency.passed', index: 3 } },
    ])
  })

  it.each([
    ['passed', toPassed],
    ['failed', [...work, the.failed]],
    ['cancelled', [...work, the.cancel, stopped]],
  ] as const)(
    'R38: on a directive that has ended the verdict on a %s step is recorded and nothing is reopened',
    (status, path) => {
      for (const report of [the.passing, the.notPassing]) {
        const step = aStep()
        step.tellAll(...path, the.evaluateEnded, the.granted)
        const { live, effects } = step.tell(report)
        expect(statusOf(live)).toBe(status)
        expect(ofKind(effects, 'evaluation')).toHaveLength(1)
        expect(told(effects)).toEqual([])
      }
    },
  )

  it('R20 R38: acceptance that sends back a passed step while a person evaluates it is not forgotten', () => {
    const feedback = 'the whole does not fit'
    const step = aStep()
    const { live, effects } = step.tellAll(...toPassed, the.evaluateEnded, the.granted, { type: 'rework', feedback })
    expect(statusOf(live)).toBe('rework')
    expect(ofKind(effects, 'closed')).toMatchObject([
      { as: 'superseded', reason: 'superseded: the acceptance checks send its work back' },
    ])
    expect(told(effects)).toEqual([
      'directive: step.unpassed',
      'dependents: dependency.withdrawn',
      'directive: step.ready',
    ])
    expect(live.snapshot.context).toMatchObject({ manual: null, task: null, feedback, rework: 1, round: 2 })
    expect(ofKind(step.tell(the.dispatch).effects, 'task')).toMatchObject([{ purpose: 'work', round: 2, feedback }])
    const spent = aStep({ maxRework: 0 })
    const failed = spent.tellAll(...toPassed, the.evaluateEnded, { type: 'rework', feedback })
    expect(statusOf(failed.live)).toBe('failed')
    expect(told(failed.effects)).toEqual([
      'directive: step.unpassed',
      'dependents: dependency.withdrawn',
      'directive: step.failed',
    ])
    expect(failed.live.snapshot.context['reason']).toBe(`not passed, and its 0 reworks are used up: ${feedback}`)
  })

  it('R20 R38: while its directive lives, the evaluation of a passed step took its count back: acceptance comes again', () => {
    const step = aStep()
    const { live: before } = step.tellAll(...toPassed, the.evaluate)
    const { live, effects } = step.tell({ type: 'rework', feedback: 'does not fit' })
    expect(live.snapshot.context).toEqual(before.snapshot.context)
    const message = { type: 'step.unpassed', index: 3, sentBack: true, before: true }
    expect(effects).toEqual([{ kind: 'tell', to: 'directive', message }])
  })

  it.each([
    ['passed', toPassed],
    ['failed', [...work, the.failed]],
    ['cancelled', [...work, the.cancel, stopped]],
  ] as const)('R38 R49: a step at rest (%s) whose evaluation is stopped is again what it was', (status, path) => {
    const step = aStep()
    step.tellAll(...path, the.evaluateEnded, the.granted, the.accepted)
    expect(statusOf(step.live)).toBe('evaluating')
    expect(statusOf(step.tellAll(the.cancel, stopped).live)).toBe(status)
  })

  it('R38: while its directive is ending, only what is at rest is evaluated', () => {
    expect(kinds(aStep().tellAll(...work, the.evaluateEnded).effects)).toEqual(['refuse'])
    expect(kinds(aStep().tellAll(...work, the.cancel, the.evaluate).effects)).toEqual(['refuse'])
  })

  it('R38: a verdict on a step that was running moves it on', () => {
    const passed = aStep().tellAll(...work, the.evaluate, the.granted, the.passing)
    expect(statusOf(passed.live)).toBe('passed')
    const not = aStep().tellAll(...toMerge, the.evaluate, the.granted, the.notPassing)
    expect(statusOf(not.live)).toBe('rework')
  })

  it('R54: not passed when no dependent has begun sends the step to rework', () => {
    const step = aStep()
    const { live, effects } = step.tellAll(...toPassed, the.evaluate, the.granted, the.notPassing)
    expect(statusOf(live)).toBe('rework')
    expect(told(effects)).toEqual(['directive: step.ready'])
  })

  it('R54 R25: a passed step has forgotten what its last round was told, and is told what a new evaluation says', () => {
    const step = aStep({ maxRework: 2 })
    step.tellAll(...toEvaluation, the.notPassing, the.dispatch)
    const again = step.tellAll(the.granted, the.done, the.granted, the.passing, the.granted, the.merged)
    expect(statusOf(again.live)).toBe('passed')
    expect(again.live.snapshot.context).toMatchObject({ rework: 1, feedback: null })
    const other = reading(false, { summaryFeedback: 'worse', reworkInstructions: 'use the other one' })
    step.tellAll(the.evaluate, the.granted, { type: 'task.done', verdict: other })
    expect(ofKind(step.tell(the.dispatch).effects, 'task')).toMatchObject([
      { purpose: 'work', round: 3, feedback: 'worse\n\nuse the other one' },
    ])
  })

  it.each([
    ['failed', [the.dispatch, the.granted, the.failed]],
    ['cancelled', [the.cancel]],
  ] as const)('R25: a step that has %s forgets what its next round would have been told', (status, path) => {
    const step = aStep()
    expect(step.tellAll(...toEvaluation, the.notPassing).live.snapshot.context['feedback']).not.toBeNull()
    const { live } = step.tellAll(...path)
    expect(statusOf(live)).toBe(status)
    expect(live.snapshot.context['feedback']).toBeNull()
  })

  it('R54: not passed when a dependent has begun is recorded and flagged, and reject is then accepted', () => {
    const step = aStep()
    expect(kinds(step.tellAll(...toPassed, the.reject).effects)).toEqual(['refuse'])
    const { live, effects } = step.tellAll(the.evaluate, begun, the.granted, the.notPassing)
    expect(statusOf(live)).toBe('passed')
    expect(ofKind(effects, 'event').map(({ type, severity }) => [type, severity])).toContainEqual([
      'step_evaluation_flagged',
      'warn',
    ])
    expect(told(effects)).toEqual(['directive: step.passed', 'dependents: dependency.passed'])
    expect(kinds(step.tell(rejectEnded).effects)).toEqual(['refuse'])
    const rejected = step.tell(the.reject)
    expect(statusOf(rejected.live)).toBe('rework')
    expect(told(rejected.effects)).toEqual([
      'directive: step.unpassed',
      'dependents: dependency.withdrawn',
      'directive: step.ready',
    ])
    expect(rejected.live.snapshot.context).toMatchObject({
      rework: 0,
      round: 2,
      feedback: 'other colour',
      flagged: false,
    })
  })

  it('R54: dependents that had begun flag only a step that was passed when it was evaluated', () => {
    const step = aStep({ maxRework: 2 })
    step.tellAll(...toPassed, { type: 'rework', feedback: 'does not fit' }, the.evaluate, begun, the.granted)
    const { live, effects } = step.tell(the.notPassing)
    expect(statusOf(live)).toBe('rework')
    expect(events(effects)).not.toContain('step_evaluation_flagged')
  })

  it('R54: a dependent that has not begun waits again; one that has says so', () => {
    const waits = aStep()
    waits.tell(the.ready)
    const withdrawn = { type: 'dependency.withdrawn', index: 1 }
    expect(waits.tell(withdrawn).effects).toEqual([])
    expect(waits.tell(the.dispatch)).toMatchObject({ changed: false })
    expect(told(waits.tell(the.ready).effects)).toEqual(['directive: step.ready'])
    const runs = aStep()
    runs.tellAll(...work)
    expect(runs.tell(withdrawn).effects).toEqual([
      { kind: 'tell', to: { step: 1 }, message: { type: 'dependent.begun', index: 3 } },
    ])
  })
})

describe('stopping', () => {
  it('R49 R21: what had not begun ends as skipped, and answers', () => {
    const { live, effects } = aStep().tell(the.cancel)
    expect(statusOf(live)).toBe('skipped')
    expect(told(effects)).toEqual(['directive: step.stopped'])
  })

  it.each([
    ['running', work],
    ['evaluating', toEvaluation],
    ['merging', toMerge],
  ] as const)('R49 R21: a task that runs is told to stop, and the %s step answers once it has', (_, path) => {
    const step = aStep()
    const { effects, live } = step.tellAll(...path, the.cancel)
    expect(kinds(effects)).toEqual(['stop'])
    expect(waitingFor(live)).toMatch(/^attempt \d to stop$/)
    const ended = step.tell(the.done)
    expect(statusOf(ended.live)).toBe('cancelled')
    expect(told(ended.effects)).toEqual(['directive: step.stopped'])
    expect(ofKind(ended.effects, 'closed')).toMatchObject([{ as: 'cancelled', suspect: false }])
  })

  it.each([
    ['running', work],
    ['evaluating', toEvaluation],
    ['merging', toMerge],
    ['passed and evaluated again', [...toPassed, the.evaluate, the.granted]],
  ] as const)('R21 R49: every cancel has its own answer, also those that come while the %s step stops', (_, path) => {
    const step = aStep()
    expect(step.tellAll(...path, the.cancel, the.cancel, the.cancel).effects).toEqual([])
    const answers = told(step.tell(the.done).effects).filter((each) => each === 'directive: step.stopped')
    expect(answers).toHaveLength(3)
    expect(told(step.tell(the.cancel).effects)).toEqual(['directive: step.stopped'])
  })

  it('R46 R49: of a count anew one answer is owed, whatever was asked before, and none for what was asked before it', () => {
    const step = aStep()
    const answer = { type: 'step.stopped', index: 3, recount: 1 }
    step.tellAll(...work, the.cancel, the.cancel, { ...the.cancel, recount: 1 }, the.cancel)
    const { effects } = step.tell(the.done)
    expect(ofKind(effects, 'tell')).toEqual([{ kind: 'tell', to: 'directive', message: answer }])
  })

  it('R49 R50: a stop that is overtaken by a retry is answered all the same', () => {
    const step = aStep()
    step.tellAll(...work, the.failed, the.evaluateEnded, the.granted, the.cancel)
    const { live, effects } = step.tell(the.retry)
    expect(statusOf(live)).toBe('pending')
    expect(told(effects)).toEqual(['directive: step.stopped', 'directive: step.ready'])
  })

  it('R49: a step that had begun before it was retried ends as cancelled, though it waits to be dispatched', () => {
    const { live, effects } = aStep().tellAll(...work, the.failed, the.retry, the.cancel)
    expect(statusOf(live)).toBe('cancelled')
    expect(told(effects)).toEqual(['directive: step.stopped'])
    expect(statusOf(aStep().tellAll(the.ready, the.cancel, the.retry, the.cancel).live)).toBe('skipped')
  })

  it.each([
    ['that waits for a slot', [the.ready, the.dispatch]],
    ['in backoff', [...work, the.means]],
    ['in rework', [...toEvaluation, the.notPassing]],
    ['that is held', [...toMerge, the.foreign]],
  ] as const)('R49: a step %s ends as cancelled at once', (_, path) => {
    const { live, effects } = aStep().tellAll(...path, the.cancel)
    expect(statusOf(live)).toBe('cancelled')
    expect(told(effects)).toEqual(['directive: step.stopped'])
  })

  it('R49: a held step that is cancelled while it is evaluated again is not held any more', () => {
    const step = aStep()
    const { live } = step.tellAll(...toMerge, the.foreign, the.evaluate, the.granted, the.cancel, the.done)
    expect(statusOf(live)).toBe('cancelled')
    expect(live.snapshot.context).toMatchObject({ held: null, manual: null })
  })

  it('R49: what had passed stays passed, also when it was being evaluated again', () => {
    const passed = aStep().tellAll(...toPassed, the.cancel)
    expect([statusOf(passed.live), told(passed.effects)]).toEqual(['passed', ['directive: step.stopped']])
    const step = aStep()
    const { live, effects } = step.tellAll(...toPassed, the.evaluate, the.granted, the.cancel, the.passing)
    expect(statusOf(live)).toBe('passed')
    expect(told(effects)).toEqual([
      'directive: step.passed',
      'dependents: dependency.passed',
      'directive: step.stopped',
    ])
  })

  it('R50: what failed, was cancelled or skipped is pending again, with a fresh rework budget', () => {
    for (const path of [
      [...work, the.failed],
      [...toEvaluation, the.notPassing, the.dispatch, the.cancel],
      [the.ready, the.cancel],
    ]) {
      const step = aStep()
      const { live, effects } = step.tellAll(...path, the.retry)
      expect(statusOf(live)).toBe('pending')
      expect(live.snapshot.context).toMatchObject({ rework: 0, round: 1, feedback: null, reason: null })
      expect(told(effects)).toEqual(['directive: step.ready'])
    }
    expect(told(aStep().tellAll(the.cancel, the.retry).effects)).toEqual([])
    expect(aStep().tellAll(...toPassed, the.retry)).toMatchObject({ changed: false, effects: [] })
  })

  it('R36 R50: a fresh start forgets the work that was rejected: it begins at the line, and merges only its own', () => {
    const step = aStep()
    step.tellAll(...toEvaluation, the.notPassing, the.dispatch, the.granted, the.failed, the.retry, the.dispatch)
    expect(step.live.snapshot.context).toMatchObject({ commit: null, inLine: false })
    expect(ofKind(step.tell(the.granted).effects, 'spawn')).toMatchObject([{ start: 'line' }])
    step.tellAll({ type: 'task.done' }, the.granted)
    const { live, effects } = step.tell(the.passing)
    expect(statusOf(live)).toBe('passed')
    expect(ofKind(effects, 'tell')[0]?.message).toMatchObject({ type: 'step.passed', merged: null })
  })

  it('R36 R50: fresh work without a commit is in no line, whatever the rejected work was', () => {
    const step = aStep({ maxRework: 0 })
    const { live } = step.tellAll(
      ...[...toPassed, { type: 'rework', feedback: 'does not fit' }, the.retry, the.dispatch, the.granted],
      ...[{ type: 'task.done' }, the.granted, the.passing],
    )
    expect(statusOf(live)).toBe('passed')
    expect(live.snapshot.context).toMatchObject({ commit: null, inLine: false })
  })

  it('R38 R50: until the fresh work begins, what can be evaluated is the last work', () => {
    const step = aStep()
    step.tellAll(...toEvaluation, the.notPassing, the.dispatch, the.granted, the.failed, the.retry, the.evaluate)
    expect(ofKind(step.tell(the.granted).effects, 'spawn')).toMatchObject([{ start: { commit: 'c1' } }])
    expect(statusOf(step.tell(the.passing).live)).toBe('merging')
  })

  it('R50: a step that is pending when its directive is retried asks to be dispatched again', () => {
    const { effects, changed } = aStep().tellAll(the.ready, the.retry)
    expect([told(effects), changed]).toEqual([['directive: step.ready'], false])
  })

  it('R50: a dependency that passes while a step is skipped is not forgotten', () => {
    const step = aStep()
    step.tellAll(the.cancel, the.ready)
    expect(told(step.tell(the.retry).effects)).toEqual(['directive: step.ready'])
  })
})

describe('held', () => {
  const approval = { requiresApproval: true }
  const toHeld = [...toEvaluation, the.passing]

  it('R51 R52: a step that requires approval is held before it passes, and shows why and since when', () => {
    const { live, effects } = aStep(approval).tellAll(...toHeld)
    expect([statusOf(live), waitingFor(live)]).toEqual(['held', 'a person: approval'])
    expect(live.snapshot.context['held']).toEqual({ why: 'approval', since: 9000 })
    expect(ofKind(effects, 'event').at(-1)).toMatchObject({ type: 'step_held', data: { reason: 'approval' } })
  })

  it('R52: under guarded a yellow or red verdict is held (a level that is no colour counts by its score), under manual every one, under full none', () => {
    const statusAfter = (autonomy: 'full' | 'guarded' | 'manual', ...of: [string | null, number | null]) =>
      statusOf(aStep({ autonomy, merges: false }).tellAll(...toEvaluation, verdict(true, ...of)).live)
    expect(statusAfter('guarded', 'yellow', null)).toBe('held')
    expect(statusAfter('guarded', 'RED', null)).toBe('held')
    expect(statusAfter('guarded', 'green', 0.1)).toBe('passed')
    expect(statusAfter('guarded', null, 0.8)).toBe('passed')
    expect(statusAfter('guarded', null, 0.79)).toBe('held')
    expect(statusAfter('guarded', null, 0.49)).toBe('held')
    expect(statusAfter('guarded', null, null)).toBe('passed')
    expect(statusAfter('guarded', 'Green', 0.1)).toBe('passed')
    expect(statusAfter('guarded', 'Yellow', 0.9)).toBe('held')
    expect(statusAfter('guarded', 'high', 0.8)).toBe('passed')
    expect(statusAfter('guarded', 'high', 0.79)).toBe('held')
    expect(statusAfter('guarded', 'green-ish', 0.3)).toBe('held')
    expect(statusAfter('guarded', 'high', null)).toBe('passed')
    expect(statusAfter('manual', 'green', 1)).toBe('held')
    expect(statusAfter('full', 'red', 0)).toBe('passed')
  })

  it('R29 R52: without evaluation a step that requires approval is held all the same', () => {
    expect(statusOf(aStep({ ...approval, evaluate: false }).tellAll(...work, the.done).live)).toBe('held')
  })

  it('R51: a step in between of yellow and red has the level that its score says', () => {
    const levelAfter = (score: number) =>
      aStep().tellAll(...toEvaluation, verdict(true, null, score)).live.snapshot.context['level']
    expect([0.8, 0.79, 0.5, 0.49].map(levelAfter)).toEqual(['green', 'yellow', 'yellow', 'red'])
  })

  it('R51: approve is a passed verdict, reject a rework outside of the budget, cancel a failure, retry a fresh start', () => {
    const held = () => {
      const step = aStep({ ...approval, maxRework: 0 })
      step.tellAll(...toHeld)
      return step
    }
    expect(statusOf(held().tell(the.approve).live)).toBe('merging')
    const rejected = held().tell(the.reject)
    expect(statusOf(rejected.live)).toBe('rework')
    expect(rejected.live.snapshot.context).toMatchObject({ held: null, rework: 0, round: 2, feedback: 'other colour' })
    const failed = held().tell({ ...the.approve, verb: 'cancel' })
    expect(statusOf(failed.live)).toBe('failed')
    expect(told(failed.effects)).toEqual(['directive: step.failed'])
    const retried = held().tell({ ...the.approve, verb: 'retry' })
    expect([statusOf(retried.live), told(retried.effects)]).toEqual(['pending', ['directive: step.ready']])
    expect(statusOf(held().tell(the.evaluate).live)).toBe('evaluating')
  })

  it('R51 R46: decisions are refused on a step that is not held, saying what it is', () => {
    for (const verb of ['approve', 'reject', 'retry', 'cancel'])
      expect(aStep().tellAll(...work, { ...the.reject, verb }).effects).toMatchObject([
        { kind: 'refuse', code: 'REFUSED', text: `step "build" is running: ${verb} is not possible` },
      ])
  })

  it('R51: a step that is held in vain decides by itself', () => {
    const after = (decision: 'approve' | 'reject' | 'cancel') => {
      const step = aStep({ ...approval, hold: { ms: 60_000, decision } })
      expect(step.tellAll(...toHeld).timers.at(-1)).toMatchObject({ do: 'set', delay: 60_000 })
      return step.fire('hold').live
    }
    expect(statusOf(after('approve'))).toBe('merging')
    expect(after('reject').snapshot.context).toMatchObject({ feedback: 'nobody decided in time', rework: 0 })
    expect(statusOf(after('cancel'))).toBe('failed')
  })

  it('R51: the time that a step is held goes on while it is evaluated again', () => {
    const step = aStep({ ...approval, hold: { ms: 60_000, decision: 'approve' } })
    step.tellAll(...toHeld)
    expect(step.tellAll(the.evaluate, the.granted, the.noVerdict).timers.at(-1)).toMatchObject({
      do: 'set',
      delay: 57_000,
    })
  })
})
