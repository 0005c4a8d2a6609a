/** The live picture of a directive: what it shows in which size, how fast things go, and that nothing of an older picture is left over. */
import { expect, test } from 'vitest'
import { openPacing } from '../../src/cli/pace.ts'
import { openPicture } from '../../src/cli/live-picture.ts'
import { terminalOf } from '../../src/cli/terminal.ts'
import { watchLines, type Watched } from '../../src/cli/watch-text.ts'
import type { DirectiveView, StepLine, StepStatus } from '../../src/protocol/views.ts'
import { call, FakeNode, now } from './call.ts'
import { FakeScreen } from './screen.ts'
import { directiveView, event, stepLine } from './views.ts'

const { paint } = terminalOf({ write: () => undefined, isTTY: true }, { write: () => undefined }, false)
const unknown = { perMinute: null, leftMs: null }

/** A directive with these steps, each named by its place. */
const viewOf = (steps: readonly Partial<StepLine>[], more: Partial<DirectiveView> = {}): DirectiveView => {
  const stepList = steps.map((step, at) => stepLine('hello', at, step))
  const none = directiveView('hello').counts
  const counts = { ...none }
  for (const { status } of stepList) counts[status]++
  return directiveView('hello', { steps: steps.length, passed: counts.passed, counts, stepList, ...more })
}

const shown = (view: DirectiveView, columns: number, rows: number, more: Partial<Watched> = {}): string[] =>
  watchLines({ view, pace: unknown, events: [], silence: null, ...more }, paint, { columns, rows }, now)

const passed = { status: 'passed', attempt: 1, score: 1 } as const
const mill = viewOf(
  [
    { ...passed, name: 'wheel' },
    { name: 'stone', status: 'running', attempt: 2, daemon: 'builder', dependsOn: ['wheel'], waiting: 'the worker' },
    { name: 'roof', status: 'held', attempt: 1, waiting: 'a person: approval', dependsOn: ['wheel'] },
    { name: 'flag', dependsOn: ['stone', 'roof'] },
  ],
  { title: 'Build the mill', waiting: '3 of 4 steps' },
)
const clock = new Date('2026-05-01T11:59:30Z').toTimeString().slice(0, 8)

test('a small plan is a tree with what each step waits for and since when, below how far it is and above what has happened', () => {
  const events = [
    { event: event('hello', 1, 'step_passed'), step: 'wheel' },
    { event: event('hello', 2, 'step_held', { severity: 'warn', data: { reason: 'approval' } }), step: 'roof' },
  ]
  expect(shown(mill, 80, 24, { events, pace: { perMinute: 3.21, leftMs: 125_000 } })).toEqual([
    'Build the mill  active',
    '⠋ ████▒▒▒▒▒▒▒▒░░░░ 1 of 4 passed; 3.2 a minute, about 2 min 5 s left',
    'steps      1 held, 1 running, 1 pending',
    'waits for  3 of 4 steps, for 40 s',
    '',
    '└─ ✓ wheel       passed     attempt 1, score 1.00',
    '   ├─ ▶ stone    running    attempt 2, on builder, waits for the worker, 40 s',
    '   │  └─ · flag  pending    also after roof',
    '   └─ ! roof     held       attempt 1, waits for a person: approval, 40 s',
    '',
    `${clock}  wheel           passed`,
    `${clock}  roof            held: approval`,
  ])
})

test('where there is no room for all steps, those that matter are shown in order and indented, and the others are counted', () => {
  const many = viewOf(
    Array.from({ length: 700 }, (_, at): Partial<StepLine> => {
      const status: StepStatus =
        at < 300 ? 'passed' : at === 400 ? 'held' : at > 450 && at < 500 ? 'running' : 'pending'
      const daemon = at === 480 ? 'builder' : null
      return { status, daemon, name: `s${at}`, dependsOn: at % 2 === 1 ? [`s${at - 1}`] : [] }
    }),
  )
  const lines = shown({ ...many, nextStep: 500, stepList: many.stepList.slice(0, 500) }, 60, 12)
  expect(lines).toEqual([
    'Hello  active',
    '⠋ ████▒░░░░░ 300 of 700 passed',
    'steps      1 held, 49 running, 350 pending',
    '',
    '! s400    held',
    '  ▶ s451  running',
    '▶ s452    running',
    '  ▶ s453  running',
    '▶ s454    running',
    '▶ s480    running    on builder',
    '… and 694 more: 350 pending, 44 running, 300 passed',
  ])
})

const deep = viewOf(
  Array.from({ length: 12 }, (_, at): Partial<StepLine> => ({
    name: `a-step-with-a-rather-long-name-${at}`,
    dependsOn: at === 0 ? [] : [`a-step-with-a-rather-long-name-${at - 1}`],
    status: at === 0 ? 'running' : 'pending',
    waiting: 'a slot for a worker that has a very special executor',
  })),
  {
    title: 'T'.repeat(200),
    reason: 'for a reason that takes more room than there is, by far and far and far',
    waiting: 'w'.repeat(99),
  },
)

test.each([40, 60, 80, 120].flatMap((columns) => [10, 16, 24, 50].map((rows) => ({ columns, rows }))))(
  'a picture fits into $columns by $rows, however long names and texts are',
  ({ columns, rows }) => {
    const told = event('hello', 1, 'step_rework', { data: { reason: 'r'.repeat(200) } })
    const events = Array.from({ length: 20 }, () => ({ event: told, step: 'a-step-with-a-rather-long-name' }))
    const pace = { perMinute: 120, leftMs: 3_700_000 }
    for (const view of [deep, mill, viewOf([])]) {
      const lines = shown(view, columns, rows, { events, pace, silence: 'nobody answers' })
      expect(lines.length).toBeLessThanOrEqual(rows)
      for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns)
    }
  },
)

const minuteAgo = (minutes: number): string => new Date(now - minutes * 60_000).toISOString()
const paceAfter = (times: readonly [type: string, minutes: number][], view: DirectiveView) => {
  const pacing = openPacing()
  times.forEach(([type, minutes], at) => pacing.heard(event('hello', at + 1, type, { time: minuteAgo(minutes) })))
  return pacing.of(view, now)
}
const ten = viewOf(Array.from({ length: 10 }, (_, at) => (at < 4 ? passed : { status: 'running' as const })))
const fourIn4: [string, number][] = [
  ['directive_planning', 60],
  ['directive_active', 4],
  ...[3, 2, 1, 0.5].map((minutes): [string, number] => ['step_passed', minutes]),
]

test('the pace is that of the last minutes, since the directive became active, and what is left follows from it', () => {
  expect(paceAfter(fourIn4, ten)).toEqual({ perMinute: 1, leftMs: 6 * 60_000 })
  const long: [string, number][] = [
    ['directive_active', 90],
    ['step_passed', 80],
    ['step_passed', 6],
    ['step_passed', 1],
  ]
  expect(paceAfter(long, ten)).toEqual({ perMinute: 0.2, leftMs: null })
  expect(paceAfter([...fourIn4, ['directive_resumed', 0.25], ['step_passed', 0.1]], ten).perMinute).toBe(4)
})

test('nobody says how long it takes when a person is waited for, it is paused or failing, or too little has passed', () => {
  const other = (status: StepStatus) => viewOf([...ten.stepList.slice(0, 9), { status }])
  for (const view of [
    other('held'),
    other('failed'),
    { ...ten, paused: true },
    { ...ten, status: 'checking' as const },
  ])
    expect(paceAfter(fourIn4, view).leftMs).toBeNull()
  expect(paceAfter(fourIn4.slice(0, 4), ten)).toEqual({ perMinute: 0.5, leftMs: null })
  expect(paceAfter(fourIn4, { ...ten, steps: 1000 }).leftMs).toBeNull()
  expect(
    paceAfter(
      [
        ['directive_active', 0.1],
        ['step_passed', 0.01],
      ],
      ten,
    ),
  ).toEqual(unknown)
  expect(paceAfter([], ten)).toEqual(unknown)
})

test('a picture is overwritten in place: lines may come, go and move, and what is the same is not written again', () => {
  const screen = new FakeScreen(20, 6)
  screen.write('$ writ\n')
  let lines = ['a', 'b', 'c']
  const picture = openPicture({ out: screen, columns: 20 }, () => lines)
  for (const next of [
    ['a', 'b', 'c'],
    ['a', 'x', 'b', 'c'],
    ['longer', 'b'],
    ['l', 'b', 'c', 'd'],
  ]) {
    lines = next
    picture.redraw()
    expect(screen.shown).toEqual(['$ writ', ...next])
  }
  const before = screen.writes.length
  picture.redraw()
  expect(screen.writes).toHaveLength(before)
  lines = ['l', 'b', 'C', 'd']
  picture.redraw()
  expect(screen.writes.at(-1)).not.toContain('b')
  screen.write('^C')
  picture.close()
  screen.write('next')
  expect(screen.shown).toEqual(['$ writ', ...lines, 'next'])
})

test('a line that is wider than the terminal is cut there, and leaves those below it in their places', () => {
  const screen = new FakeScreen(10, 6)
  let last = 'b'
  const picture = openPicture({ out: screen, columns: 10 }, () => ['a'.repeat(25), last])
  picture.redraw()
  last = 'c'
  picture.redraw()
  expect(screen.shown.slice(1)).toEqual(['c'])
  picture.close()
  screen.write('x'.repeat(12))
  expect(screen.shown.slice(-2)).toEqual(['xxxxxxxxxx', 'xx'])
})

test('names and titles in wide characters take the room that a terminal gives them', () => {
  const name = 'ひらがな'.repeat(12)
  const view = viewOf([{ name, status: 'running' }, { name: 'flag' }], { title: name })
  const events = [{ event: event('hello', 1, 'step_passed'), step: name }]
  const screen = new FakeScreen(60, 24)
  const lines = shown(view, 60, 24, { events })
  for (const line of lines) screen.write(`${line}\r\n`)
  expect(screen.shown).toEqual(lines)
  expect(lines.find((line) => line.includes('flag'))).toMatch(/^└─ · flag {29}pending/)
})

test('a picture is cut to the height, and drawn anew when the terminal gets another size', () => {
  const screen = new FakeScreen(30, 5)
  screen.write('$ writ\n')
  const picture = openPicture({ out: screen, columns: 30 }, ({ columns, rows }) =>
    Array.from({ length: 9 }, (_, at) => `${at} of ${columns} by ${rows}`),
  )
  picture.redraw()
  expect(screen.shown).toEqual(['0 of 29 by 4', '1 of 29 by 4', '2 of 29 by 4', '3 of 29 by 4'])
  screen.resize(14, 3)
  expect(screen.shown).toEqual(['0 of 13 by 2', '1 of 13 by 2'])
  picture.close()
  screen.resize(30, 9)
  expect(screen.shown).toEqual(['0 of 13 by 2', '1 of 13 by 2'])
})

test('watch on a terminal shows the steps under way of a plan that is too large for one answer, and leaves the end standing', async () => {
  const first = Array.from({ length: 3 }, (): Partial<StepLine> => passed)
  let looks = 0
  const node = new FakeNode({
    'directive.get': () => {
      const ended = ++looks > 1
      const view = viewOf(first, {
        status: ended ? 'completed' : 'active',
        events: 1,
        nextStep: ended ? null : 3,
        steps: 900,
      })
      return { ...view, counts: { ...view.counts, running: 1, passed: 899 } }
    },
    'directive.steps': () => ({
      stepList: [stepLine('hello', 800, { status: 'running', daemon: 'builder' })],
      nextStep: null,
    }),
    'directive.events': ({ after }) => ({
      events: after === 0 ? [event('hello', 1, 'step_passed', { step: 'hello__1_800' })] : [],
    }),
  })
  const { code, out } = await call(['directive', 'watch', 'hello'], { node, terminal: 80 })
  expect(code).toBe(0)
  expect(out).toContain('▶ step800  running    on builder')
  expect(node.asked.find(({ subject }) => subject.endsWith('.steps'))?.body).toEqual({ underWay: true })
  const screen = new FakeScreen(80, 24)
  screen.write(out)
  expect(screen.shown[0]).toBe('Hello  completed')
  expect(screen.shown.at(-1)).toMatch(/step800 {9}passed$/)
})
