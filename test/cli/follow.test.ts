/** Following a directive to its end, however bumpy the way: what is told, in which order, and with which exit code it ends. */
import { expect, test, vi } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import type { EventLine } from '../../src/protocol/commands.ts'
import { WritError } from '../../src/protocol/errors.ts'
import type { DirectiveStatus } from '../../src/protocol/views.ts'
import { call, FakeNode } from './call.ts'
import { directiveView, event, stepLine } from './views.ts'

/** A directive `hello` whose history is written by the test while somebody follows it. */
class Story {
  readonly history: EventLine[] = []
  status: DirectiveStatus = 'active'
  down = false
  readonly node = new FakeNode({
    'directive.create': () => this.#up({ directive: directiveView('hello', { status: 'draft' }) }),
    'directive.start': () => this.#up({ directive: directiveView('hello') }),
    'directive.get': () => {
      const view = directiveView('hello', {
        status: this.status,
        events: this.history.length,
        stepList: [stepLine('hello', 0, { name: 'look' })],
      })
      return this.#up(view)
    },
    'directive.events': ({ after }) => this.#up({ events: this.history.slice(Number(after)) }),
  })

  /** Writes the next event; `lost`: nobody hears of it. */
  tell(type: string, more: Partial<EventLine> & { lost?: boolean } = {}): void {
    const { lost = false, ...rest } = more
    const line = event('hello', this.history.length + 1, type, rest)
    this.history.push(line)
    const ended = /^directive_(completed|failed|cancelled)$/.exec(type)?.[1]
    if (ended !== undefined) this.status = ended as DirectiveStatus
    if (!lost) this.node.publish(subjects.event.at({ owner: 'default', directive: 'hello', type }), line)
  }

  output(task: string, text: string): void {
    this.node.publish(subjects.output.at({ owner: 'default', task }), { attempt: 1, stream: 'stdout', text })
  }

  /** Resolves when somebody listens, and has looked at what was there before. */
  async followed(): Promise<void> {
    await vi.waitFor(() => {
      if (!this.node.listens || !this.node.asked.some(({ subject }) => subject.endsWith('.events')))
        throw new Error('nobody follows')
    })
  }

  #up<T>(answer: T): T {
    if (this.down) throw new WritError('NO_ANSWER', 'nobody listens')
    return answer
  }
}

const run = (story: Story, ...args: string[]) =>
  call(['run', 'examples/hello/directive.yaml', '--id', 'hello', ...args], { node: story.node })

test('run tells events and output as they come, and ends with 0 when the directive is completed', async () => {
  const story = new Story()
  const running = run(story)
  await story.followed()
  story.tell('directive_active')
  story.output('hello__1_0__t1', 'I look.\n  \u001b[2J I see.\n')
  story.output('other__1_0__t1', 'not mine\n')
  story.tell('step_passed', { step: 'hello__1_0' })
  story.tell('directive_completed')
  const { code, out, err } = await running
  expect(code).toBe(0)
  // Events may be fetched, output is not: only within each of the two the order is certain.
  const told = err.split('\n').map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ''))
  const [output, rest] = [told.filter((line) => line.includes('│')), told.filter((line) => !line.includes('│'))]
  expect(output).toEqual(['look            │ I look.', 'look            │    I see.'])
  expect(rest).toEqual([
    'Hello: hello',
    'directive       active',
    'look            passed',
    'directive       completed',
    'next: writ directive show hello',
    'next: writ directive events hello',
    '',
  ])
  expect(out).toContain('status\tcompleted\n')
})

test('run ends with 5 when the directive has failed, and with 6 when it was cancelled', async () => {
  for (const [type, expected] of [
    ['directive_failed', 5],
    ['directive_cancelled', 6],
  ] as const) {
    const story = new Story()
    const running = run(story, '--wait')
    await story.followed()
    story.tell(type)
    expect((await running).code).toBe(expected)
  }
})

test('run --json is one JSON value a line: events, output, and the directive at the end', async () => {
  const story = new Story()
  const running = run(story, '--json')
  await story.followed()
  story.output('hello__1_0__t1', 'I look.\n')
  story.tell('directive_completed')
  const { code, out } = await running
  const lines = out
    .trim()
    .split('\n')
    .map((line) => Object.keys(JSON.parse(line) as object))
  expect({ code, lines }).toEqual({ code: 0, lines: [['output'], ['event'], ['directive']] })
})

test('events that got lost are fetched, and each is told once and in order', async () => {
  const story = new Story()
  const running = call(['directive', 'events', 'hello', '--follow', '--json'], { node: story.node })
  await story.followed()
  story.tell('directive_active')
  for (let n = 0; n < 5; n++) story.tell('step_running', { step: 'hello__1_0', lost: true })
  story.tell('step_passed', { step: 'hello__1_0' })
  story.tell('directive_completed')
  const { code, out } = await running
  expect(code).toBe(0)
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as EventLine).number),
  ).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
})

test('a node that is gone for a while is waited for, and the end is still found when its event was lost', async () => {
  const story = new Story()
  story.tell('directive_active')
  story.down = true
  const running = call(['directive', 'watch', 'hello'], { node: story.node })
  await expect.poll(() => story.node.asked.length).toBeGreaterThan(2)
  story.tell('directive_completed', { lost: true })
  story.down = false
  const { code, out, err } = await running
  expect(err).toContain('… nobody listens; waiting for a node\n')
  expect({
    code,
    types: out
      .trim()
      .split('\n')
      .map((line) => line.split('\t')[3]),
  }).toEqual({
    code: 0,
    types: ['directive_active', 'directive_completed'],
  })
})

test('wait ends on whichever end comes, or with 124 when the time is over', async () => {
  const story = new Story()
  const late = await call(['directive', 'wait', 'hello', '--timeout', '50ms'], { node: story.node })
  expect(late).toMatchObject({ code: 124, out: '' })
  expect(late.err).toContain('hello has not ended within 50 ms [TIMED_OUT]')
  story.tell('directive_cancelled')
  const { code, out } = await call(['directive', 'wait', 'hello'], { node: story.node })
  expect({ code, out }).toEqual({ code: 6, out: 'hello\tcancelled\n' })
})

test('what does not exist is not waited for', async () => {
  const node = new FakeNode({
    'directive.get': () => {
      throw new WritError('NOT_FOUND', 'there is no directive nope')
    },
  })
  for (const verb of ['wait', 'watch', 'events']) {
    expect(await call(['directive', verb, 'nope'], { node })).toMatchObject({ code: 4, out: '' })
  }
})

test('a directive that has ended is followed to its end at once', async () => {
  const story = new Story()
  story.tell('directive_active')
  story.tell('directive_failed')
  expect((await call(['directive', 'events', 'hello', '-f'], { node: story.node })).code).toBe(5)
})
