/**
 * What every Bus keeps to: NATS (nats.test.ts) and its twin in memory (sim-bus.test.ts) pass the same suite. Time goes by
 * in `wait` alone, so that it may be simulated.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Bus, Incoming, Published } from '../../src/actors/ports/bus.ts'
import { decode } from '../../src/bus/json.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { payloadBytesMax } from '../../src/protocol/limits.ts'

export interface BusWorld {
  /** One more client, with a connection of its own. */
  join: (name: string) => Promise<Bus>
  /** Lets time go by until it is settled. */
  wait: <T>(promise: Promise<T>) => Promise<T>
  /** Lets everything arrive that is on its way. */
  settle: () => Promise<void>
  /** Sends what none of our clients would. */
  raw: (subject: string, body: Uint8Array, replyTo?: string) => Promise<void>
  /** Lets what was handed over from the stream and not acknowledged come again soon. */
  hurry: () => Promise<void>
  /** Ends what `join` has made, too. */
  close: () => Promise<void>
}

/** Messages as they arrive, and the promise of a number of them. */
class Arrivals<T> {
  readonly list: T[] = []
  readonly #waiting: { count: number; resolve: (list: T[]) => void }[] = []

  readonly take = (one: T): void => {
    this.list.push(one)
    for (const { count, resolve } of this.#waiting) if (this.list.length >= count) resolve(this.list)
  }

  reach(count: number): Promise<T[]> {
    return new Promise((resolve) => {
      if (this.list.length >= count) resolve(this.list)
      else this.#waiting.push({ count, resolve })
    })
  }
}

const numberIn = (message: { body: Uint8Array }): unknown => decode(message.body)
const coded = (code: string): unknown => expect.objectContaining({ code })
const longMs = 5_000

export const busContract = (name: string, open: () => Promise<BusWorld>): void => {
  describe(`${name} as a bus`, () => {
    let world: BusWorld
    let a: Bus
    let b: Bus
    beforeEach(async () => {
      world = await open()
      a = await world.join('a')
      b = await world.join('b')
    })
    afterEach(() => world.close())

    /** A listener whose listening has reached the server. */
    const listen = async (bus: Bus, pattern: string, take: (message: Incoming) => void, queue?: string) => {
      const subscription = bus.subscribe(pattern, queue === undefined ? {} : { queue }, take)
      await world.settle()
      return subscription
    }

    test('what one client sends arrives in the order sent', async () => {
      const arrivals = new Arrivals<Incoming>()
      await listen(b, 'x.*.y', arrivals.take)
      for (let n = 0; n < 200; n++) a.publish(`x.${n % 3}.y`, { n })
      const list = await world.wait(arrivals.reach(200))
      expect(list.map(numberIn)).toEqual(Array.from({ length: 200 }, (_, n) => ({ n })))
      expect(list[0]).toMatchObject({ subject: 'x.0.y', wantsReply: false, replyTo: null })
    })

    test('each message goes to one member of a queue, and to everybody without one', async () => {
      const [one, two, all] = [new Arrivals<Incoming>(), new Arrivals<Incoming>(), new Arrivals<Incoming>()]
      await listen(a, 'q.x', one.take, 'members')
      await listen(b, 'q.*', two.take, 'members')
      await listen(b, 'q.>', all.take)
      for (let n = 0; n < 100; n++) a.publish('q.x', { n })
      await world.settle()
      const shared = [...one.list, ...two.list].map((message) => JSON.stringify(numberIn(message)))
      expect(shared.length).toBe(100)
      expect(new Set(shared).size).toBe(100)
      expect([one.list.length > 0, two.list.length > 0]).toEqual([true, true])
      expect(all.list.length).toBe(100)
    })

    test('a star is one token, and ">" is one or more', async () => {
      const [star, rest] = [new Arrivals<Incoming>(), new Arrivals<Incoming>()]
      await listen(b, 'w.*', star.take)
      await listen(b, 'w.>', rest.take)
      for (const subject of ['w', 'w.1', 'w.1.2', 'v.1', 'w.2']) a.publish(subject, {})
      await world.settle()
      expect(star.list.map((message) => message.subject)).toEqual(['w.1', 'w.2'])
      expect(rest.list.map((message) => message.subject)).toEqual(['w.1', 'w.1.2', 'w.2'])
    })

    test('a request has the answer of whoever took it, once', async () => {
      await listen(b, 'r.x', (message) => {
        message.reply({ got: decode(message.body), wants: message.wantsReply })
        message.reply({ got: 'again' })
      })
      await expect(world.wait(a.request('r.x', { n: 1 }, longMs))).resolves.toEqual({ got: { n: 1 }, wants: true })
    })

    test('an answer may be sent by somebody else, later, to where it is wanted', async () => {
      const arrivals = new Arrivals<Incoming>()
      await listen(b, 'r.x', arrivals.take)
      const asked = a.request('r.x', {}, longMs)
      const [message] = await world.wait(arrivals.reach(1))
      const c = await world.join('c')
      c.publish(message?.replyTo ?? '', { from: 'c' })
      await expect(world.wait(asked)).resolves.toEqual({ from: 'c' })
    })

    test('an error in the answer is thrown as it was', async () => {
      await listen(b, 'r.x', ({ reply }) => {
        reply({ error: new WritError('REFUSED', 'no', { hint: 'ask nicely', faults: ['one'] }).body })
      })
      const expected = { code: 'REFUSED', message: 'no', hint: 'ask nicely', faults: ['one'] }
      await expect(world.wait(a.request('r.x', {}, longMs))).rejects.toMatchObject(expected)
    })

    test("an error with a newer peer's code is INTERNAL", async () => {
      await listen(b, 'r.x', ({ reply }) => reply({ error: { code: 'FROM_THE_FUTURE', message: 'no' } }))
      await expect(world.wait(a.request('r.x', {}, longMs))).rejects.toMatchObject({ code: 'INTERNAL', message: 'no' })
    })

    test('a request that nobody listens for ends at once', async () => {
      const asked = a.request('r.nobody', {}, 3_600_000)
      await expect(world.wait(asked)).rejects.toMatchObject({ code: 'NO_ANSWER' })
    })

    test('a request that nobody answers ends at its deadline, and an answer that is late disturbs nothing', async () => {
      const arrivals = new Arrivals<Incoming>()
      await listen(b, 'r.x', arrivals.take)
      await expect(world.wait(a.request('r.x', {}, 50))).rejects.toMatchObject({ code: 'NO_ANSWER' })
      arrivals.list[0]?.reply({ late: true })
      await world.settle()
      const asked = a.request('r.x', {}, longMs)
      const [, second] = await world.wait(arrivals.reach(2))
      second?.reply({ late: false })
      await expect(world.wait(asked)).resolves.toEqual({ late: false })
    })

    test('what is delivered arrives as it was sent, and who does not answer it has it as well', async () => {
      const arrivals = new Arrivals<Incoming>()
      await listen(b, 'v.*', (message) => {
        if (message.subject === 'v.answered') message.reply({ error: new WritError('BUSY', 'no').body })
        arrivals.take(message)
      })
      await expect(world.wait(a.deliver('v.silent', { n: 1 }, 50))).resolves.toBe(true)
      await expect(world.wait(a.deliver('v.answered', { n: 2 }, 3_600_000))).resolves.toBe(true)
      expect(arrivals.list.map(numberIn)).toEqual([{ n: 1 }, { n: 2 }])
    })

    test('what nobody listens for is not delivered, which is known at once', async () => {
      await expect(world.wait(a.deliver('v.nobody', {}, 3_600_000))).resolves.toBe(false)
    })

    test('an answer may be delivered to whoever asked, unless he has gone', async () => {
      const arrivals = new Arrivals<Incoming>()
      await listen(b, 'r.x', arrivals.take)
      const asked = a.request('r.x', {}, longMs)
      const [first] = await world.wait(arrivals.reach(1))
      await expect(world.wait(b.deliver(first?.replyTo ?? '', { from: 'b' }, 50))).resolves.toBe(true)
      await expect(world.wait(asked)).resolves.toEqual({ from: 'b' })
      const left = a.request('r.x', {}, longMs).catch(() => 'gone')
      const [, second] = await world.wait(arrivals.reach(2))
      await world.wait(a.close())
      await expect(world.wait(b.deliver(second?.replyTo ?? '', {}, 3_600_000))).resolves.toBe(false)
      await expect(world.wait(left)).resolves.toBe('gone')
    })

    test('draining hands over what is here, and nothing after it', async () => {
      const arrivals = new Arrivals<Incoming>()
      const subscription = await listen(b, 'd.x', arrivals.take)
      for (let n = 0; n < 500; n++) a.publish('d.x', { n })
      await world.wait(a.flush())
      await world.wait(subscription.drain())
      expect(arrivals.list.length).toBe(500)
      a.publish('d.x', { n: 500 })
      await world.settle()
      expect(arrivals.list.length).toBe(500)
      await world.wait(subscription.drain())
    })

    test('a taker that throws disturbs nobody, and whoever asked hears of it', async () => {
      const arrivals = new Arrivals<Incoming>()
      await listen(b, 't.*', (message) => {
        if (message.subject === 't.fault') throw new TypeError('a fault of ours')
        throw new WritError('NOT_HOLDER', 'not here')
      })
      await listen(b, 't.*', arrivals.take)
      a.publish('t.fault', {})
      await expect(world.wait(a.request('t.fault', {}, longMs))).rejects.toMatchObject({ code: 'INTERNAL' })
      await expect(world.wait(a.request('t.other', {}, longMs))).rejects.toMatchObject({ code: 'NOT_HOLDER' })
      expect((await world.wait(arrivals.reach(3))).length).toBe(3)
    })

    test('what is over the payload limit is not sent, and as an answer it becomes an error', async () => {
      const large = { text: 'x'.repeat(payloadBytesMax) }
      expect(() => a.publish('o.x', large)).toThrow(coded('TOO_LARGE'))
      await expect(world.wait(a.request('o.x', large, longMs))).rejects.toMatchObject({ code: 'TOO_LARGE' })
      await expect(world.wait(a.deliver('o.x', large, longMs))).rejects.toMatchObject({ code: 'TOO_LARGE' })
      await listen(b, 'o.x', ({ reply }) => reply(large))
      await expect(world.wait(a.request('o.x', {}, longMs))).rejects.toMatchObject({ code: 'TOO_LARGE' })
      await listen(b, 'o.y', ({ body, reply }) => reply({ bytes: body.length }))
      const most = { t: 'x'.repeat(payloadBytesMax - 8) }
      await expect(world.wait(a.request('o.y', most, longMs))).resolves.toEqual({ bytes: payloadBytesMax })
    })

    test.each(['', 'a..b', 'a.', 'a b', 'a.*', 'a.>', 'x 6\r\nPUB evil 0\r\n', '$JS.API.INFO', 'a'.repeat(10_000)])(
      'nothing is sent on %j',
      async (subject) => {
        expect(() => a.publish(subject, {})).toThrow(coded('BAD_INPUT'))
        await expect(a.request(subject, {}, longMs)).rejects.toMatchObject({ code: 'BAD_INPUT' })
        await expect(a.deliver(subject, {}, longMs)).rejects.toMatchObject({ code: 'BAD_INPUT' })
      },
    )

    test.each(['', 'a..b', 'a.>.b', 'a b', 'a.\n'])('nothing is listened for on %j', (pattern) => {
      expect(() => a.subscribe(pattern, {}, () => undefined)).toThrow(coded('BAD_INPUT'))
    })

    test('what is no JSON arrives as it was sent, and the next message after it', async () => {
      const arrivals = new Arrivals<Incoming>()
      await listen(b, 'g.x', arrivals.take)
      await world.raw('g.x', Uint8Array.of(0xff, 0x00, 0x7b))
      await world.raw('g.x', new Uint8Array())
      a.publish('g.x', { n: 1 })
      const list = await world.wait(arrivals.reach(3))
      const bodies = list.map((message) => [...message.body])
      expect(bodies).toContainEqual([0xff, 0x00, 0x7b])
      expect(bodies).toContainEqual([])
    })

    test('an answer goes to an inbox alone, never to a subject that the asker may have no right to', async () => {
      const [asked, aimed] = [new Arrivals<Incoming>(), new Arrivals<Incoming>()]
      await listen(b, 's.x', (message) => {
        message.reply({ done: true })
        asked.take(message)
      })
      await listen(a, 'writ.v1.other.>', aimed.take)
      await world.raw('s.x', new Uint8Array(), 'writ.v1.other.task.1.x.done')
      await world.raw('s.x', new Uint8Array(), '$JS.API.STREAM.DELETE.WRIT_PUBLISHED')
      await world.wait(asked.reach(2))
      await world.settle()
      expect(asked.list.map((message) => [message.wantsReply, message.replyTo])).toEqual([
        [false, null],
        [false, null],
      ])
      expect(aimed.list).toEqual([])
    })

    test('closing hands over what is here, ends what is asked, and may be called twice', async () => {
      const arrivals = new Arrivals<Incoming>()
      await listen(b, 'c.x', arrivals.take)
      a.publish('c.x', {})
      await world.wait(a.flush())
      await world.wait(b.close())
      await world.wait(b.close())
      expect(arrivals.list.length).toBe(1)
      expect(() => b.publish('c.x', {})).not.toThrow()
      await expect(world.wait(b.request('c.x', {}, longMs))).rejects.toMatchObject({ code: 'UNREACHABLE' })
      await expect(world.wait(b.deliver('c.x', {}, longMs))).rejects.toMatchObject({ code: 'UNREACHABLE' })
    })

    streamContract(() => ({ world, a, b, listen }))
  })
}

interface Parts {
  world: BusWorld
  a: Bus
  b: Bus
  listen: (bus: Bus, pattern: string, take: (message: Incoming) => void) => Promise<unknown>
}

const streamContract = (parts: () => Parts): void => {
  const done = 'writ.v1.o.task.7.d__t1.done'

  test('a plain publish is kept until somebody takes it, and handed over once when it is acknowledged', async () => {
    const { world, a, b } = parts()
    for (const subject of [done, 'writ.v1.o.task.7.d__t1.failed', 'writ.v1.o.contract.7.d__c1.complete'])
      a.publish(subject, { subject })
    a.publish('writ.v1.o.task.7.d__t1.get', {})
    await world.settle()
    const arrivals = new Arrivals<Published>()
    await world.wait(
      b.consume((message) => {
        message.ack()
        arrivals.take(message)
      }),
    )
    const list = await world.wait(arrivals.reach(3))
    await world.hurry()
    expect(list.map((message) => [message.subject, decode(message.body)])).toEqual(
      list.map(({ subject }) => [subject, { subject }]),
    )
    expect(new Set(list.map((message) => message.sequence)).size).toBe(3)
    expect(arrivals.list.length).toBe(3)
  })

  test('what is not acknowledged comes again, under the same incarnation, sequence and time', async () => {
    const { world, a, b } = parts()
    const arrivals = new Arrivals<Published>()
    await world.wait(b.consume(arrivals.take))
    a.publish(done, { n: 1 })
    await world.wait(arrivals.reach(1))
    await world.hurry()
    const [first, second] = await world.wait(arrivals.reach(2))
    const place = ({ ack: _, body: __, ...place }: Published): unknown => place
    expect(second === undefined ? null : place(second)).toEqual(first === undefined ? undefined : place(first))
    expect(second === undefined ? null : decode(second.body)).toEqual({ n: 1 })
    second?.ack()
  })

  test('a taker that throws has the message again', async () => {
    const { world, a, b } = parts()
    const arrivals = new Arrivals<Published>()
    await world.wait(
      b.consume((message) => {
        arrivals.take(message)
        if (arrivals.list.length === 1) throw new Error('a fault of ours')
        message.ack()
      }),
    )
    a.publish(done, {})
    await world.wait(arrivals.reach(1))
    await world.hurry()
    expect((await world.wait(arrivals.reach(2))).length).toBe(2)
  })

  test('takers share what comes: each message is handed to one of them', async () => {
    const { world, a, b } = parts()
    const [one, two, all] = [new Arrivals<Published>(), new Arrivals<Published>(), new Arrivals<Published>()]
    const into =
      (arrivals: Arrivals<Published>) =>
      (message: Published): void => {
        message.ack()
        arrivals.take(message)
        all.take(message)
      }
    await world.wait(a.consume(into(one)))
    await world.wait(b.consume(into(two)))
    for (let n = 0; n < 100; n++) a.publish(done, { n })
    await world.wait(all.reach(100))
    await world.settle()
    expect(new Set(all.list.map((message) => message.sequence)).size).toBe(100)
    expect(one.list.length + two.list.length).toBe(100)
  })

  test('a taker that has drained is handed nothing; what comes waits for another', async () => {
    const { world, a, b } = parts()
    const [first, second] = [new Arrivals<Published>(), new Arrivals<Published>()]
    const taking = await world.wait(b.consume(first.take))
    await world.wait(taking.drain())
    a.publish(done, { n: 1 })
    await world.settle()
    await world.wait(a.consume(second.take))
    const [message] = await world.wait(second.reach(1))
    message?.ack()
    expect(first.list).toEqual([])
  })

  test('a request on a streamed subject reaches whoever listens, has his answer, and is kept as well', async () => {
    const { world, a, b, listen } = parts()
    await listen(b, 'writ.v1.*.task.7.*.*', ({ reply }) => reply({ error: new WritError('REFUSED', 'use end').body }))
    await expect(world.wait(a.request(done, { n: 1 }, longMs))).rejects.toMatchObject({
      code: 'REFUSED',
      message: 'use end',
    })
    const arrivals = new Arrivals<Published>()
    await world.wait(b.consume(arrivals.take))
    const [message] = await world.wait(arrivals.reach(1))
    expect(message === undefined ? null : decode(message.body)).toEqual({ n: 1 })
  })

  test('nobody answers for the stream itself', async () => {
    const { world, a } = parts()
    await expect(world.wait(a.request(done, {}, 200))).rejects.toMatchObject({ code: 'NO_ANSWER' })
  })
}
