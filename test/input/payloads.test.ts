/** What is no message: on every subject that a node answers, found by walking the declarations, and on those that it only takes. */
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openConnection } from '../../src/bus/connection.ts'
import type { Message, Subject } from '../../src/bus/subject.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { type RunningObserver, startObserver } from '../../src/observer-of.ts'
import { addressOf } from '../../src/protocol/ids.ts'
import { payloadBytesMax } from '../../src/protocol/limits.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, type World } from '../support/world.ts'
import { othersGoOn, rowsOf } from './healthy.ts'

let test: TestEngine
let world: World
let raw: NatsConnection
let observer: RunningObserver
let id: string
beforeAll(async () => {
  test = await startTestEngine()
  await test.start()
  const { databaseUrl, natsUrl, log } = test
  observer = await startObserver({ databaseUrl, nats: { url: natsUrl }, node: 'test', log: (line) => log.push(line) })
  world = await test.world()
  id = await world.create({ title: 'nobody touches it', plan: planOf({ a: [] }) })
  raw = await openConnection({ url: test.natsUrl, name: 'outsider' })
})
afterAll(async () => {
  await raw.close()
  await observer.stop()
  await test.stop()
})

const text = (body: string): Uint8Array => new TextEncoder().encode(body)
const payloads: [what: string, bytes: Uint8Array, code: string][] = [
  ['not UTF-8', Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d), 'BAD_INPUT'],
  ['half of a character', Uint8Array.of(0x22, 0xc3, 0x22), 'BAD_INPUT'],
  ['no JSON', text('hello'), 'BAD_INPUT'],
  ['JSON that ends early', text('{"command": "x"'), 'BAD_INPUT'],
  ['two values', text('{} {}'), 'BAD_INPUT'],
  ['a list', text('[]'), 'BAD_INPUT'],
  ['a number', text('1e400'), 'BAD_INPUT'],
  ['null', text('null'), 'BAD_INPUT'],
  ['a NUL', text('\0'), 'BAD_INPUT'],
  ['lists in lists, 100,000 deep', text('['.repeat(100_000)), 'BAD_INPUT'],
  ['objects in objects, 10,000 deep', text('{"a":'.repeat(10_000)), 'BAD_INPUT'],
  ['a key that reaches for prototypes', text('{"__proto__": {"polluted": true}}'), 'BAD_INPUT'],
  ['the same key, escaped', text('{"\\u005f_proto__": {"polluted": true}}'), 'BAD_INPUT'],
  ['MessagePack', Uint8Array.of(0x81, 0xa1, 0x61, 0x01), 'BAD_INPUT'],
  ['more than a message may hold', text(`{"x": "${'x'.repeat(payloadBytesMax)}"}`), 'TOO_LARGE'],
]

/** Every subject on which a node answers, as it is for the directive of this file. */
const answered = (): string[] => {
  const [shard = ''] = addressOf(world.owner, id).split('.')
  const tokens: Record<string, string> = { owner: world.owner, shard, id, daemon: 'd', session: 's' }
  return (Object.entries(subjects) as [string, Subject][])
    .filter(([, { from, messages }]) => !/node|shard/.test(from) && Object.keys(messages).length > 0)
    .flatMap(([, { template, messages }]) =>
      (Object.entries(messages) as [string, Message][])
        .filter(([, { kind }]) => kind === 'request')
        .map(([verb]) =>
          template
            .replace('{noun}.{verb}', verb)
            .replace('{verb}', verb)
            .replaceAll(/\{(\w+)\}/g, (_, name: string) => tokens[name] ?? name),
        ),
    )
}

it('the walk meets every noun that a node answers', () => {
  const nouns = new Set(answered().map((subject) => subject.split('.')[3]))
  expect([...nouns]).toEqual([
    'api',
    'directive',
    'step',
    'contract',
    'task',
    'report',
    'daemon',
    'pull',
    'actors',
    'actor',
  ])
  expect(answered().length).toBeGreaterThan(45)
})

describe.each(payloads)('R46: %s', (_what, bytes, code) => {
  it('is refused on every subject, and changes nothing', async () => {
    const before = await rowsOf(test, world.owner)
    const said = await Promise.all(
      answered().map(async (subject) => {
        const { data } = await raw.request(subject, bytes, { timeout: 10_000 })
        const answer = JSON.parse(new TextDecoder().decode(data)) as { error?: { code: string; message: string } }
        return [subject, answer.error?.code, (answer.error?.message ?? '').length > 0]
      }),
    )
    expect(said).toEqual(answered().map((subject) => [subject, code, true]))
    expect(await rowsOf(test, world.owner)).toEqual(before)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

it('R46: a directive whose repository or branch git might take for an option or a program is refused', async () => {
  const before = await rowsOf(test, world.owner)
  for (const hostile of [
    { repository: 'ext::sh -c id' },
    { repository: '--upload-pack=touch x' },
    { repository: 'ssh://-oProxyCommand=x/x' },
    { repository: '../x' },
    { repository: '/srv/x', baseBranch: '-x' },
    { repository: '/srv/x', baseBranch: 'main:refs/heads/other' },
  ]) {
    const refused = { code: 'BAD_INPUT', message: expect.stringMatching(/repository that Writ uses|a branch's name/) }
    await expect(world.create({ title: 'hostile', ...hostile })).rejects.toMatchObject(refused)
  }
  expect(await rowsOf(test, world.owner)).toEqual(before)
})

it('R46: what the stream keeps is passed over when it is no message, and what is behind it is taken', async () => {
  const started = await world.start({ plan: planOf({ a: [] }) })
  await world.until(started, 'step_running')
  const task = addressOf(world.owner, `${started}__1_0__t1`)
  for (const [, bytes] of payloads)
    for (const end of ['done', 'failed']) raw.publish(`writ.v1.${world.owner}.task.${task}.${end}`, bytes)
  raw.publish(`writ.v1.${world.owner}.task.7.nobody.done`, '{}')
  raw.publish(`writ.v1.${world.owner}.contract.${task}x.complete`, '{"x": 1}')
  raw.publish(`writ.v1.${world.owner}.task.${task}.done`, '{"result": "by hand"}')
  await raw.flush()
  const waiting = world.until(started, 'step_evaluating')
  expect((await waiting).type).toBe('step_evaluating')
})

it('R46: after all of these a directive of another owner runs to its end', () => othersGoOn(test))
