/** The inspector's socket of a node, read by the receiver that XState's own tools use, and by whoever should not. */
import { request } from 'node:http'
import { connect } from 'node:net'
import { createWebSocketReceiver } from '@statelyai/inspect'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { RunningEngine } from '../../src/engine-of.ts'
import { tokenOf } from '../../src/http/gate.ts'
import { startInspector } from '../../src/http/inspector.ts'
import { type RunningObserver, startObserver } from '../../src/observer-of.ts'
import { shardOf, stepId } from '../../src/protocol/ids.ts'
import type { InspectionFrame } from '../../src/protocol/inspection.ts'
import { joinEngine, startTestEngine, type TestEngine } from '../support/engine.ts'
import { Waiting } from '../support/waiting.ts'
import { chainOf, planOf, type World } from '../support/world.ts'

const secret = 'a secret of this test'
let test: TestEngine
let other: RunningEngine
let observer: RunningObserver
beforeAll(async () => {
  test = await startTestEngine()
  const { databaseUrl, natsUrl, log } = test
  const line = (text: string): void => void log.push(text)
  other = await joinEngine(test, 'other', line)
  observer = await startObserver({ databaseUrl, nats: { url: natsUrl }, node: 'test', http: { secret }, log: line })
}, 60_000)
afterAll(async () => {
  await observer.stop()
  await other.stop()
  await test.stop()
})

const address = (owner: string, query: Record<string, string>): string => {
  const url = new URL('/inspect', (observer.url ?? '').replace(/^http/, 'ws'))
  url.search = new URLSearchParams({ owner, token: tokenOf(secret, owner), ...query }).toString()
  return url.href
}

/** What the package's own receiver collects. */
class Receiver {
  readonly frames: InspectionFrame[] = []
  readonly #waiting = new Waiting()

  constructor(url: string) {
    createWebSocketReceiver({ server: url }).subscribe((frame) => {
      const taken: unknown = frame
      this.frames.push(taken as InspectionFrame)
      this.#waiting.look()
    })
  }

  until(isThere: (frame: InspectionFrame) => boolean): Promise<InspectionFrame> {
    return this.#waiting.until(
      () => this.frames.find(isThere),
      () => `a frame; there came ${this.frames.map(({ type }) => type).join(', ')}`,
    )
  }
}

const isIn =
  (id: string, status: string) =>
  (frame: InspectionFrame): boolean =>
    frame.type === '@xstate.snapshot' && frame.sessionId === id && frame.snapshot.tags.includes(status)

/** A directive that is held by the engine that is asked for, and where its inspector is opened on the other's side too. */
const idHeldBy = ({ engine }: RunningEngine, { owner }: World): string => {
  const held = new Set(engine.holder.shards)
  return Array.from({ length: 100 }, (_, at) => `x${at}`).find((id) => held.has(shardOf(owner, id))) ?? ''
}

it('the receiver of @statelyai/inspect is brought the same frames of a running directive and, after its end, of its replay', async () => {
  const world = await test.world()
  const live = new Receiver(address(world.owner, { directive: 'twice', coalesce: '0' }))
  await live.until(({ type }) => type === '@writ.notice')
  await world.daemon('d1', { slots: 2 })
  await world.start({ id: 'twice', plan: planOf({ a: [], b: [], c: ['a', 'b'] }) })
  await live.until(isIn('twice', 'completed'))
  const later = new Receiver(address(world.owner, { directive: 'twice', replay: '1' }))
  await later.until(isIn('twice', 'completed'))
  const [, ...seen] = live.frames
  expect(seen).toEqual(later.frames)
  expect(new Set(seen.map(({ type }) => type))).toEqual(new Set(['@xstate.actor', '@xstate.event', '@xstate.snapshot']))
  expect(seen.filter(({ type }) => type === '@xstate.actor')).toHaveLength(4)
})

it('actors that another node holds are seen through the inspector of this one', async () => {
  const world = await test.world()
  await expect.poll(() => other.engine.holder.shards.length, { timeout: 20_000 }).toBeGreaterThan(100)
  const id = idHeldBy(other, world)
  expect(test.engine.holder.shards).not.toContain(shardOf(world.owner, id))
  const receiver = new Receiver(address(world.owner, { actor: `${id}*`, coalesce: '0' }))
  await receiver.until(({ type }) => type === '@writ.notice')
  await world.daemon('d1')
  await world.start({ id, plan: chainOf(1) })
  await receiver.until(isIn(stepId(id, 1, 0), 'passed'))
  await receiver.until(isIn(id, 'completed'))
})

interface Answer {
  status: number
  body: string
}

const knock = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(observer.url ?? '')
    const asked = request({ hostname, port, path, headers }, (response) => {
      let body = ''
      response.on('data', (part: Buffer) => (body += part.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    asked.on('upgrade', () => resolve({ status: 101, body: '' }))
    asked.on('error', reject)
    asked.end()
  })

const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
}
const token = tokenOf(secret, 'default')

it.each([
  ['no token', '/inspect', {}, 401, 'the token is not that of the owner default'],
  ['a wrong token', `/inspect?token=${token.slice(1)}0`, {}, 401, 'writ inspect --url'],
  ["another owner's token", `/inspect?owner=other&token=${token}`, {}, 401, 'of the owner other'],
  ['a name that is not ours', `/inspect?token=${token}`, { host: 'evil.example' }, 403, 'is not called evil.example'],
  ['a page of another site', `/inspect?token=${token}`, { origin: 'https://evil.example' }, 403, 'may not connect'],
  ['a page without an origin of its own', `/inspect?token=${token}`, { origin: 'null' }, 403, 'may not connect'],
  ['a query that is none', `/inspect?token=${token}&coalesce=often`, {}, 400, 'coalesce'],
  ['a key that nobody knows', `/inspect?token=${token}&actors=x`, {}, 400, 'actors'],
  ['an owner that is none', '/inspect?owner=a.b', {}, 400, 'owner'],
  ['a glob that is none', `/inspect?token=${token}&actor=a.b`, {}, 400, 'glob'],
  ['another path', '/other', {}, 404, '/inspect'],
])(
  '%s is refused, with a word, before any frame is sent',
  async (_what, path, headers: Record<string, string>, status, text) => {
    for (const more of [upgrade, {}]) {
      const answer = await knock(path, { ...more, ...headers })
      expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(text)])
    }
  },
)

it('whoever has the token comes in: by the query, by a header, under any address of this machine, from a page of its own', async () => {
  expect(await knock(`/inspect?token=${token}`, upgrade)).toMatchObject({ status: 101 })
  expect(await knock('/inspect', { ...upgrade, authorization: `Bearer ${token}` })).toMatchObject({ status: 101 })
  const { port } = new URL(observer.url ?? '')
  const own = { host: `localhost:${port}`, origin: `http://localhost:${port}` }
  expect(await knock(`/inspect?token=${token}`, { ...upgrade, ...own })).toMatchObject({ status: 101 })
  expect(await knock(`/inspect?token=${token}`)).toMatchObject({ status: 426 })
})

it('a replay of what is not there is closed with what was wrong', async () => {
  const socket = new WebSocket(address('default', { directive: 'nobody', replay: '1' }))
  const [code, reason] = await new Promise<[number, string]>((resolve) =>
    socket.on('close', (closed, why) => resolve([closed, why.toString()])),
  )
  expect([code, reason]).toEqual([4000, expect.stringContaining('NOT_FOUND')])
})

it.each(['at once', 'once there is room'])(
  'a watcher that does not read is dropped with a word, whether frames are sent %s',
  async (when) => {
    const text = 'x'.repeat(100_000)
    const frame: InspectionFrame = { type: '@writ.notice', text }
    const lines: string[] = []
    let sent = 0
    const inspector = await startInspector({
      host: '127.0.0.1',
      port: 0,
      secret,
      origins: [],
      log: (line) => lines.push(line),
      slowMs: 100,
      watch: async (_query, { take, ready, signal }) => {
        while (!signal.aborted) {
          if (when !== 'at once') await ready()
          take(frame)
          sent++
          await new Promise((resolve) => setImmediate(resolve))
        }
      },
    })
    const url = `${inspector.url.replace(/^http/, 'ws')}/inspect?token=${token}`
    const slow = new WebSocket(url)
    await new Promise((resolve) => slow.on('open', resolve))
    slow.pause()
    await expect.poll(() => lines, { timeout: 10_000 }).toEqual(['a watcher that did not keep up was dropped'])
    // The system's own buffers hold a few frames more.
    expect(sent * text.length).toBeLessThan(64 * 1024 * 1024)
    slow.resume()
    const [code, reason] = await new Promise<[number, string]>((resolve) =>
      slow.on('close', (closed, why) => resolve([closed, why.toString()])),
    )
    expect([code, reason]).toEqual([4008, expect.stringContaining('too slowly')])
    await inspector.stop()
  },
)

it('one who was turned away and keeps his half of the connection open keeps no inspector from its end', async () => {
  const nothing = (): Promise<void> => Promise.resolve()
  const log = (): void => undefined
  const inspector = await startInspector({ host: '127.0.0.1', port: 0, secret, origins: [], log, watch: nothing })
  const { port } = new URL(inspector.url)
  const stranger = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true })
  stranger.on('error', () => undefined)
  const headers = Object.entries({ ...upgrade, Host: '127.0.0.1' }).map(([name, value]) => `${name}: ${value}`)
  stranger.write(`GET /inspect HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
  stranger.resume()
  await new Promise((resolve) => stranger.on('end', resolve))
  await inspector.stop()
  stranger.destroy()
})
