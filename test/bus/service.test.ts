import { describe, expect, test } from 'vitest'
import { decode } from '../../src/bus/json.ts'
import { serviceOf } from '../../src/bus/service.ts'
import { SimNetwork } from '../sim/bus.ts'
import { SimClock } from '../sim/clock.ts'
import { SimRandom } from '../sim/random.ts'

const about = {
  name: 'writ',
  id: 'n1',
  version: '0.1.0',
  description: 'a node',
  endpoints: [{ name: 'api', subject: 'writ.v1.*.api.>', queue: 'nodes' }],
}

const world = () => {
  const clock = new SimClock()
  const net = new SimNetwork(clock, new SimRandom(1))
  /** What everybody answers, as `nats service` asks. */
  const ask = async (subject: string): Promise<unknown[]> => {
    const answers: unknown[] = []
    net.join('cli').subscribe('_INBOX.cli', {}, ({ body }) => answers.push(decode(body)))
    net.send('cli', { subject, body: new Uint8Array(), replyTo: '_INBOX.cli' })
    await clock.run(clock.monotonic() + 100)
    return answers
  }
  return { clock, net, ask }
}

describe('a node as a NATS service', () => {
  test.each(['$SRV.PING', '$SRV.PING.writ', '$SRV.PING.writ.n1'])('answers %s with who it is', async (subject) => {
    const { net, ask } = world()
    serviceOf(net.join('n1'), about)
    expect(await ask(subject)).toEqual([
      { type: 'io.nats.micro.v1.ping_response', name: 'writ', id: 'n1', version: '0.1.0', metadata: {} },
    ])
  })

  test('each node answers for itself', async () => {
    const { net, ask } = world()
    serviceOf(net.join('n1'), about)
    serviceOf(net.join('n2'), { ...about, id: 'n2' })
    expect(await ask('$SRV.PING')).toHaveLength(2)
    expect(await ask('$SRV.PING.writ.n2')).toMatchObject([{ id: 'n2' }])
  })

  test('says what it listens to', async () => {
    const { net, ask } = world()
    serviceOf(net.join('n1'), about)
    expect(await ask('$SRV.INFO.writ')).toMatchObject([
      {
        type: 'io.nats.micro.v1.info_response',
        description: 'a node',
        endpoints: [{ name: 'api', subject: 'writ.v1.*.api.>', queue_group: 'nodes' }],
      },
    ])
  })

  test('counts what it has answered', async () => {
    const { net, ask } = world()
    const service = serviceOf(net.join('n1'), about)
    service.count('api', 2)
    service.count('api', 4, 'BUSY')
    service.count('unknown', 4)
    expect(await ask('$SRV.STATS')).toMatchObject([
      {
        type: 'io.nats.micro.v1.stats_response',
        started: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        endpoints: [
          {
            name: 'api',
            num_requests: 2,
            num_errors: 1,
            last_error: 'BUSY',
            processing_time: 6e6,
            average_processing_time: 3e6,
          },
        ],
      },
    ])
  })

  test('says with its figures what an endpoint has to say of itself, looked at when somebody asks', async () => {
    const { net, ask } = world()
    let looks = 0
    const [api] = about.endpoints
    serviceOf(net.join('n1'), {
      ...about,
      endpoints: [{ ...api, name: 'api', subject: 'x', queue: 'q', data: () => ({ looks: ++looks }) }],
    })
    await ask('$SRV.INFO')
    expect(await ask('$SRV.STATS')).toMatchObject([{ endpoints: [{ name: 'api', data: { looks: 1 } }] }])
  })

  test('answers no more once it is drained', async () => {
    const { net, ask, clock } = world()
    const service = serviceOf(net.join('n1'), about)
    await clock.runFor(service.drain())
    expect(await ask('$SRV.PING')).toEqual([])
  })

  test.each([{ version: '1' }, { name: 'a b' }, { id: '' }])('cannot be called %j', (wrong) => {
    const { net } = world()
    expect(() => serviceOf(net.join('n1'), { ...about, ...wrong })).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT' }),
    )
  })
})
