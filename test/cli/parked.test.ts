/** `writ parked`: what is shown of it to a person and to a program, and what it asks before anything is dropped. */
import type * as Os from 'node:os'
import { userInfo } from 'node:os'
import { expect, test, vi } from 'vitest'
import type { ParkedView } from '../../src/protocol/parked.ts'
import { call, FakeNode } from './call.ts'
import { directiveView, parkedLine, stepLine } from './views.ts'

const system = vi.hoisted(() => ({ knowsUser: true }))
vi.mock('node:os', async (original) => {
  const os = await original<typeof Os>()
  return {
    ...os,
    userInfo: () => {
      if (system.knowsUser) return os.userInfo()
      throw new Error('A system error occurred: uv_os_get_passwd returned ENOENT (no such file or directory)')
    },
  }
})

const message = parkedLine('hello')
const actor = parkedLine('hello', {
  ...{
    id: 'hello__1_1',
    kind: 'step',
    step: 'look',
    reason: 'a fault',
    tries: null,
    message: null,
    type: null,
    from: null,
  },
  ...{
    actor: { id: 'hello__1_1', address: '33.hello__1_1', kind: 'step' },
    mailbox: 3,
    next: 'writ parked retry hello__1_1',
  },
})
const done = { parked: { id: message.id }, actor: message.actor, told: 'nobody waits for it' }
const shown: ParkedView = { ...message, body: { type: 'step.passed', index: 0 }, bytes: 12 }

test('list: columns for a person, values for a pipe, lines as they are as JSON, and the commands that go on from there', async () => {
  const node = new FakeNode({ 'parked.list': () => ({ lines: [message, actor], next: null }) })
  const person = await call(['parked', 'list'], { node, terminal: 150 })
  const address = message.actor.address
  expect(person.out)
    .toBe(`ID          KIND     SINCE  TRIES  TO          MESSAGE      FROM        WHY                               ADDRESS
hello__m41  message  40 s       5  hello       step.passed  hello__1_0  the database refuses the content  ${address}
hello__1_1  step     40 s          hello/look                           a fault                           33.hello__1_1
`)
  expect(person.err).toBe('next: writ parked show hello__m41\nnext: writ parked retry hello__1_1\n')
  const pipe = await call(['parked', 'list'], { node })
  expect(pipe.out.split('\n')[0]).toBe(
    `hello__m41\tmessage\t${message.since}\t5\thello\tstep.passed\thello__1_0\tthe database refuses the content\t${address}`,
  )
  const json = await call(['parked', 'list', '--json'], { node })
  expect(JSON.parse(json.out)).toEqual({ parked: [message, actor], next: null })
})

test('list: page by page, and of one directive', async () => {
  const node = new FakeNode({ 'parked.list': () => ({ lines: [message], next: '1.a' }) })
  const { err } = await call(['parked', 'list', '--directive', '33.hello', '--limit', '1'], { node })
  expect(node.asked[0]?.body).toEqual({ directive: 'hello', limit: 1 })
  expect(err).toBe('next: writ parked list --directive 33.hello --limit 1 --after 1.a\n')
  const none = new FakeNode({ 'parked.list': () => ({ lines: [], next: null }) })
  expect((await call(['parked', 'list'], { node: none })).err).toBe('Nothing is parked.\n')
})

test('show: all of it, with its message', async () => {
  const node = new FakeNode({ 'parked.show': () => shown })
  const { out, err } = await call(['parked', 'show', 'hello__m41'], { node })
  for (const text of ['step.passed', 'hello__1_0', '5 times', 'the database refuses the content', '"index": 0'])
    expect(out).toContain(text)
  expect(err).toBe('next: writ parked retry hello__m41\nnext: writ directive events hello\n')
  const json = await call(['parked', 'show', 'hello__m41', '--json'], { node })
  expect(JSON.parse(json.out)).toEqual(shown)
})

test('retry: also by the name of a step', async () => {
  const view = directiveView('hello', { stepList: [stepLine('hello', 0), stepLine('hello', 1, { name: 'look' })] })
  const node = new FakeNode({ 'directive.get': () => view, 'parked.retry': () => done, get: () => view })
  expect((await call(['parked', 'retry', 'hello/look'], { node })).code).toBe(0)
  expect(node.asked.at(-1)?.body).toMatchObject({ id: 'hello__1_1' })
})

test('drop: is asked about first, needs a reason, and says who', async () => {
  const node = new FakeNode({ 'parked.show': () => shown, 'parked.drop': () => done })
  const unasked = await call(['parked', 'drop', 'hello__m41', '--why', 'a mistake'], { node })
  expect(unasked).toMatchObject({ code: 2, err: expect.stringContaining('--yes') })
  expect((await call(['parked', 'drop', 'hello__m41', '--yes'], { node })).code).toBe(2)
  expect(node.asked.filter(({ subject }) => subject.endsWith('drop'))).toEqual([])
  const { code, out } = await call(['parked', 'drop', 'hello__m41', '--why', 'a mistake', '--yes'], { node })
  expect({ code, out }).toEqual({ code: 0, out: `hello__m41\tnobody waits for it\t${message.actor.address}\n` })
  expect(node.asked.at(-1)?.body).toMatchObject({ id: 'hello__m41', why: 'a mistake', by: userInfo().username })
  await call(['parked', 'drop', 'hello__m41', '--why', 'a mistake', '--by', 'ada', '--yes'], { node })
  expect(node.asked.at(-1)?.body).toMatchObject({ by: 'ada' })
})

test('drop: a user whom the system does not know by name, as in a container, is named as the environment does, or by number', async () => {
  const node = new FakeNode({ 'parked.drop': () => done })
  const by = async (env: Record<string, string>): Promise<unknown> => {
    await call(['parked', 'drop', 'hello__m41', '--why', 'a mistake', '--yes'], { node, env })
    return node.asked.at(-1)?.body['by']
  }
  system.knowsUser = false
  try {
    expect(await by({ USER: 'ada', LOGNAME: 'grace' })).toBe('ada')
    expect(await by({ LOGNAME: 'grace' })).toBe('grace')
    expect(await by({})).toBe(`user ${process.getuid?.()}`)
  } finally {
    system.knowsUser = true
  }
})

test.each([
  ['--why', '', '--why is empty'],
  ['--why', 'x'.repeat(201), '--why has 201 characters'],
  ['--by', '', '--by is empty'],
  ['--by', 'x'.repeat(201), '--by has 201 characters'],
])('drop: the fault of %s %j is told of that option, and nobody is asked', async (option, value, told) => {
  const node = new FakeNode({ 'parked.drop': () => done })
  const given = option === '--why' ? [] : ['--why', 'a mistake']
  const { code, err } = await call(['parked', 'drop', 'hello__m41', '--yes', ...given, option, value], { node })
  expect({ code, err }).toEqual({ code: 2, err: `error: ${told} [BAD_INPUT]\nhint: it takes 1 to 200\n` })
  expect(node.asked).toEqual([])
})
