/** Nodes as NATS services, as the protocol's own types have it (ADR-32 of NATS, the schemas io.nats.micro.v1.…), on a real server. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { serviceOf } from '../../src/bus/service.ts'
import { threadStats } from '../../src/bus/thread-stats.ts'
import { shardCount } from '../../src/protocol/limits.ts'
import { threadFigures } from '../../src/protocol/figures.ts'
import { RawNats } from '../support/raw-nats.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'

const token = z.string().regex(/^[a-zA-Z0-9_-]+$/)
const pre = String.raw`(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)`
const number = String.raw`(?:0|[1-9]\d*)`
const semantic = new RegExp(
  String.raw`^${number}\.${number}\.${number}(?:-${pre}(?:\.${pre})*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$`,
)
const metadata = z.record(z.string(), z.string()).nullish()
const answer = <const T extends string>(verb: T) => ({
  type: z.literal(`io.nats.micro.v1.${verb}_response`),
  name: token,
  id: z.string().min(1),
  version: z.string().regex(semantic),
  metadata,
})
const endpoint = { name: token, subject: z.string().min(1), queue_group: z.string().min(1).optional() }
/** Whole numbers of at most 64 bits; times are in nanoseconds. */
const count = z.int().min(0)
const protocol = {
  PING: z.object(answer('ping')),
  INFO: z.object({
    ...answer('info'),
    description: z.string(),
    endpoints: z.array(z.object({ ...endpoint, metadata })),
  }),
  STATS: z.object({
    ...answer('stats'),
    started: z.iso.datetime({ offset: true }),
    endpoints: z.array(
      z.object({
        ...endpoint,
        num_requests: count,
        num_errors: count,
        last_error: z.string(),
        processing_time: count,
        average_processing_time: count,
        data: z.json().optional(),
      }),
    ),
  }),
}

let test: TestEngine
let client: RawNats
beforeAll(async () => {
  test = await startTestEngine()
  await test.start()
  client = await RawNats.open(test.natsUrl)
})
afterAll(async () => {
  client.close()
  await test.stop()
})

it.each(Object.entries(protocol))(
  '$SRV.%s is answered as the protocol has it, to all, by name and by id',
  async (verb, schema) => {
    const first = await client.request(`$SRV.${verb}`, {})
    const { id } = schema.parse(first)
    for (const subject of [`$SRV.${verb}.writ`, `$SRV.${verb}.writ.${id}`])
      expect(schema.parse(await client.request(subject, {}))).toMatchObject({ name: 'writ', id })
  },
)

it('the endpoint that is named takes requests, and STATS counts them with what went wrong', async () => {
  const api = async () => protocol.STATS.parse(await client.request('$SRV.STATS', {})).endpoints[0]
  const before = await api()
  const { endpoints } = protocol.INFO.parse(await client.request('$SRV.INFO', {}))
  expect(endpoints).toMatchObject([{ name: 'api', subject: 'writ.v1.*.api.*.*' }])
  const on = (verb: string): string => (endpoints[0]?.subject ?? '').replace('*', 'default').replace('*.*', verb)
  expect(await client.request(on('directive.list'), {})).toMatchObject({ lines: [] })
  expect(await client.request(on('directive.create'), { id: '_', title: 'T', goal: 'g' })).toHaveProperty('error')
  const after = await api()
  expect([after?.num_requests, after?.num_errors]).toEqual([
    (before?.num_requests ?? 0) + 2,
    (before?.num_errors ?? 0) + 1,
  ])
  expect(after?.last_error).toMatch(/^BAD_INPUT: /)
  expect(after?.processing_time).toBeGreaterThan(0)
})

it('STATS says what the thread holds and has committed', async () => {
  const figures = async () => {
    const [endpoint] = protocol.STATS.parse(await client.request('$SRV.STATS.writ', {})).endpoints
    return threadFigures.parse(endpoint?.data)
  }
  const before = await figures()
  const command = { id: 'counted', title: 'T', goal: 'g' }
  expect(await client.request('writ.v1.default.api.directive.create', command)).toHaveProperty('directive')
  const after = await figures()
  expect(after).toMatchObject({ shards: shardCount, refusedCommits: 0, unknownCommits: 0 })
  expect(after.commits).toBeGreaterThan(before.commits)
  expect(after.units - before.units).toBeGreaterThanOrEqual(after.commits - before.commits)
  expect(after.actors).toBeGreaterThan(before.actors)
  expect(after.upMs).toBeGreaterThanOrEqual(before.upMs)
  expect(after.busyMs).toBeLessThanOrEqual(after.upMs)
})

it('all threads are asked at once; others that call themselves so, and nobody at all, do no harm', async () => {
  const about = { name: 'writ', id: 'b', version: '0.1.0', description: 'of an older version' }
  const others = [
    serviceOf(test.bus, { ...about, endpoints: [{ name: 'api', subject: 'nowhere', queue: 'q' }] }),
    serviceOf(test.bus, { ...about, id: 'c', endpoints: [] }),
  ]
  await test.bus.flush()
  const heard = await threadStats(test.bus)
  expect(new Set(heard.map(({ figures }) => figures?.shards ?? null))).toEqual(new Set([shardCount, null]))
  await Promise.all(others.map((other) => other.drain()))
  expect(await test.bus.gather('nobody.is.here', {})).toEqual([])
})
