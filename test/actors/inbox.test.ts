/** What a thread takes in: at most so many requests at once, however they are answered and wherever they come in. */
import { expect, it } from 'vitest'
import { ApiDesk } from '../../src/actors/api.ts'
import type { Host } from '../../src/actors/host.ts'
import { Inbox } from '../../src/actors/inbox.ts'
import type { Reader } from '../../src/actors/ports/reader.ts'
import type { Asked } from '../../src/actors/ports/wire.ts'
import { Watch } from '../../src/actors/watch.ts'
import { pendingRequestsMax } from '../../src/protocol/limits.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

/** A store whose answers wait to be released. */
const slowReader = () => {
  const waiting: (() => void)[] = []
  const never = (): Promise<never> => new Promise(() => undefined)
  const reader: Reader = {
    ...{
      step: never,
      events: never,
      allEvents: never,
      tasks: never,
      task: never,
      daemons: never,
      waiting: never,
      parked: never,
      parkedOne: never,
      figures: never,
      leases: never,
      files: never,
    },
    directive: () => new Promise((resolve) => waiting.push(() => resolve(null))),
    directives: () => new Promise((resolve) => waiting.push(() => resolve({ lines: [], next: null }))),
    close: () => Promise.resolve(),
  }
  return { reader, release: () => waiting.splice(0).forEach((answer) => answer()) }
}

const inboxOf = (host: Host, reader: Reader): Inbox => {
  const nothing = (): void => undefined
  const isHeld = (): boolean => true
  const compose = (): Promise<never> => new Promise(() => undefined)
  const watch = new Watch(host, { compose, tell: nothing, storeAcceptance: nothing, isHeld })
  return new Inbox({ host, reader, watch, push: nothing, depth: () => 0, isHeld, look: nothing })
}

it.each([
  { where: "a shard's inbox", read: { noun: 'directive', verb: 'get', id: 'd', shard: 0 } as const, of: inboxOf },
  {
    where: 'the requests for no actor in particular',
    read: { noun: 'api', verb: 'list', id: 'directive', shard: null } as const,
    of: (host: Host, reader: Reader) => new ApiDesk(host, reader),
  },
])('reads under way count into the limit of $where, and what is over it is told so at once', async ({ read, of }) => {
  const clock = new SimClock()
  const { reader, release } = slowReader()
  const taker = of(quietHost(clock, new SimStore({ clock })), reader)
  const answers: string[] = []
  const ask = (): void =>
    taker.take({
      ...read,
      owner: 'o',
      daemon: null,
      body: {},
      wantsReply: true,
      replyTo: null,
      reply: () => answers.push('an answer'),
      fail: (error) => answers.push((error as { code: string }).code),
    } satisfies Asked)
  for (let count = 0; count < pendingRequestsMax; count++) ask()
  expect(answers).toEqual([])
  ask()
  expect(answers).toEqual(['BUSY'])
  release()
  await expect.poll(() => answers.length).toBe(pendingRequestsMax + 1)
  ask()
  expect(answers.filter((answer) => answer === 'BUSY')).toHaveLength(1)
})
