/** What is never shown, wherever fields and texts of others are: the inspector and the logs have one list of it. */
import { expect, it } from 'vitest'
import { openLog } from '../src/log.ts'
import { secretNames, withoutSecrets } from '../src/protocol/redaction.ts'

it.each(secretNames)('a field whose name ends in %s is hidden, however it is written', (name) => {
  const upper = name.toUpperCase()
  const given = {
    [name]: 'x1',
    [`client_${upper}`]: { deep: 'x2' },
    list: [{ [`my-${name}`]: 7 }],
    [`${name}less`]: 'shown',
  }
  expect(withoutSecrets(given)).toEqual({
    [name]: '[redacted]',
    [`client_${upper}`]: '[redacted]',
    list: [{ [`my-${name}`]: '[redacted]' }],
    [`${name}less`]: 'shown',
  })
})

it.each([
  ['postgres://boss:hunter2@db:5432/x?y=1', 'postgres://[redacted]@db:5432/x?y=1'],
  ['see nats://s3cr3t@h:4222 and http://h/a@b', 'see nats://[redacted]@h:4222 and http://h/a@b'],
  ['Authorization: Bearer abc.def-123456', 'Authorization: Bearer [redacted]'],
  ['key sk-abcdefghijklmnop here', 'key [redacted] here'],
  ['from ssh://git@host/x.git', 'from ssh://git@host/x.git'],
  ['task-force of a person@example.org', 'task-force of a person@example.org'],
])('of the text %j only what lets somebody in is hidden', (text, shown) => {
  expect(withoutSecrets({ text })).toEqual({ text: shown })
})

it('an absent or empty secret is shown as it is, and so is what is no plain object', () => {
  const date = new Date(0)
  const given = { nonce: null, token: '', password: undefined, secret: false, date, tokens: 12 }
  expect(withoutSecrets(given)).toEqual(given)
})

it('a text of one long word is looked through once, and not once more from each of its letters', () => {
  const word = 'x'.repeat(200 * 1024)
  expect(withoutSecrets({ word, text: `${word}://a:b@h` })).toEqual({ word, text: `${word}://[redacted]@h` })
})

it('what is nested without end is cut, and not looked through for ever', () => {
  const given: Record<string, unknown> = {}
  given['self'] = given
  expect(JSON.stringify(withoutSecrets(given))).toContain('nested too deep')
})

it('a line of the log has no secret in its fields, in its sentence, or in an error and its causes', () => {
  const lines: string[] = []
  const error = new Error('no way to postgres://u:hunter2@h', { cause: new Error('nats://u:hunter2@h is away') })
  openLog((line) => lines.push(line), { node: 'n' }).warn(
    { nonce: 'hunter2', err: error, deep: { list: [{ apiKey: 'hunter2' }] } },
    'lost amqp://u:hunter2@h',
  )
  expect(lines.join()).not.toContain('hunter2')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ node: 'n', nonce: '[redacted]', msg: 'lost amqp://[redacted]@h' })
  expect(lines.join()).toContain('is away')
})
