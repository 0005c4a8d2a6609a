/** The wire's documentation: made from the declarations, as it is in docs, and as AsyncAPI and the real answers have it. */
import { readFileSync, writeFileSync } from 'node:fs'
import specs from '@asyncapi/specs'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import type { z } from 'zod'
import type { Message, Subject } from '../../src/bus/subject.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { refusal } from '../../src/protocol/answers.ts'
import { version } from '../../src/protocol/version.ts'
import { asyncApi } from '../support/asyncapi.ts'
import { examples, refusedExample } from '../support/asyncapi-examples.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf } from '../support/world.ts'

const file = 'docs/asyncapi.yaml'
const header = '# Made from src/bus/subjects.ts: WRITE_DOCS=1 npx vitest run test/bus/asyncapi.test.ts\n'
/** As JSON has it: what is undefined is not there. */
const made = JSON.parse(JSON.stringify(asyncApi(version))) as object

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
  await test.start()
})
afterAll(() => test.stop())

it('docs/asyncapi.yaml is what the subjects declare', () => {
  const text = `${header}${stringify(made, { aliasDuplicateObjects: false, lineWidth: 120 })}`
  if (process.env['WRITE_DOCS'] === '1') writeFileSync(file, text)
  expect(readFileSync(file, 'utf8'), 'write it anew as its first line says').toBe(text)
})

it('is a valid document of AsyncAPI 3', () => {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
  const schema = specs.schemasWithoutId['3.0.0'] as object
  const valid = ajv.validate(schema, parse(readFileSync(file, 'utf8')))
  expect(ajv.errors ?? []).toEqual([])
  expect(valid).toBe(true)
})

it('every reference in it leads somewhere', () => {
  const text = JSON.stringify(made)
  const references = [...text.matchAll(/"\$ref":"(#\/[^"]+)"/g)].map(([, reference = '']) => reference)
  const at = (pointer: string): unknown =>
    pointer
      .slice(2)
      .split('/')
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], made)
  expect(references.length).toBeGreaterThan(100)
  expect(references.filter((reference) => at(reference) === undefined)).toEqual([])
})

it('every message of every subject is in it, and every request with its answer', () => {
  const { channels } = asyncApi(version) as { channels: Record<string, { address: string; messages: object }> }
  const addresses = new Set(Object.values(channels).map(({ address }) => address))
  for (const subject of Object.values(subjects) as Subject[])
    for (const [verb, message] of Object.entries(subject.messages) as [string, Message][]) {
      const address = subject.template
        .replace('{noun}.{verb}', verb)
        .replace('{verb}', verb)
        .replace('{...rest}', '{rest}')
      expect([...addresses]).toContain(address)
      expect(message.answer !== undefined, address).toBe(message.kind === 'request')
    }
})

it('every message is shown by an example that its subject takes, and every answer by one that it may have', () => {
  const declared = (Object.entries(subjects) as [string, Subject][]).flatMap(([name, { messages }]) =>
    Object.entries(messages).map(([verb, message]) => ({ id: verb === name ? name : `${name}.${verb}`, message })),
  )
  expect(Object.keys(examples).sort()).toEqual(declared.map(({ id }) => id).sort())
  for (const { id, message } of declared) {
    expect(message.payload.safeParse(examples[id]?.message), id).toMatchObject({ success: true })
    expect(examples[id]?.answer !== undefined, id).toBe(message.answer !== undefined)
    if (message.answer !== undefined)
      expect(message.answer.safeParse(examples[id]?.answer), id).toMatchObject({ success: true })
  }
  expect(refusal.safeParse(refusedExample)).toMatchObject({ success: true })
})

const answerOf = (messages: Record<string, Message>, verb: string): z.ZodType =>
  messages[verb]?.answer ?? expect.unreachable(`no answer is declared for ${verb}`)

it('what requests are really answered with is what it says', async () => {
  const world = await test.world()
  await world.daemon('d', { work: () => null })
  const { client } = world
  const id = await world.create({ plan: planOf({ a: [], b: ['a'] }) })
  const directive = client.directive(id)
  const task = `${id}__1_0__t1`
  const bytes = Buffer.from('{"note": 1}').toString('base64')
  const said: [Record<string, Message>, string, () => Promise<unknown>][] = [
    [subjects.api.messages, 'directive.list', () => client.listDirectives()],
    [subjects.directive.messages, 'start', () => directive.start()],
    [subjects.directive.messages, 'get', () => directive.get()],
    [subjects.directive.messages, 'steps', () => directive.steps({ from: 0 })],
    [subjects.directive.messages, 'events', () => directive.events({ after: 0 })],
    [subjects.step.messages, 'get', () => client.step(`${id}__1_0`).get()],
    [subjects.api.messages, 'task.list', () => client.listTasks()],
    [subjects.api.messages, 'daemon.list', () => client.listDaemons()],
    [subjects.api.messages, 'event.list', () => client.listEvents({ since: '2026-01-01T00:00:00Z' })],
    [subjects.api.messages, 'waiting.list', () => client.listWaiting({ directive: id })],
    [subjects.api.messages, 'parked.list', () => client.parked.list()],
    [subjects.api.messages, 'owner.figures', () => client.ownerFigures()],
    [subjects.task.messages, 'get', () => client.task(task).get()],
    [
      subjects.contract.messages,
      'put',
      () => client.contract(`${id}__1_0__c1`).put({ name: 'x', offset: 0, total: 11, data: bytes }),
    ],
    [subjects.contract.messages, 'files', () => client.contract(`${id}__1_0__c1`).files()],
    [subjects.contract.messages, 'file', () => client.contract(`${id}__1_0__c1`).file({ name: 'x' })],
    [subjects.directive.messages, 'pause', () => directive.pause()],
    [subjects.directive.messages, 'cancel', () => directive.cancel()],
  ]
  for (const [messages, verb, ask] of said)
    expect(answerOf(messages, verb).safeParse(await ask()), verb).toMatchObject({ success: true })
})
