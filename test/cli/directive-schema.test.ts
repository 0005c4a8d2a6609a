/** The schema that editors are given for directive files: as it is in docs, and as strict as the command itself. */
import { readFileSync, writeFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { parsePlan } from '../../src/machines/plan.ts'
import { directiveInput } from '../../src/protocol/directive.ts'
import { directiveSchema } from '../support/directive-schema.ts'

const file = 'docs/directive.schema.json'
const examples = [
  'examples/hello/directive.yaml',
  'examples/ledger/directive.yaml',
  'examples/ledger/directive.agent.yaml',
]

const published = new Ajv({ strict: false, allErrors: true, validateFormats: false })
const matches = (value: unknown): boolean => published.validate(directiveSchema(), value)

test('docs/directive.schema.json is what the schema of the wire says', () => {
  const text = `${JSON.stringify(directiveSchema(), null, 2)}\n`
  if (process.env['WRITE_DOCS'] === '1') writeFileSync(file, text)
  expect(readFileSync(file, 'utf8'), 'write it anew as its $comment says').toBe(text)
})

test('the examples name it in their first line, and are right by it', () => {
  for (const example of examples) {
    const text = readFileSync(example, 'utf8')
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=../../docs/directive.schema.json')
    expect({ example, matches: matches(parse(text)), errors: published.errors ?? [] }).toEqual({
      example,
      matches: true,
      errors: [],
    })
  }
})

const right = { title: 'Hello', goal: 'Say hello.' }
const step = { name: 'a', description: 'does it', task_plan: 'true' }
const cases: Record<string, object> = {
  'nothing but what is needed': right,
  'a goal that is not text': { ...right, goal: { of: ['any', 1, null] } },
  everything: {
    ...right,
    id: 'x',
    requirements: ['r'],
    checks: [{ name: 'c', run: 'true' }],
    onEvaluatorFailure: { then: 'hold' },
    holdTimeout: { seconds: 5, decision: 'approve' },
    needs: { worker: { executor: 'shell', labels: { gpu: 'yes' } } },
    limits: { retries: 0 },
    plan: { steps: [step, { ...step, name: 'b', depends_on: ['a'], extra: 1 }] },
  },
  'camelCase in a plan': { ...right, plan: { steps: [{ name: 'a', description: 'd', taskPlan: 'true' }] } },
  'no title': { goal: 'x' },
  'an empty title': { ...right, title: '' },
  'an unknown key': { ...right, titel: 'x' },
  'an unknown role': { ...right, needs: { wroker: {} } },
  'a threshold over 1': { ...right, thresholds: { green: 2 } },
  'a time that is negative': { ...right, limits: { stallSeconds: -1 } },
  'a check without a command': { ...right, checks: [{ name: 'c' }] },
  'a label that is none': { ...right, needs: { worker: { labels: { gpu: 'a b' } } } },
  'no steps': { ...right, plan: { steps: [] } },
  'a step without a name': { ...right, plan: { steps: [{ description: 'd', task_plan: 't' }] } },
  'a step without a task plan': { ...right, plan: { steps: [{ name: 'a', description: 'd' }] } },
  'steps that are no list': { ...right, plan: { steps: 'a' } },
  'a flag that is text': { ...right, plan: { steps: [{ ...step, evaluate: 'no' }] } },
}

test.each(Object.entries(cases))('it says of %s what the command says', (_name, input) => {
  const read = directiveInput.safeParse(input)
  const plan = 'plan' in input ? parsePlan(input.plan, { evaluate: true }) : {}
  expect(matches(input)).toBe(read.success && !('faults' in plan))
})
