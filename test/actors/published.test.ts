/** What the stream brings is taken in once, whatever it repeats, and whatever it has forgotten. */
import { expect, it } from 'vitest'
import { takeIn } from '../../src/actors/published.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

it('what comes again is taken once; another message under the number of one that the stream has lost is taken as well', async () => {
  const clock = new SimClock()
  const store = new SimStore({ clock })
  const host = quietHost(clock, store)
  const mail = (at: string, byte: number) => ({
    ...{ owner: 'o', actor: 'd', incarnation: 'i', sequence: 7, at },
    body: new Uint8Array([byte]),
  })
  for (const each of [mail('100', 1), mail('100', 1), mail('200', 2), mail('200', 2)]) await takeIn(host, each)
  expect([...store.tables.messages.values()].map(({ body }) => body[0])).toEqual([1, 2])
})
