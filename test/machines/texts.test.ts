/** What agents are told, and what the records call their work. */
import { describe, expect, it } from 'vitest'
import { chainText, contractOf, taskOf } from '../../src/machines/contracts.ts'
import type { Purpose } from '../../src/machines/effect.ts'
import { planOf, type PlanSubject, workPlan } from '../../src/machines/prompts.ts'
import { directiveInput } from '../../src/protocol/directive.ts'
import type { PlanRow } from '../../src/protocol/plan.ts'

const {
  plan: _plan,
  id: _id,
  ...definition
} = directiveInput.parse({
  title: 'Ledger',
  goal: 'Add it up.',
  requirements: ['src/a.js: adds', { deep: [1] }],
  acceptanceCriteria: ['tests pass'],
  constraints: ['no dependencies'],
  thresholds: { green: 0.75, yellow: 0.25 },
  checks: [{ name: 'all tests', run: 'npm test', timeout: 9 }],
})
const step: PlanRow = {
  index: 0,
  name: 'sum',
  description: 'sums up',
  taskPlan: 'write sum()',
  dependsOn: [],
  dependents: [],
  checks: [{ name: 'unit', run: 'node --test', timeout: 30 }],
  needs: {},
  requiresApproval: false,
}
const subject = (purpose: Purpose, more: Partial<PlanSubject> = {}): PlanSubject => ({
  purpose,
  directive: { id: 'ledger', title: 'Ledger', definition },
  task: { round: 1, feedback: null },
  step,
  commit: null,
  ...more,
})
const fiveFields = [
  '## Title\n\nLedger',
  '## Goal\n\nAdd it up.',
  '## Requirements\n\n[\n  "src/a.js: adds",\n  {\n    "deep": [\n      1\n    ]\n  }\n]',
  '## Acceptance criteria\n\n[\n  "tests pass"\n]',
  '## Constraints\n\n[\n  "no dependencies"\n]',
]

describe('prompts', () => {
  it('R6: the planning prompt has the five fields, the format, the rules, how to submit and how to end', () => {
    const prompt = planOf(subject('plan', { step: null }))
    for (const part of [
      ...fiveFields,
      '"task_plan"',
      '"depends_on"',
      'run in parallel',
      'exact name of another step',
      'self-contained and specific',
      '3 to 10 steps',
      'writ directive plan ledger --file plan.json',
      'writ contract complete',
    ])
      expect(prompt).toContain(part)
    expect(prompt).toMatchSnapshot()
  })

  it('R6: a goal that is no text is pretty JSON', () => {
    const directive = { id: 'x', title: 'X', definition: { ...definition, goal: { a: 1 } } }
    expect(planOf(subject('plan', { directive }))).toContain('## Goal\n\n{\n  "a": 1\n}')
  })

  it('R24: the worker’s plan is the task plan, or a sentence when there is none', () => {
    expect(planOf(subject('work'))).toBe('write sum()')
    expect(planOf(subject('work', { step: { ...step, taskPlan: ' \n' } }))).toBe('Execute step: sum')
    expect(planOf(subject('work', { step: null }))).toBe('Execute step: Ledger')
  })

  it('R25: a rework is headed by its round and the feedback, and ends with the original plan', () => {
    const text = planOf(subject('work', { task: { round: 2, feedback: 'not good\n\ndo better' } }))
    expect(text).toMatch(/round 2[\s\S]*## Feedback\n\nnot good\n\ndo better\n\n## Original plan\n\nwrite sum\(\)$/)
    expect(workPlan({ name: 'sum', taskPlan: '' }, { round: 3, feedback: 'x' })).toMatch(
      /round 3[\s\S]*Execute step: sum$/,
    )
    expect(workPlan({ name: 'sum', taskPlan: 'p' }, { round: 2, feedback: '' })).toBe('p')
  })

  it('R29: the evaluation prompt has all that a judge needs', () => {
    const prompt = planOf(subject('evaluate', { commit: 'abc123', work: 'ledger__1_0__c1' }))
    for (const part of [
      ...fiveFields,
      '- Name: sum',
      '- Description: sums up',
      '### Its plan\n\nwrite sum()',
      'at the commit `abc123`',
      'writ contract files --contract ledger__1_0__c1',
      '- unit (at most 30 s): `node --test`',
      '"overallScore"',
      '0.75 or more: `confidenceLevel` is "green", and `passed` is true',
      '0.25 or more: "yellow"',
      'Below 0.25: "red"',
      'when it passes, they are null',
      'writ contract put evaluation.json',
    ])
      expect(prompt).toContain(part)
    expect(prompt).toMatchSnapshot()
  })

  it('R29: what is absent is N/A, and nothing is said of what is not known', () => {
    const prompt = planOf(subject('evaluate', { step: { ...step, description: '', taskPlan: ' ', checks: [] } }))
    expect(prompt).toContain('- Description: N/A\n\n### Its plan\n\nN/A')
    expect(prompt).not.toMatch(/commit|--contract|must succeed/)
    expect(planOf(subject('evaluate', { step: null }))).toContain('- Name: N/A\n- Description: N/A')
  })

  it('R20: the acceptance prompt has the checks of the directive, and the steps of the verdict', () => {
    const prompt = planOf(subject('accept', { step: null }))
    for (const part of [...fiveFields, '- all tests (at most 9 s): `npm test`', '"steps": []', '0.75 or more'])
      expect(prompt).toContain(part)
    expect(prompt).toMatchSnapshot()
  })

  it('R36: mergers are told in a sentence what they are for', () => {
    expect(planOf(subject('merge'))).toBe('Merge the work of the step "sum" into the line of the directive "Ledger".')
    expect(planOf(subject('merge', { step: null }))).toContain('the step ""')
    expect(planOf(subject('prepare'))).toBe(
      'Resolve the base branch of the directive "Ledger" to the commit that its line begins with.',
    )
    expect(planOf(subject('publish'))).toBe('Publish the line of the directive "Ledger" as it is recorded.')
  })
})

describe('contracts and tasks', () => {
  const own = { title: 'Ledger', definition: { ...definition, repository: 'https://example.org/x.git' }, step: null }
  const ofStep = { ...own, step }
  const names = (purpose: Purpose, of: typeof own | typeof ofStep) => [contractOf(purpose, of), taskOf(purpose, of)]

  it('R2 R3: planning', () => {
    expect(names('plan', own)).toEqual([
      {
        name: 'Ledger - Planning',
        kind: 'simple',
        phase: 'plan',
        localOnly: true,
        description: 'Planning contract of the directive "Ledger"',
      },
      {
        name: 'Ledger - Planner',
        role: 'planner',
        priority: 10,
        supervisor: true,
        description: 'Plans the directive: submits a chain of steps that reaches its goal',
      },
    ])
  })

  it('R12: a chain is named after its directive', () => {
    expect(chainText('Ledger', 2, 5)).toEqual({
      name: 'Ledger - Chain',
      description: 'Chain 2 of "Ledger", made from its plan: 5 steps',
    })
    expect(chainText('Ledger', 1, 1).description).toMatch(/: 1 step$/)
  })

  it('R23 R24: a step’s work; without a repository it is local-only', () => {
    expect(names('work', ofStep)).toEqual([
      { name: 'sum', kind: 'simple', phase: 'plan', localOnly: false, description: 'sums up' },
      { name: 'sum Supervisor', role: 'worker', priority: 5, supervisor: true, description: 'sums up' },
    ])
    const { repository: _, ...without } = ofStep.definition
    expect(contractOf('work', { ...ofStep, definition: without }).localOnly).toBe(true)
    expect(names('work', own)[0]).toMatchObject({ name: 'Ledger', description: '' })
  })

  it('R29: an evaluation', () => {
    expect(names('evaluate', ofStep)).toEqual([
      {
        name: 'sum - Monitor',
        kind: 'monitoring',
        phase: 'plan',
        localOnly: true,
        description: 'Evaluation of the step "sum"',
      },
      {
        name: 'sum - Evaluator',
        role: 'evaluator',
        priority: 8,
        supervisor: false,
        description: 'Evaluates the work of the step "sum"',
      },
    ])
  })

  it('R20 R36: mergers and acceptance', () => {
    expect([
      ...names('merge', ofStep),
      ...names('prepare', own),
      ...names('publish', own),
      ...names('accept', own),
    ]).toMatchSnapshot()
  })
})
