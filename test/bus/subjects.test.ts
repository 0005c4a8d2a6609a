import { describe, expect, test } from 'vitest'
import { isToken } from '../../src/protocol/ids.ts'
import { subject } from '../../src/bus/subject.ts'
import { prefix, readAddress, subjects } from '../../src/bus/subjects.ts'

describe('subjects', () => {
  test('a subject is written from its tokens and read back', () => {
    const at = subjects.report.at({ owner: 'default', shard: 7, id: 'd__0_1__t2', daemon: 'm1', verb: 'done' })
    expect(at).toBe('writ.v1.default.report.7.d__0_1__t2.m1.done')
    expect(subjects.report.read(at)).toEqual({
      owner: 'default',
      shard: '7',
      id: 'd__0_1__t2',
      daemon: 'm1',
      verb: 'done',
    })
    expect(subjects.api.at({ owner: 'o', noun: 'directive', verb: 'create' })).toBe('writ.v1.o.api.directive.create')
    expect(subjects.pull.at({ owner: 'o' })).toBe('writ.v1.o.pull')
    expect(subjects.sys.at({ node: 'n1', verb: 'inspect' })).toBe('writ.v1.sys.n1.inspect')
  })

  test('a pattern has a star for each token that is left out', () => {
    expect(subjects.directive.pattern({ shard: 7 })).toBe('writ.v1.*.directive.7.*.*')
    expect(subjects.event.pattern({ owner: 'default', directive: 'd' })).toBe('writ.v1.default.event.d.*')
    expect(subjects.inspect.pattern({ owner: 'default' })).toBe('writ.v1.default.inspect.*.*')
    expect(subjects.mail.pattern()).toBe('writ.v1.*.mail.*.*')
  })

  test('the rest of a subject may be several tokens', () => {
    const long = subject('writ.v1.{owner}.long.{...rest}', { meaning: '', from: '', to: '', messages: {} })
    expect(long.at({ owner: 'o', rest: 'a.b' })).toBe('writ.v1.o.long.a.b')
    expect(long.read('writ.v1.o.long.a.b')).toEqual({ owner: 'o', rest: 'a.b' })
    expect(long.read('writ.v1.o.long')).toBeNull()
  })

  test.each(['a.b', '*', '>', '', ' ', 'x 6\r\nPUB evil 0\r\n', 'ü', '\u2028', 'a'.repeat(10_000), '$JS', '../x'])(
    'no subject is made with the token %j',
    (id) => {
      const make = (): string => subjects.directive.at({ owner: 'default', shard: 1, id, verb: 'get' })
      expect(make).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
      expect(() => subjects.directive.pattern({ id })).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
    },
  )

  test('the owner "sys" is refused, and its subjects are no owner\'s', () => {
    expect(() => subjects.pull.at({ owner: 'sys' })).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
    expect(subjects.pull.read('writ.v1.sys.pull')).toBeNull()
  })

  test.each([
    'writ.v1.o.directive.1.x',
    'writ.v2.o.directive.1.x.get',
    'writ.v1.o.directive.1..get',
    'writ.v1.o.step.1.x.get',
    '',
  ])('%j is not read as a subject of a directive', (text) => {
    expect(subjects.directive.read(text)).toBeNull()
  })

  test('no two subjects can be confused', () => {
    const all = Object.values(subjects)
    for (const one of all) {
      const filled = one.pattern().replaceAll('*', 'x').replaceAll('>', 'x')
      expect(all.filter((other) => other.read(filled) !== null)).toEqual([one])
    }
  })

  test('every subject says what it means, and every verb is a token', () => {
    for (const { template, meaning, from, to, messages } of Object.values(subjects)) {
      expect(template).toMatch(new RegExp(`^${prefix}\\.`))
      expect([meaning, from, to]).not.toContain('')
      for (const [verb, message] of Object.entries(messages)) {
        expect(verb.split('.').filter((token) => !isToken(token))).toEqual([])
        expect(message.meaning).toMatch(/\.$/)
      }
    }
  })

  test('an address is a shard and an id, and nothing else', () => {
    expect(readAddress('7.d__0_1')).toEqual({ shard: '7', id: 'd__0_1' })
  })

  test.each(['', '7', '7.', 'x.y', '7.a.b', '7.*', '1234.x', '7.a b'])('%j is no address', (address) => {
    expect(() => readAddress(address)).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
  })
})

describe('payloads', () => {
  const { messages } = subjects.directive
  test('a command needs nothing but its subject', () => {
    expect(messages.start.payload.parse({})).toEqual({})
    expect(messages.get.payload.parse({ unknown: 1 })).toEqual({})
  })

  test('a plan that is missing is refused, and any other is left for the machine to judge', () => {
    expect(messages.plan.payload.safeParse({}).success).toBe(false)
    expect(messages.plan.payload.safeParse({ plan: null }).success).toBe(false)
    expect(messages.plan.payload.safeParse({ plan: '{"steps":[]}' }).success).toBe(true)
    expect(messages.plan.payload.safeParse({ plan: { steps: [] } }).success).toBe(true)
  })

  test('a command id is one token', () => {
    expect(messages.start.payload.safeParse({ command: 'a.b' }).success).toBe(false)
    expect(messages.start.payload.safeParse({ command: 'a-1' }).success).toBe(true)
  })
})
