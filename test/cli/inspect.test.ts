/** `writ inspect`: what actors take as lines for people, for pipes, as frames, and in Stately's page. */
import { expect, test, vi } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import type { Sighting } from '../../src/protocol/inspection.ts'
import { call, FakeNode, now } from './call.ts'
import { directiveView, stepLine } from './views.ts'

const definitions = { 'directive@1': '{"id":"directive"}', 'step@1': '{"id":"step"}' }

const sighting = (
  id: string,
  version: number,
  value: unknown,
  more: { type?: string; tags?: string[]; origin?: string; context?: object } = {},
): Sighting => {
  const { type = 'xstate.init', tags = [], origin = 'begin', context = {} } = more
  const isStep = id !== 'hello'
  return {
    type: '@xstate.snapshot',
    event: { type },
    snapshot: { status: 'active', value, context, tags, children: {}, historyValue: {} },
    sessionId: id,
    rootId: 'hello',
    id: null,
    createdAt: String(now + version),
    _version: '0.7.2',
    writ: {
      version,
      entry: 0,
      entries: 1,
      order: [1, version],
      kind: isStep ? 'step' : 'directive',
      machine: isStep ? 'step' : 'directive',
      machineVersion: '1',
      origin,
      parentId: isStep ? 'hello' : null,
      sourceId: origin.includes('/') ? origin.slice(origin.indexOf('/') + 1) : null,
      status: tags[0] ?? '',
      waiting: null,
    },
  }
}

const life = [
  sighting('hello', 1, { flow: 'draft', gate: 'open' }),
  sighting('hello', 2, { flow: { active: 'running' }, gate: 'open' }, { type: 'start', origin: 'user' }),
  sighting('hello__1_0', 3, 'pending'),
  sighting('hello__1_0', 4, { running: 'queued' }, { type: 'dispatch', origin: 'default/hello' }),
  sighting('hello__1_0', 5, { running: 'backoff' }, { type: 'xstate.after.total.step.running', origin: 'timer' }),
  sighting('hello__1_0', 6, { running: 'backoff' }, { type: 'task.lost', origin: 'watch', context: { tries: 1 } }),
  sighting(
    'hello',
    7,
    { flow: 'completed', gate: 'open' },
    { type: 'step.passed', origin: 'default/hello__1_0', tags: ['completed', 'ended'] },
  ),
]

const nodeWith = (listed: readonly Sighting[] = []): FakeNode =>
  new FakeNode({
    'actors.inspect': () => ({ inspection: 'i', leaseMs: 30_000, threads: ['t'], silent: [] }),
    'actors.list': () => ({ sightings: listed, total: listed.length, definitions, next: null }),
    'actors.history': () => ({ sightings: life, faults: [], definitions, next: null }),
    'directive.get': () => directiveView('hello', { stepList: [stepLine('hello', 0, { name: 'look' })] }),
  })

const tell = (node: FakeNode, told: readonly Sighting[]): void => {
  for (const each of told)
    node.publish(subjects.inspect.at({ owner: 'default', directive: 'hello', id: each.sessionId }), each)
}

const watched = async (node: FakeNode): Promise<void> => {
  await vi.waitFor(() => expect(node.asked.some(({ subject }) => subject.endsWith('actors.list'))).toBe(true), {
    timeout: 10_000,
  })
}

test('a person is shown what each actor took, from whom, and from which state to which that led; it ends with the directive', async () => {
  const node = nodeWith()
  const calling = call(['inspect', 'hello'], { node, terminal: 120 })
  await watched(node)
  tell(node, life)
  const { code, out } = await calling
  expect(code).toBe(0)
  expect(out.split('\n').map((line) => line.replace(/^[\d:.]+ +/, ''))).toEqual([
    'hello                     flow.draft gate.open  begins',
    'hello                     flow.draft → flow.active.running  start                  from a person',
    'hello/look                pending  begins',
    'hello/look                pending → running.queued  dispatch               from hello',
    'hello/look                running.queued → running.backoff  after total',
    'hello/look                changed tries  task.lost              from the watch over attempts',
    'hello                     flow.active.running → flow.completed  step.passed            from hello/look',
    '',
  ])
})

test('in a pipe each line has the time, the actor, the message, its sender, both states and what changed, with tabs between', async () => {
  const { out } = await call(['inspect', 'hello', '--replay'], { node: nodeWith() })
  expect(out.split('\n')[3]).toBe(
    [now + 4, 'hello/look', 'dispatch', 'from hello', 'pending', 'running.queued', ''].join('\t'),
  )
  expect(out.trimEnd().split('\n')).toHaveLength(life.length)
})

test('one that goes on on a newer machine is shown from the state where that led, whatever of it is shown first', async () => {
  const on = (machineVersion: string, each: Sighting): Sighting => ({ ...each, writ: { ...each.writ, machineVersion } })
  const [pending, dispatched] = life.filter(({ sessionId }) => sessionId === 'hello__1_0')
  const made = { context: { made: 1 } }
  const told = [
    sighting('hello__1_0', 5, { running: 'queued' }, { ...made, type: 'migration', origin: 'migration' }),
    sighting('hello__1_0', 6, { running: 'working' }, { ...made, type: 'task.granted', origin: 'desk' }),
  ].map((each, at) => on(`${at + 2}`, each))
  const node = nodeWith()
  const calling = call(['inspect', 'hello'], { node, terminal: 120 })
  await watched(node)
  tell(
    node,
    [pending, dispatched, ...told, ...life.slice(-1)].flatMap((each) => each ?? []),
  )
  const { out } = await calling
  const lines = out.split('\n').map((line) => line.replace(/^[\d:.]+ +/, ''))
  expect(lines.filter((line) => line.startsWith('hello/look'))).toEqual([
    'hello/look                pending  begins',
    'hello/look                pending → running.queued  dispatch               from hello',
    'hello/look                changed made  migration              from migration',
    'hello/look                running.queued → running.working  task.granted           from its desk',
  ])
})

test('--json prints the frames, live and replayed the same', async () => {
  const node = nodeWith()
  const calling = call(['inspect', 'hello', '--json'], { node })
  await watched(node)
  tell(node, life)
  const live = await calling
  const replayed = await call(['inspect', 'hello', '--json', '--replay'], { node })
  const frames = (text: string): { type: string }[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  expect(frames(live.out).filter(({ type }) => type !== '@writ.notice')).toEqual(frames(replayed.out))
  expect(frames(replayed.out).slice(0, 3)).toMatchObject([
    { type: '@xstate.actor', sessionId: 'hello', definition: '{"id":"directive"}' },
    { type: '@xstate.event', event: { type: 'xstate.init' } },
    { type: '@xstate.snapshot', snapshot: { value: { flow: 'draft' } } },
  ])
})

test('of a directive that has ended its states are shown, with the command for its replay', async () => {
  const { code, out, err } = await call(['inspect', 'hello'], {
    node: nodeWith(life.slice(-1).map((each) => ({ ...each, writ: { ...each.writ, listed: true as const } }))),
    terminal: 120,
  })
  expect([code, out.includes('flow.completed gate.open'), err.includes('next: writ inspect hello --replay')]).toEqual([
    0,
    true,
    true,
  ])
})

test.each([
  [['inspect', 'hello', '--from', '3'], '--from is of a replay'],
  [['inspect', 'hello', '--url', '--stately'], '--url and --stately are two things'],
  [['inspect', 'a.b*'], 'is no glob of ids'],
  [['inspect', 'hello', '--replay', '--speed', '0'], 'above 0'],
  [['inspect', 'hello', '--stately', 'file:///etc/passwd'], 'is not the address of a page'],
])('%j is refused with what is wrong', async (args, text) => {
  const { code, err } = await call(args, { node: nodeWith() })
  expect([code, err]).toEqual([2, expect.stringContaining(text)])
})

test("the bridge to Stately's page says that what it shows leaves the machine, and hands frames only to that page", async () => {
  const over = new AbortController()
  const node = nodeWith()
  let url = ''
  const taken = (data: Buffer): void => void (url ||= data.toString().trim())
  const calling = call(['inspect', 'hello', '--replay', '--stately'], { node, taken })
  await vi.waitFor(() => expect(url).not.toBe(''))
  const page = await (await fetch(url)).text()
  expect(page).toContain('src="https://stately.ai/inspect"')
  expect(page).toContain('it leaves this machine')
  const frames = await fetch(`${url}frames`, { signal: over.signal })
  const reader = frames.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (text.split('data: ').length < 4) text += (await reader?.read())?.value ?? ''
  expect(JSON.parse(text.split('data: ')[1] ?? '')).toMatchObject({ type: '@xstate.actor', sessionId: 'hello' })
  const { host } = new URL(url)
  expect((await fetch(`http://${host}/`)).status).toBe(404)
  expect((await fetch(`http://${host}/frames`)).status).toBe(404)
  over.abort()
  process.emit('SIGINT')
  const { code, err } = await calling
  expect([code, err]).toEqual([130, expect.stringContaining('What it shows leaves this machine')])
})
