/** Subjects and ids that are none, or another's: over the bare protocol, where the server lets everything through, and by the command. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Message, Subject } from '../../src/bus/subject.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { addressOf } from '../../src/protocol/ids.ts'
import { call } from '../cli/call.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { RawNats } from '../support/raw-nats.ts'
import { planOf, type World } from '../support/world.ts'
import { othersGoOn, rowsOf } from './healthy.ts'

let test: TestEngine
let world: World
let raw: RawNats
beforeAll(async () => {
  test = await startTestEngine()
  world = await test.world()
  await world.daemon('d', { work: () => null })
  const id = await world.start({ id: 'victim', plan: planOf({ a: [], b: ['a'] }) })
  // Its acceptance is stored by a commit of its own, a second later.
  const isRunning = async () => expect((await world.task(`${id}__1_0`, 1)).status).toBe('running')
  await vi.waitFor(isRunning, 20_000)
  raw = await RawNats.open(test.natsUrl)
})
afterAll(async () => {
  raw.close()
  await test.stop()
})

/** Bodies that are right, so that only the subject is wrong. */
const bodies: Record<string, object> = {
  'directive.create': { definition: { title: 't', goal: 'g' }, content: 'c', plan: null },
  'directive.plan': { plan: planOf({ a: [] }) },
  'directive.evaluate': { step: 'a' },
  'directive.unpark': { id: 'victim', why: null, by: null },
  'step.reject': { text: 'no' },
  'contract.file': { name: 'f' },
  'contract.put': { name: 'f', offset: 0, total: 0, data: '' },
  'task.end': { outcome: 'done', force: true },
}
const ask = (subject: string, body: object = {}): Promise<unknown> => {
  const [shard = ''] = addressOf(world.owner, 'victim').split('.')
  return raw.request(subject.replaceAll('{o}', world.owner).replaceAll('{s}', shard), body)
}
const refused = async (call: () => Promise<unknown>, code: string, says: RegExp): Promise<void> => {
  const before = await rowsOf(test, world.owner)
  const { error } = (await call()) as { error: { code: string; message: string; hint: string } }
  expect(error.code).toBe(code)
  expect(`${error.message}\n${error.hint}`).toMatch(says)
  expect(await rowsOf(test, world.owner)).toEqual(before)
}

const form = /is not of the form writ\.v1\..*\n.*1 to 96 characters of A-Z a-z 0-9 _ -/
const malformed: [what: string, subject: string, says?: RegExp][] = [
  ['a star for the id', 'writ.v1.{o}.directive.{s}.*.cancel'],
  ['a star for the owner', 'writ.v1.*.directive.{s}.victim.cancel'],
  ['a star for the verb', 'writ.v1.{o}.directive.{s}.victim.*'],
  ['> for the verb', 'writ.v1.{o}.directive.{s}.victim.>'],
  ['> for the id', 'writ.v1.{o}.directive.{s}.>.cancel'],
  ['a control character', 'writ.v1.{o}.directive.{s}.vic\u0001tim.cancel'],
  ['a NUL', 'writ.v1.{o}.directive.{s}.victim\0.cancel'],
  ['a colour', 'writ.v1.{o}.directive.{s}.\u001b[31mvictim.cancel'],
  ['a delete', 'writ.v1.{o}.directive.{s}.victim\u007f.cancel'],
  ['a letter with dots', 'writ.v1.{o}.directive.{s}.v\u00fcctim.cancel'],
  ['an emoji', 'writ.v1.{o}.directive.{s}.\u{1F642}.cancel'],
  ['a letter that looks like another', 'writ.v1.{o}.directive.{s}.vict\u0456m.cancel'],
  ['a space that is none', 'writ.v1.{o}.directive.{s}.victim\u00a0.cancel'],
  ['a mark that turns text around', 'writ.v1.{o}.directive.{s}.\u202evictim.cancel'],
  ['a slash', 'writ.v1.{o}.directive.{s}.{o}/victim.cancel'],
  ['97 characters', `writ.v1.{o}.directive.{s}.${'x'.repeat(97)}.cancel`],
  ['a thousand characters', `writ.v1.{o}.directive.{s}.${'x'.repeat(1000)}.cancel`],
  ['the owner sys', 'writ.v1.sys.api.directive.list', /\n.*no owner is called sys/],
  ['the owner sys of an actor', 'writ.v1.sys.directive.{s}.victim.cancel', /\n.*no owner is called sys/],
  ['the owner $JS', 'writ.v1.$JS.api.directive.list'],
  ['the owner $SYS of an actor', 'writ.v1.$SYS.directive.{s}.victim.cancel'],
  ['a daemon that is a star', 'writ.v1.{o}.daemon.*.beat'],
  ['a report of a star', 'writ.v1.{o}.report.{s}.victim__1_0__t1.*.done'],
]
it.each(malformed)('R46: %s in a subject is refused', (_what, subject, says = form) =>
  refused(() => ask(subject), 'BAD_INPUT', says),
)

const unknown: [what: string, subject: string, code: string, says: RegExp][] = [
  [
    'a verb that a directive has not',
    'directive.{s}.victim.destroy',
    'BAD_INPUT',
    /destroy\n.*knows create, open, start/,
  ],
  ['a verb of a step', 'directive.{s}.victim.approve', 'BAD_INPUT', /no directive approve/],
  ['a verb that every object has', 'directive.{s}.victim.constructor', 'BAD_INPUT', /no directive constructor/],
  ['another such', 'contract.{s}.victim__1_0__c1.toString', 'BAD_INPUT', /no contract toString/],
  ['the verb __proto__', 'task.{s}.victim__1_0__t1.__proto__', 'BAD_INPUT', /no task __proto__/],
  ['a verb of another case', 'directive.{s}.victim.Cancel', 'BAD_INPUT', /no directive Cancel/],
  ['a verb that a daemon has not', 'daemon.d.spawn', 'BAD_INPUT', /no daemon spawn/],
  [
    'a report that is none',
    'report.{s}.victim__1_0__t1.d.finished',
    'BAD_INPUT',
    /knows accepted, progress, done, failed/,
  ],
  ['a noun that the api has not', 'api.secret.list', 'BAD_INPUT', /no api secret\.list\n.*directive\.list/],
  ['a verb that the api has not', 'api.directive.drop', 'BAD_INPUT', /no api directive\.drop/],
  ['a daemon called __registry', 'daemon.__registry.drain', 'BAD_INPUT', /not an id\n1 to 64 characters/],
  ['a daemon called by a step', 'daemon.victim__1_0.drain', 'BAD_INPUT', /not an id/],
  ['a daemon of 65 characters', `daemon.${'x'.repeat(65)}.drain`, 'BAD_INPUT', /not an id/],
  ['a daemon that is not there', 'daemon.nobody.drain', 'NOT_FOUND', /no daemon nobody/],
  ['an id of 65 characters', `directive.{s}.${'x'.repeat(65)}.cancel`, 'NOT_FOUND', /no directive/],
  ['a wrong shard', 'directive.0.victim.cancel', 'NOT_FOUND', /no directive 0\.victim\nits address is \d+\.victim/],
  ['a wrong shard of a task', 'task.0.victim__1_0__t1.end', 'NOT_FOUND', /its address is \d+\.victim__1_0__t1/],
  ['a step that is not there', 'step.{s}.victim__9_9.cancel', 'NOT_FOUND', /no step victim__9_9/],
  ['a task that is not there', 'task.{s}.victim__1_0__t99.end', 'NOT_FOUND', /no task victim__1_0__t99/],
]
it.each(unknown)('R46: %s is refused', (_what, rest, code, says) => {
  const [noun = '', , , verb = ''] = rest.split('.')
  return refused(() => ask(`writ.v1.{o}.${rest}`, bodies[`${noun}.${verb}`]), code, says)
})

const kinds = {
  directive: 'victim',
  step: 'victim__1_0',
  contract: 'victim__1_0__c1',
  task: 'victim__1_0__t1',
  registry: '__registry',
}
/** Whom a verb is for. */
const wanted = (noun: string, verb: string): readonly string[] => {
  if (verb === 'unpark') return [noun, 'registry']
  return ['open', 'silences'].includes(verb) ? ['registry'] : [noun]
}
const mistaken = (['directive', 'step', 'contract', 'task'] as const).flatMap((noun) =>
  (Object.entries((subjects[noun] as Subject).messages) as [string, Message][])
    .filter(([, { kind }]) => kind === 'request')
    .flatMap(([verb]) =>
      (Object.entries(kinds) as [keyof typeof kinds, string][])
        .filter(([kind]) => !wanted(noun, verb).includes(kind))
        .map(([kind, id]) => [noun, verb, id, kind] as const),
    ),
)
it.each(mistaken)('%s.%s of %s, which is a %s, finds nothing', (noun, verb, id, kind) =>
  refused(
    () => ask(`writ.v1.{o}.${noun}.${addressOf(world.owner, id)}.${verb}`, bodies[`${noun}.${verb}`]),
    'NOT_FOUND',
    new RegExp(`there is no ${noun} ${id}\\n.*how a ${kind} is called`),
  ),
)

const nowhere: [what: string, subject: string][] = [
  ['an empty id', 'writ.v1.{o}.directive.{s}..cancel'],
  ['an empty owner', 'writ.v1..directive.{s}.victim.cancel'],
  ['an empty verb', 'writ.v1.{o}.directive.{s}.victim.'],
  ['an empty noun', 'writ.v1.{o}.api..list'],
  ['a daemon without a name', 'writ.v1.{o}.daemon..hello'],
  ['a noun that is none', 'writ.v1.{o}.secret.{s}.victim.get'],
  ['another version', 'writ.v9.{o}.directive.{s}.victim.get'],
  ['a shard too many', 'writ.v1.{o}.directive.256.victim.get'],
  ['a shard that is a star', 'writ.v1.{o}.directive.*.victim.get'],
  ['a shard that is negative', 'writ.v1.{o}.directive.-1.victim.get'],
  ['a shard with a zero before it', 'writ.v1.{o}.directive.0{s}.victim.get'],
  ['a token too many', 'writ.v1.{o}.directive.{s}.victim.get.now'],
  ['> for all that follows', 'writ.v1.{o}.directive.{s}.>'],
]
it.each(nowhere)('on %s nobody listens, as the server says', async (_what, subject) => {
  await expect(ask(subject)).rejects.toThrow(/nobody listens/)
})

it('R46: completions on subjects that are none are passed over, and the one behind them is taken', async () => {
  const other = await test.world()
  const id = await other.start({ plan: planOf({ a: [] }), evaluate: false })
  await other.until(id, 'step_running')
  const task = addressOf(other.owner, `${id}__1_0__t1`)
  const [shard] = task.split('.')
  for (const name of ['*', '', '\u0001', '\u{1F642}', 'x'.repeat(200), `${id}__1_0`, `${id}__1_0__c9`, '__registry'])
    for (const end of ['task.{s}.{n}.done', 'task.{s}.{n}.failed', 'contract.{s}.{n}.complete', 'task.*.{n}.done'])
      for (const owner of [other.owner, 'sys', '*', '$JS'])
        raw.publish(`writ.v1.${owner}.${end.replace('{s}', String(shard)).replace('{n}', name)}`, '{}')
  raw.publish(`writ.v1.${other.owner}.task.${task}.done`, '{"result": "by hand"}')
  await other.until(id, 'directive_completed')
})

describe('by the command', () => {
  const long = 'x'.repeat(97)
  const lines: [args: string[], code: number, says: RegExp][] = [
    [['directive', 'show', '*'], 2, /"\*" does not name a directive/],
    [['directive', 'show', '>'], 2, /does not name a directive/],
    [['directive', 'show', ''], 2, /"" does not name a directive/],
    [['directive', 'show', ' '], 2, /does not name a directive/],
    [['directive', 'show', 'a b'], 2, /does not name a directive/],
    [['directive', 'show', 'a.b.c'], 2, /does not name a directive/],
    [['directive', 'show', 'victim.'], 2, /does not name a directive/],
    [['directive', 'show', '../victim'], 2, /does not name a directive/],
    [['directive', 'show', 'v\u00fcctim'], 2, /does not name a directive/],
    [['directive', 'show', 'victim\r\nPUB x 0\r\n'], 2, /does not name a directive/],
    [['directive', 'show', long], 2, /does not name a directive/],
    [['directive', 'show', 'x'.repeat(65)], 4, /there is no directive/],
    [['directive', 'show', '__registry'], 4, /there is no directive __registry/],
    [['directive', 'events', '$JS.API'], 2, /does not name a directive/],
    [['directive', 'cancel', 'victim__1_0'], 2, /part of the directive victim\b.*\n.*victim, or see `writ step`/],
    [['directive', 'pause', 'victim__1_0__t1'], 2, /part of the directive victim/],
    [['directive', 'retry', 'victim__1_0__c1'], 2, /part of the directive victim/],
    [['directive', 'evaluate', 'victim__1_0', 'a'], 2, /part of the directive victim/],
    [['directive', 'evaluate', 'victim', '*'], 4, /no step "\*"/],
    [['directive', 'destroy', 'victim'], 2, /unknown command 'destroy'/],
    [['secret', 'list'], 2, /unknown command 'secret'/],
    [['step', 'cancel', 'victim'], 2, /does not name a step/],
    [['step', 'cancel', 'victim/*'], 4, /victim has no step "\*".*\nhint: it has a, b/],
    [['step', 'cancel', 'victim__1_0__t1'], 2, /does not name a step/],
    [['step', 'cancel', 'victim__9_9'], 4, /there is no step victim__9_9/],
    [['step', 'cancel', 'nobody/a'], 4, /there is no directive nobody/],
    [['task', 'done', 'victim'], 2, /does not name a task/],
    [['task', 'done', 'victim__1_0__c1'], 2, /does not name a task/],
    [['task', 'done', '*'], 2, /does not name a task/],
    [['task', 'show', 'victim__1_0__t99'], 4, /there is no task/],
    [['contract', 'files', '--contract', 'victim'], 2, /does not name a contract/],
    [['contract', 'files', '--contract', '>'], 2, /does not name a contract/],
    [['daemon', 'drain', '>'], 2, /">" cannot be part of the subject/],
    [['daemon', 'drain', '__registry'], 2, /not an id/],
    [['nats', 'pub', '>', '{}'], 2, /">" is not a subject.*\nhint: tokens with dots/],
    [['nats', 'pub', 'a..b', '{}'], 2, /is not a subject/],
    [['nats', 'pub', '', '{}'], 2, /"" is not a subject/],
    [['nats', 'pub', 'a b', '{}'], 2, /is not a subject/],
    [['nats', 'pub', 'a\r\nPUB b 0\r\n', '{}'], 2, /is not a subject/],
    [['nats', 'pub', 'a', '--reply', 'b c', '{}'], 2, /"b c" is not a subject/],
    [['nats', 'req', '*', '{}'], 2, /is not a subject/],
    [['nats', 'req', 'a\u0001', '{}'], 2, /is not a subject/],
    [['nats', 'sub', 'a..b'], 2, /"a\.\.b" is not a pattern/],
    [['nats', 'sub', '>.a'], 2, /is not a pattern.*\nhint: .*> at the end/],
    [['nats', 'sub', 'a', '--queue', 'b c'], 2, /"b c" is not a queue/],
  ]
  it.each(lines)('writ %j ends with %d', async (args, code, says) => {
    const before = await rowsOf(test, world.owner)
    const ended = await call([...args, '--owner', world.owner], { env: { WRIT_NATS_URL: test.natsUrl } })
    expect(ended).toMatchObject({ code, out: '' })
    expect(ended.err).toMatch(says)
    expect(await rowsOf(test, world.owner)).toEqual(before)
  })

  const owners = ['sys', '*', 'a.b', '>', ' ', '$JS', '__registry', '-x', 'x'.repeat(65), '\u{1F642}', 'a\nb']
  it.each(owners)('the owner %j is refused before anything is asked', async (owner) => {
    const env = { WRIT_NATS_URL: test.natsUrl, WRIT_OWNER: owner }
    expect(await call(['directive', 'list'], { env })).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/WRIT_OWNER: (?:owner .* is not an id|the owner "sys" is reserved)/),
    })
  })
})

it('R46: after all of these a directive of another owner runs to its end', () => othersGoOn(test))
