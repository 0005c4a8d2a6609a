/** What the stream brings becomes a row once; and what only looks like it, one of its own. */
import { expect, test } from 'vitest'
import { takeIn } from '../../src/actors/published.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
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
