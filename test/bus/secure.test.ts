/** Connections over TLS and WebSocket, to real nats-servers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { readAddresses } from '../../src/bus/addresses.ts'
import { decode } from '../../src/bus/json.ts'
import { dataFolder } from '../../src/embedded/folders.ts'
import { startNats, type NatsServer } from '../../src/embedded/nats.ts'
import { wipe } from '../../src/embedded/down.ts'
import { skipAloud } from '../daemon/support.ts'
import { type SecureNats, secureNats } from '../support/secure-nats.ts'
import { Waiting } from '../support/waiting.ts'

const folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-plain-')), env: {} })
const scratch = mkdtempSync(join(tmpdir(), 'writ-ca-'))
let secure: SecureNats | null = null
let plain: NatsServer
const open: NatsBus[] = []

beforeAll(async () => {
  const users = [{ user: 'writ', password: 'test' }]
  plain = await startNats({ folders, log: () => undefined, port: 0, durable: false, users, websocket: true })
  secure = await secureNats()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((bus) => bus.close()))
})
afterAll(async () => {
  await secure?.stop()
  await plain.stop()
  await wipe(folders)
  rmSync(scratch, { recursive: true })
})

const opened = async (options: { url: string; caFile?: string; stream?: boolean }): Promise<NatsBus> => {
  const bus = await connect({ name: 'test', ...options })
  open.push(bus)
  return bus
}
const without = 'there is no openssl here: NATS over TLS is not tried'

/** A request with an answer of half a MiB, an error as an answer, and the stream of plain publishes. */
const talk = async (options: { url: string; caFile?: string }): Promise<void> => {
  const [node, client] = [await opened({ ...options, stream: true }), await opened(options)]
  node.subscribe('writ.v1.o.api.directive.*', {}, ({ subject, body, reply }) =>
    reply(subject.endsWith('list') ? { got: decode(body) } : { error: { code: 'REFUSED', message: 'not now' } }),
  )
  await node.flush()
  const body = { text: 'ä'.repeat(200_000) }
  expect(await client.request('writ.v1.o.api.directive.list', body, 5_000)).toEqual({ got: body })
  await expect(client.request('writ.v1.o.api.directive.create', {}, 5_000)).rejects.toMatchObject({ code: 'REFUSED' })
  const waiting = new Waiting()
  const taken: unknown[] = []
  const taking = await node.consume(({ body: published, ack }) => {
    taken.push(decode(published))
    ack()
    waiting.look()
  })
  client.publish('writ.v1.o.task.1.x.done', { result: 'published' })
  const first = await waiting.until(
    () => taken[0],
    () => 'what was published',
  )
  expect(first).toEqual({ result: 'published' })
  await taking.drain()
}

describe('a connection', () => {
  test('over a WebSocket does what one over TCP does', async () => {
    await talk({ url: `ws://writ:test@127.0.0.1:${plain.websocketPort}` })
  })

  test('over TLS and over a WebSocket with TLS does so too, with the certificates from a file', async ({ skip }) => {
    if (secure === null) return skipAloud(skip, without)
    await talk({ url: secure.tls, caFile: secure.ca })
    await Promise.all(open.splice(0).map((bus) => bus.close()))
    await talk({ url: secure.wss, caFile: secure.ca })
  })

  test('that is lost comes back, and what it listened to is heard again', async ({ skip }) => {
    if (secure === null) return skipAloud(skip, without)
    const { wss, tls, ca } = secure
    for (const url of [wss, tls]) {
      await Promise.all(open.splice(0).map((bus) => bus.close()))
      const waiting = new Waiting()
      let heard = 0
      const bus = await opened({ url, caFile: ca })
      bus.subscribe('a.b', {}, () => {
        heard++
        waiting.look()
      })
      await bus.flush()
      await secure.restart()
      const other = await opened({ url, caFile: ca })
      const again = setInterval(() => other.publish('a.b', {}), 50)
      await waiting
        .until(
          () => (heard > 0 ? true : undefined),
          () => `a message after the restart, on ${url.slice(0, 3)}`,
        )
        .finally(() => clearInterval(again))
    }
  })

  test('is refused without the certificates, with the setting that names them', async ({ skip }) => {
    if (secure === null) return skipAloud(skip, without)
    for (const url of [secure.tls, secure.wss])
      await expect(connect({ url, name: 'test' })).rejects.toMatchObject({
        code: 'UNREACHABLE',
        message: expect.stringContaining('certificate') as string,
        hint: expect.stringContaining('WRIT_NATS_CA') as string,
      })
  })

  test('is refused where the certificate is for another host', async ({ skip }) => {
    if (secure === null) return skipAloud(skip, without)
    const elsewhere = [secure.tls, secure.wss].map((url) => url.replace('127.0.0.1', 'localhost'))
    for (const url of [...elsewhere, `tls://127.0.0.1:1,${elsewhere[0]}`])
      await expect(connect({ url, caFile: secure.ca, name: 'test' })).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })

  test('is never made without TLS where one of its addresses, or a file of certificates, asks for it', async ({
    skip,
  }) => {
    if (secure === null) return skipAloud(skip, without)
    const there = `nats://writ:test@127.0.0.1:${plain.port}`
    const refused = { code: 'UNREACHABLE', hint: expect.stringContaining('the server has no TLS') as string }
    await expect(connect({ url: `${there},tls://127.0.0.1:1`, name: 'test' })).rejects.toMatchObject({
      code: 'UNREACHABLE',
    })
    await expect(connect({ url: there.replace('nats:', 'tls:'), name: 'test' })).rejects.toMatchObject(refused)
    await expect(connect({ url: there, caFile: secure.ca, name: 'test' })).rejects.toMatchObject(refused)
    await talk({ url: `tls://writ:geheim@127.0.0.1:1,${secure.tls.replace('tls:', 'nats:')}`, caFile: secure.ca })
  })

  test('by WebSocket without TLS is refused where a file of certificates, or another address, asks for TLS', async () => {
    const caFile = join(scratch, 'ca.pem')
    writeFileSync(caFile, '-----BEGIN CERTIFICATE-----\n')
    const there = `127.0.0.1:${plain.websocketPort}`
    for (const options of [
      { url: `ws://writ:test@${there}`, caFile },
      { url: `ws://writ:test@${there},wss://127.0.0.1:1` },
      { url: `wss://127.0.0.1:1,ws://writ:test@${there}` },
    ]) {
      const error: unknown = await connect({ ...options, name: 'test' }).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'BAD_INPUT', message: expect.stringContaining(`ws://${there}`) as string })
      expect(error).toMatchObject({ hint: expect.stringContaining('wss://') as string })
    }
    await talk({ url: `ws://writ:test@${there}` })
  })

  test('with wrong credentials is told so over each of them, without the password', async ({ skip }) => {
    if (secure === null) return skipAloud(skip, without)
    const webSocket = { url: `ws://writ:falsch@127.0.0.1:${plain.websocketPort}` }
    const { tls, wss, ca } = secure
    const encrypted = [tls, wss].map((one) => ({ url: one.replace('geheim', 'falsch'), caFile: ca }))
    for (const options of [webSocket, ...encrypted]) {
      const error: unknown = await connect({ ...options, name: 'test' }).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'UNAUTHORIZED' })
      expect(String(error)).not.toContain('falsch')
    }
  })

  test('by WebSocket is refused beside one by TCP: the library would reconnect one in the way of the other', async () => {
    const [tcp, webSocket] = [
      `nats://writ:test@127.0.0.1:${plain.port}`,
      `ws://writ:test@127.0.0.1:${plain.websocketPort}`,
    ]
    for (const [first, second] of [
      [tcp, webSocket],
      [webSocket, tcp],
    ] as const) {
      const bus = await connect({ url: first, name: 'test' })
      await expect(connect({ url: second, name: 'test' })).rejects.toMatchObject({ code: 'REFUSED' })
      await bus.close()
      const other = await connect({ url: second, name: 'test' })
      await other.close()
    }
  })

  test('is not tried with a file of certificates that is none', async () => {
    const file = join(scratch, 'empty.pem')
    writeFileSync(file, 'no certificate')
    const url = inject('natsUrl')
    for (const caFile of [file, join(scratch, 'not-there.pem')])
      await expect(connect({ url, caFile, name: 'test' })).rejects.toMatchObject({
        code: 'BAD_INPUT',
        hint: expect.stringContaining('PEM') as string,
      })
  })
})

describe('addresses', () => {
  test.each([
    ['h', 'h:4222', false],
    ['nats://u:p@h:1', 'h:1', false],
    ['tls://h', 'h:4222', true],
    ['ws://h/nats', 'ws://h:80/nats', false],
    ['wss://u:p@h', 'wss://h:443/', true],
  ])('%s is %s', (url, server, tls) => {
    expect(readAddresses(url)).toMatchObject([{ server, tls }])
  })

  test.each(['http://h', 'nats://', 'ws://a:1,nats://b:2', 'nats://u:%@h'])(
    '%s is refused, and not repeated',
    (url) => {
      expect(() => readAddresses(url)).toThrow(
        expect.objectContaining({ code: 'BAD_INPUT', message: expect.not.stringContaining(url) as string }),
      )
    },
  )
})
