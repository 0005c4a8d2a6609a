/** The NATS users of a data folder on a real nats-server: each may do what is its own, and nothing else. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { clientOf, daemonUser, inboxPrefixOfUrl } from '../../src/bus/permissions.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { ensureUser, loginOf, natsUsers } from '../../src/cli/users.ts'
import { dataFolder, type Folders } from '../../src/embedded/folders.ts'
import { startNats, type NatsServer } from '../../src/embedded/nats.ts'

let folders: Folders
let server: NatsServer
const open: NatsBus[] = []
const refusals: string[] = []

const as = async (user: string): Promise<NatsBus> => {
  const bus = await connect({ ...loginOf(folders, server.url, user), name: user, log: (line) => refusals.push(line) })
  open.push(bus)
  return bus
}

beforeAll(async () => {
  folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-users-')), env: {} })
  for (const user of ['c_default', 'c_other', 'd_default__one']) ensureUser(folders, user)
  server = await startNats({ folders, users: natsUsers(folders), log: () => undefined, port: 0, durable: false })
})
afterAll(async () => {
  await Promise.all(open.map((bus) => bus.close()))
  await server.stop()
  rmSync(folders.root, { recursive: true })
})

const owner = 'default'
const place = { owner, shard: 1, id: 'x' }
const answered = { received: true }

test('a node answers clients and daemons, and a daemon answers a node', async () => {
  const [node, client, daemon] = await Promise.all([as('node'), as('c_default'), as('d_default__one')])
  const asked = [
    [client, subjects.api.at({ owner, noun: 'directive', verb: 'list' })],
    [client, subjects.directive.at({ ...place, verb: 'get' })],
    [client, subjects.pull.at({ owner })],
    [daemon, subjects.daemon.at({ owner, id: 'one', verb: 'hello' })],
    [daemon, subjects.report.at({ ...place, daemon: 'one', verb: 'done' })],
    [daemon, subjects.contract.at({ ...place, verb: 'put' })],
    [daemon, subjects.directive.at({ ...place, verb: 'plan' })],
  ] as const
  for (const [, subject] of asked) node.subscribe(subject, {}, ({ reply }) => reply(answered))
  const spawn = subjects.daemonSession.at({ owner, id: 'one', session: 's', verb: 'spawn' })
  daemon.subscribe(spawn, {}, ({ reply }) => reply({ accepted: true }))
  await Promise.all([node.flush(), daemon.flush()])
  for (const [bus, subject] of asked) expect(await bus.request(subject, {}, 2_000)).toEqual(answered)
  expect(await node.request(spawn, {}, 2_000)).toEqual({ accepted: true })
})

test('events and output reach clients of their owner alone', async () => {
  const [node, client, other, daemon] = await Promise.all([
    as('node'),
    as('c_default'),
    as('c_other'),
    as('d_default__one'),
  ])
  const heard: string[] = []
  for (const [name, bus] of [
    ['client', client],
    ['other', other],
  ] as const) {
    bus.subscribe(subjects.event.pattern({ owner }), {}, () => heard.push(`${name} event`))
    bus.subscribe(subjects.output.pattern({ owner }), {}, () => heard.push(`${name} output`))
    await bus.flush()
  }
  node.publish(subjects.event.at({ owner, directive: 'x', type: 'step_passed' }), {})
  daemon.publish(subjects.output.at({ owner, task: 't' }), {})
  await expect.poll(() => heard.toSorted()).toEqual(['client event', 'client output'])
})

test('nobody asks what is not theirs to ask', async () => {
  const [client, other, daemon] = await Promise.all([as('c_default'), as('c_other'), as('d_default__one')])
  const forbidden = [
    [client, subjects.daemon.at({ owner, id: 'one', verb: 'hello' })],
    [client, subjects.directive.at({ ...place, verb: 'create' })],
    [client, subjects.mail.at(place)],
    [other, subjects.api.at({ owner, noun: 'directive', verb: 'list' })],
    [other, subjects.directive.at({ ...place, verb: 'cancel' })],
    [daemon, subjects.daemon.at({ owner, id: 'two', verb: 'hello' })],
    [daemon, subjects.report.at({ ...place, daemon: 'two', verb: 'done' })],
    [daemon, subjects.directive.at({ ...place, verb: 'cancel' })],
    [daemon, subjects.api.at({ owner, noun: 'directive', verb: 'create' })],
  ] as const
  for (const [bus, subject] of forbidden) {
    await expect(bus.request(subject, {}, 2_000)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  }
})

test('nobody hears what is not theirs to hear: other inboxes least of all', async () => {
  const [client, daemon] = await Promise.all([as('c_default'), as('d_default__one')])
  const deaf = [
    [client, '_INBOX.>'],
    [client, '_INBOX_d_default__one.>'],
    [client, subjects.report.pattern({ owner })],
    [client, subjects.event.pattern({ owner: 'other' })],
    [daemon, '_INBOX.>'],
    [daemon, subjects.event.pattern({ owner })],
    [daemon, subjects.daemonSession.pattern({ owner, id: 'two' })],
    [daemon, '>'],
  ] as const
  for (const [bus, pattern] of deaf) {
    bus.subscribe(pattern, {}, () => undefined)
    await expect
      .poll(() => refusals.some((line) => line.includes(`"${pattern}"`) || line.includes(`listening on ${pattern} `)))
      .toBe(true)
    refusals.length = 0
  }
})

test('a user that is made while the server runs gets in once the server has heard of it', async () => {
  const user = daemonUser('default', 'late')
  expect(ensureUser(folders, user)).toBe(true)
  await expect(as(user)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  await server.reload(natsUsers(folders))
  const bus = await as(user)
  await expect(bus.flush()).resolves.toBeUndefined()
  expect(ensureUser(folders, user)).toBe(false)
})

test('the inbox prefix follows from the user in a URL', () => {
  expect(inboxPrefixOfUrl('nats://c_default:pw@127.0.0.1:4222')).toBe('_INBOX_c_default')
  expect(inboxPrefixOfUrl('nats://somebody:pw@127.0.0.1:4222')).toBeUndefined()
  expect(inboxPrefixOfUrl('nats://127.0.0.1:4222')).toBeUndefined()
})

test('names that could widen a subject, or reserved ones, make no user', () => {
  for (const bad of ['*', '>', 'a.b', '', 'sys', 'a__b']) expect(() => clientOf(bad)).toThrow(/owner/)
  expect(() => daemonUser('default', 'a.b')).toThrow(/daemon's name/)
})
