/** What people, pipes and programs get to read, letter by letter. */
import { expect, test } from 'vitest'
import { addressOf } from '../../src/protocol/ids.ts'
import type { DirectiveLine } from '../../src/protocol/views.ts'
import { call, FakeNode } from './call.ts'
import { directiveView, event, stepLine } from './views.ts'

const ledger = directiveView('ledger', {
  title: 'Finish the ledger',
  steps: 4,
  passed: 1,
  waiting: 'a slot for a worker',
  line: '0123456789abcdef0123456789abcdef01234567',
  definition: { ...directiveView('x').definition, repository: 'https://me:geheim@example.org/l.git' },
  events: 3,
  stepList: [
    stepLine('ledger', 0, { name: 'money', status: 'passed', attempt: 2, round: 2, score: 1, level: 'green' }),
    stepLine('ledger', 1, { name: 'table', status: 'running', attempt: 1, daemon: 'local' }),
    stepLine('ledger', 2, { name: 'report', dependsOn: ['money', 'table'], waiting: 'dependencies table' }),
    stepLine('ledger', 3, {
      name: 'docs',
      status: 'held',
      waiting: 'a person: approval',
      dependsOn: ['money'],
      attempt: 1,
    }),
  ],
})
const address = addressOf('default', 'ledger')

test('show: a tree for a person, with what each unfinished part waits for and since when', async () => {
  const node = new FakeNode({ 'directive.get': () => ledger })
  const { code, out, err } = await call(['directive', 'show', address], { node, terminal: 110 })
  expect(code).toBe(0)
  expect(out).toBe(`Finish the ledger  active  1 of 4 steps passed
  id          ledger
  address     ${address}
  waits for   a slot for a worker, for 40 s
  repository  https://example.org/l.git
  line        0123456789ab (branch writ/ledger/line)

├─ ✓ money      passed     attempt 2, round 2, score 1.00 green
│  ├─ · report  pending    waits for dependencies table, 40 s, also after table
│  └─ ! docs    held       attempt 1, waits for a person: approval, 40 s
└─ ▶ table      running    attempt 1, on local, 40 s
`)
  expect(err).toBe('next: writ directive watch ledger\nnext: writ step approve ledger/docs\n')
})

test('show: tab-separated lines without colour for a pipe', async () => {
  const node = new FakeNode({ 'directive.get': () => ledger })
  const { out } = await call(['directive', 'show', 'ledger'], { node, env: { NO_COLOR: '' } })
  expect(out).toBe(`title\tFinish the ledger
status\tactive
id\tledger
address\t${address}
steps\t1 of 4 passed
waits for\ta slot for a worker, 2026-05-01T11:59:20Z
repository\thttps://example.org/l.git
line\t0123456789ab (branch writ/ledger/line)
step\tmoney\tpassed\t2\t2\t1\t\t2026-05-01T11:59:20Z\t
step\ttable\trunning\t1\t1\t\t\t2026-05-01T11:59:20Z\tlocal
step\treport\tpending\t0\t1\t\tdependencies table\t2026-05-01T11:59:20Z\t
step\tdocs\theld\t1\t1\t\ta person: approval\t2026-05-01T11:59:20Z\t
`)
})

test('show --json: the record as it is, and nothing else', async () => {
  const node = new FakeNode({ 'directive.get': () => ledger })
  const { out, err } = await call(['directive', 'show', 'ledger', '--json'], { node })
  expect(JSON.parse(out)).toEqual(ledger)
  expect(err).toBe('')
})

const lines: DirectiveLine[] = [
  { ...ledger, title: 'Finish\tthe \u001b[31mledger\nnow' },
  { ...directiveView('hello'), paused: true, steps: 12, passed: 3 },
]

test('list: a table that fits for a person, whole values for a pipe, one object as JSON', async () => {
  const node = new FakeNode({ 'directive.list': () => ({ lines, next: 'abc' }) })
  const person = await call(['directive', 'list', '--state', 'active'], { node, terminal: 60 })
  expect(person.out).toBe(`ID      STATUS          STEPS  AGE     TITLE               …
ledger  active            1/4  10 min  Finish the ledger no…
hello   active, paused   3/12  10 min  Hello
`)
  expect(person.err).toBe('next: writ directive list --state active --after abc\n')
  expect(node.asked[0]?.body).toEqual({ state: 'active', limit: 100 })
  const pipe = await call(['directive', 'list'], { node })
  expect(pipe.out.split('\n')[0]).toBe(
    'ledger\tactive\t1/4\t2026-05-01T11:50:00Z\tFinish the ledger now\ta slot for a worker',
  )
  const json = await call(['directive', 'list', '--json'], { node })
  expect(JSON.parse(json.out)).toEqual({ directives: lines, next: 'abc' })
})

test('an empty list says so, and what to do', async () => {
  const node = new FakeNode({
    'directive.list': () => ({ lines: [], next: null }),
    'daemon.list': () => ({ lines: [], next: null }),
  })
  expect(await call(['directive', 'list'], { node })).toEqual({
    code: 0,
    out: '',
    err: 'There are no such directives.\nnext: writ run examples/hello/directive.yaml\n',
  })
  const { err } = await call(['daemon', 'list', '--owner', 'me'], { node })
  expect(err).toBe('There are no daemons: nothing runs tasks for this owner.\nnext: writ daemon run --owner me\n')
})

test('events: a line each, with their data; NDJSON with --json', async () => {
  const events = [
    event('ledger', 1, 'directive_planning'),
    event('ledger', 2, 'step_evaluation_failed', {
      step: 'ledger__1_0',
      severity: 'warn',
      data: { passed: false, overallScore: 0.5, confidenceLevel: 'yellow', summaryFeedback: '1 of 2 checks\nfailed' },
    }),
    event('ledger', 3, 'step_rework', {
      step: 'ledger__1_0',
      time: '2026-05-01T11:59:50.000Z',
      data: { from: 'evaluating', to: 'rework' },
    }),
  ]
  const answer = ({ after = 0 }: { after?: number }) => ({ events: events.slice(after) })
  const node = new FakeNode({ 'directive.get': () => ledger, 'directive.events': answer })
  const person = await call(['directive', 'events', 'ledger'], { node, terminal: 120 })
  const clock = new Date('2026-05-01T11:59:30Z').toTimeString().slice(0, 8)
  const later = new Date('2026-05-01T11:59:50Z').toTimeString().slice(0, 8)
  expect(person.out).toBe(`${clock}  directive       planning
${clock}  money           evaluation failed: score 0.50; yellow; 1 of 2 checks failed
${later}  money           rework
`)
  const json = await call(['directive', 'events', 'ledger', '--json', '--after', '1'], { node })
  expect(
    json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(events.slice(1))
  const some = await call(['directive', 'events', 'ledger', '--type', 'step_rework'], { node })
  const late = await call(['directive', 'events', 'ledger', '--since', '2026-05-01T11:59:40Z'], { node })
  expect(late.out).toBe(some.out)
  expect(some.out).toBe('3\t2026-05-01T11:59:50.000Z\tinfo\tstep_rework\tmoney\t{"from":"evaluating","to":"rework"}\n')
})

test('a command is followed by its outcome and the next useful one, with the flags that are needed again', async () => {
  const view = directiveView('hello', { status: 'draft' })
  const node = new FakeNode({ 'directive.create': () => ({ directive: view }), 'directive.get': () => view })
  const args = ['directive', 'create', 'examples/hello/directive.yaml', '--id', 'hello', '--data-dir', '/srv/my writ']
  expect(await call(args, { node })).toEqual({
    code: 0,
    out: `hello\tdraft\t${addressOf('default', 'hello')}\n`,
    err: 'next: writ directive start hello --data-dir "/srv/my writ"\n',
  })
  expect(node.asked[0]?.body).toMatchObject({ id: 'hello', title: 'Hello', evaluate: false })
})

test('a step is found by the name of its directive and its own', async () => {
  const node = new FakeNode({
    'directive.get': () => ledger,
    'step.reject': () => ({ directive: ledger }),
    'step.get': () => ({ ...ledger.stepList[3], directive: 'ledger' }),
  })
  const { code, out } = await call(['step', 'reject', 'ledger/docs', '--text', 'again'], { node })
  expect({ code, out }).toEqual({ code: 0, out: `ledger/docs\theld\t${addressOf('default', 'ledger__1_3')}\n` })
  expect(node.asked[1]).toMatchObject({
    subject: expect.stringContaining('.ledger__1_3.reject') as string,
    body: { text: 'again' },
  })
  const unknown = await call(['step', 'show', 'ledger/dogs'], { node })
  expect(unknown.code).toBe(4)
  expect(unknown.err).toBe('error: ledger has no step "dogs" [NOT_FOUND]\nhint: it has money, table, report, docs\n')
})

test('a terminal that does not know how wide it is cuts no id off', async () => {
  const node = new FakeNode({ 'directive.get': () => ledger })
  const { out } = await call(['directive', 'show', address], { node, terminal: 0 })
  expect(out).toContain(`  id          ledger\n  address     ${address}\n`)
})
