import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectRaw, nanos, type NatsConnection } from '@nats-io/transport-node'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, connect as dial, type Server as TcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { Published } from '../../src/actors/ports/bus.ts'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { serviceOf } from '../../src/bus/service.ts'
import { streamedSubjects, streamName } from '../../src/bus/stream.ts'
import { wipe } from '../../src/embedded/down.ts'
import { dataFolder, type Folders } from '../../src/embedded/folders.ts'
import { type NatsServer, startNats } from '../../src/embedded/nats.ts'
import { busContract } from './bus.contract.ts'

/** A server of our own: nobody else takes from its stream. */
let server: NatsServer
let folders: Folders
/** The URL without credentials. */
const bare = (): string => server.url.replace(/\/\/.*@/, '//')

const narrow = {
  user: 'narrow',
  password: 'p%/@:',
  permissions: { publish: { allow: ['ok.>'] }, subscribe: { allow: ['_INBOX_narrow.>'] } },
}

const users = [{ user: 'writ', password: 'secret' }, narrow]

beforeAll(async () => {
  folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-bus-')), env: {} })
  server = await startNats({ folders, log: () => undefined, port: 0, durable: false, users })
})

afterAll(async () => {
  await server.stop()
  await wipe(folders)
})

const rawConnection = (): Promise<NatsConnection> => connectRaw({ servers: bare(), user: 'writ', pass: 'secret' })

const shortenAckWait = async (connection: NatsConnection): Promise<void> => {
  const manager = await jetstreamManager(connection)
  for await (const { name } of manager.consumers.list(streamName)) {
    await manager.consumers.update(streamName, name, { ack_wait: nanos(300) })
  }
}

busContract('NATS', async () => {
  const raw = await rawConnection()
  await (await jetstreamManager(raw)).streams.delete(streamName).catch(() => false)
  const joined: NatsBus[] = []
  const settle = async (): Promise<void> => {
    const open = joined.filter((bus) => !bus.closed)
    // There and back and there again: what was sent, what was answered, what came of it.
    for (let round = 0; round < 3; round++) await Promise.all([raw, ...open].map((one) => one.flush()))
  }
  return {
    join: async (name) => {
      const bus = await connect({ url: server.url, name, stream: true })
      joined.push(bus)
      return bus
    },
    wait: (promise) => promise,
    settle,
    raw: async (subject, body, replyTo = '') => {
      raw.publish(subject, body, replyTo === '' ? {} : { reply: replyTo })
      await raw.flush()
    },
    hurry: () => shortenAckWait(raw),
    close: async () => {
      await Promise.all(joined.map((bus) => bus.close()))
      await raw.close()
    },
  }
})

test('the server of the whole run takes our stream, requests and answers', async () => {
  const bus = await connect({ url: inject('natsUrl'), name: 'test', stream: true })
  const subject = `test.${Math.random().toString(36).slice(2)}`
  bus.subscribe(subject, {}, ({ reply }) => reply({ here: true }))
  await bus.flush()
  await expect(bus.request(subject, {}, 5_000)).resolves.toEqual({ here: true })
  await bus.close()
})

describe('connecting', () => {
  const failing = (url: string, more: object = {}): Promise<unknown> =>
    connect({ url, name: 'test', ...more }).then(
      () => expect.unreachable(),
      (error: unknown) => error,
    )

  test('nobody there: UNREACHABLE, with the place and without the password', async () => {
    const error = await failing('nats://someone:hidden@127.0.0.1:1')
    expect(error).toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('127.0.0.1:1'),
      hint: expect.stringContaining('writ up'),
    })
    expect(JSON.stringify([error, String(error)])).not.toContain('hidden')
  })

  test.each(['nats://writ:wrong@', 'nats://someone@', 'nats://'])(
    'credentials as in %s are UNAUTHORIZED',
    async (start) => {
      const error = await failing(bare().replace('nats://', start))
      expect(error).toMatchObject({ code: 'UNAUTHORIZED', message: expect.stringContaining('127.0.0.1') })
      expect(String(error)).not.toContain('wrong')
    },
  )

  test.each(['http://127.0.0.1:4222', 'nats://', 'nats://a:%zz@127.0.0.1', 'nats://h:x:y', ''])(
    '%j is no URL of a NATS server',
    async (url) => {
      expect(await failing(url)).toMatchObject({ code: 'BAD_INPUT' })
    },
  )

  test.each([
    ['2.9.25', 1_048_576, 'OLD_SERVER'],
    ['2.10.0', 1_000, 'REFUSED'],
  ])('a server of version %s that takes %i bytes is refused: %s', async (version, largest, code) => {
    const fake = createServer((socket) => {
      socket.write(
        `INFO ${JSON.stringify({ server_id: 'x', version, max_payload: largest, proto: 1, headers: true })}\r\n`,
      )
      socket.on('data', (data) => String(data).includes('PING') && socket.write('PONG\r\n'))
    })
    const port = await listening(fake)
    expect(await failing(`nats://127.0.0.1:${port}`)).toMatchObject({
      code,
      message: expect.stringContaining(`127.0.0.1:${port}`),
    })
    fake.close()
  })

  test('credentials may be given beside the URL, with any characters, and inside of it', async () => {
    const options = { name: 'test', inboxPrefix: '_INBOX_narrow' }
    const beside = await connect({ ...options, url: bare(), user: narrow.user, password: narrow.password })
    const inside = await connect({
      ...options,
      url: bare().replace('//', `//${narrow.user}:${encodeURIComponent(narrow.password)}@`),
    })
    await expect(Promise.all([beside.flush(), inside.flush()])).resolves.toHaveLength(2)
    await Promise.all([beside.close(), inside.close()])
  })

  test('several servers may be named, and the first that answers is taken', async () => {
    const bus = await connect({ url: `nats://127.0.0.1:1,${bare()}`, name: 'test', user: 'writ', password: 'secret' })
    await expect(bus.flush()).resolves.toBeUndefined()
    await bus.close()
  })

  test('what the user may not do is said, and ends neither the connection nor the other requests', async () => {
    const log: string[] = []
    const bus = await connect({
      url: bare(),
      name: 'test',
      user: narrow.user,
      password: narrow.password,
      inboxPrefix: '_INBOX_narrow',
      log: (line) => log.push(line),
    })
    const raw = await rawConnection()
    raw.subscribe('ok.x', { callback: (_error, message) => void message.respond('{"fine":true}') })
    await raw.flush()
    await expect(bus.request('forbidden.x', {}, 5_000)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    bus.subscribe('forbidden.>', {}, () => undefined)
    await bus.flush()
    await expect(bus.request('ok.x', {}, 5_000)).resolves.toEqual({ fine: true })
    expect(log.join('\n')).toContain('listening on forbidden.> ended')
    await Promise.all([bus.close(), raw.close()])
  })
})

test('a node is seen by whoever asks for services', async () => {
  const [bus, raw] = [await connect({ url: server.url, name: 'test' }), await rawConnection()]
  serviceOf(bus, { name: 'writ', id: 'n1', version: '0.1.0', description: '', endpoints: [] })
  await bus.flush()
  const answer = await raw.request('$SRV.PING.writ', '', { timeout: 5_000 })
  expect(answer.json()).toMatchObject({ type: 'io.nats.micro.v1.ping_response', id: 'n1' })
  await Promise.all([bus.close(), raw.close()])
})

const listening = (tcp: TcpServer): Promise<number> =>
  new Promise((resolve, reject) => {
    tcp.listen(0, '127.0.0.1', () => {
      const address = tcp.address()
      if (address === null || typeof address === 'string') reject(new Error('no port'))
      else resolve(address.port)
    })
  })

/** Between a client and the server, to cut the line. */
const proxy = async (): Promise<{ url: string; cut: () => void; freeze: () => void; close: () => void }> => {
  const pairs = new Set<[Socket, Socket]>()
  const { hostname, port } = new URL(bare())
  const tcp = createServer((inner) => {
    const outer = dial(Number(port), hostname)
    pairs.add([inner, outer])
    inner.pipe(outer).on('error', () => inner.destroy())
    outer.pipe(inner).on('error', () => outer.destroy())
  })
  const url = `nats://writ:secret@127.0.0.1:${await listening(tcp)}`
  const cut = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
    pairs.clear()
  }
  return {
    url,
    cut,
    /** Of the lines that there are: they stay open, and nothing comes through them any more. */
    freeze: () => {
      for (const pair of pairs) for (const socket of pair) socket.unpipe().resume()
    },
    close: () => {
      cut()
      tcp.close()
    },
  }
}

describe('a connection that is lost', () => {
  test('ends the requests under way, comes back by itself, and goes on listening', async () => {
    const line = await proxy()
    const raw = await rawConnection()
    let returned = (): void => undefined
    const back = new Promise<void>((resolve) => {
      returned = resolve
    })
    const bus = await connect({ url: line.url, name: 'test', log: (text) => text.includes('reconnect') && returned() })
    let heard = (_subject: string): void => undefined
    const first = new Promise<string>((resolve) => {
      heard = resolve
    })
    bus.subscribe('l.x', {}, ({ subject }) => heard(subject))
    raw.subscribe('l.silent', { callback: () => line.cut() })
    await Promise.all([bus.flush(), raw.flush()])
    await expect(bus.request('l.silent', {}, 3_600_000)).rejects.toMatchObject({ code: 'UNREACHABLE' })
    await back
    await bus.flush()
    raw.publish('l.x', '{}')
    expect(await first).toBe('l.x')
    await Promise.all([bus.close(), raw.close()])
    line.close()
  })

  test('half open, is noticed although nothing says so, and made anew', async () => {
    const line = await proxy()
    const said: string[] = []
    const bus = await connect({ url: line.url, name: 'test', pingMs: 100, log: (text) => said.push(text) })
    await bus.flush()
    line.freeze()
    await expect(bus.request('l.nobody', {}, 3_600_000)).rejects.toMatchObject({ code: 'UNREACHABLE' })
    await expect.poll(() => said.some((text) => text.includes('reconnect'))).toBe(true)
    await bus.flush()
    await bus.close()
    line.close()
  })

  test('can be closed while it is away', async () => {
    const line = await proxy()
    let gone = (): void => undefined
    const lost = new Promise<void>((resolve) => {
      gone = resolve
    })
    const bus = await connect({ url: line.url, name: 'test', log: (text) => text.includes('disconnect') && gone() })
    line.close()
    await lost
    await bus.close()
    expect(bus.closed).toBe(true)
  })
})

describe('the stream of plain publishes', () => {
  const done = 'writ.v1.o.task.7.d__t1.done'
  const remake = async (): Promise<NatsConnection> => {
    const raw = await rawConnection()
    await (await jetstreamManager(raw)).streams.delete(streamName).catch(() => false)
    return raw
  }

  test('it has the declared subjects alone, answers no publisher, and can be looked at without taking from it', async () => {
    const raw = await remake()
    const bus = await connect({ url: server.url, name: 'test', stream: true })
    const { config } = await (await jetstreamManager(raw)).streams.info(streamName)
    expect(streamedSubjects.toSorted()).toEqual([
      'writ.v1.*.contract.*.*.complete',
      'writ.v1.*.task.*.*.done',
      'writ.v1.*.task.*.*.failed',
    ])
    expect(config).toMatchObject({
      subjects: expect.arrayContaining([...streamedSubjects]),
      no_ack: true,
      allow_direct: true,
      storage: 'file',
      retention: 'workqueue',
    })
    await Promise.all([bus.close(), raw.close()])
  })

  test('what differs is corrected, what is in it stays, and what somebody else has set stays too', async () => {
    const raw = await remake()
    const manager = await jetstreamManager(raw)
    await manager.streams.add({
      name: streamName,
      subjects: [done],
      retention: 'workqueue',
      storage: 'file',
      max_age: nanos(60_000),
      metadata: { by: 'hand' },
    })
    await jetstream(raw).publish(done, '{"n":1}')
    const bus = await connect({ url: server.url, name: 'test', stream: true })
    const { config, state } = await manager.streams.info(streamName)
    expect([config.no_ack, config.subjects.length, config.max_age, state.messages]).toEqual([
      true,
      3,
      nanos(7 * 86_400_000),
      1,
    ])
    expect(config.metadata).toMatchObject({ by: 'hand' })
    await Promise.all([bus.close(), raw.close()])
  })

  test('what the server will not have is REFUSED, with what to do', async () => {
    const raw = await remake()
    const manager = await jetstreamManager(raw)
    await manager.streams.add({ name: streamName, subjects: [done], storage: 'memory' })
    const refused = connect({ url: server.url, name: 'test', stream: true })
    await expect(refused).rejects.toMatchObject({ code: 'REFUSED', hint: expect.stringContaining('nats stream rm') })
    await manager.streams.delete(streamName)
    await raw.close()
  })

  /** Takes into a list, acknowledging; `next` waits for the next one. */
  const taking = async (bus: NatsBus): Promise<{ next: () => Promise<Published> }> => {
    const list: Published[] = []
    let wake = (): void => undefined
    await bus.consume((message) => {
      message.ack()
      list.push(message)
      wake()
    })
    const next = async (): Promise<Published> => {
      for (;;) {
        const message = list.shift()
        if (message !== undefined) return message
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    return { next }
  }

  /** Publishes until it arrives: while there is no stream, a plain publish is lost. */
  const arriving = async (raw: NatsConnection, next: () => Promise<Published>): Promise<Published> => {
    const timer = setInterval(() => raw.publish(done, '{}'), 100)
    try {
      return await next()
    } finally {
      clearInterval(timer)
    }
  }

  test('a consumer that was deleted is made again', async () => {
    const raw = await remake()
    const bus = await connect({ url: server.url, name: 'test', stream: true })
    const { next } = await taking(bus)
    raw.publish(done, '{}')
    const before = await next()
    const manager = await jetstreamManager(raw)
    for await (const { name } of manager.consumers.list(streamName)) await manager.consumers.delete(streamName, name)
    raw.publish(done, '{}')
    expect(await next()).toMatchObject({ incarnation: before.incarnation, sequence: before.sequence + 1 })
    await Promise.all([bus.close(), raw.close()])
  })

  test('a stream that was deleted is made again, under another incarnation', async () => {
    const raw = await remake()
    const bus = await connect({ url: server.url, name: 'test', stream: true })
    const { next } = await taking(bus)
    raw.publish(done, '{}')
    const before = await next()
    await (await jetstreamManager(raw)).streams.delete(streamName)
    const after = await arriving(raw, next)
    expect(after.incarnation).not.toBe(before.incarnation)
    await Promise.all([bus.close(), raw.close()])
  })

  test('taking goes on after a lost connection, also when the stream was made anew meanwhile', async () => {
    const raw = await remake()
    const line = await proxy()
    const bus = await connect({ url: line.url, name: 'test', stream: true })
    const { next } = await taking(bus)
    raw.publish(done, '{}')
    const before = await next()
    line.cut()
    // What the server sends before it notices the cut comes again after the wait for the acknowledgement only.
    const between = await arriving(raw, next)
    expect(between.incarnation).toBe(before.incarnation)
    expect(between.sequence).toBeGreaterThan(before.sequence)
    line.cut()
    const manager = await jetstreamManager(raw)
    const { config } = await manager.streams.info(streamName)
    await manager.streams.delete(streamName)
    await manager.streams.add(config)
    let after = before
    while (after.incarnation === before.incarnation) after = await arriving(raw, next)
    expect(after.subject).toBe(done)
    await Promise.all([bus.close(), raw.close()])
    line.close()
  })

  test('taking and listening go on when the server restarts', async () => {
    const raw = await remake()
    const bus = await connect({ url: server.url, name: 'test', stream: true })
    const { next } = await taking(bus)
    bus.subscribe('l.x', {}, ({ reply }) => reply({ here: true }))
    raw.publish(done, '{}')
    const before = await next()
    await raw.close()
    const port = Number(new URL(bare()).port)
    await server.stop()
    server = await startNats({ folders, log: () => undefined, port, durable: false, users })
    const again = await rawConnection()
    const between = await arriving(again, next)
    expect(between.incarnation).toBe(before.incarnation)
    const answer = await again.request('l.x', '{}', { timeout: 5_000 })
    expect(answer.json()).toEqual({ here: true })
    await Promise.all([bus.close(), again.close()])
  })

  test('when the stream has lost what it took last, its numbers come once more, and what they stand for is handed over', async () => {
    const port = Number(new URL(bare()).port)
    const messages = join(folders.nats, 'jetstream', '$G', 'streams', streamName, 'msgs')
    /** As after a failure of power: what `change` does to its files happens while it is away. */
    const restarted = async (change: () => void): Promise<void> => {
      await server.stop()
      change()
      server = await startNats({ folders, log: () => undefined, port, durable: false, users })
    }
    const raw = await remake()
    const bus = await connect({ url: server.url, name: 'test', stream: true })
    const { next } = await taking(bus)
    raw.publish(done, '{}')
    await next()
    await raw.close()
    const earlier = join(folders.root, 'earlier')
    await restarted(() => cpSync(messages, earlier, { recursive: true }))
    const again = await rawConnection()
    const before = await arriving(again, next)
    for (let count = 0; count < 5; count++) {
      again.publish(done, '{}')
      await next()
    }
    await Promise.all([again.close(), bus.close()])
    await restarted(() => {
      rmSync(messages, { recursive: true })
      cpSync(earlier, messages, { recursive: true })
    })
    const [raws, other] = await Promise.all([
      rawConnection(),
      connect({ url: server.url, name: 'other', stream: true }),
    ])
    const { next: following } = await taking(other)
    raws.publish(done, '{}')
    const after = await following()
    expect(after).toMatchObject({ incarnation: before.incarnation, sequence: before.sequence })
    expect(after.at).not.toBe(before.at)
    await Promise.all([other.close(), raws.close()])
  })

  test('listening ends, and so does whoever listened, while the server says nothing', async () => {
    const bus = await connect({ url: server.url, name: 'test' })
    const listening = bus.subscribe('l.y', {}, () => undefined)
    await bus.flush()
    process.kill(server.pid, 'SIGSTOP')
    try {
      await listening.drain()
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
    await bus.close()
  })

  test("a consumer that a dead node left behind under another name is in nobody's way", async () => {
    const raw = await remake()
    const first = await connect({ url: server.url, name: 'test', stream: true })
    const manager = await jetstreamManager(raw)
    await manager.consumers.add(streamName, { durable_name: 'node_1', ack_policy: 'explicit' })
    const { next } = await taking(first)
    raw.publish(done, '{}')
    expect((await next()).subject).toBe(done)
    await Promise.all([first.close(), raw.close()])
  })
})
