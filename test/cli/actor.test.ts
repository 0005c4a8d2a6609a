/** What people and pipes get to read of an actor, letter by letter. */
import { expect, test } from 'vitest'
import { lookingExamples } from '../support/asyncapi-looking.ts'
import { changesOf } from '../../src/protocol/changes.ts'
import { addressOf } from '../../src/protocol/ids.ts'
import { call, FakeNode } from './call.ts'

const node = new FakeNode(
  Object.fromEntries(Object.entries(lookingExamples).map(([subject, { answer }]) => [subject, () => answer])),
)
const id = 'greet__1_0'
const printed = async (args: string[], terminal?: number): Promise<string> => {
  const { code, out } = await call(['actor', ...args], { node, ...(terminal === undefined ? {} : { terminal }) })
  expect(code).toBe(0)
  return out
}

test('show: facts, timers and what it remembers', async () => {
  expect(await printed(['show', id])).toBe(`id\tgreet__1_0
address\t${addressOf('default', id)}
kind\tstep (machine step, version 1)
version\t3
since\t2026-05-01T12:00:03.000Z
status\trunning
state\trunning.open.working
waits for\tthe worker, attempt 1
timer\txstate.after.total.work.open, due 2026-05-01T16:00:03.000Z
context.task\t{"purpose":"work","number":1,"attempt":1,"nonce":"[redacted]","grant":"g1","tries":0}
context.round\t1
context.rework\t0
`)
})

test('journal: one line for each message, whole values for a pipe', async () => {
  expect(await printed(['journal', id])).toBe(
    '3\t0\t2026-05-01T12:00:03.000Z\ttask.accepted\twatch\trunning.open.starting → running.open.working\t\n',
  )
  expect(node.asked.at(-1)?.body).toEqual({ fromVersion: 1 })
  await printed(['journal', id, '--from', '2', '--to', '3'])
  expect(node.asked.at(-1)?.body).toEqual({ fromVersion: 2, toVersion: 3 })
})

test('diff: path, before, after', async () => {
  expect(await printed(['diff', id, '2', '3'])).toBe('state.running.open\t"starting"\t"working"\n')
  expect(await printed(['diff', id, '2', '3'], 100)).toBe(
    `greet__1_0: version 2 (2026-05-01T12:00:03.000Z) → 3 (2026-05-01T12:00:03.000Z)
  state.running.open: "starting" → "working"
`,
  )
})

test('next: what is taken first, then what changes nothing and what it would need', async () => {
  expect(await printed(['next', id, '--type', 'task.done'], 100)).toBe(
    `greet__1_0  running  running.open.working, waits for the worker, attempt 1
✓ task.done of attempt 1          running.open.working → evaluating.queued; closes attempt 1 of task 1 as done; ends ta…
· task.done of any other attempt  changes nothing (only if it comes from the open attempt, 1, with its nonce)
not answered now: dispatch, line.moved
`,
  )
})

test('try: what would happen, and what is tried is one thing', async () => {
  expect(await printed(['try', id, '--message', 'task.done'])).toContain(
    'outcome\twould be taken: running.open.working → evaluating.queued\n',
  )
  expect(node.asked.at(-1)?.body).toEqual({ message: { type: 'task.done' } })
  await printed(['try', id, '{"type":"cancel"}'])
  expect(node.asked.at(-1)?.body).toEqual({ message: { type: 'cancel' } })
  for (const args of [[], ['{"type":"x"}', '--timer', 't'], ['cancel'], ['[]'], ['{"type":1}']]) {
    const { code, err } = await call(['actor', 'try', id, ...args], { node })
    expect([code, err]).toEqual([2, expect.stringContaining('hint: ')])
  }
})

test('next and try: what comes first of an actor whose next message makes it one of a newer machine', async () => {
  const answers = ['actor.next', 'actor.try'].map((subject) => {
    const answer: unknown = lookingExamples[subject]?.answer
    return [subject, () => Object.assign({}, answer, { migrates: 'step@2' })] as const
  })
  const newer = new FakeNode(Object.fromEntries(answers))
  const line = 'its next message first makes it one of step@2: what is shown is of that'
  const said = async (args: string[], terminal?: number): Promise<string> =>
    (await call(['actor', ...args], { node: newer, ...(terminal === undefined ? {} : { terminal }) })).out
  expect((await said(['next', id], 100)).split('\n')[1]).toBe(line)
  expect(await said(['next', id])).toMatch(/^migrates\tstep@2\ntaken\t/)
  expect(await said(['try', id, '--message', 'task.done'])).toContain(
    '\nfirst\tit becomes one of step@2\noutcome\twould',
  )
})

test('show --at takes a version, a span or a time', async () => {
  await printed(['show', id, '--at', '7'])
  expect(node.asked.at(-1)?.body).toEqual({ at: 7 })
  await printed(['show', id, '--at', '2h'])
  expect(node.asked.at(-1)?.body).toEqual({ at: '2026-05-01T10:00:00.000Z' })
  const { out } = await call(['directive', 'show', 'greet', '--at', '4'], { node, terminal: 100 })
  expect(out).toContain('version 4, 2026-05-01T12:00:03.000Z')
  expect(out).toContain('▶ hello')
  const asked = node.asked.length
  const { code, err } = await call(['actor', 'show', id, '--at', '9'.repeat(20)], { node })
  expect([code, node.asked.length]).toEqual([2, asked])
  expect(err).toContain('a whole number from 1')
})

test('changes are told field by field: what was replaced, what came and what went', () => {
  const before = { a: 1, b: { c: [1, 2], d: 'x' }, e: null, f: [1] }
  const after = { a: 1, b: { c: [1, 3, 4], d: 'x' }, f: { g: 1 }, h: true }
  expect(changesOf(before, after)).toEqual([
    { path: 'b.c.1', before: 2, after: 3 },
    { path: 'b.c.2', after: 4 },
    { path: 'e', before: null },
    { path: 'f', before: [1], after: { g: 1 } },
    { path: 'h', after: true },
  ])
  expect(changesOf(1, 2)).toEqual([{ path: '', before: 1, after: 2 }])
  expect(changesOf(before, before)).toEqual([])
})
