/** Reading plans: what is taken, every fault of what is not, and plans of any size. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonBreaksAt } from '../../src/machines/json-place.ts'
import { parsePlan, type PlanOptions, planRows } from '../../src/machines/plan.ts'
import { checkCountMax, nameCharsMax, stepCountMax, textBytesMax } from '../../src/protocol/limits.ts'
import type { Plan } from '../../src/protocol/plan.ts'

type Loose = Record<string, unknown>
const step = (name: string, more: Loose = {}): Loose => ({
  name,
  description: `makes ${name}`,
  task_plan: `make ${name}`,
  ...more,
})
const planOf = (...steps: unknown[]) => ({ steps })

const good = (input: unknown, options?: PlanOptions): Plan => {
  const read = parsePlan(input, options)
  if ('faults' in read) throw new Error(read.faults.join('\n'))
  return read.plan
}
const faultsOf = (input: unknown, options?: PlanOptions): string[] => {
  const read = parsePlan(input, options)
  return 'faults' in read ? read.faults : []
}

describe('a plan', () => {
  it('R9: names, descriptions and task plans are read, dependencies become indexes, the rest has defaults', () => {
    expect(good(planOf(step('a'), step('b', { depends_on: ['a', 'a'] })))).toEqual({
      steps: [
        {
          name: 'a',
          description: 'makes a',
          taskPlan: 'make a',
          dependsOn: [],
          checks: [],
          needs: {},
          requiresApproval: false,
        },
        {
          name: 'b',
          description: 'makes b',
          taskPlan: 'make b',
          dependsOn: [0],
          checks: [],
          needs: {},
          requiresApproval: false,
        },
      ],
    })
  })

  it('R9: taskPlan, dependsOn and requiresApproval are accepted too, and unknown keys are ignored', () => {
    const { steps } = good({
      title: 'x',
      steps: [
        { name: 'a', description: '', taskPlan: 'p', colour: 'red' },
        step('b', { dependsOn: ['a'], requiresApproval: true }),
      ],
    })
    expect(steps.map(({ taskPlan, dependsOn, requiresApproval }) => [taskPlan, dependsOn, requiresApproval])).toEqual([
      ['p', [], false],
      ['make b', [0], true],
    ])
    expect(steps[0]).not.toHaveProperty('colour')
  })

  it('R9: checks, needs, evaluate and requires_approval are read', () => {
    const { steps } = good(
      planOf(
        step('a', {
          checks: [
            { name: 'tests', run: 'npm test', timeout: 5 },
            { name: 'lint', run: 'lint' },
          ],
          requires_approval: true,
        }),
        step('b', { evaluate: false, needs: { executor: 'shell', labels: { os: 'linux' } } }),
      ),
    )
    expect(steps[0]).toMatchObject({
      checks: [
        { name: 'tests', run: 'npm test', timeout: 5 },
        { name: 'lint', run: 'lint', timeout: 600 },
      ],
      requiresApproval: true,
    })
    expect(steps[0]).not.toHaveProperty('evaluate')
    expect(steps[1]).toMatchObject({ evaluate: false, needs: { executor: 'shell', labels: { os: 'linux' } } })
  })

  it('R9: the same plan as JSON text is the same plan', () => {
    const plan = planOf(step('a'), step('b', { depends_on: ['a'] }))
    expect(good(JSON.stringify(plan))).toEqual(good(plan))
  })

  it.each<[string, unknown, string]>([
    ['text that is not JSON', '{"steps": [\n  {"name": }]}', 'the plan is not JSON: .* \\(line 2, column 12\\)$'],
    ['text that ends too early', '{"steps": [', 'the plan is not JSON: .* \\(line 1, column 12\\)'],
    ['a list', [], 'the plan is not an object'],
    ['null', null, 'the plan is not an object'],
    ['a number', 7, 'the plan is not an object'],
    ['no steps', {}, '"steps" is missing or is not a list'],
    ['steps that are no list', { steps: {} }, '"steps" is missing or is not a list'],
    ['an empty list', { steps: [] }, '"steps" is empty'],
    ['a step that is no object', planOf('a'), '^steps\\[0\\]: it is not an object$'],
    ['a step that is a list', planOf([]), '^steps\\[0\\]: it is not an object$'],
    ['a step that is null', planOf(null), '^steps\\[0\\]: it is not an object$'],
    ['no name', planOf({ description: '', task_plan: '' }), '^steps\\[0\\]: "name" is missing$'],
    ['an empty name', planOf(step(' ')), '^steps\\[0\\] \\(" "\\): "name" is empty$'],
    ['a name that is no text', planOf({ ...step('a'), name: 5 }), '^steps\\[0\\]: "name" is not a text$'],
    ['a long name', planOf(step('n'.repeat(nameCharsMax + 1))), `"name" is longer than ${nameCharsMax} characters$`],
    ['no description', planOf({ name: 'a', task_plan: '' }), '^steps\\[0\\] \\("a"\\): "description" is missing$'],
    ['no task plan', planOf({ name: 'a', description: '' }), '"task_plan" is missing$'],
    [
      'a long task plan',
      planOf(step('a', { task_plan: 'é'.repeat(textBytesMax / 2 + 1) })),
      `"task_plan" is longer than ${textBytesMax} bytes$`,
    ],
    ['depends_on null', planOf(step('a', { depends_on: null })), '"depends_on" is not a list of step names'],
    ['depends_on a text', planOf(step('a', { depends_on: 'b' })), '"depends_on" is not a list of step names'],
    ['depends_on numbers', planOf(step('a', { depends_on: [0] })), '"depends_on" is not a list of step names'],
    ['evaluate a text', planOf(step('a', { evaluate: 'no' })), '"evaluate" is not true or false$'],
    [
      'requires_approval a text',
      planOf(step('a', { requires_approval: 'no' })),
      '"requires_approval" is not true or false$',
    ],
    ['checks that are no list', planOf(step('a', { checks: {} })), '"checks" is not a list$'],
    ['a check without a command', planOf(step('a', { checks: [{ name: 'x' }] })), 'checks\\[0\\]\\.run: '],
    [
      'too many checks',
      planOf(step('a', { checks: Array(checkCountMax + 1).fill({ name: 'x', run: 'y' }) })),
      `it has ${checkCountMax + 1} checks; at most ${checkCountMax} are possible$`,
    ],
    ['needs that are no object', planOf(step('a', { needs: 'much' })), '\\("a"\\): needs: '],
    ['needs with a bad label', planOf(step('a', { needs: { labels: { os: '' } } })), 'needs\\.labels\\.os: '],
    [
      'an unknown dependency',
      planOf(step('a', { depends_on: ['z'] })),
      '^steps\\[0\\] \\("a"\\): it depends on "z", and no step has that name$',
    ],
    [
      'a step that depends on itself',
      planOf(step('a', { depends_on: ['a'] })),
      '^steps\\[0\\] \\("a"\\): it depends on itself$',
    ],
    [
      'a duplicate name',
      planOf(step('a'), step('b'), step('a')),
      '^steps\\[2\\]: the name "a" is that of steps\\[0\\] already$',
    ],
    [
      'a cycle',
      planOf(
        step('x', { depends_on: ['a'] }),
        step('a', { depends_on: ['b'] }),
        step('b', { depends_on: ['c'] }),
        step('c', { depends_on: ['a'] }),
      ),
      '^a cycle: "a" waits for "b" waits for "c" waits for "a"$',
    ],
  ])('R10 R11: %s is refused, saying where and why', (_, input, fault) => {
    const faults = faultsOf(input)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(new RegExp(fault))
  })

  it('R11: a step of a duplicate name that depends on that name depends on itself', () => {
    expect(faultsOf(planOf(step('a'), step('a', { depends_on: ['a'] })))).toEqual([
      'steps[1]: the name "a" is that of steps[0] already',
      'steps[1] ("a"): it depends on itself',
    ])
  })

  it('R11: every fault is listed at once', () => {
    const faults = faultsOf(
      planOf(
        step('a', { depends_on: ['nobody', 'b'] }),
        step('b', { depends_on: ['a'], checks: 5 }),
        step('a'),
        { name: 'd' },
        step('e', { depends_on: ['e'] }),
      ),
    )
    expect(faults).toEqual([
      'steps[1] ("b"): "checks" is not a list',
      'steps[3] ("d"): "description" is missing',
      'steps[3] ("d"): "task_plan" is missing',
      'steps[2]: the name "a" is that of steps[0] already',
      'steps[0] ("a"): it depends on "nobody", and no step has that name',
      'steps[4] ("e"): it depends on itself',
      'a cycle: "a" waits for "b" waits for "a"',
    ])
  })

  it('R11: several cycles are each named', () => {
    const pair = (a: string, b: string) => [step(a, { depends_on: [b] }), step(b, { depends_on: [a] })]
    expect(faultsOf(planOf(...pair('a', 'b'), ...pair('c', 'd')))).toEqual([
      'a cycle: "a" waits for "b" waits for "a"',
      'a cycle: "c" waits for "d" waits for "c"',
    ])
    const many = Array.from({ length: 30 }, (_, at) => pair(`a${at}`, `b${at}`)).flat()
    expect(faultsOf(planOf(...many))).toHaveLength(20)
    const knot = Array.from({ length: 6 }, (_, at) =>
      step(`k${at}`, {
        depends_on: Array.from({ length: 6 }, (_one, on) => `k${on}`).filter((name) => name !== `k${at}`),
      }),
    )
    expect(faultsOf(planOf(...knot)).length).toBeLessThanOrEqual(20)
    expect(new Set(faultsOf(planOf(...knot))).size).toBe(faultsOf(planOf(...knot)).length)
  })

  it('R11: a very long cycle is shortened in the middle', () => {
    const ring = Array.from({ length: 100 }, (_, at) => step(`s${at}`, { depends_on: [`s${(at + 1) % 100}`] }))
    const [fault = ''] = faultsOf(planOf(...ring))
    expect(fault).toMatch(/^a cycle: "s0" waits for "s1" .* waits for "s48" waits for \(51 more\) waits for "s0"$/)
    const short = Array.from({ length: 49 }, (_, at) => step(`s${at}`, { depends_on: [`s${(at + 1) % 49}`] }))
    expect(faultsOf(planOf(...short))[0]).not.toContain('more')
    const least = Array.from({ length: 50 }, (_, at) => step(`s${at}`, { depends_on: [`s${(at + 1) % 50}`] }))
    expect(faultsOf(planOf(...least))[0]).not.toContain('more')
  })

  it('R11: more steps than the limit are refused, naming it', () => {
    const steps = Array.from({ length: stepCountMax + 1 }, () => null)
    expect(faultsOf({ steps })).toEqual([
      `the plan has ${stepCountMax + 1} steps; at most ${stepCountMax} are possible`,
    ])
  })

  it('R11: a plan with thousands of faults tells the first thousand and how many more', () => {
    const faults = faultsOf({ steps: Array.from({ length: 3000 }, () => null) })
    expect(faults).toHaveLength(1001)
    expect(faults.at(-1)).toBe('… and 2000 more faults')
    expect(faultsOf({ steps: Array.from({ length: 1000 }, () => null) })).toHaveLength(1000)
  })

  it('R29: checks without evaluation are refused, whether the step or the directive turns it off', () => {
    const checks = [{ name: 'x', run: 'y' }]
    const fault = ['steps[0] ("a"): it has checks, but its evaluation is turned off']
    expect(faultsOf(planOf(step('a', { checks, evaluate: false })))).toEqual(fault)
    expect(faultsOf(planOf(step('a', { checks })), { evaluate: false })).toEqual(fault)
    expect(faultsOf(planOf(step('a', { checks, evaluate: true })), { evaluate: false })).toEqual([])
    expect(faultsOf(planOf(step('a', { checks: [], evaluate: false })))).toEqual([])
  })

  it('R9: a text is measured in bytes', () => {
    expect(faultsOf(planOf(step('a', { task_plan: 'x'.repeat(textBytesMax) })))).toEqual([])
    expect(faultsOf(planOf(step('a', { task_plan: 'x'.repeat(textBytesMax + 1) })))).toHaveLength(1)
    expect(faultsOf(planOf(step('n'.repeat(nameCharsMax))))).toEqual([])
    expect(faultsOf(planOf(step('a', { task_plan: 'é'.repeat(textBytesMax / 2 + 1) })))).toHaveLength(1)
    expect(faultsOf(planOf(step('a', { task_plan: '…'.repeat(textBytesMax / 3 + 1) })))).toHaveLength(1)
  })

  it('R10: a fault names its step as far as it has a name, a very long one shortened, and an empty one is a fault of its own', () => {
    const long = 'n'.repeat(nameCharsMax + 1)
    expect(faultsOf(planOf(step(long)))).toEqual([
      `steps[0] ("${'n'.repeat(80)}…"): "name" is longer than ${nameCharsMax} characters`,
    ])
    expect(faultsOf(planOf(step('n'.repeat(80), { description: 5 })))).toEqual([
      `steps[0] ("${'n'.repeat(80)}"): "description" is not a text`,
    ])
    expect(faultsOf(planOf(step('')))).toEqual(['steps[0]: "name" is empty'])
    expect(faultsOf(planOf(step(' ')))).toEqual(['steps[0] (" "): "name" is empty'])
    expect(faultsOf(planOf(step('a'), step('', {}), step('  ', {})))).toHaveLength(2)
  })

  it('R9: a step has so many checks and no more', () => {
    const checks = Array.from({ length: checkCountMax }, (_, at) => ({ name: `c${at}`, run: 'true' }))
    expect(faultsOf(planOf(step('a', { checks })))).toEqual([])
    expect(faultsOf(planOf(step('a', { checks: [...checks, null, null] })))).toEqual([
      `steps[0] ("a"): it has ${checkCountMax + 2} checks; at most ${checkCountMax} are possible`,
    ])
    expect(faultsOf(planOf(step('a', { checks: 5 })))).toEqual(['steps[0] ("a"): "checks" is not a list'])
  })

  it('R12: 20,000 steps in one line, last first, are read in time that grows with the plan', () => {
    const steps = Array.from({ length: stepCountMax }, (_, at) =>
      step(`s${at}`, at === stepCountMax - 1 ? {} : { depends_on: [`s${at + 1}`] }),
    )
    const rows = planRows(good({ steps }))
    expect(rows).toHaveLength(stepCountMax)
    expect(rows[0]).toMatchObject({ index: 0, dependsOn: [1], dependents: [] })
    expect(rows.at(-1)).toMatchObject({ index: stepCountMax - 1, dependsOn: [], dependents: [stepCountMax - 2] })
  })

  it('R11: a cycle through 20,000 steps is found without running out of stack', () => {
    const steps = Array.from({ length: stepCountMax }, (_, at) =>
      step(`s${at}`, { depends_on: [`s${(at + 1) % stepCountMax}`] }),
    )
    expect(faultsOf({ steps })).toHaveLength(1)
  })
})

/** A plan without faults: each step depends on some of those before it. */
const acyclic = fc
  .array(fc.tuple(fc.array(fc.nat(), { maxLength: 4 }), fc.string()), { minLength: 1, maxLength: 30 })
  .map((list) =>
    list.map(([before, text], at) =>
      step(`s${at}`, { description: text, depends_on: at === 0 ? [] : before.map((each) => `s${each % at}`) }),
    ),
  )

describe('text that is not JSON', () => {
  it.each<[string, number]>([
    ['', 0],
    ['  ', 2],
    ['{"a": 1,}', 8],
    ['[1, 2,]', 6],
    ['{"a" 1}', 5],
    ['[1 2]', 3],
    ['{"a": tru}', 6],
    ['"a', 0],
    ['{1: 2}', 1],
    ['[1}', 2],
    ['{"a": 1]', 7],
    ['"a\\x"', 0],
    ['[01]', 2],
    ['{} {}', 3],
    ['[[1], {"a": [}]', 13],
    ['{"a":', 5],
    ['["a",', 5],
    ['}', 0],
    [']', 0],
    ['{"a": 1, }', 9],
    ['[,]', 1],
    ['{,}', 1],
    ['{"a":]', 5],
    ['"a\nb"', 0],
    ['[-]', 1],
  ])('R10: %j breaks where people would look', (text, at) => {
    expect(jsonBreaksAt(text)).toBe(at)
  })

  it('R10: what is JSON does not break before its end, and what is not does', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.json().chain((text) => fc.nat(text.length).map((at) => `${text.slice(0, at)}${text.slice(at + 1)}`)),
        ),
        (text) => {
          const breaks = jsonBreaksAt(text)
          const parses = (() => {
            try {
              JSON.parse(text)
              return true
            } catch {
              return false
            }
          })()
          expect(breaks <= text.length && (!parses || breaks === text.length)).toBe(true)
        },
      ),
    )
  })
})

describe('any plan', () => {
  it('R12: one whose steps depend on earlier ones is accepted in any order, and rows know their dependents', () => {
    fc.assert(
      fc.property(
        acyclic.chain((steps) => fc.shuffledSubarray(steps, { minLength: steps.length })),
        (steps) => {
          const rows = planRows(good({ steps }))
          expect(rows.map(({ name }) => name)).toEqual(steps.map(({ name }) => name))
          for (const { index, dependsOn, dependents } of rows) {
            for (const on of dependsOn) expect(rows[on]?.dependents).toContain(index)
            for (const on of dependents) expect(rows[on]?.dependsOn).toContain(index)
          }
        },
      ),
    )
  })

  it('R11: with one edge turned back from a step to one that waits for it, it is refused for a cycle', () => {
    fc.assert(
      fc.property(acyclic, fc.nat(), (steps, seed) => {
        const rows = planRows(good({ steps }))
        const waiting = rows.filter(({ dependents }) => dependents.length > 0)
        const row = waiting[seed % Math.max(1, waiting.length)]
        if (row === undefined) return
        const back = `s${row.dependents[0] ?? 0}`
        const turned = steps.map((each) =>
          each['name'] === row.name ? { ...each, depends_on: [...(each['depends_on'] as string[]), back] } : each,
        )
        expect(faultsOf({ steps: turned }).some((fault) => fault.startsWith('a cycle: '))).toBe(true)
      }),
    )
  })

  it('R10: whatever JSON is submitted, reading it never throws, and a fault is a sentence', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.jsonValue(), fc.record({ steps: fc.array(fc.jsonValue()) })), (input) => {
        for (const fault of faultsOf(input)) expect(fault.length).toBeGreaterThan(10)
      }),
    )
  })
})
