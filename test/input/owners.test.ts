/** What belongs to another owner is not found, in the very words for what does not exist; and nothing of it changes. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Message, Subject } from '../../src/bus/subject.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { addressOf } from '../../src/protocol/ids.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, refusal, type World } from '../support/world.ts'
import { othersGoOn, rowsOf } from './healthy.ts'

let test: TestEngine
let victim: World
let stranger: World
beforeAll(async () => {
  test = await startTestEngine()
  await test.start()
  victim = await test.world()
  stranger = await test.world()
  await victim.daemon('d', { work: () => null })
  const id = await victim.start({ id: 'treasure', plan: planOf({ a: [], b: ['a'] }) })
  await victim.until(id, 'step_running')
  // Until its acceptance is stored, its rows change by themselves.
  const isRunning = async (): Promise<boolean> => (await victim.task('treasure__1_0', 1)).status === 'running'
  await vi.waitUntil(isRunning, { timeout: 10_000 })
  await victim.put('treasure__1_0__c1', 'secret', 'gold')
})
afterAll(() => test.stop())

const bodies: Record<string, object> = {
  'directive.plan': { plan: planOf({ a: [] }) },
  'directive.evaluate': { step: 'a' },
  'step.reject': { text: 'no' },
  'contract.file': { name: 'secret' },
  'contract.put': { name: 'secret', offset: 0, total: 3, data: Buffer.from('tin').toString('base64') },
  'task.end': { outcome: 'done', force: true },
}
const ids: Record<string, [theirs: string, nobodys: string]> = {
  directive: ['treasure', 'nowhere'],
  step: ['treasure__1_0', 'nowhere__1_0'],
  contract: ['treasure__1_0__c1', 'nowhere__1_0__c1'],
  task: ['treasure__1_0__t1', 'nowhere__1_0__t1'],
}
/** Between nodes: no client may publish there. */
const inner = new Set(['create', 'open', 'unpark'])

const asks = Object.entries(ids).flatMap(([noun, [theirs, nobodys]]) =>
  (Object.entries((subjects[noun as 'directive'] as Subject).messages) as [string, Message][])
    .filter(([verb, { kind }]) => kind === 'request' && !inner.has(verb))
    .map(([verb]) => ({ noun, verb, theirs, nobodys })),
)

describe.each(asks)('R46: $noun $verb', ({ noun, verb, theirs, nobodys }) => {
  it('of another owner is not found, as if it did not exist', async () => {
    const before = await rowsOf(test, victim.owner)
    const ask = (id: string) => {
      const subject = `writ.v1.${stranger.owner}.${noun}.${addressOf(stranger.owner, id)}.${verb}`
      return refusal(test.bus.request(subject, bodies[`${noun}.${verb}`] ?? {}, 10_000))
    }
    const [foreign, unknown] = [await ask(theirs), await ask(nobodys)]
    expect(foreign.code).toBe('NOT_FOUND')
    const plain = (said: { code: string; message: string; hint?: string }) =>
      JSON.stringify([said.code, said.message, said.hint]).replaceAll(/treasure|nowhere/g, 'it')
    expect(plain(foreign)).toBe(plain(unknown))
    expect(await rowsOf(test, victim.owner)).toEqual(before)
  })
})

it('no list of an owner shows what is another owner’s', async () => {
  const { client } = stranger
  for (const list of [client.listDirectives(), client.listTasks(), client.listDaemons()])
    expect(JSON.stringify(await list)).not.toMatch(/treasure|"name":"d"/)
})

it('R46: after all of these a directive of another owner runs to its end', () => othersGoOn(test))
