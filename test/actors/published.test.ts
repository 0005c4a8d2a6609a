/** What the stream brings becomes a row once; and what only looks like it, one of its own. */
import { expect, test } from 'vitest'
import type { Published } from '../../src/actors/ports/bus.ts'
import { takeIn } from '../../src/actors/published.ts'
import { takePublished } from '../../src/take-published.ts'
import { SimClock } from '../sim/clock.ts'
import { type CallFate, SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const mail = { owner: 'ann', actor: 'd', incarnation: 'i', sequence: 7, at: '1.5', body: new Uint8Array([1]) }

test('R45: a publish that is handed over again is one row; another one under the number of one that was lost is a row too', async () => {
  const clock = new SimClock()
  const store = new SimStore({ clock })
  const host = quietHost(clock, store)
  await takeIn(host, mail)
  await takeIn(host, mail)
  expect(store.tables.messages.size).toBe(1)
  await takeIn(host, { ...mail, at: '2.5' })
  expect(store.tables.messages.size).toBe(2)
})

/** What becomes of one publish: how often it was acknowledged, how many rows there are, and what the log says. */
const taken = async (
  subject: string,
  body: string,
  store: { mailboxMessagesMax?: number; call?: () => CallFate } = {},
): Promise<{ acks: number; rows: number; said: string[] }> => {
  const clock = new SimClock()
  const tables = new SimStore({ clock, ...store })
  const said: string[] = []
  let acks = 0
  const message: Published = {
    subject,
    body: new TextEncoder().encode(body),
    incarnation: 'i',
    sequence: 1,
    at: '1.5',
    ack: () => void acks++,
  }
  await takePublished(quietHost(clock, tables), message, (line) => void said.push(line))
  return { acks, rows: tables.tables.messages.size, said }
}

const done = 'writ.v1.ann.task.9.d__1_0__t1.done'

test('a publish that is as its subject declares is a row, and acknowledged', async () => {
  expect(await taken(done, '{"result": "1"}')).toEqual({ acks: 1, rows: 1, said: [] })
})

test.each([
  ['is not JSON', done, '{"result"'],
  ['is not what its subject takes', done, '{"attempt": "first"}'],
  ['is on a verb that nobody publishes', 'writ.v1.ann.task.9.d__1_0__t1.end', '{}'],
])(
  'a publish that %s is acknowledged, so that it does not come for ever, and told in the log',
  async (_, subject, body) => {
    const { acks, rows, said } = await taken(subject, body)
    expect([acks, rows]).toEqual([1, 0])
    expect(said.join()).toMatch(/^a publish on writ\.v1\.ann\.task\.\S+ is no message: /)
  },
)

test('a publish to the registry is none of its mailbox', async () => {
  expect(await taken('writ.v1.ann.task.4.__registry__t1.done', '{}')).toMatchObject({ acks: 1, rows: 0 })
})

test('a publish to a full mailbox is acknowledged, and told in the log', async () => {
  const { acks, rows, said } = await taken(done, '{}', { mailboxMessagesMax: 0 })
  expect([acks, rows]).toEqual([1, 0])
  expect(said.join()).toMatch(/is not taken: the mailbox of ann\/d__1_0 is full/)
})

test('a publish while the database cannot be reached is not acknowledged: it comes again', async () => {
  const { acks, rows, said } = await taken(done, '{}', { call: () => ({ ms: 0, fails: true }) })
  expect([acks, rows]).toEqual([0, 0])
  expect(said.join()).toMatch(/waits: the database cannot be reached/)
})
