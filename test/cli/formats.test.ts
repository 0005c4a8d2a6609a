/** What people, pipes and programs get to read, letter by letter. */
import { expect, test, vi } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import { addressOf } from '../../src/protocol/ids.ts'
import type { DirectiveLine } from '../../src/protocol/views.ts'
import { call, FakeNode } from './call.ts'
import { directiveView, event, stepLine, waitLine } from './views.ts'

const ledger = directiveView('ledger', {
  title: 'Finish the ledger',
  steps: 4,
  passed: 1,
  waiting: 'a slot for a worker',
  until: '2026-05-01T12:05:00Z',
  by: { who: 'daemon', names: [] },
  line: '0123456789abcdef0123456789abcdef01234567',
  definition: { ...directiveView('x').definition, repository: 'https://me:geheim@example.org/l.git' },
  events: 3,
  stepList: [
    stepLine('ledger', 0, { name: 'money', status: 'passed', attempt: 2, round: 2, score: 1, level: 'green' }),
    stepLine('ledger', 1, {
      name: 'table',
      status: 'running',
      attempt: 1,
      daemon: 'local',
      until: '2026-05-01T14:00:20Z',
      by: { who: 'daemon', names: ['local'] },
    }),
    stepLine('ledger', 2, {
      name: 'report',
      dependsOn: ['money', 'table'],
      waiting: 'dependencies table',
      by: { who: 'directive', names: ['ledger'] },
    }),
    stepLine('ledger', 3, {
      name: 'docs',
      status: 'held',
      waiting: 'a person: approval',
      by: { who: 'person', names: [] },
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
  until       in 5 min
  ended by    a daemon that is not there
  repository  https://example.org/l.git
  line        0123456789ab (branch writ/ledger/line)

├─ ✓ money      passed     attempt 2, round 2, score 1.00 green
│  ├─ · report  pending    waits for dependencies table, 40 s, by directive ledger, also after table
│  └─ ! docs    held       attempt 1, waits for a person: approval, 40 s
└─ ▶ table      running    attempt 1, on local, 40 s, in 2 h at the latest
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
until\t2026-05-01T12:05:00Z
ended by\ta daemon that is not there
repository\thttps://example.org/l.git
line\t0123456789ab (branch writ/ledger/line)
step\tmoney\tpassed\t2\t2\t1\t\t2026-05-01T11:59:20Z\t\t\t
step\ttable\trunning\t1\t1\t\t\t2026-05-01T11:59:20Z\tlocal\t2026-05-01T14:00:20Z\tdaemon local
step\treport\tpending\t0\t1\t\tdependencies table\t2026-05-01T11:59:20Z\t\t\tdirective ledger
step\tdocs\theld\t1\t1\t\ta person: approval\t2026-05-01T11:59:20Z\t\t\ta person
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

const waits = [
  waitLine('ledger', {
    step: 'docs',
    status: 'held',
    waiting: 'a person: approval',
    until: null,
    by: { who: 'person', names: [] },
    next: 'writ step show ledger/docs',
  }),
  waitLine('ledger', { step: 'table', until: '2026-05-01T12:00:09Z', by: { who: 'steps', names: ['a', 'b'] } }),
  waitLine('hello', {
    id: 'hello',
    kind: 'directive',
    step: null,
    until: '2026-05-01T11:00:00Z',
    parked: 'a fault',
    waiting: 'a person: mend',
    next: 'writ step show ledger/docs',
  }),
]

test('waiting: spans for a person, times for a pipe, the lines as they are as JSON', async () => {
  const node = new FakeNode({ 'waiting.list': () => ({ lines: waits, next: null }) })
  const person = await call(['waiting'], { node, terminal: 110 })
  expect(person.out)
    .toBe(`KIND       SINCE  UNTIL   DIRECTIVE  STEP   STATUS   BY              WAITS FOR                 ADDRESS
step       40 s           ledger     docs   held     a person        a person: approval        82.ledger__1_0
step       40 s   in 9 s  ledger     table  running  steps a, b      the worker, attempt 1     82.ledger__1_0
directive  40 s   due     hello             parked   daemon builder  a person: mend (a fault)  ${waits[2]?.address}
`)
  expect(person.err).toBe(`next: writ step show ledger/docs\nnext: ${waits[1]?.next}\n`)
  const pipe = await call(['waiting'], { node })
  expect(pipe.out.split('\n')[1]).toBe(
    'step\t2026-05-01T11:59:20Z\t2026-05-01T12:00:09Z\tledger\ttable\trunning\tsteps a, b\tthe worker, attempt 1\t82.ledger__1_0',
  )
  const json = await call(['waiting', '--json'], { node })
  expect(JSON.parse(json.out)).toEqual({ waiting: waits, next: null })
})

test('waiting: is narrowed to what has waited for long and to a directive, page by page', async () => {
  const node = new FakeNode({ 'waiting.list': () => ({ lines: waits, next: '1.a' }) })
  const { err } = await call(['waiting', '--older', '1h30m', '--directive', '82.ledger', '--limit', '3'], { node })
  expect(node.asked[0]?.body).toEqual({ olderSeconds: 5400, directive: 'ledger', limit: 3 })
  expect(err).toBe('next: writ waiting --older 5400s --directive 82.ledger --limit 3 --after 1.a\n')
  const none = new FakeNode({ 'waiting.list': () => ({ lines: [], next: null }) })
  expect((await call(['waiting'], { node: none })).err).toBe('Nothing waits.\n')
  expect((await call(['waiting', '--older', '10m'], { node: none })).err).toBe('Nothing has waited for 10 min.\n')
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

const both = [
  event('ledger', 2, 'step_rework', { step: 'ledger__1_0', data: { round: 2 } }),
  event('hello', 7, 'directive_completed'),
]

test('events of all directives: as of one, with the directive', async () => {
  const node = new FakeNode({
    'event.list': ({ after }) => ({
      lines: after === '1' ? both.slice(1) : both.slice(0, 1),
      next: after === '1' ? null : '1',
      asOf: '',
    }),
    'step.get': () => ({ name: 'money' }),
  })
  const args = ['directive', 'events', '--since', '10m']
  const clock = new Date('2026-05-01T11:59:30Z').toTimeString().slice(0, 8)
  const person = await call(args, { node, terminal: 120 })
  expect(person.out).toBe(`${clock}  ledger/money    rework: round 2\n${clock}  hello           completed\n`)
  expect(node.asked[0]?.body).toEqual({ since: '2026-05-01T11:50:00.000Z' })
  const pipe = await call(args, { node })
  expect(pipe.out).toBe(
    'ledger\t2\t2026-05-01T11:59:30Z\tinfo\tstep_rework\tmoney\t{"round":2}\n' +
      'hello\t7\t2026-05-01T11:59:30Z\tinfo\tdirective_completed\t\t{}\n',
  )
  const json = await call([...args, '--json', '--type', 'directive_completed'], { node })
  expect(
    json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(both.slice(1))
})

test('events of all directives from now on, until nobody wants them any more', async () => {
  const node = new FakeNode({ 'event.list': () => ({ lines: [], next: null, asOf: '2026-05-01T11:59:00Z' }) })
  const lines = [event('new', 1, 'directive_draft'), event('other', 1, 'directive_draft')]
  let written = ''
  const taken = (data: Buffer): void => void (written += data.toString())
  const following = call(['directive', 'events', '-f', '--json'], { node, taken })
  await vi.waitFor(() => expect(node.asked).toHaveLength(1))
  for (const line of lines)
    node.publish(subjects.event.at({ owner: 'default', directive: line.directive, type: line.type }), line)
  await vi.waitFor(() =>
    expect(
      written
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(lines),
  )
  process.emit('SIGINT', 'SIGINT')
  expect(await following).toMatchObject({ code: 130 })
})

test('events without a directive, a time or --follow: which ones are meant is asked', async () => {
  for (const [more, hint] of [
    [[], /which directive\?.*\nhint: name it; --since 10m prints .* and --follow /],
    [['-f', '--after', '3'], /--after is of which one\?.*\nhint: name the directive, or give --since/],
  ] as const) {
    const { code, err } = await call(['directive', 'events', ...more], { node: new FakeNode({}) })
    expect(code).toBe(2)
    expect(err).toMatch(hint)
  }
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

test('a step whose name a shell would take apart is quoted in the commands that are of use next', async () => {
  const name = 'Über\'s "end"'
  const odd = stepLine('ledger', 3, { name, status: 'held' })
  const node = new FakeNode({
    'directive.get': () => ({ ...ledger, stepList: [odd] }),
    'step.approve': () => ({ directive: ledger }),
    'step.get': () => ({ ...odd, directive: 'ledger' }),
  })
  const typed = String.raw`'ledger/Über'\''s "end"'`
  expect((await call(['directive', 'show', 'ledger'], { node })).err).toContain(`\nnext: writ step approve ${typed}\n`)
  expect((await call(['step', 'approve', `ledger/${name}`], { node })).err).toContain(`next: writ step show ${typed}\n`)
})

test('a terminal that does not know how wide it is cuts no id off', async () => {
  const node = new FakeNode({ 'directive.get': () => ledger })
  const { out } = await call(['directive', 'show', address], { node, terminal: 0 })
  expect(out).toContain(`  id          ledger\n  address     ${address}\n`)
})
