/** What a thread takes in: at most so many requests at once, however they are answered. */
import { expect, it } from 'vitest'
import { Inbox } from '../../src/actors/inbox.ts'
import type { Reader } from '../../src/actors/ports/reader.ts'
import type { Asked } from '../../src/actors/ports/wire.ts'
import { Watch } from '../../src/actors/watch.ts'
import { pendingRequestsMax } from '../../src/protocol/limits.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

it('reads that wait for their answer count into the limit of requests, and what is over it is told so at once', async () => {
  const waiting: (() => void)[] = []
  const never = (): Promise<never> => new Promise(() => undefined)
  const reader: Reader = {
    ...{ directives: never, step: never, events: never, tasks: never, task: never, daemons: never, files: never },
    directive: () => new Promise((resolve) => waiting.push(() => resolve(null))),
    close: () => Promise.resolve(),
  }
  const clock = new SimClock()
  const host = quietHost(clock, new SimStore({ clock }))
  const nothing = (): void => undefined
  const isHeld = (): boolean => true
  const watch = new Watch(host, { compose: never, tell: nothing, storeAcceptance: nothing, isHeld })
  const inbox = new Inbox({ host, reader, watch, push: nothing, depth: () => 0, isHeld, look: nothing })
  const failures: string[] = []
  const ask = (): void =>
    inbox.take({
      noun: 'directive',
      verb: 'get',
      owner: 'o',
      id: 'd',
      shard: 0,
      daemon: null,
      body: {},
      wantsReply: true,
      replyTo: null,
      reply: () => undefined,
      fail: (error) => failures.push((error as { code: string }).code),
    } satisfies Asked)
  for (let count = 0; count < pendingRequestsMax; count++) ask()
  expect(failures).toEqual([])
  ask()
  expect(failures).toEqual(['BUSY'])
  for (const answer of waiting) answer()
  await expect.poll(() => failures.length).toBe(pendingRequestsMax + 1)
  ask()
  expect(failures.filter((code) => code === 'BUSY')).toHaveLength(1)
})
