/** What is said before a directive is deleted, and where events of one are gone already. */
import { expect, test } from 'vitest'
import { call, FakeNode } from './call.ts'
import { directiveView, event } from './views.ts'

const nodeWith = (view: ReturnType<typeof directiveView>): FakeNode =>
  new FakeNode({ 'directive.get': () => view, 'directive.delete': () => ({ directive: view }) })
const verbs = ({ asked }: FakeNode): string[] => asked.map(({ subject }) => subject.slice(subject.lastIndexOf('.') + 1))

test('nothing is deleted without a yes, and where nobody can be asked that is said', async () => {
  const node = nodeWith(directiveView('hello', { status: 'completed' }))
  const { code, err } = await call(['directive', 'delete', 'hello'], { node })
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('add --yes') })
  expect(verbs(node)).toEqual(['get'])
})

test('with a yes it is deleted, and the line says so', async () => {
  const node = nodeWith(directiveView('hello', { status: 'completed' }))
  const { code, out } = await call(['directive', 'delete', 'hello', '--yes'], { node })
  expect({ code, out }).toEqual({ code: 0, out: 'hello\tdeleted\n' })
  expect(verbs(node)).toEqual(['get', 'delete'])
})

test('one that goes on is not deleted, whatever is said, and what ends it is', async () => {
  const node = nodeWith(directiveView('hello', { status: 'active' }))
  const { code, err } = await call(['directive', 'delete', 'hello', '--yes'], { node })
  expect({ code, err }).toEqual({ code: 4, err: expect.stringContaining('writ directive cancel hello ends it') })
  expect(verbs(node)).toEqual(['get'])
})

test('of events that were forgotten the numbers are told, once, and those that are there follow', async () => {
  const kept = [event('hello', 8, 'step_passed'), event('hello', 9, 'directive_completed')]
  const node = new FakeNode({
    'directive.get': () => directiveView('hello', { status: 'completed', events: 9 }),
    'directive.events': ({ after }) => ({ events: kept.filter(({ number }) => number > Number(after)), next: null }),
  })
  const { code, out, err } = await call(['directive', 'events', 'hello'], { node })
  expect(code).toBe(0)
  expect(out.split('\n').map((line) => line.split('\t')[0])).toEqual(['8', '9', ''])
  expect(err).toBe('Events 1 to 7 are gone: they were older than events are kept (retention.events).\n')
})
