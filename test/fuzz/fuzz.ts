/** Asks a node on real servers, on every subject that is for others than nodes: each time there is an answer, and it is no fault of ours. */
import { TextDecoder } from 'node:util'
import type { NatsConnection } from '@nats-io/transport-node'
import fc from 'fast-check'
import { expect } from 'vitest'
import { openConnection } from '../../src/bus/connection.ts'
import type { Message, Subject } from '../../src/bus/subject.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { startObserver } from '../../src/observer-of.ts'
import { codes } from '../../src/protocol/errors.ts'
import { shardOf } from '../../src/protocol/ids.ts'
import { othersGoOn } from '../input/healthy.ts'
import { startTestEngine } from '../support/engine.ts'
import { planOf } from '../support/world.ts'
import { bodyFor } from './bodies.ts'

const answerWithinMs = 20_000
/** Only nodes may ask these (test/bus/permissions.test.ts). */
const inner = new Set(['directive.create', 'directive.open'])

interface Shot {
  subject: string
  bytes: Uint8Array
  isAnswered: boolean
}

/** Ids of all kinds, of things that are there and of others. */
const ids = ['there', 'first', 'nobody', 'there__1_0', 'there__1_1', 'there__1_9', '__registry']
  .flatMap((id) => [id, `${id}__t1`, `${id}__c1`])
  .concat('x', 'a_b', '-', 'x'.repeat(96))

/** One that the noun is for. */
const own: Record<string, string> = {
  directive: 'there',
  step: 'there__1_0',
  contract: 'there__1_0__c1',
  task: 'there__1_0__t1',
  report: 'there__1_0__t1',
}
const idFor = (noun: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant(own[noun] ?? 'there') },
    { weight: 1, arbitrary: fc.constantFrom(...ids) },
  )

const shotsOf = (owner: string, [noun, { template, messages }]: [string, Subject]): fc.Arbitrary<Shot>[] =>
  (Object.entries(messages) as [string, Message][])
    .filter(([verb]) => !inner.has(`${noun}.${verb}`))
    .map(([verb, { payload, kind }]) => {
      const body = bodyFor(payload, noun === 'pull' ? { waitMs: 1 } : null)
      return fc.tuple(idFor(noun), fc.constantFrom('d', 'e', 'f-1'), body).map(([id, daemon, bytes]) => {
        const name = noun === 'daemon' ? daemon : id
        const tokens: Record<string, string> = { owner, shard: String(shardOf(owner, id)), id: name, daemon }
        const subject = template
          .replace('{noun}.{verb}', verb)
          .replace('{verb}', verb)
          .replaceAll(/\{(\w+)\}/g, (_, token: string) => tokens[token] ?? token)
        return { subject, bytes, isAnswered: kind === 'request' }
      })
    })

/** Every subject that a node takes from somebody who is none. */
const anyShot = (owner: string): fc.Arbitrary<Shot> => {
  const all = (Object.entries(subjects) as [string, Subject][]).filter(([, { from }]) => !/node|shard/.test(from))
  return fc.oneof(...all.filter(([noun]) => noun !== 'output').flatMap((each) => shotsOf(owner, each)))
}

const shoot = async (raw: NatsConnection, { subject, bytes, isAnswered }: Shot): Promise<void> => {
  if (!isAnswered) return raw.publish(subject, bytes)
  const { data } = await raw.request(subject, bytes, { timeout: answerWithinMs })
  const answer = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)) as { error?: { code: string } }
  if (answer.error === undefined) return
  expect(Object.keys(codes)).toContain(answer.error.code)
  expect(answer.error, `${subject} ${JSON.stringify(answer.error)}`).not.toMatchObject({ code: 'INTERNAL' })
}

/** Throws with the seed and the shortest shot that was found when one is not answered as it should be. */
export const fuzz = async ({ seed, count }: { seed: number; count: number }): Promise<void> => {
  const test = await startTestEngine()
  const { databaseUrl, natsUrl } = test
  const nats = { url: natsUrl }
  const observer = await startObserver({ databaseUrl, nats, node: 'fuzz', log: (line) => test.log.push(line) })
  const raw = await openConnection({ url: test.natsUrl, name: 'fuzz' })
  try {
    const world = await test.world()
    await world.daemon('d', { work: () => null })
    await world.start({ id: 'there', plan: planOf({ a: [], b: ['a'] }) })
    await world.until('there', 'step_running')
    const property = fc.asyncProperty(anyShot(world.owner), (shot) => shoot(raw, shot))
    await fc.assert(property, { seed, numRuns: count })
    await othersGoOn(test)
    expect(test.log.filter((line) => /"level":"(?:error|fatal)"/.test(line))).toEqual([])
    const [parked] = await test.sql`select count(*)::int as count from writ.parked`
    expect(parked).toEqual({ count: 0 })
  } finally {
    await raw.close()
    await observer.stop()
    await test.stop()
  }
}
