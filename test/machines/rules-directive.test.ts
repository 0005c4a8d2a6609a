/** The rules that a directive's machine decides: starting, the plan, the end of planning, advancing, steering. */
import { textBytesMax } from '../../src/protocol/limits.ts'
import { describe, expect, it } from 'vitest'
import { hasEnded, isPaused, mayDispatch, statusOf } from '../../src/machines/advance.ts'
import {
  aDirective,
  events,
  kinds,
  ofKind,
  passOf,
  reading,
  the,
  told,
  toCompleted,
  toJudging,
  toPlanner,
  toPreparing,
  toPublishing,
  toRunning,
} from './support.ts'

const bare = { hasRepository: false, hasChecks: false }
const noPlan = { type: 'task.done' }
const stepFailed = { type: 'step.failed', index: 1, name: 's1', reason: 'cannot be done' }
const pause = { type: 'pause' }
const resume = { type: 'resume' }
const done = (told: number, next: number | null = null) => ({ type: 'slice.done', told, next })
const stopped = (index: number) => ({ type: 'step.stopped', index })

describe('starting', () => {
  it('R1 R46: only a draft directive starts; any other status is refused by its name', () => {
    const directive = aDirective()
    directive.tell(the.start)
    const { effects, changed } = directive.tell(the.start)
    expect(changed).toBe(false)
    expect(effects).toEqual([
      {
        kind: 'refuse',
        code: 'REFUSED',
        text: 'the directive is planning: start is not possible',
        hint: 'only a draft directive starts',
      },
    ])
    for (const [path, status] of [
      [toRunning, 'active'],
      [toCompleted, 'completed'],
      [[the.cancel], 'cancelled'],
    ] as const) {
      const other = aDirective()
      other.tellAll(...path)
      expect(ofKind(other.tell(the.start).effects, 'refuse')[0]?.text).toContain(`is ${status}`)
    }
  })

  it('R2 R3 R5 R47: starting makes the planner task, offers it at once, and says so in the history', () => {
    const { effects } = aDirective().tell(the.start)
    expect(kinds(effects)).toEqual(['task', 'ready', 'event'])
    expect(effects[0]).toMatchObject({ role: 'planner', purpose: 'plan', number: 1 })
    expect(effects[2]).toMatchObject({
      type: 'directive_planning',
      severity: 'info',
      source: 'system',
      data: { from: 'draft', to: 'planning' },
    })
  })

  it('R5 R12: a plan that came with the directive makes planning a transition that needs no daemon', () => {
    const directive = aDirective({ ...bare, readyPlan: { hash: 'h9', steps: 3 } })
    const { effects, live } = directive.tell(the.start)
    expect(statusOf(live)).toBe('active')
    expect(effects.slice(0, 2)).toEqual([
      { kind: 'chain', generation: 1, hash: 'h9', steps: 3 },
      { kind: 'slice', from: 0, create: true, message: { type: 'dispatch' } },
    ])
    expect(ofKind(effects, 'task')).toEqual([])
  })
})

describe('the plan', () => {
  it('R7: the status is looked at first: a plan with faults is not even looked at in draft', () => {
    const { effects } = aDirective().tell({ type: 'plan', plan: { faults: ['bad'] } })
    expect(effects).toMatchObject([
      { kind: 'refuse', code: 'REFUSED', text: 'the directive is draft: plan is not possible' },
    ])
  })

  it('R7 R8: submitting once more after a plan was accepted changes nothing, faults or not, in every later status', () => {
    for (const path of [
      toPreparing,
      toRunning,
      toJudging,
      toPublishing,
      toCompleted,
      [...toRunning, the.cancel],
      [...toRunning, stepFailed, done(0)],
    ]) {
      const directive = aDirective()
      directive.tellAll(...path)
      for (const plan of [{ hash: 'other', steps: 9 }, { faults: ['bad'] }])
        expect(directive.tell({ type: 'plan', plan })).toMatchObject({ changed: false, effects: [], timers: [] })
    }
  })

  it('R7: a directive that failed or was cancelled without a chain refuses a plan', () => {
    for (const path of [[...toPlanner, the.failed], [the.cancel], [...toPlanner, the.cancel]]) {
      const directive = aDirective()
      directive.tellAll(...path)
      expect(kinds(directive.tell(the.plan).effects)).toEqual(['refuse'])
    }
  })

  it('R10 R11 R46: a plan with faults is refused whole, with every fault, and leaves nothing changed', () => {
    const directive = aDirective()
    directive.tellAll(...toPlanner)
    const { effects, changed } = directive.tell({ type: 'plan', plan: { faults: ['one', 'two'] } })
    expect(changed).toBe(false)
    expect(effects).toMatchObject([{ kind: 'refuse', code: 'BAD_PLAN', faults: ['one', 'two'] }])
  })

  it('R12: an accepted plan becomes the chain and makes the directive active, in one change', () => {
    const directive = aDirective()
    directive.tellAll(...toPlanner)
    const { effects, live } = directive.tell(the.plan)
    expect(statusOf(live)).toBe('active')
    expect(effects[0]).toEqual({ kind: 'chain', generation: 1, hash: 'h1', steps: 2 })
    expect(events(effects)).toEqual(['directive_active'])
  })

  it('R12: the planner that submitted the plan ends by itself; only when it does not is it told to stop', () => {
    const directive = aDirective(bare)
    directive.tellAll(...toPlanner)
    expect(ofKind(directive.tell(the.plan).effects, 'stop')).toEqual([])
    const timely = aDirective(bare)
    expect(timely.tellAll(...toPlanner, the.plan, noPlan).effects).toMatchObject([
      { kind: 'closed', as: 'done', suspect: false },
      { kind: 'taskEnded', status: 'done' },
      { kind: 'slice', from: 0 },
    ])
    expect(kinds(directive.fire('stopping').effects)).toEqual(['stop'])
    expect(directive.fire('stopping').effects).toMatchObject([
      { kind: 'closed', as: 'cancelled', suspect: true },
      { kind: 'taskEnded', status: 'cancelled' },
      { kind: 'slice' },
    ])
  })

  it('R12: a plan that a person submits while the planner waits withdraws the planner', () => {
    const directive = aDirective(bare)
    directive.tell(the.start)
    const { effects } = directive.tell(the.plan)
    expect(kinds(effects)).toEqual(['unready', 'chain', 'taskEnded', 'slice', 'event'])
    expect(directive.tell(the.granted).effects).toEqual([{ kind: 'giveBack', grant: 'g1' }])
  })

  it('R13 R14: a plan among the files of the planning contract is accepted when planning ends', () => {
    const directive = aDirective(bare)
    const { effects, live } = directive.tellAll(...toPlanner, { type: 'task.done', plan: { hash: 'h3', steps: 2 } })
    expect(statusOf(live)).toBe('active')
    expect(kinds(effects)).toEqual(['closed', 'taskEnded', 'chain', 'slice', 'event'])
  })

  it('R13 R18: an invalid plan among the files counts as none, and its faults are in the event', () => {
    const directive = aDirective()
    const { effects } = directive.tellAll(...toPlanner, { type: 'task.done', plan: { faults: ['one', 'two'] } })
    expect(ofKind(effects, 'event')[0]).toMatchObject({
      type: 'planning_retry',
      data: { reason: "the planner's plan has faults: one; two" },
    })
  })
})

describe('when planning ends', () => {
  it('R14: completing the contract ends a planner that waits; the second of the two changes nothing', () => {
    const directive = aDirective(bare)
    directive.tell(the.start)
    const first = directive.tell({ type: 'contract.complete', plan: { hash: 'h3', steps: 2 } })
    expect(statusOf(first.live)).toBe('active')
    for (const again of [{ type: 'contract.complete', number: 1 }, noPlan])
      expect(directive.tell(again)).toMatchObject({ changed: false, effects: [] })
  })

  it('R14: completing the contract of a planner that a person pulled ends it, since no daemon is there to finish it', () => {
    const plan = { hash: 'h3', steps: 2 }
    const complete = { type: 'contract.complete', manual: true }
    const directive = aDirective(bare)
    const { live, effects } = directive.tellAll(...toPlanner, { ...complete, plan })
    expect(statusOf(live)).toBe('active')
    expect(kinds(effects)).toEqual(['closed', 'taskEnded', 'chain', 'slice', 'event'])
    expect(ofKind(effects, 'closed')).toMatchObject([{ as: 'done', suspect: false }])
    expect(statusOf(aDirective().tellAll(...toPlanner, complete).live)).toBe('planning')
    const submitted = aDirective(bare)
    expect(submitted.tellAll(...toPlanner, the.plan, { ...complete, number: 7 })).toMatchObject({ changed: false })
    expect(kinds(submitted.tell(complete).effects)).toEqual(['closed', 'taskEnded', 'slice'])
  })

  it('R14: completing the contract from inside a running planner asks its daemon to finish, and nothing more', () => {
    const directive = aDirective()
    directive.tellAll(...toPlanner)
    const { effects, changed } = directive.tell({ type: 'contract.complete', inside: true })
    expect(changed).toBe(false)
    expect(effects).toMatchObject([{ kind: 'finish', attempt: 1 }])
  })

  it('R15: the planner failed: the directive is failed, with an event that says why', () => {
    const { effects, live } = aDirective().tellAll(...toPlanner, the.failed)
    expect(statusOf(live)).toBe('failed')
    expect(ofKind(effects, 'event')).toMatchObject([
      {
        type: 'directive_failed',
        severity: 'error',
        data: { from: 'planning', reason: 'the planner failed: cannot be done' },
      },
    ])
  })

  it('R15: a planner that fails after its plan was accepted fails nothing', () => {
    const { live } = aDirective(bare).tellAll(...toPlanner, the.plan, the.failed)
    expect(statusOf(live)).toBe('active')
  })

  it('R16: the end of a task that is not the current supervisor ends nothing', () => {
    const directive = aDirective()
    directive.tellAll(...toPlanner)
    expect(directive.tell({ type: 'contract.complete', number: 7 })).toMatchObject({ changed: false, effects: [] })
    expect(directive.tell({ type: 'task.done', attempt: 7, nonce: 'x' })).toMatchObject({ changed: false, effects: [] })
  })

  it('R17: when a plan was submitted, the end of planning does nothing more', () => {
    const directive = aDirective(bare)
    const { effects } = directive.tellAll(...toPlanner, the.plan, {
      type: 'task.done',
      plan: { hash: 'other', steps: 7 },
    })
    expect(ofKind(effects, 'chain')).toEqual([])
    expect(directive.live.snapshot.context['chain']).toMatchObject({ hash: 'h1' })
  })

  it('R18: without a plan, and with regenerations left, it starts again with a new planning contract', () => {
    const directive = aDirective({ maxRegenerations: 2 })
    const { effects, live } = directive.tellAll(...toPlanner, noPlan)
    expect(statusOf(live)).toBe('planning')
    expect(ofKind(effects, 'event')).toEqual([
      {
        kind: 'event',
        type: 'planning_retry',
        severity: 'warn',
        source: 'system',
        data: { attempt: 1, maxRegenerations: 2, reason: 'the planner ended without submitting a plan' },
      },
    ])
    expect(ofKind(effects, 'task')).toMatchObject([{ purpose: 'plan', number: 2 }])
    expect(live.snapshot.context['regenerations']).toBe(1)
  })

  it('R19: without a plan when the budget is spent, the directive is failed', () => {
    const directive = aDirective({ maxRegenerations: 1 })
    const { effects, live } = directive.tellAll(...toPlanner, noPlan, the.granted, noPlan)
    expect(statusOf(live)).toBe('failed')
    expect(ofKind(effects, 'event')).toMatchObject([
      {
        type: 'planning_failed',
        severity: 'error',
        data: { attempts: 1, maxRegenerations: 1, reason: 'the planner ended without submitting a plan' },
      },
      { type: 'directive_failed', severity: 'error' },
    ])
  })

  it('R19: with a maximum of 0 the first planning without a plan fails the directive', () => {
    expect(statusOf(aDirective({ maxRegenerations: 0 }).tellAll(...toPlanner, noPlan).live)).toBe('failed')
  })
})

describe('advancing', () => {
  it('R20: when all steps have passed and there is nothing to check, the directive is completed', () => {
    const directive = aDirective(bare)
    directive.tellAll(...toPlanner, the.plan, noPlan, done(1), { type: 'step.passed', index: 0, merged: null })
    expect(statusOf(directive.live)).toBe('active')
    const { live, effects } = directive.tell({ type: 'step.passed', index: 1, merged: null })
    expect(statusOf(live)).toBe('completed')
    expect(hasEnded(live)).toBe(true)
    expect(events(effects)).toEqual(['directive_completed'])
  })

  it('R20: acceptance checks are run on the line, and the line is published, before the directive is completed', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, passOf(0, 'l0', 'l1'))
    const checking = directive.tell(passOf(1, 'l1', 'l2'))
    expect(statusOf(checking.live)).toBe('checking')
    expect(ofKind(checking.effects, 'task')).toMatchObject([{ role: 'evaluator', purpose: 'accept' }])
    expect(ofKind(directive.tell(the.granted).effects, 'spawn')).toMatchObject([{ start: 'line' }])
    const publishing = directive.tell(the.passing)
    expect(ofKind(publishing.effects, 'evaluation')).toMatchObject([
      { number: 1, by: 'automated', verdict: { passed: true } },
    ])
    expect(ofKind(publishing.effects, 'task')).toMatchObject([{ role: 'merger', purpose: 'publish' }])
    directive.tell(the.granted)
    expect(statusOf(directive.tell(the.published).live)).toBe('completed')
  })

  it('R20: what the acceptance checks find is sent to the steps that they name', () => {
    const directive = aDirective()
    const { effects, live } = directive.tellAll(...toJudging, {
      type: 'task.done',
      verdict: reading(false, {}, [0, 0, 7]),
    })
    expect(ofKind(effects, 'tell')).toEqual([
      { kind: 'tell', to: { step: 0 }, message: { type: 'rework', feedback: 'not good\n\ndo better' } },
    ])
    expect(statusOf(live)).toBe('active')
    directive.tell({ type: 'step.unpassed', index: 0 })
    expect(statusOf(directive.live)).toBe('active')
    expect(statusOf(directive.tell(passOf(0, 'l2', 'l3')).live)).toBe('checking')
  })

  it('R20 R38: another step that passes again meanwhile is not taken for the one that was sent back', () => {
    const directive = aDirective()
    directive.tellAll(...toJudging, { type: 'task.done', verdict: reading(false, {}, [0]) })
    directive.tell({ type: 'step.unpassed', index: 1, sentBack: false })
    expect(statusOf(directive.tell(passOf(1, 'l2', 'l3')).live)).toBe('active')
    directive.tell({ type: 'step.unpassed', index: 0, sentBack: true })
    expect(statusOf(directive.tell(passOf(0, 'l3', 'l4')).live)).toBe('checking')
  })

  it('R20 R38: a step that had not passed any more when it was sent back is waited for no longer than until it says so', () => {
    const directive = aDirective()
    directive.tellAll(...toJudging, { type: 'task.done', verdict: reading(false, {}, [0]) })
    directive.tell({ type: 'step.unpassed', index: 0, sentBack: false })
    directive.tell({ type: 'step.unpassed', index: 0, sentBack: true, before: true })
    expect(statusOf(directive.tell(passOf(0, 'l2', 'l3')).live)).toBe('checking')
  })

  it('R20: names that are no steps of the chain are left out, and a verdict without words says what did not pass', () => {
    const silent = reading(false, { reworkInstructions: null, summaryFeedback: '' }, [-1, 0, 2])
    const { effects } = aDirective().tellAll(...toJudging, { type: 'task.done', verdict: silent })
    const feedback = 'The acceptance checks of the whole directive did not pass.'
    expect(ofKind(effects, 'tell')).toEqual([{ kind: 'tell', to: { step: 0 }, message: { type: 'rework', feedback } }])
    const words = reading(false, { reworkInstructions: null, summaryFeedback: 'too slow' })
    const spoken = aDirective().tellAll(...toJudging, { type: 'task.done', verdict: words })
    expect(ofKind(spoken.effects, 'tell')).toMatchObject([{ message: { type: 'rework', feedback: 'too slow' } }])
  })

  it('R20: feedback to many steps is shortened, so that all of it together is no longer than one text may be', () => {
    const long = 'x'.repeat(textBytesMax)
    const verdict = reading(false, { reworkInstructions: null, summaryFeedback: long }, [0, 1])
    const { effects } = aDirective().tellAll(...toJudging, { type: 'task.done', verdict })
    const texts = ofKind(effects, 'tell').map(({ message }) => ('feedback' in message ? message.feedback : ''))
    expect(texts.map((text) => text.length < textBytesMax / 2 + 100)).toEqual([true, true])
    expect(texts[0]).toMatch(/^x+\n\(The rest is in the verdict on the whole directive\.\)$/)
    const one = reading(false, { reworkInstructions: null, summaryFeedback: long }, [0])
    const whole = aDirective().tellAll(...toJudging, { type: 'task.done', verdict: one })
    expect(ofKind(whole.effects, 'tell')).toMatchObject([{ message: { feedback: long } }])
  })

  it('R20: acceptance checks that a person ends as failed have left no verdict, whatever came with it', () => {
    const end = { type: 'task.end', outcome: 'failed', force: true, reason: 'by hand', verdict: reading(true) }
    const { live, effects } = aDirective({ acceptRetries: 0 }).tellAll(...toJudging, end)
    expect(statusOf(live)).toBe('failing')
    expect(live.snapshot.context['reason']).toBe('the acceptance checks gave no verdict: by hand')
    expect(ofKind(effects, 'evaluation')).toEqual([])
  })

  it('R20: acceptance that names no step is sent to the last one', () => {
    const { effects } = aDirective().tellAll(...toJudging, the.notPassing)
    expect(told(effects)).toEqual(['step 1: rework'])
  })

  it('R20: acceptance without a verdict is tried again, and then the directive fails, never open', () => {
    const directive = aDirective({ acceptRetries: 1 })
    const again = directive.tellAll(...toJudging, the.noVerdict)
    expect(statusOf(again.live)).toBe('checking')
    expect(events(again.effects)).toEqual(['acceptance_retry'])
    const { live } = directive.tellAll(the.granted, the.noVerdict)
    expect(statusOf(live)).toBe('failing')
    expect(live.snapshot.context['reason']).toBe('the acceptance checks gave no verdict: no file')
    expect(statusOf(directive.tell(done(0)).live)).toBe('failed')
  })

  it('R20: commits on the published branch that were never recorded fail the directive with an event', () => {
    const { effects, live } = aDirective().tellAll(...toPublishing, the.foreign)
    expect(statusOf(live)).toBe('failing')
    expect(events(effects)).toEqual(['publish_foreign', 'directive_failing'])
  })

  it('R21: a step failed: what runs is told to stop, and the directive is failed when all have answered', () => {
    const directive = aDirective()
    const failing = directive.tellAll(...toRunning, stepFailed)
    expect(statusOf(failing.live)).toBe('failing')
    expect(ofKind(failing.effects, 'slice')).toEqual([
      { kind: 'slice', from: 0, create: false, message: { type: 'cancel' } },
    ])
    expect(statusOf(directive.tellAll(done(2), stopped(0)).live)).toBe('failing')
    const { live, effects } = directive.tell(stopped(1))
    expect(statusOf(live)).toBe('failed')
    expect(ofKind(effects, 'event')).toMatchObject([
      { type: 'directive_failed', data: { reason: 'step s1 failed: cannot be done' } },
    ])
  })

  it('R21: an answer that comes before the slice is counted counts as well', () => {
    const directive = aDirective()
    expect(statusOf(directive.tellAll(...toRunning, stepFailed, stopped(0), stopped(1), done(2)).live)).toBe('failed')
  })

  it('R21: a dispatch slice that is still out is waited for before the steps are told to stop', () => {
    const directive = aDirective()
    const failing = directive.tellAll(...toPreparing, the.prepared, stepFailed)
    expect(ofKind(failing.effects, 'slice')).toEqual([])
    const { effects, live } = directive.tell(done(50, 200))
    expect(ofKind(effects, 'slice')).toEqual([{ kind: 'slice', from: 0, create: false, message: { type: 'cancel' } }])
    expect(live.snapshot.context).toMatchObject({ told: 0, cursors: { roots: 200 } })
    expect(ofKind(directive.tell(done(200, 200)).effects, 'slice')).toMatchObject([
      { from: 200, message: { type: 'cancel' } },
    ])
  })

  it('R22: roots are dispatched slice by slice, and what becomes ready is dispatched at once', () => {
    const directive = aDirective(bare)
    const first = directive.tellAll(...toPlanner, the.plan, noPlan)
    expect(ofKind(first.effects, 'slice')).toEqual([
      { kind: 'slice', from: 0, create: true, message: { type: 'dispatch' } },
    ])
    expect(ofKind(directive.tell(done(7, 200)).effects, 'slice')).toMatchObject([{ from: 200, create: true }])
    expect(told(directive.tell({ type: 'step.ready', index: 1 }).effects)).toEqual(['step 1: dispatch'])
    expect(directive.tell(done(7)).effects).toEqual([])
  })

  it('R36: a merge counts only into the line as it is; else the step merges again', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning)
    const late = directive.tell({ ...passOf(0, 'elsewhere', 'l1'), answers: true })
    expect(ofKind(late.effects, 'tell')).toMatchObject([
      { to: { step: 0 }, message: { type: 'line.moved', counted: true } },
    ])
    directive.tell({ type: 'step.unpassed', index: 0, sentBack: true })
    expect(directive.live.snapshot.context).toMatchObject({ line: 'l0', passed: 0, owed: 0 })
    expect(directive.tell(passOf(0, 'l0', 'l1')).live.snapshot.context).toMatchObject({ line: 'l1', passed: 1 })
  })

  it('R36 R38: a step that is evaluated again before it hears that its merge came to nothing takes back no other’s count', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, passOf(0, 'l0', 'l1'), { ...passOf(1, 'elsewhere', 'l9'), answers: true })
    expect(statusOf(directive.live)).toBe('active')
    directive.tell({ type: 'step.unpassed', index: 1, sentBack: false })
    directive.tell({ type: 'step.unpassed', index: 1, sentBack: true, before: true })
    expect(directive.live.snapshot.context).toMatchObject({ line: 'l1', passed: 1, owed: 0 })
    expect(statusOf(directive.tell(passOf(1, 'l1', 'l2')).live)).toBe('checking')
  })

  it('R36: what a step of an earlier version tells of such a merge is not counted, for it does not take that back', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning)
    const late = directive.tell(passOf(0, 'elsewhere', 'l1'))
    expect(ofKind(late.effects, 'tell')).toEqual([{ kind: 'tell', to: { step: 0 }, message: { type: 'line.moved' } }])
    expect(late.changed).toBe(false)
  })

  it('R36 R49: a merge that comes too late for a directive that ends is taken back and stopped', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, the.cancel, done(1))
    expect(told(directive.tell(passOf(0, 'elsewhere', 'l9')).effects)).toEqual(['step 0: line.moved', 'step 0: cancel'])
    expect(statusOf(directive.tell(stopped(0)).live)).toBe('cancelling')
    expect(statusOf(directive.tell(stopped(0)).live)).toBe('cancelled')
  })

  it('R20: a repository whose line cannot be prepared fails the directive and says so', () => {
    const { live } = aDirective().tellAll(...toPreparing, the.failed)
    expect(statusOf(live)).toBe('failing')
    expect(live.snapshot.context['reason']).toBe('the line could not be prepared: cannot be done')
  })
})

describe('steering', () => {
  it('R48: nothing new is dispatched while paused, and resume dispatches what became ready', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning)
    expect(directive.tell(pause).changed).toBe(true)
    expect(isPaused(directive.live)).toBe(true)
    expect(mayDispatch(directive.live)).toBe(false)
    expect(directive.tell({ type: 'step.ready', index: 1 }).effects).toEqual([])
    expect(directive.tell(passOf(0, 'l0', 'l1')).live.snapshot.context).toMatchObject({ passed: 1 })
    expect(ofKind(directive.tell(resume).effects, 'slice')).toEqual([
      { kind: 'slice', from: 0, create: false, message: { type: 'dispatch' } },
    ])
    expect(mayDispatch(directive.live)).toBe(true)
  })

  it('R47 R48: pausing and resuming leave a line in the history, once each, with the person as its source', () => {
    const directive = aDirective()
    const line = (type: string) => [{ kind: 'event', type, severity: 'info', source: 'user', data: {} }]
    expect(directive.tell(pause).effects).toEqual(line('directive_paused'))
    expect(directive.tell(pause).effects).toEqual([])
    expect(directive.tell(resume).effects).toEqual(line('directive_resumed'))
    expect(directive.tell(resume).effects).toEqual([])
  })

  it('R48: what becomes ready while the steps are being told again is not forgotten', () => {
    const directive = aDirective()
    directive.tellAll(
      ...toRunning,
      pause,
      { type: 'step.ready', index: 1 },
      resume,
      pause,
      { type: 'step.ready', index: 0 },
      done(1),
    )
    expect(ofKind(directive.tell(resume).effects, 'slice')).toMatchObject([{ from: 0, create: false }])
    expect(directive.tell(done(1)).effects).toEqual([])
  })

  it('R22 R48: waking goes on slice by slice, and begins once more for what became ready meanwhile', () => {
    const directive = aDirective()
    const ready = { type: 'step.ready', index: 1 }
    directive.tellAll(...toRunning, pause, ready, resume)
    expect(ofKind(directive.tell(done(200, 200)).effects, 'slice')).toMatchObject([{ from: 200, create: false }])
    directive.tellAll(pause, ready, done(200, 400))
    expect(ofKind(directive.tell(resume).effects, 'slice')).toMatchObject([{ from: 400, create: false }])
    expect(ofKind(directive.tell(done(9)).effects, 'slice')).toMatchObject([{ from: 0, create: false }])
    expect(directive.tell(done(9)).effects).toEqual([])
  })

  it('R48 R50: what becomes ready in a pause while a retry is being told is dispatched after it', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, stepFailed, done(0), the.retry, pause, { type: 'step.ready', index: 1 })
    directive.tell(done(200, 200))
    expect(ofKind(directive.tell(resume).effects, 'slice')).toMatchObject([{ from: 200, message: { type: 'retry' } }])
    expect(ofKind(directive.tell(done(9)).effects, 'slice')).toMatchObject([{ from: 0, message: { type: 'dispatch' } }])
  })

  it('R48: a plan that comes while paused is taken in, and its steps wait', () => {
    const directive = aDirective(bare)
    const { live, effects } = directive.tellAll(...toPlanner, pause, the.plan, noPlan)
    expect(statusOf(live)).toBe('active')
    expect(ofKind(effects, 'slice')).toEqual([])
    expect(ofKind(directive.tell(resume).effects, 'slice')).toMatchObject([{ from: 0, create: true }])
  })

  it('R48: pause and resume are idempotent, and refused on a directive that has ended', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, pause)
    expect(directive.tell(pause)).toMatchObject({ changed: false, effects: [] })
    directive.tell(resume)
    expect(directive.tell(resume)).toMatchObject({ changed: false, effects: [] })
    for (const path of [toCompleted, [the.cancel], [...toPlanner, the.failed]])
      for (const message of [pause, resume]) {
        const ended = aDirective()
        ended.tellAll(...path)
        expect(kinds(ended.tell(message).effects)).toEqual(['refuse'])
      }
  })

  it('R49: cancel in draft ends the directive at once', () => {
    expect(statusOf(aDirective().tell(the.cancel).live)).toBe('cancelled')
  })

  it('R49: a planner that runs is stopped first, and the directive is cancelling until it has', () => {
    const directive = aDirective()
    const { live, effects } = directive.tellAll(...toPlanner, the.cancel)
    expect(statusOf(live)).toBe('cancelling')
    expect(kinds(effects)).toEqual(['stop', 'event'])
    const ended = directive.tell(the.failed)
    expect(statusOf(ended.live)).toBe('cancelled')
    expect(ended.effects).toMatchObject([
      { kind: 'closed', as: 'cancelled', suspect: false },
      { kind: 'taskEnded', status: 'cancelled' },
      { kind: 'event', type: 'directive_cancelled' },
    ])
  })

  it('R49: a daemon that does not answer a stop holds nothing up', () => {
    const directive = aDirective()
    directive.tellAll(...toPlanner, the.cancel)
    const { live, effects } = directive.fire('stopping')
    expect(statusOf(live)).toBe('cancelled')
    expect(ofKind(effects, 'closed')).toMatchObject([{ as: 'cancelled', suspect: true }])
  })

  it('R21 R49: a step that comes to life after the others were told to stop is stopped as well', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, stepFailed, done(1))
    const { effects } = directive.tell({ type: 'step.ready', index: 0 })
    expect(told(effects)).toEqual(['step 0: cancel'])
    expect(statusOf(directive.tell(stopped(1)).live)).toBe('failing')
    expect(statusOf(directive.tell(stopped(0)).live)).toBe('failed')
    expect(told(directive.tell({ type: 'step.ready', index: 0 }).effects)).toEqual(['step 0: cancel'])
  })

  it('R46 R49: after a message was dropped all steps are told to stop anew, and answers of before do not count', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, the.cancel, done(2), stopped(0))
    const { effects } = directive.tell({ type: 'message.dropped', needed: false })
    expect(ofKind(effects, 'slice')).toMatchObject([{ from: 0, message: { type: 'cancel', recount: 1 } }])
    // The slice of before may have been out still.
    directive.tell(done(0))
    directive.tellAll({ ...done(2), recount: 1 }, stopped(0), stopped(1), { ...stopped(0), recount: 1 })
    expect(statusOf(directive.live)).toBe('cancelling')
    expect(statusOf(directive.tell({ ...stopped(1), recount: 1 }).live)).toBe('cancelled')
    expect(statusOf(directive.tell(the.retry).live)).toBe('active')
  })

  it('R46 R50: one of which a message was dropped that a retry would need is not retried, nor does it go on when it was paused', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, { type: 'pause' }, the.cancel, done(0), { type: 'message.dropped', needed: true })
    for (const asked of [the.retry, { type: 'step.command', index: 0, verb: 'retry' }]) {
      const { live, effects } = directive.tell(asked)
      expect(statusOf(live)).toBe('cancelled')
      expect(effects).toMatchObject([
        { kind: 'refuse', text: expect.stringContaining('a message was dropped') as string },
      ])
    }
  })

  it('R21 R49: a step told twice is answered for twice, also when its answer comes after the directive has ended', () => {
    const directive = aDirective()
    const ready = { type: 'step.ready', index: 0 }
    directive.tellAll(...toRunning, stepFailed, ready, ready, done(1), stopped(1), stopped(0))
    expect(statusOf(directive.live)).toBe('failing')
    expect(statusOf(directive.tell(stopped(0)).live)).toBe('failed')
    directive.tellAll(ready, the.retry, the.cancel, done(1), done(1), stopped(0))
    expect(statusOf(directive.live)).toBe('cancelling')
    expect(statusOf(directive.tell(stopped(0)).live)).toBe('cancelled')
    const answered = aDirective()
    answered.tellAll(...toRunning, stepFailed, done(0), ready, stopped(0), the.retry, done(1), the.cancel, done(1))
    expect(statusOf(answered.live)).toBe('cancelling')
    expect(statusOf(answered.tell(stopped(1)).live)).toBe('cancelled')
  })

  it('R47 R49: the steps that never came to life share one line in the history', () => {
    const directive = aDirective()
    directive.tellAll(...toPreparing, the.prepared, done(1), stepFailed)
    const { effects } = directive.tell(done(1))
    expect(ofKind(effects, 'event')[0]).toEqual({
      kind: 'event',
      type: 'steps_skipped',
      severity: 'info',
      source: 'system',
      data: { steps: 1 },
    })
    const all = aDirective()
    all.tellAll(...toRunning, the.cancel, done(1, 1))
    expect(events(all.tell(done(1)).effects)).toEqual([])
    all.tellAll(stopped(0), stopped(1), the.retry, done(1), the.cancel)
    expect(ofKind(all.tell(done(0)).effects, 'event')[0]).toMatchObject({ type: 'steps_skipped', data: { steps: 2 } })
  })

  it('R47 R49: that line is there once for each ending, however often its steps are told to stop anew', () => {
    const directive = aDirective()
    const dropped = { type: 'message.dropped', needed: false }
    const skipped = (...told: { type: string }[]): number =>
      told.flatMap((each) => events(directive.tell(each).effects)).filter((type) => type === 'steps_skipped').length
    const answered = (recount: number) => ({ ...done(1), recount })
    directive.tellAll(...toRunning)
    expect(skipped(the.cancel, dropped)).toBe(0)
    expect(skipped(answered(1))).toBe(1)
    const stops = { ...stopped(0), recount: 2 }
    expect(skipped(dropped, answered(2), stops)).toBe(0)
    expect(statusOf(directive.live)).toBe('cancelled')
    expect(skipped(the.retry, done(1), the.cancel, answered(2))).toBe(1)
  })

  it('R50: once a step has failed nobody knows which, the directive is retried as a whole and no step alone', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, stepFailed, done(2))
    directive.tellAll({ type: 'message.dropped', needed: false, failed: true }, { ...done(2), recount: 1 })
    directive.tellAll({ ...stopped(0), recount: 1 }, { ...stopped(1), recount: 1 })
    expect(statusOf(directive.live)).toBe('failed')
    for (const index of [0, 1]) {
      const { live, effects } = directive.tell({ type: 'step.command', index, verb: 'retry', covers: [] })
      expect(statusOf(live)).toBe('failed')
      expect(effects).toMatchObject([{ kind: 'refuse', hint: 'retry the directive' }])
    }
    expect(statusOf(directive.tell(the.retry).live)).toBe('active')
  })

  it('R49: cancel turns failing into cancelling, and what has stopped stays counted', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, stepFailed, done(2), stopped(0))
    const { live, effects } = directive.tell(the.cancel)
    expect(statusOf(live)).toBe('cancelling')
    expect(kinds(effects)).toEqual(['event'])
    expect(statusOf(directive.tell(stopped(1)).live)).toBe('cancelled')
  })

  it('R49: cancel is refused on a directive that has ended, and does nothing to one that is cancelling', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, the.cancel)
    expect(directive.tell(the.cancel)).toMatchObject({ changed: false, effects: [] })
    directive.tell(done(0))
    expect(kinds(directive.tell(the.cancel).effects)).toEqual(['refuse'])
  })

  it('R49: a judge or a publisher that runs is stopped before the steps are told', () => {
    for (const path of [toJudging, toPublishing, toPreparing]) {
      const directive = aDirective()
      const { effects } = directive.tellAll(...path, the.cancel)
      expect(kinds(effects)).toEqual(['stop', 'event'])
      expect(ofKind(directive.tell(the.lost).effects, 'slice')).toMatchObject([{ message: { type: 'cancel' } }])
    }
  })

  it('R50: a retry of a failed directive makes it active again, with what passed kept', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, passOf(0, 'l0', 'l1'), stepFailed, done(0))
    const { live, effects } = directive.tell(the.retry)
    expect(statusOf(live)).toBe('active')
    expect(ofKind(effects, 'slice')).toEqual([{ kind: 'slice', from: 0, create: false, message: { type: 'retry' } }])
    expect(live.snapshot.context).toMatchObject({ passed: 1, line: 'l1', failed: [], failures: 0, reason: null })
    expect(kinds(directive.tell(the.retry).effects)).toEqual(['refuse'])
  })

  it('R50: a retry goes on with the roots that were never reached', () => {
    const directive = aDirective(bare)
    directive.tellAll(
      ...toPlanner,
      the.plan,
      noPlan,
      the.cancel,
      done(200, 200),
      done(200),
      ...Array.from({ length: 200 }, (_, index) => stopped(index)),
    )
    expect(statusOf(directive.live)).toBe('cancelled')
    directive.tell(the.retry)
    expect(ofKind(directive.tell(done(200)).effects, 'slice')).toEqual([
      { kind: 'slice', from: 200, create: true, message: { type: 'dispatch' } },
    ])
  })

  it('R50: a retry prepares a line that was never prepared', () => {
    const directive = aDirective()
    directive.tellAll(...toPreparing, the.failed, done(0))
    expect(ofKind(directive.tell(the.retry).effects, 'task')).toMatchObject([{ purpose: 'prepare' }])
  })

  it('R50: a retry of a directive without a chain plans anew, with its regenerations', () => {
    const directive = aDirective()
    directive.tellAll(...toPlanner, noPlan, the.granted, noPlan)
    const { live, effects } = directive.tell(the.retry)
    expect(statusOf(live)).toBe('planning')
    expect(ofKind(effects, 'task')).toMatchObject([{ purpose: 'plan', number: 3 }])
    expect(live.snapshot.context['regenerations']).toBe(0)
  })

  it('R50: a retry of a directive that was cancelled before it began takes the plan that it came with', () => {
    const directive = aDirective({ ...bare, readyPlan: { hash: 'h9', steps: 3 } })
    directive.tell(the.cancel)
    const { live, effects } = directive.tell(the.retry)
    expect(statusOf(live)).toBe('active')
    expect(ofKind(effects, 'chain')).toMatchObject([{ generation: 1, hash: 'h9', steps: 3 }])
    expect(ofKind(effects, 'slice')).toMatchObject([{ from: 0, create: true, message: { type: 'dispatch' } }])
    expect(ofKind(effects, 'task')).toEqual([])
  })

  it('R50: a retry opens the gate of a directive that was paused when it ended', () => {
    const toEnded = [...toRunning, pause, stepFailed, done(0)] as const
    for (const retry of [the.retry, { type: 'step.command', verb: 'retry', index: 1 }]) {
      const directive = aDirective()
      directive.tellAll(...toEnded)
      const { live, effects } = directive.tell(retry)
      expect([statusOf(live), isPaused(live)]).toEqual(['active', false])
      expect(ofKind(effects, 'slice')).toMatchObject([{ message: { type: 'retry' } }])
      expect(events(effects)).toContain('directive_resumed')
    }
    const refused = aDirective()
    refused.tellAll(...toEnded)
    expect(isPaused(refused.tell({ type: 'step.command', verb: 'retry', index: 0 }).live)).toBe(true)
    const cancelled = aDirective()
    cancelled.tellAll(the.start, pause, the.cancel)
    expect(isPaused(cancelled.tell(the.retry).live)).toBe(false)
    const lives = aDirective()
    lives.tellAll(...toRunning, pause)
    expect(isPaused(lives.tell(the.retry).live)).toBe(true)
    expect(isPaused(lives.tell({ type: 'step.command', verb: 'retry', index: 1 }).live)).toBe(true)
  })

  it('R50: the retry of the one failed step is a retry of its directive', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, stepFailed, done(0))
    expect(statusOf(directive.tell({ type: 'step.command', verb: 'retry', index: 1 }).live)).toBe('active')
  })

  it('R50: the retry of one failed step is refused while others have failed, naming them', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, stepFailed, { ...stepFailed, index: 0 }, done(0))
    const { effects, changed } = directive.tell({ type: 'step.command', verb: 'retry', index: 1 })
    expect(changed).toBe(false)
    expect(effects).toMatchObject([
      { kind: 'refuse', code: 'REFUSED', text: 'other steps have failed as well', steps: [0] },
    ])
  })

  it('R50: the retry of one failed step takes up its dependents that failed; others are named', () => {
    const three = { type: 'plan', plan: { hash: 'h1', steps: 5 } }
    const directive = aDirective(bare)
    const failures = [1, 2, 4].map((index) => ({ ...stepFailed, index }))
    directive.tellAll(...toPlanner, three, noPlan, done(1), ...failures, done(0))
    const retry = { type: 'step.command', verb: 'retry', index: 1 }
    expect(directive.tell({ ...retry, covers: [1, 2, 3] }).effects).toMatchObject([{ kind: 'refuse', steps: [4] }])
    expect(directive.tell({ ...retry, covers: [4] }).effects).toMatchObject([{ kind: 'refuse', steps: [2] }])
    expect(directive.tell({ ...retry, index: 3, covers: [1, 2, 3, 4] }).effects).toMatchObject([
      { kind: 'refuse', text: 'step 3 has not failed' },
    ])
    const { live, effects } = directive.tell({ ...retry, covers: [1, 2, 4] })
    expect(statusOf(live)).toBe('active')
    expect(ofKind(effects, 'slice')).toMatchObject([{ from: 0, message: { type: 'retry' } }])
  })

  it('R50: with more failed steps than are listed, the retry of one is refused: nobody knows what it covers', () => {
    const directive = aDirective(bare)
    const many = Array.from({ length: 101 }, (_, index) => ({ ...stepFailed, index }))
    const plan = { type: 'plan', plan: { hash: 'h1', steps: 200 } }
    directive.tellAll(...toPlanner, plan, noPlan, done(1), ...many, done(0))
    const covers = Array.from({ length: 200 }, (_, index) => index)
    const { effects, changed } = directive.tell({ type: 'step.command', verb: 'retry', index: 1, covers })
    expect(changed).toBe(false)
    expect(effects).toMatchObject([{ kind: 'refuse', text: 'other steps have failed as well', steps: [] }])
  })

  it('R50: the retry of a step that has not failed is refused', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning, stepFailed, done(0))
    expect(directive.tell({ type: 'step.command', verb: 'retry', index: 0 }).effects).toMatchObject([
      { kind: 'refuse', text: 'step 0 has not failed' },
    ])
  })

  it('R38: a command to a step goes through the directive, which says whether it lives', () => {
    for (const [path, live] of [
      [toRunning, true],
      [toJudging, true],
      [toCompleted, false],
      [[...toRunning, the.cancel], false],
    ] as const) {
      const directive = aDirective()
      directive.tellAll(...path)
      const { effects } = directive.tell({ type: 'step.command', verb: 'evaluate', index: 1 })
      expect(effects).toEqual([{ kind: 'tell', to: { step: 1 }, message: { type: 'command', verb: 'evaluate', live } }])
    }
  })

  it('R51: a rejection carries its text to the step', () => {
    const directive = aDirective()
    directive.tellAll(...toRunning)
    expect(directive.tell({ type: 'step.command', verb: 'reject', index: 1, text: 'no' }).effects).toEqual([
      { kind: 'tell', to: { step: 1 }, message: { type: 'command', verb: 'reject', text: 'no', live: true } },
    ])
  })

  it('R38: no current chain, and a step that is not in it, are told apart', () => {
    const command = { type: 'step.command', verb: 'evaluate', index: 2 }
    expect(aDirective().tell(command).effects).toMatchObject([
      { kind: 'refuse', code: 'REFUSED', text: 'the directive is draft and has no chain yet' },
    ])
    const directive = aDirective()
    directive.tellAll(...toRunning)
    expect(directive.tell(command).effects).toMatchObject([
      { kind: 'refuse', code: 'NOT_FOUND', text: 'there is no step 2 in the current chain, which has 2' },
    ])
  })

  it('R54: a step that leaves passed takes its count back, and acceptance is judged anew', () => {
    const directive = aDirective()
    const { effects, live } = directive.tellAll(...toJudging, { type: 'step.unpassed', index: 1 })
    expect(statusOf(live)).toBe('active')
    expect(kinds(effects)).toEqual(['stop', 'closed', 'taskEnded', 'event'])
    expect(statusOf(directive.tell({ type: 'step.passed', index: 1, merged: null }).live)).toBe('checking')
  })
})
