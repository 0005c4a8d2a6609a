/** `writ nats pub|sub|req` on a real nats-server, as the owner's client that the data folder knows. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { openPlain } from '../../src/bus/plain.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { ensureUser, loginOf, natsUsers } from '../../src/cli/users.ts'
import { writeEndpoints } from '../../src/embedded/endpoints.ts'
import { dataFolder, type Folders } from '../../src/embedded/folders.ts'
import { startNats, type NatsServer } from '../../src/embedded/nats.ts'
import { call, type Ended } from './call.ts'

let folders: Folders
let server: NatsServer
let node: NatsBus

beforeAll(async () => {
  folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-nats-')), env: {} })
  ensureUser(folders, 'c_default')
  server = await startNats({ folders, users: natsUsers(folders), log: () => undefined, port: 0, durable: false })
  const nats = loginOf(folders, server.url, 'c_default').url
  writeEndpoints(folders, { version: '0', data: folders.root, database: 'postgres://x', nats })
  node = await connect({ ...loginOf(folders, server.url, 'node'), name: 'node' })
  node.subscribe(subjects.api.pattern(), {}, ({ body, reply }) => reply({ heard: Buffer.from(body).toString() }))
  await node.flush()
})
afterAll(async () => {
  await node.close()
  await server.stop()
  rmSync(folders.root, { recursive: true, force: true })
})

const writ = (...args: string[]): Promise<Ended> => call(['nats', ...args], { env: { WRIT_HOME: folders.root } })
const untimed = ({ code, out, err }: Ended): Ended => ({ code, out, err: err.replaceAll(/^\d\d:\d\d:\d\d /gm, '') })

test('a request prints the answer: with the time that it took, or alone', async () => {
  const asked = untimed(await writ('req', 'writ.v1.default.api.directive.list', '{"limit": 1}'))
  expect(asked).toMatchObject({ code: 0, out: '{"heard":"{\\"limit\\": 1}"}\n\n' })
  expect(asked.err).toMatch(
    /^Sending request on "writ\.v1\.default\.api\.directive\.list"\nReceived with rtt [\d.]+ms\n$/,
  )
  expect((await writ('req', '--raw', 'writ.v1.default.api.directive.list', '')).out).toBe('{"heard":""}\n')
})

test('what is published is printed by who listens, numbered, with headers and the subject of an answer', async () => {
  const events = 'writ.v1.default.event'
  const listening = writ('sub', '--count', '2', `${events}.>`)
  const publish = (): void => node.publish(`${events}.x.step_passed`, { number: 1 })
  const beat = setInterval(publish, 20)
  const heard = untimed(await listening)
  clearInterval(beat)
  expect(heard).toEqual({
    code: 0,
    out: [1, 2].map((n) => `[#${n}] Received on "${events}.x.step_passed"\n{"number":1}\n\n`).join(''),
    err: `Subscribing on ${events}.>\n`,
  })
})

test('a body alone is printed byte by byte, and as JSON every message is a line', async () => {
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x61])
  const connection = await openPlain({ ...loginOf(folders, server.url, 'node'), name: 'bytes' })
  const beat = setInterval(() => void connection.publish('writ.v1.default.event.x.y', bytes, {}), 20)
  const taken: Buffer[] = []
  const listen = async (...flags: string[]): Promise<Ended> =>
    call(['nats', 'sub', ...flags, '--count', '1', 'writ.v1.default.event.>'], {
      env: { WRIT_HOME: folders.root },
      taken: (data) => taken.push(data),
    })
  await listen('--raw')
  expect(Buffer.concat(taken)).toEqual(Buffer.concat([bytes, Buffer.from('\n')]))
  const { out } = await listen('--json')
  clearInterval(beat)
  await connection.close()
  expect(JSON.parse(out)).toEqual({
    subject: 'writ.v1.default.event.x.y',
    reply: null,
    headers: [],
    data: '\uFFFD\uFFFD\0a',
  })
})

test('a publish says what was sent, with headers and where an answer goes', async () => {
  const heard: { body: string; replyTo: string | null }[] = []
  const listening = node.subscribe('writ.v1.default.task.>', {}, ({ body, replyTo }) => {
    heard.push({ body: Buffer.from(body).toString(), replyTo })
  })
  await node.flush()
  const said = await writ(
    'pub',
    'writ.v1.default.task.1.x.done',
    'hello',
    '--count',
    '2',
    '-H',
    'A: b',
    '--reply',
    '_INBOX_c_default.r',
  )
  expect(untimed(said).err).toBe('Published 5 bytes to "writ.v1.default.task.1.x.done"\n'.repeat(2))
  await expect.poll(() => heard).toEqual(Array(2).fill({ body: 'hello', replyTo: '_INBOX_c_default.r' }))
  await listening.drain()
  expect((await writ('pub', 'writ.v1.default.task.1.x.done', 'x', '-H', 'nothing')).code).toBe(2)
})

test('certificates that are named for the private server are refused: it has none', async () => {
  const { code, err } = await writ('sub', 'writ.v1.default.event.>', '--nats-ca', '/nowhere/ca.pem')
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('--nats-ca is for a NATS server of your own') })
})

test('R46: what this user may not do is refused in words, and a request that nobody hears ends', async () => {
  for (const args of [
    ['pub', 'writ.v1.other.api.directive.list', 'x'],
    ['req', 'writ.v1.other.api.directive.list', 'x'],
    ['sub', 'writ.v1.other.event.>'],
  ]) {
    const { code, err } = await writ(...args)
    expect({ args, code }).toEqual({ args, code: 4 })
    expect(err).toMatch(/\[UNAUTHORIZED\]/)
  }
  const nobody = await writ('req', 'writ.v1.default.pull', '')
  expect(nobody).toMatchObject({
    code: 3,
    err: expect.stringContaining('nobody listens on writ.v1.default.pull [NO_ANSWER]'),
  })
})
