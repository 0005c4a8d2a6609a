/** `writ task output`: part by part, with what was not kept, and until the end when it is followed. */
import { expect, test } from 'vitest'
import { WritError } from '../../src/protocol/errors.ts'
import { call, FakeNode } from './call.ts'

const task = 'x__1_0__t1'

/** A daemon that keeps this text in parts of four bytes; all before `from` of its middle is gone. */
const keeping = (text: string, { ended = true, from = 0 } = {}) => {
  const log = { text, ended }
  const node = new FakeNode({
    'task.output': ({ attempt = 2, offset = 0 }) => {
      const begin = Math.max(Number(offset), from)
      const end = Math.min(begin + 4, log.text.length)
      return {
        attempt,
        offset: begin,
        text: log.text.slice(begin, end),
        next: end,
        total: log.text.length,
        ended: log.ended,
      }
    },
  })
  return { node, log }
}

test('all that was written is printed as it is, of one attempt', async () => {
  const { node } = keeping('one\ntwo\n\u001b[31mthree')
  expect(await call(['task', 'output', task], { node })).toEqual({ code: 0, out: 'one\ntwo\n\u001b[31mthree', err: '' })
  expect(node.asked.map(({ body }) => [body['attempt'], body['offset']])).toEqual([
    [undefined, 0],
    ...[4, 8, 12, 16].map((offset) => [2, offset]),
  ])
})

test('on a terminal nothing of it moves the cursor', async () => {
  const { node } = keeping('a\u0007\tb')
  expect((await call(['task', 'output', task], { node, terminal: 80 })).out).toBe('a \tb')
})

test('the middle that was not kept is told', async () => {
  const { node } = keeping('0123456789', { from: 6 })
  expect(await call(['task', 'output', task, '--attempt', '1'], { node })).toEqual({
    code: 0,
    out: '6789',
    err: '… 6 bytes of the middle were not kept …\n',
  })
  expect(node.asked[0]?.body).toMatchObject({ attempt: 1 })
})

test('followed, it goes on until the attempt has ended', async () => {
  const { node, log } = keeping('one\n', { ended: false })
  const called = call(['task', 'output', task, '-f'], { node })
  await expect.poll(() => node.asked.length).toBeGreaterThan(0)
  log.text += 'two\n'
  node.publish(`writ.v1.default.output.${task}`, { task })
  await expect.poll(() => node.asked.some(({ body }) => body['offset'] === 4)).toBe(true)
  log.ended = true
  node.publish(`writ.v1.default.output.${task}`, { task })
  expect(await called).toEqual({ code: 0, out: 'one\ntwo\n', err: '' })
})

test('as JSON every part is a line', async () => {
  const { node } = keeping('abcdef')
  const { out } = await call(['task', 'output', task, '--json'], { node })
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { text: string }).text),
  ).toEqual(['abcd', 'ef'])
})

test('a daemon that keeps no output is no mistake of usage', async () => {
  const node = new FakeNode({
    'task.output': () => {
      throw new WritError('BAD_INPUT', 'there is no order output here')
    },
  })
  const { code, out, err } = await call(['task', 'output', task], { node })
  expect({ code, out }).toEqual({ code: 4, out: '' })
  expect(err).toContain('its daemon does not say what the task has written: there is no order output here [NOT_FOUND]')
})
