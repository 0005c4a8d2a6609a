/** `writ creds` and `writ env` on a real nats-server, with this process in the place of `writ up`. */
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect as connectBus, type NatsBus } from '../../src/bus/nats-bus.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { Parts } from '../../src/cli/parts.ts'
import { serveUsers } from '../../src/cli/up-users.ts'
import { ensureUser, loginOf, natsUsers } from '../../src/cli/users.ts'
import { removeEndpoints, writeEndpoints } from '../../src/embedded/endpoints.ts'
import { dataFolder, type Folders } from '../../src/embedded/folders.ts'
import { startNats, type NatsServer } from '../../src/embedded/nats.ts'
import { call, type Ended } from './call.ts'

let folders: Folders
let server: NatsServer
let node: NatsBus
const opened: string[] = []
const parts = new Parts()
/** What `writ up` would have said: nothing, unless something went wrong. */
const told: string[] = []

const isUp = (): void => {
  const nats = loginOf(folders, server.url, 'c_default').url
  writeEndpoints(folders, { version: '0', data: folders.root, database: 'postgres://x', nats })
}

beforeAll(async () => {
  folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-creds-')), env: {} })
  ensureUser(folders, 'c_default')
  server = await startNats({ folders, users: natsUsers(folders), log: () => undefined, port: 0, durable: false })
  const login = loginOf(folders, server.url, 'node')
  node = await connectBus({ ...login, name: 'node' })
  node.subscribe(subjects.api.pattern({ noun: 'owner', verb: 'open' }), {}, ({ subject, reply }) => {
    opened.push(subjects.api.read(subject)?.owner ?? '')
    reply({})
  })
  await node.flush()
  const kept = { current: () => server, running: async () => server, stop: async () => undefined }
  const said = (line: string): void => void told.push(line)
  const take = serveUsers({ server: kept, folders, owner: 'default', login, say: said }, parts)
  isUp()
  await take()
})
afterAll(async () => {
  await parts.stop()
  await node.close()
  await server.stop()
  rmSync(folders.root, { recursive: true })
})

const writ = (...args: string[]): Promise<Ended> => call(args, { env: { WRIT_HOME: folders.root } })

const done = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { code, out, err } = await writ(...args, '--json')
  expect({ args, code, err, out }).toEqual({ args, code: 0, err: '', out: expect.any(String) })
  return JSON.parse(out) as Record<string, unknown>
}

const connectWith = ({ url, inboxPrefix }: Record<string, unknown>): Promise<NatsConnection> => {
  const { host, username, password } = new URL(String(url))
  const options = { servers: host, user: username, pass: password, reconnect: false }
  return connect({ ...options, inboxPrefix: String(inboxPrefix) })
}

test('a user that is made is let in at once, and the registry of its owner is asked for once', async () => {
  const client = await done('creds', 'create', '--owner', 'team')
  expect(client).toMatchObject({
    user: 'c_team',
    kind: 'client',
    owner: 'team',
    name: null,
    created: true,
    running: true,
  })
  const daemon = await done('creds', 'create', '--owner', 'team', '--daemon', 'builder')
  expect(daemon).toMatchObject({ user: 'd_team__builder', kind: 'daemon', name: 'builder' })
  for (const made of [client, daemon]) await (await connectWith(made)).close()
  expect(await done('creds', 'create', '--owner', 'team')).toEqual({ ...client, created: false })
  await expect.poll(() => opened.toSorted()).toEqual(['default', 'team'])
})

test('what is printed is for a shell; the password is in it alone, and not among the messages', async () => {
  const { code, out, err } = await writ('creds', 'create', '--owner', 'team')
  expect(code).toBe(0)
  const { url } = await done('creds', 'create', '--owner', 'team')
  expect(out).toBe(`export WRIT_NATS_URL='${String(url)}'\nexport WRIT_OWNER='team'\n`)
  expect(err).toContain('c_team, a client of team, was there already.')
  expect(err).not.toContain(new URL(String(url)).password)
})

test('credentials are written to a new file for their user alone, and over no other file', async () => {
  const file = join(folders.root, 'team.env')
  const made = await done('creds', 'create', '--owner', 'team', '--out', file)
  expect(made).toMatchObject({ file })
  expect(made).not.toHaveProperty('url')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).toMatch(/^export WRIT_NATS_URL='nats:\/\/c_team:/)
  expect(await writ('creds', 'create', '--owner', 'team', '--out', file)).toMatchObject({ code: 4, out: '' })
  const nowhere = await writ('creds', 'create', '--owner', 'team', '--out', join(folders.root, 'no', 'file'))
  expect(nowhere).toMatchObject({ code: 2, out: '', err: expect.stringContaining('cannot be written') })
})

test('the list has kind, owner, name and time, of all owners or of one, and no password', async () => {
  await done('creds', 'create', '--owner', 'listed', '--daemon', 'one')
  const { users } = await done('creds', 'list')
  expect(users).toContainEqual({
    user: 'c_default',
    kind: 'client',
    owner: 'default',
    name: null,
    created: expect.any(String),
  })
  const { out } = await writ('creds', 'list', '--owner', 'listed')
  expect(out).toMatch(/^d_listed__one\tdaemon\tlisted\tone\t\d{4}-\d\d-\d\dT[\d:.]+Z\n$/)
})

test('a revoked user is cut off while it is connected, comes in no more, and others stay', async () => {
  const made = await done('creds', 'create', '--owner', 'gone', '--daemon', 'one')
  const other = await done('creds', 'create', '--owner', 'gone', '--daemon', 'two')
  const [cut, stays] = await Promise.all([connectWith(made), connectWith(other)])
  expect(await done('creds', 'revoke', 'd_gone__one')).toEqual({ user: 'd_gone__one', revoked: true, running: true })
  await cut.closed()
  await expect(connectWith(made)).rejects.toThrow(/authorization/i)
  await expect(stays.flush()).resolves.toBeUndefined()
  await stays.close()
  expect(await writ('creds', 'revoke', 'd_gone__one')).toMatchObject({ code: 4 })
  const again = await done('creds', 'create', '--owner', 'gone', '--daemon', 'one')
  expect(again['url']).not.toBe(made['url'])
  await expect(connectWith(made)).rejects.toThrow(/authorization/i)
})

test.each(['node', 'c_nobody', '../nats-node', 'd_x', 'endpoints', ''])('%j is not revoked', async (user) => {
  const before = natsUsers(folders)
  expect(await writ('creds', 'revoke', user)).toMatchObject({ code: 4, out: '' })
  expect(natsUsers(folders)).toEqual(before)
})

test('commands that run at once do not spoil each other', async () => {
  await Promise.all(['a', 'b', 'c'].map((name) => done('creds', 'create', '--owner', 'race', '--daemon', name)))
  const same = Promise.all([1, 2, 3].map(() => done('creds', 'create', '--owner', 'race', '--daemon', 'new')))
  const revoked = ['a', 'b'].map((name) => done('creds', 'revoke', `d_race__${name}`))
  const [made] = await Promise.all([same, ...revoked])
  expect(new Set(made.map(({ url }) => url)).size).toBe(1)
  const { users } = await done('creds', 'list', '--owner', 'race')
  expect((users as { user: string }[]).map(({ user }) => user)).toEqual(['d_race__c', 'd_race__new'])
  await (await connectWith(made[0] ?? {})).close()
})

test('env gives a login that works, with the inbox prefix, as a shell takes it', async () => {
  const login = await done('env', '--owner', 'shell')
  expect(login).toMatchObject({ owner: 'shell', daemon: null, inboxPrefix: '_INBOX_c_shell' })
  await (await connectWith({ ...login, url: login['NATS_URL'] })).close()
  const { out } = await writ('env', '--owner', 'shell')
  const script = `${out}command() { printf '%s\\n' "$@"; }\nnats sub 'a b'`
  expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(
    'nats\n--inbox-prefix\n_INBOX_c_shell\nsub\na b\n',
  )
  expect(await done('env', '--daemon', 'one')).toMatchObject({ daemon: 'one', inboxPrefix: '_INBOX_d_default__one' })
})

test('env --node gives the login of a node, also to a shell that had another one', async () => {
  const login = await done('env', '--node')
  expect(login).toMatchObject({ node: true, daemon: null, inboxPrefix: null })
  const connection = await connectWith({ url: login['NATS_URL'], inboxPrefix: '_INBOX' })
  await connection.request('$JS.API.INFO')
  await connection.close()
  const [client, as] = [await writ('env'), await writ('env', '--node')]
  const script = `${client.out}${as.out}command() { printf '%s ' "$@"; }\nnats stream ls`
  expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe('nats --inbox-prefix _INBOX stream ls ')
  expect(await writ('env', '--node', '--daemon', 'one')).toMatchObject({ code: 2, out: '' })
})

test('whatever is in a URL stays one word for a shell', async () => {
  const url = `nats://me:a'b"$(echo evil)\`echo evil\`\\$HOME!@127.0.0.1:4222`
  const { code, out } = await call(['env'], { env: { WRIT_HOME: folders.root, WRIT_NATS_URL: url } })
  expect(code).toBe(0)
  expect(execFileSync('sh', ['-c', `${out}printf %s "$NATS_URL"`], { encoding: 'utf8' })).toBe(url)
})

test('with a server of the operator, users are theirs: it says so, and prints what to paste', async () => {
  const env = { WRIT_HOME: folders.root, WRIT_NATS_URL: 'nats://writ:geheim@nats.example:4222' }
  for (const args of [['create'], ['list'], ['revoke', 'c_default']]) {
    const { code, out, err } = await call(['creds', ...args], { env })
    expect({ args, code, out }).toEqual({ args, code: 4, out: '' })
    expect(err).toMatch(/nats:\/\/writ@nats\.example:4222 are in its own configuration.*\n.*writ creds permissions/)
  }
  const { code, out } = await call(['creds', 'permissions', '--owner', 'team', '--daemon', 'one'], { env })
  expect(code).toBe(0)
  expect(out).toMatch(/^authorization \{[^]*user: "node"[^]*user: "c_team"[^]*user: "d_team__one"[^]*\}\n$/)
  expect((await call(['env', '--daemon', 'one'], { env })).err).toMatch(/d_default__one are in the configuration/)
  expect((await call(['env', '--node'], { env })).out).toContain('nats://writ:geheim@nats.example:4222')
  const asClient = { ...env, WRIT_NATS_URL: 'nats://c_default:geheim@nats.example:4222' }
  expect((await call(['env', '--node'], { env: asClient })).err).toMatch(/of node are in the configuration/)
})

test('while `writ up` does not run, what changes is taken in at its next start', async () => {
  removeEndpoints(folders)
  const made = await done('creds', 'create', '--owner', 'later')
  expect(made).toMatchObject({ running: false })
  expect(new URL(String(made['url'])).port).toBe(String(server.port))
  const { code, err } = await writ('creds', 'revoke', 'c_later')
  // The server of this test is like one that a killed `writ up` has left.
  expect({ code, err }).toMatchObject({ code: 3, err: expect.stringContaining('still knows it') })
  await done('creds', 'create', '--owner', 'later', '--daemon', 'one')
  expect(natsUsers(folders).map(({ user }) => user)).toEqual(expect.arrayContaining(['node', 'd_later__one']))
  expect(await writ('env')).toMatchObject({ code: 3, out: '' })
  isUp()
})

test('the process that runs the server had nothing to complain about', () => {
  expect(told).toEqual([])
})
