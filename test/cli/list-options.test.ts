/** How lists are asked for: what goes over the wire for what was typed. */
import { expect, test } from 'vitest'
import { call, FakeNode } from './call.ts'
import { directiveView } from './views.ts'

const asked = async (args: string[]): Promise<unknown> => {
  const none = () => ({ lines: [], next: null })
  const node = new FakeNode({ 'directive.list': none, 'task.list': none, 'daemon.list': none })
  const { code } = await call([...args, '--json'], { node })
  expect(code).toBe(0)
  return node.asked[0]?.body
}

test('a time is how long ago by the clock of the one who asks, or itself', async () => {
  for (const [text, since] of [
    ['2h', '2026-05-01T10:00:00.000Z'],
    ['3d', '2026-04-28T12:00:00.000Z'],
    ['1h30m', '2026-05-01T10:30:00.000Z'],
    ['2026-04-01', '2026-04-01T00:00:00.000Z'],
    ['2026-04-01T02:00:00+02:00', '2026-04-01T00:00:00.000Z'],
  ] as const)
    for (const list of ['directive', 'task', 'daemon'])
      expect(await asked([list, 'list', '--since', text])).toEqual({ limit: 100, since })
})

test('what is no time is refused with what would be one', async () => {
  for (const text of ['yesterday', '2026-13-45', '2 hours', '']) {
    const { code, err } = await call(['directive', 'list', '--since', text])
    expect(code).toBe(2)
    expect(err).toContain('as in 90s, 2h or 3d, or a time, as in 2026-05-01T12:00Z')
  }
})

test('a list is narrowed to a status that there is, and to no other', async () => {
  expect(await asked(['directive', 'list', '--state', 'checking'])).toEqual({ limit: 100, state: 'checking' })
  expect(await asked(['task', 'list', '--state', 'open'])).toEqual({ limit: 100, state: 'open' })
  for (const [list, state, some] of [
    ['directive', 'bogus', 'open, draft, planning, active'],
    ['directive', 'running', 'open, draft, planning, active'],
    ['task', 'completed', 'open, pending, starting, running, done'],
  ] as const) {
    const { code, err } = await call([list, 'list', '--state', state])
    expect(code).toBe(2)
    expect(err).toContain(`'${state}' is invalid. Allowed choices are ${some}`)
  }
})

/** The command that a list says to be the next one. */
const nextOf = async (list: string, line: object, args: string[]): Promise<string | undefined> => {
  const node = new FakeNode({ [`${list}.list`]: () => ({ lines: [line], next: 'abc' }) })
  return (await call([list, 'list', ...args], { node, terminal: 100 })).err.match(/writ \w+ list .*/)?.[0]
}
const lists: [list: string, line: object, state: string][] = [
  ['directive', directiveView('hello'), 'active'],
  [
    'task',
    { id: 'hello__t1', address: '1.hello__t1', status: 'running', role: 'planner', created: '', name: 'Plan' },
    'running',
  ],
  ['daemon', { name: 'd', roles: [], executors: [], labels: {}, since: '2026-05-01T11:00:00Z' }, ''],
]

test.each(lists)('the next page of a %s list is one of the same list', async (list, line, status) => {
  const state = list === 'daemon' ? [] : ['--state', status]
  const text = list === 'daemon' ? [] : ['--text', "what's next"]
  const narrowed = [...state, ...text, '--since', '2h', '--limit', '1', '--owner', 'me']
  const kept = list === 'daemon' ? '' : `--state ${status} --text 'what'\\''s next' `
  expect(await nextOf(list, line, narrowed)).toBe(
    `writ ${list} list ${kept}--since 2026-05-01T10:00:00.000Z --limit 1 --after abc --owner me`,
  )
  expect(await nextOf(list, line, [])).toBe(`writ ${list} list --after abc`)
})
