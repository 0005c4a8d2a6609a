/** Plans that are none: each is refused with all that is wrong with it, nothing of it stays, and nobody else notices. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { nameCharsMax, stepCountMax, textBytesMax } from '../../src/protocol/limits.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import type { World } from '../support/world.ts'
import { othersGoOn, refusedWith } from './healthy.ts'

let test: TestEngine
let world: World
let id: string
beforeAll(async () => {
  test = await startTestEngine()
  await test.start()
  world = await test.world()
  id = await world.start({ title: 'waits for its plan' })
})
afterAll(() => test.stop())

const step = (name: unknown, more: object = {}) => ({ name, description: 'd', task_plan: 't', ...more })
const after = (name: string, ...needed: unknown[]) => step(name, { depends_on: needed })
const many = (count: number, text = 't') =>
  Array.from({ length: count }, (_, at) => step(`s${at}`, { task_plan: text }))

const cases: [what: string, plan: unknown, code: string, says: RegExp][] = [
  ['no JSON', 'steps: [a]', 'BAD_PLAN', /not JSON.*line 1, column 1/],
  ['JSON that ends early', '{"steps": [{"name": "a"', 'BAD_PLAN', /not JSON.*line 1/],
  ['a byte order mark', '\uFEFF{"steps": []}', 'BAD_PLAN', /not JSON/],
  ['a number beyond all', '{"steps": 1e400}', 'BAD_PLAN', /"steps" is missing or is not a list/],
  ['a text', '"steps"', 'BAD_PLAN', /not an object/],
  ['a list', [], 'BAD_PLAN', /not an object/],
  ['no steps', {}, 'BAD_PLAN', /"steps" is missing/],
  ['an empty list of steps', { steps: [] }, 'BAD_PLAN', /at least one step/],
  ['steps that are none', { steps: [null, 5, 'a', []] }, 'BAD_PLAN', /steps\[3\]: it is not an object/],
  ['a step without anything', { steps: [{}] }, 'BAD_PLAN', /"task_plan" is missing/],
  [
    'an unknown dependency',
    { steps: [after('a', 'nobody')] },
    'BAD_PLAN',
    /depends on "nobody", and no step has that name/,
  ],
  ['a dependency on itself', { steps: [after('a', 'a')] }, 'BAD_PLAN', /depends on itself/],
  [
    'a circle',
    { steps: [after('a', 'b'), after('b', 'c'), after('c', 'a')] },
    'BAD_PLAN',
    /"a" waits for "b" waits for "c" waits for "a"/,
  ],
  ['two of one name', { steps: [step('a'), step('a')] }, 'BAD_PLAN', /is that of steps\[0\] already/],
  ['dependencies that are null', { steps: [step('a', { depends_on: null })] }, 'BAD_PLAN', /not a list of step names/],
  ['dependencies that are numbers', { steps: [after('a', 0)] }, 'BAD_PLAN', /not a list of step names/],
  ['an empty name', { steps: [step('')] }, 'BAD_PLAN', /"name" is empty/],
  ['a name of spaces', { steps: [step(' \t')] }, 'BAD_PLAN', /"name" is empty/],
  [
    'a name of 10 kB',
    { steps: [step('n'.repeat(10_000))] },
    'BAD_PLAN',
    new RegExp(`longer than ${nameCharsMax} characters`),
  ],
  ['a name that is a number', { steps: [step(5)] }, 'BAD_PLAN', /"name" is not a text/],
  [
    'a task plan over the limit',
    { steps: [step('a', { task_plan: 'x'.repeat(textBytesMax + 1) })] },
    'BAD_PLAN',
    /longer than 262144 bytes/,
  ],
  ['checks that are no commands', { steps: [step('a', { checks: [{ name: 'c' }] })] }, 'BAD_PLAN', /checks\[0\]\.run/],
  ['a label that is a list', { steps: [step('a', { needs: { labels: [] } })] }, 'BAD_PLAN', /needs\.labels/],
  ['a flag that is a text', { steps: [step('a', { requires_approval: 'yes' })] }, 'BAD_PLAN', /not true or false/],
  [
    'a step too many',
    JSON.stringify({ steps: Array(stepCountMax + 1).fill(0) }),
    'BAD_PLAN',
    /has 20001 steps; at most 20000/,
  ],
  ['nothing at all', undefined, 'BAD_INPUT', /plan is missing/],
  ['null', null, 'BAD_INPUT', /plan is missing/],
  ['9 MiB', { steps: many(36, 'x'.repeat(textBytesMax)) }, 'TOO_LARGE', /bytes/],
]

it.each(cases)('R10 R11 R46: %s', async (_what, plan, code, says) => {
  await refusedWith(test, world.owner, () => world.client.directive(id).plan({ plan }), { code, says })
})

it('R46: after all of these the directive takes a good plan, and those of others run to their end', async () => {
  await othersGoOn(test)
  const names = ['\0', '\u{1F642}', '\uD800', '__proto__', 'constructor', "'; drop table writ.actors; --", '<b>']
  await world.client.directive(id).plan({ plan: { steps: names.map((name) => step(name)) } })
  const { stepList } = await world.view(id)
  expect(stepList.map(({ name }) => name)).toEqual(names)
})

it.each(cases.filter(([, plan]) => plan !== undefined && plan !== null))(
  'R46: made with a directive: %s, and there is no directive',
  async (_what, plan, code, says) => {
    const create = (): Promise<unknown> => world.client.createDirective({ id: 'never', title: 'x', goal: 'y', plan })
    await refusedWith(test, world.owner, create, { code, says })
  },
)
