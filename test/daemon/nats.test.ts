import { expect, inject, test } from 'vitest'
import { connect } from '../../src/bus/nats-bus.ts'
import { decode } from '../../src/bus/json.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { after, quiet, spawnOf, temporaryFolder, until } from './support.ts'
import { runDaemon } from '../../src/daemon/daemon.ts'

test('a daemon does over a real nats-server what it does in memory: hello, spawn, output, report, bye', async () => {
  const url = inject('natsUrl')
  const node = await connect({ url, name: 'node', stream: false })
  after(() => node.close())
  const owner = `o${process.pid}`
  const seen: string[] = []
  const heard = (pattern: string, answer: (body: Record<string, unknown>) => object): void => {
    node.subscribe(pattern, {}, (message) => {
      const body = decode(message.body) as Record<string, unknown>
      seen.push(message.subject.replace(`writ.v1.${owner}.`, ''))
      if (message.wantsReply) message.reply(answer(body))
    })
  }
  let session = ''
  heard(subjects.daemon.pattern({ owner, id: 'real' }), (body) => {
    session = String(body['session'])
    return { session, beatMs: 5000, leaseMs: 30_000, known: true }
  })
  heard(subjects.report.pattern({ owner }), () => ({ received: true, counted: true }))
  heard(subjects.output.pattern({ owner }), () => ({}))
  await node.flush()

  const bus = await connect({ url, name: 'daemon', stream: false })
  after(() => bus.close())
  const daemon = await runDaemon({
    bus,
    owner,
    name: 'real',
    slots: 1,
    roles: ['worker'],
    log: quiet,
    home: temporaryFolder(),
  })
  await daemon.ready
  const to = subjects.daemonSession.at({ owner, id: 'real', session, verb: 'spawn' })
  expect(await node.request(to, spawnOf('t1', { task: { plan: 'echo over NATS' } }), 5000)).toEqual({ accepted: true })
  await expect(node.request(to, { task: {} }, 5000)).rejects.toMatchObject({ code: 'BAD_INPUT' })
  await until(() => seen.includes('report.7.t1.real.done'))
  await daemon.stop()
  expect(new Set(seen)).toEqual(
    new Set([
      'daemon.real.hello',
      'daemon.real.beat',
      'output.t1',
      'report.7.t1.real.progress',
      'report.7.t1.real.done',
      'daemon.real.bye',
    ]),
  )
})
