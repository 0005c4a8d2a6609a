import { beforeEach, describe, expect, test } from 'vitest'
import type { Incoming } from '../../src/actors/ports/bus.ts'
import { WritClient } from '../../src/bus/client.ts'
import { checkPayload, decode } from '../../src/bus/json.ts'
import { Silence } from '../../src/bus/silence.ts'
import { readAddress, subjects } from '../../src/bus/subjects.ts'
import type { EventLine } from '../../src/protocol/commands.ts'
import { type Code, WritError } from '../../src/protocol/errors.ts'
import { addressOf } from '../../src/protocol/ids.ts'
import { type SimBus, SimNetwork } from '../sim/bus.ts'
import { SimClock } from '../sim/clock.ts'
import { SimRandom } from '../sim/random.ts'

let clock: SimClock
let net: SimNetwork
let node: SimBus
let client: WritClient
beforeEach(() => {
  clock = new SimClock()
  net = new SimNetwork(clock, new SimRandom(5), { delayMs: [1, 5] })
  node = net.join('node')
  client = new WritClient(net.join('client'), 'o', { clock, random: new SimRandom(6) })
})

const commandOf = ({ body }: Incoming): unknown => (decode(body) as { command?: unknown }).command

describe('a client', () => {
  test('asks the shard of an id, or the one that an address names, with a command id of its own', async () => {
    const seen: Incoming[] = []
    node.subscribe('writ.v1.o.>', {}, (message) => {
      seen.push(message)
      message.reply({ ok: true })
    })
    await clock.runFor(client.directive('d').start())
    await clock.runFor(client.step('7.d__0_1').reject({ text: 'more' }))
    await clock.runFor(client.task('d__0_1__t1').end({ outcome: 'done' }))
    await clock.runFor(client.contract('d__c1').files())
    await clock.runFor(client.createDirective({ title: 'T', goal: 'g' }))
    await clock.runFor(client.listTasks({ state: 'running' }))
    const { shard } = readAddress(addressOf('o', 'd'))
    expect(seen.map((message) => message.subject)).toEqual([
      `writ.v1.o.directive.${shard}.d.start`,
      'writ.v1.o.step.7.d__0_1.reject',
      `writ.v1.o.task.${shard}.d__0_1__t1.end`,
      `writ.v1.o.contract.${shard}.d__c1.files`,
      'writ.v1.o.api.directive.create',
      'writ.v1.o.api.task.list',
    ])
    const commands = seen.map(commandOf)
    expect(commands.map((command) => typeof command)).toEqual([
      'string',
      'string',
      'string',
      'undefined',
      'string',
      'undefined',
    ])
    expect(new Set(commands).size).toBe(5)
    const create = seen[4]?.body ?? new Uint8Array()
    const { payload } = subjects.api.messages['directive.create']
    expect(checkPayload(payload, decode(create))).toMatchObject({ title: 'T', evaluate: true })
  })

  test("the caller's own command id is the one that is sent", async () => {
    const seen: unknown[] = []
    node.subscribe('writ.v1.o.>', {}, (message) => {
      seen.push(commandOf(message))
      message.reply({})
    })
    await clock.runFor(client.directive('d').start({ command: 'mine' }))
    expect(seen).toEqual(['mine'])
  })

  test.each<Code>(['NOT_HOLDER', 'NO_ANSWER', 'BUSY', 'UNKNOWN_RESULT', 'FENCED'])(
    '%s is asked again, as the same command',
    async (code) => {
      const seen: unknown[] = []
      node.subscribe('writ.v1.o.>', {}, (message) => {
        seen.push(commandOf(message))
        if (seen.length < 4) throw new WritError(code, 'not now')
        message.reply({ tries: seen.length })
      })
      await expect(clock.runFor(client.directive('d').start())).resolves.toEqual({ tries: 4 })
      expect(new Set(seen).size).toBe(1)
    },
  )

  test('nobody there yet is waited for', async () => {
    const started = client.directive('d').start()
    clock.after(5_000, () => void node.subscribe('writ.v1.o.>', {}, ({ reply }) => reply({ late: true })))
    await expect(clock.runFor(started)).resolves.toEqual({ late: true })
  })

  test('an answer that was lost is asked for again', async () => {
    let count = 0
    node.subscribe('writ.v1.o.>', {}, ({ reply }) => {
      count++
      net.faults = { ...net.faults, drop: count === 1 ? 1 : 0 }
      reply({ count })
      net.faults = { ...net.faults, drop: 0 }
    })
    await expect(clock.runFor(client.directive('d').start())).resolves.toEqual({ count: 2 })
  })

  test('one that does not come at all is asked for again soon, and later each time', async () => {
    const asked: number[] = []
    node.subscribe('writ.v1.o.>', {}, () => void asked.push(clock.monotonic()))
    await expect(clock.runFor(client.directive('d').start())).rejects.toMatchObject({ code: 'NO_ANSWER' })
    const waits = asked.slice(1).map((at, before) => Math.floor((at - (asked[before] ?? 0)) / 1000))
    expect(waits.slice(0, 3)).toEqual([2, 5, 10])
  })

  test.each<Code>(['REFUSED', 'NOT_FOUND', 'NAME_TAKEN', 'INTERNAL'])('%s is thrown at once', async (code) => {
    let count = 0
    node.subscribe('writ.v1.o.>', {}, () => {
      count++
      throw new WritError(code, 'no', { hint: 'try otherwise' })
    })
    await expect(clock.runFor(client.directive('d').start())).rejects.toMatchObject({ code, hint: 'try otherwise' })
    expect(count).toBe(1)
  })

  test('what does not pass within the deadline is thrown as it was last', async () => {
    const other = new WritClient(net.join('other'), 'o', { clock, random: new SimRandom(1), deadlineMs: 3_000 })
    await expect(clock.runFor(other.directive('d').get())).rejects.toMatchObject({ code: 'NO_ANSWER' })
    expect(clock.monotonic()).toBeLessThanOrEqual(3_000)
    expect(clock.monotonic()).toBeGreaterThan(1_000)
  })

  test('a silence is told with all the time that was waited, not with what was left of it for the last try', async () => {
    const asked: number[] = []
    const silent = Object.assign(net.join('silent'), {
      request: (subject: string, _body: object, withinMs: number) => {
        asked.push(withinMs)
        return new Promise((_, fail) => clock.after(withinMs, () => fail(new Silence(subject, withinMs, null))))
      },
    })
    const other = new WritClient(silent, 'o', { clock, random: new SimRandom(1), deadlineMs: 3_000 })
    await expect(clock.runFor(other.directive('d').get())).rejects.toMatchObject({
      code: 'NO_ANSWER',
      message: `nobody answered on ${subjects.directive.at({ owner: 'o', ...readAddress(addressOf('o', 'd')), verb: 'get' })} within 3000 ms`,
      hint: expect.stringContaining('`writ node list`') as string,
    })
    expect(asked.at(-1)).toBeLessThan(3_000)
  })

  test.each(['a.b.c', '7.*', '', 'x y', 'd.e'])('%j is neither an id nor an address', async (at) => {
    expect(() => client.directive(at).get()).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
  })

  test('the owner "sys" has no client', () => {
    expect(() => new WritClient(node, 'sys')).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
  })
})

/** A node that has a directive's history, publishes it as it grows, and answers with pages of it. */
class History {
  readonly lines: EventLine[] = []
  fetches = 0

  constructor() {
    node.subscribe('writ.v1.o.directive.*.d.events', {}, ({ body, reply }) => {
      this.fetches++
      const { after, limit } = checkPayload(subjects.directive.messages.events.payload, decode(body))
      reply({ events: this.lines.slice(after, after + limit) })
    })
  }

  add(published = true): void {
    const number = this.lines.length + 1
    const line: EventLine = {
      number,
      directive: 'd',
      type: 'told',
      severity: 'info',
      source: 'system',
      time: '2026-01-01T00:00:00Z',
      data: { number },
    }
    this.lines.push(line)
    if (published) node.publish(subjects.event.at({ owner: 'o', directive: 'd', type: 'told' }), line)
  }
}

describe("a directive's events", () => {
  const read = async (events: AsyncGenerator<EventLine>, count: number): Promise<number[]> => {
    const numbers: number[] = []
    for await (const { number } of events) if (numbers.push(number) === count) break
    return numbers
  }
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

  test('those that were there come first, over several pages, and then the live ones', async () => {
    const history = new History()
    for (let n = 0; n < 1200; n++) history.add(false)
    for (let n = 0; n < 10; n++) clock.after(1_000 + n * 100, () => history.add())
    expect(await clock.runFor(read(client.events('d'), 1210))).toEqual(upTo(1210))
    // Three pages, and the look that found no more: live events are not fetched again.
    expect(history.fetches).toBe(4)
  })

  test('what is lost, repeated and late comes once and in its order', async () => {
    const history = new History()
    net.faults = { drop: 0.2, duplicate: 0.3, delayMs: [0, 200], partition: [] }
    for (let n = 0; n < 100; n++) clock.after(n * 50, () => history.add())
    expect(await clock.runFor(read(client.events('d'), 100))).toEqual(upTo(100))
  })

  test('the last one is found, also when it was never sent', async () => {
    const history = new History()
    history.add()
    clock.after(1_000, () => history.add(false))
    expect(await clock.runFor(read(client.events('d'), 2))).toEqual([1, 2])
    expect(clock.monotonic()).toBeLessThan(10_000)
  })

  test('only those after a number, when one is given', async () => {
    const history = new History()
    for (let n = 0; n < 5; n++) history.add()
    expect(await clock.runFor(read(client.events('d', { after: 3 }), 2))).toEqual([4, 5])
  })

  test('what is no event on its subject is passed over', async () => {
    const history = new History()
    clock.after(
      100,
      () => void net.send('raw', { subject: 'writ.v1.o.event.d.told', body: Uint8Array.of(0xff), replyTo: null }),
    )
    clock.after(200, () => history.add())
    expect(await clock.runFor(read(client.events('d'), 1))).toEqual([1])
  })

  test('the signal ends it, and nothing is listened for any more', async () => {
    const history = new History()
    const stop = new AbortController()
    clock.after(500, () => history.add())
    clock.after(1_000, () => stop.abort())
    expect(await clock.runFor(read(client.events('d', { signal: stop.signal }), 9))).toEqual([1])
    expect(net.send('x', { subject: 'writ.v1.o.event.d.told', body: new Uint8Array(), replyTo: null })).toBe(false)
  })

  test('a directive that is not there is an error', async () => {
    node.subscribe('writ.v1.o.directive.*.d.events', {}, () => {
      throw new WritError('NOT_FOUND', 'no such directive')
    })
    await expect(clock.runFor(read(client.events('d'), 1))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

/** A node with the histories of many directives: it publishes them as they grow, and answers with pages of them. */
class Histories {
  readonly told: EventLine[] = []
  readonly fetched: string[] = []
  silent = false
  /** Called when a page of what all have told was read. */
  read = (): void => undefined

  constructor() {
    node.subscribe('writ.v1.o.directive.*.*.events', {}, ({ subject, body, reply }) => {
      const { id } = subjects.directive.read(subject) ?? { id: '' }
      const { after, limit } = checkPayload(subjects.directive.messages.events.payload, decode(body))
      this.fetched.push(id)
      if (!this.silent) reply({ events: this.#of(id).slice(after, after + limit) })
    })
    node.subscribe('writ.v1.o.api.event.list', {}, ({ body, reply }) => {
      const { since, after = '0' } = checkPayload(subjects.api.messages['event.list'].payload, decode(body))
      const wanted = this.told.filter(({ time }) => since !== undefined && time >= since)
      const lines = wanted.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time))
      const end = Number(after) + 2
      if (!this.silent)
        reply({ lines: lines.slice(Number(after), end), next: end < lines.length ? String(end) : null, asOf: now() })
      this.read()
    })
  }

  /** `sinceMs`: so long ago was the turn that told it; only now its commit has held. */
  add(directive: string, published = true, sinceMs = 0): void {
    const number = this.#of(directive).length + 1
    const [severity, source] = ['info', 'system'] as const
    const line: EventLine = { number, directive, type: 'told', severity, source, time: now(-sinceMs), data: {} }
    this.told.push(line)
    if (published) node.publish(subjects.event.at({ owner: 'o', directive, type: 'told' }), line)
  }

  #of(directive: string): EventLine[] {
    return this.told.filter((line) => line.directive === directive)
  }
}
/** By the clock of the database. */
const now = (more = 0): string => new Date(Date.parse('2026-01-01T00:00:00Z') + clock.monotonic() + more).toISOString()

describe("all directives' events", () => {
  const read = async (count: number, options: Parameters<WritClient['allEvents']>[0] = {}): Promise<string[]> => {
    const seen: string[] = []
    for await (const { directive, number } of client.allEvents(options))
      if (seen.push(`${directive} ${number}`) === count) break
    return seen
  }
  /** Of each directive, in the order in which they came. */
  const numbersOf = (seen: string[], directive: string): number[] =>
    seen.filter((one) => one.startsWith(`${directive} `)).map((one) => Number(one.split(' ')[1]))

  test('come from now on, as they come, without asking for any of them', async () => {
    const histories = new Histories()
    histories.add('a')
    histories.add('b')
    const [b, a, c] = [10_000, 10_100, 10_200]
    clock.after(b, () => histories.add('b'))
    clock.after(a, () => histories.add('a'))
    clock.after(c, () => histories.add('c'))
    await clock.runFor(new Promise<void>((done) => clock.after(1_000, done)))
    expect(await clock.runFor(read(3))).toEqual(['b 2', 'a 2', 'c 1'])
    expect(clock.monotonic()).toBeLessThan(11_000)
  })

  test('since a time: what was told comes first, over several pages, then what is live', async () => {
    const histories = new Histories()
    for (const [ms, id] of [
      [1_000, 'a'],
      [2_000, 'a'],
      [3_000, 'b'],
      [4_000, 'a'],
      [5_000, 'a'],
      [49_000, 'b'],
      [49_500, 'a'],
    ] as const)
      clock.after(ms, () => histories.add(id))
    await clock.runFor(new Promise<void>((done) => clock.after(40_000, done)))
    const since = '2026-01-01T00:00:02.000Z'
    expect(await clock.runFor(read(6, { since }))).toEqual(['a 2', 'b 1', 'a 3', 'a 4', 'b 2', 'a 5'])
    expect(histories.fetched).toEqual([])
  })

  test('what is lost, repeated and late comes once, and in the order of its directive', async () => {
    const histories = new Histories()
    for (let n = 0; n < 120; n++) histories.add('old')
    await clock.runFor(new Promise<void>((done) => clock.after(60_000, done)))
    net.faults = { drop: 0.2, duplicate: 0.3, delayMs: [0, 200], partition: [] }
    for (let n = 0; n < 90; n++)
      clock.after(1_000 + n * 50, () => histories.add(['old', 'a', 'b'][n % 3] ?? '', n % 7 !== 0))
    const seen = await clock.runFor(read(90))
    const upTo = (count: number, from = 1): number[] => Array.from({ length: count }, (_, index) => from + index)
    expect(numbersOf(seen, 'a')).toEqual(upTo(30))
    expect(numbersOf(seen, 'b')).toEqual(upTo(30))
    expect(numbersOf(seen, 'old')).toEqual(upTo(30, 121))
  })

  test('the last one of a directive of which nothing arrived is found as well', async () => {
    const histories = new Histories()
    clock.after(1_000, () => histories.add('a', false))
    clock.after(1_500, () => histories.add('a', false))
    clock.after(7_000, () => histories.add('b', false, 4_000))
    expect(await clock.runFor(read(3))).toEqual(['a 1', 'a 2', 'b 1'])
    expect(clock.monotonic()).toBeLessThan(15_000)
  })

  test('what is written while pages are read, and belongs on one that was read already, comes as well', async () => {
    const histories = new Histories()
    const stop = new AbortController()
    clock.after(1_000, () => ['x', 'y', 'z'].forEach((id) => histories.add(id, false)))
    histories.read = () => {
      if (histories.told.length !== 3) return
      histories.add('a', false, 4_500)
      histories.add('a', false)
    }
    clock.after(20_000, () => stop.abort())
    const seen = await clock.runFor(read(9, { signal: stop.signal }))
    expect(seen.toSorted()).toEqual(['a 1', 'a 2', 'x 1', 'y 1', 'z 1'])
    expect(numbersOf(seen, 'a')).toEqual([1, 2])
  })

  test('a node that is away for a while ends it not; the signal does, and nothing is listened for any more', async () => {
    const histories = new Histories()
    const stop = new AbortController()
    clock.after(1_000, () => (histories.silent = true))
    clock.after(2_000, () => histories.add('a', false))
    clock.after(60_000, () => (histories.silent = false))
    clock.after(200_000, () => stop.abort())
    expect(await clock.runFor(read(9, { signal: stop.signal }))).toEqual(['a 1'])
    expect(net.send('x', { subject: 'writ.v1.o.event.a.told', body: new Uint8Array(), replyTo: null })).toBe(false)
  })

  test('when nobody answers at first, that is thrown', async () => {
    const other = new WritClient(net.join('other'), 'o', { clock, random: new SimRandom(1), deadlineMs: 3_000 })
    await expect(clock.runFor(other.allEvents().next())).rejects.toMatchObject({ code: 'NO_ANSWER' })
  })
})

describe("a directive's end", () => {
  const event = (number: number, step: string | null): EventLine => ({
    number,
    directive: 'd',
    type: step === null ? 'directive_told' : 'step_told',
    severity: 'info',
    source: 'system',
    time: '2026-01-01T00:00:00Z',
    step,
    data: {},
  })
  /** A node whose directive has this status, and as many events as were told. */
  const directive = () => {
    const lines: EventLine[] = []
    const state = { status: 'active', looks: 0, silent: false }
    node.subscribe('writ.v1.o.directive.*.d.get', {}, ({ reply }) => {
      state.looks++
      if (!state.silent) reply({ id: 'd', status: state.status, events: lines.length })
    })
    node.subscribe('writ.v1.o.directive.*.d.events', {}, ({ body, reply }) => {
      const { after } = checkPayload(subjects.directive.messages.events.payload, decode(body))
      if (!state.silent) reply({ events: lines.slice(after) })
    })
    const tell = (status: string, step: string | null = null): void => {
      state.status = status
      const line = event(lines.length + 1, step)
      lines.push(line)
      node.publish(subjects.event.at({ owner: 'o', directive: 'd', type: line.type }), line)
    }
    return { state, tell }
  }

  test.each(['completed', 'failed', 'cancelled'])(
    'is waited for until it is %s, without asking at every step',
    async (status) => {
      const { state, tell } = directive()
      for (let n = 1; n <= 20; n++) clock.after(n * 1_000, () => tell('active', 'd__1_0'))
      clock.after(25_000, () => tell('checking'))
      clock.after(30_000, () => tell(status))
      expect(await clock.runFor(client.wait('d'))).toMatchObject({ id: 'd', status })
      expect(state.looks).toBe(3)
    },
  )

  test('one that has ended is given back at once', async () => {
    const { state } = directive()
    state.status = 'failed'
    expect(await clock.runFor(client.wait('d'))).toMatchObject({ status: 'failed' })
  })

  test('a node that is away for minutes is waited out', async () => {
    const { state, tell } = directive()
    clock.after(1_000, () => (state.silent = true))
    clock.after(2_000, () => tell('active'))
    clock.after(300_000, () => (state.silent = false))
    clock.after(400_000, () => tell('completed'))
    expect(await clock.runFor(client.wait('d'))).toMatchObject({ status: 'completed' })
  })

  test('the wait is called off by its signal, whose reason is thrown, also while nobody answers', async () => {
    const { state } = directive()
    for (const silent of [false, true]) {
      state.silent = silent
      const stop = new AbortController()
      const waiting = client.wait('d', { signal: stop.signal })
      clock.after(1_000, () => stop.abort(new Error('enough')))
      await expect(clock.runFor(waiting)).rejects.toThrow('enough')
    }
  })

  test('what is not there is not waited for', async () => {
    node.subscribe('writ.v1.o.>', {}, () => {
      throw new WritError('NOT_FOUND', 'there is no directive d')
    })
    await expect(clock.runFor(client.wait('d'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
