import { describe, expect, test } from 'vitest'
import { decode } from '../../src/bus/json.ts'
import { ackWaitMs } from '../../src/bus/stream.ts'
import { servers } from '../sim/bus-stream.ts'
import { type BusFaults, SimNetwork } from '../sim/bus.ts'
import { SimClock } from '../sim/clock.ts'
import { SimRandom } from '../sim/random.ts'
import { busContract } from './bus.contract.ts'

const settleMs = 1_000

const network = (seed: number, faults: Partial<BusFaults> = {}): { clock: SimClock; net: SimNetwork } => {
  const clock = new SimClock()
  return { clock, net: new SimNetwork(clock, new SimRandom(seed), faults) }
}

busContract('the twin in memory', async () => {
  const { clock, net } = network(1, { delayMs: [0, 20] })
  return {
    join: async (name) => net.join(name),
    wait: (promise) => clock.runFor(promise),
    settle: () => clock.run(clock.monotonic() + settleMs),
    raw: async (subject, body, replyTo = '') => {
      net.send('raw', { subject, body, replyTo: replyTo === '' ? null : replyTo })
    },
    hurry: () => clock.run(clock.monotonic() + ackWaitMs),
    close: () => clock.run(clock.monotonic() + settleMs),
  }
})

/** What a listener hears of 200 messages under these faults, with the time of each. */
const heard = async (seed: number, faults: Partial<BusFaults>): Promise<string[]> => {
  const { clock, net } = network(seed, faults)
  const trace: string[] = []
  net.join('b').subscribe('x', {}, ({ body }) => trace.push(`${clock.monotonic()} ${JSON.stringify(decode(body))}`))
  const a = net.join('a')
  for (let n = 0; n < 200; n++) a.publish('x', { n })
  await clock.run(10_000)
  return trace
}

describe('the twin in memory, with faults', () => {
  const faults = { drop: 0.2, duplicate: 0.2, delayMs: [1, 500] } as const

  test('the same seed gives the same trace, another seed another one', async () => {
    expect(await heard(7, faults)).toEqual(await heard(7, faults))
    expect(await heard(7, faults)).not.toEqual(await heard(8, faults))
  })

  test('messages are lost and repeated', async () => {
    const list = (await heard(7, faults)).map((line) => line.split(' ')[1])
    const once = new Set(list)
    expect(once.size).toBeLessThan(200)
    expect(list.length).toBeGreaterThan(once.size)
  })

  test('who is cut off hears nothing and is not heard, until the network is whole again', async () => {
    const { clock, net } = network(1)
    const [a, b] = [net.join('a'), net.join('b')]
    let count = 0
    b.subscribe('x', {}, () => count++)
    net.faults = { ...net.faults, partition: [['b']] }
    a.publish('x', {})
    await expect(clock.runFor(a.request('x', {}, 1_000))).rejects.toMatchObject({ code: 'NO_ANSWER' })
    await expect(clock.runFor(b.flush())).rejects.toMatchObject({ code: 'UNREACHABLE' })
    expect(count).toBe(0)
    net.faults = { ...net.faults, partition: [] }
    a.publish('x', {})
    await clock.run(clock.monotonic() + 1)
    expect(count).toBe(1)
  })

  test('a message that is on its way when the network is cut is lost', async () => {
    const { clock, net } = network(1, { delayMs: [10, 10] })
    let count = 0
    net.join('b').subscribe('x', {}, () => count++)
    net.join('a').publish('x', {})
    net.faults = { ...net.faults, partition: [['a']] }
    await clock.run(100)
    expect(count).toBe(0)
  })

  test('a client that is killed hears nothing more, not even what was on its way', async () => {
    const { clock, net } = network(1, { delayMs: [10, 10] })
    let count = 0
    const b = net.join('b')
    b.subscribe('x', {}, () => count++)
    const asked = b.request('y', {}, 1_000)
    net.join('a').publish('x', {})
    b.kill()
    await expect(clock.runFor(asked)).rejects.toMatchObject({ code: 'UNREACHABLE' })
    await clock.run(5_000)
    expect(count).toBe(0)
  })

  test('the stream keeps what its taker was cut off from, and a stream that was lost has another incarnation', async () => {
    const { clock, net } = network(1, { partition: [['b']] })
    const subject = 'writ.v1.o.task.1.t.done'
    const list: string[] = []
    net.faults = { ...net.faults, partition: [] }
    await net.join('b').consume((message) => {
      list.push(`${message.incarnation} ${message.sequence}`)
      message.ack()
    })
    net.faults = { ...net.faults, partition: [['b'], [servers, 'a']] }
    net.join('a').publish(subject, {})
    await clock.run(ackWaitMs / 2)
    expect([net.stream.waiting, list]).toEqual([1, []])
    net.faults = { ...net.faults, partition: [] }
    await clock.run(2 * ackWaitMs)
    expect([net.stream.waiting, list]).toEqual([0, ['sim-1 1']])
    net.stream.lose()
    net.join('a').publish(subject, {})
    await clock.run(3 * ackWaitMs)
    expect(list).toEqual(['sim-1 1', 'sim-2 1'])
  })
})

describe('simulated time', () => {
  test('what is due first happens first, and what was set first of those', async () => {
    const clock = new SimClock()
    const random = new SimRandom(3)
    const expected: number[] = []
    const happened: number[] = []
    for (let n = 0; n < 500; n++) {
      const ms = random.between(0, 50)
      expected.push(ms * 1000 + n)
      clock.after(ms, () => happened.push(clock.monotonic() * 1000 + n))
    }
    await clock.run(50)
    expect(happened).toEqual(expected.toSorted((one, other) => one - other))
  })

  test('what is cancelled does not happen, and what is set meanwhile does', async () => {
    const clock = new SimClock()
    const happened: string[] = []
    const alarm = clock.after(10, () => happened.push('never'))
    clock.after(5, () => {
      alarm.cancel()
      void Promise.resolve().then(() => clock.after(5, () => happened.push(`at ${clock.monotonic()}`)))
    })
    await clock.run(20)
    expect([happened, clock.monotonic(), clock.next]).toEqual([['at 10'], 20, null])
  })

  test('waiting for what nothing can bring about ends with an error', async () => {
    await expect(new SimClock().runFor(new Promise(() => undefined))).rejects.toThrow('still waiting at 0 ms')
  })

  test('numbers are within their bounds, and spread', () => {
    const random = new SimRandom(1)
    const drawn = Array.from({ length: 1000 }, () => random.between(1, 6))
    expect([Math.min(...drawn), Math.max(...drawn), new Set(drawn).size]).toEqual([1, 6, 6])
    expect(random.token(20)).toMatch(/^[a-z0-9]{20}$/)
    expect(random.fork().next()).not.toBe(random.next())
  })
})
