/**
 * Who may speak: every kind of user against every subject, on a real nats-server. The table says what is meant; a message
 * that is declared without a line in it fails here, so nobody gets a right by forgetting.
 */
import { connect, type NatsConnection, PermissionViolationError } from '@nats-io/transport-node'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientOf, daemonOf, daemonUser, inboxPrefixOfUrl, permissionsOf, readUser } from '../../src/bus/permissions.ts'
import { passwordVariable, permissionsFragment } from '../../src/bus/permissions-fragment.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { wipe } from '../../src/embedded/down.ts'
import { findNats } from '../../src/embedded/find-nats.ts'
import { dataFolder, type Folders } from '../../src/embedded/folders.ts'
import { startNats, type NatsServer } from '../../src/embedded/nats.ts'

/** What each may do with a message of its own owner and name: publish, subscribe, or `-`. A node may do both with all. */
const table: Record<string, { client: string; daemon: string }> = {
  'api directive.create': { client: 'publish', daemon: '-' },
  'api directive.list': { client: 'publish', daemon: '-' },
  'api daemon.list': { client: 'publish', daemon: '-' },
  'api task.list': { client: 'publish', daemon: '-' },
  'api waiting.list': { client: 'publish', daemon: '-' },
  'api parked.list': { client: 'publish', daemon: '-' },
  'api parked.show': { client: 'publish', daemon: '-' },
  'api parked.retry': { client: 'publish', daemon: '-' },
  'api parked.drop': { client: 'publish', daemon: '-' },
  'api event.list': { client: 'publish', daemon: '-' },
  'api node.list': { client: 'publish', daemon: '-' },
  'api owner.figures': { client: 'publish', daemon: '-' },
  'api owner.open': { client: 'publish', daemon: '-' },
  'directive create': { client: '-', daemon: '-' },
  'directive open': { client: '-', daemon: '-' },
  'directive unpark': { client: '-', daemon: '-' },
  'directive silences': { client: '-', daemon: '-' },
  'directive start': { client: 'publish', daemon: '-' },
  'directive plan': { client: 'publish', daemon: 'publish' },
  'directive get': { client: 'publish', daemon: 'publish' },
  'directive pause': { client: 'publish', daemon: '-' },
  'directive resume': { client: 'publish', daemon: '-' },
  'directive cancel': { client: 'publish', daemon: '-' },
  'directive retry': { client: 'publish', daemon: '-' },
  'directive mend': { client: 'publish', daemon: '-' },
  'directive delete': { client: 'publish', daemon: '-' },
  'directive evaluate': { client: 'publish', daemon: '-' },
  'directive steps': { client: 'publish', daemon: '-' },
  'directive events': { client: 'publish', daemon: '-' },
  'step evaluate': { client: 'publish', daemon: '-' },
  'step approve': { client: 'publish', daemon: '-' },
  'step reject': { client: 'publish', daemon: '-' },
  'step retry': { client: 'publish', daemon: '-' },
  'step cancel': { client: 'publish', daemon: '-' },
  'step get': { client: 'publish', daemon: '-' },
  'contract files': { client: 'publish', daemon: 'publish' },
  'contract file': { client: 'publish', daemon: 'publish' },
  'contract put': { client: 'publish', daemon: 'publish' },
  'contract finish': { client: 'publish', daemon: 'publish' },
  'contract complete': { client: 'publish', daemon: '-' },
  'task end': { client: 'publish', daemon: '-' },
  'task get': { client: 'publish', daemon: '-' },
  'task output': { client: 'publish', daemon: '-' },
  'task done': { client: 'publish', daemon: '-' },
  'task failed': { client: 'publish', daemon: '-' },
  'mail mail': { client: 'subscribe', daemon: '-' },
  // In the name of a daemon that has a user of its own. A pull's own name is below.
  'report accepted': { client: '-', daemon: 'publish' },
  'report progress': { client: '-', daemon: 'publish' },
  'report done': { client: '-', daemon: 'publish' },
  'report failed': { client: '-', daemon: 'publish' },
  'daemon hello': { client: '-', daemon: 'publish' },
  'daemon beat': { client: '-', daemon: 'publish' },
  'daemon bye': { client: '-', daemon: 'publish' },
  'daemon drain': { client: 'publish', daemon: '-' },
  'daemonSession spawn': { client: '-', daemon: 'subscribe' },
  'daemonSession cancel': { client: '-', daemon: 'subscribe' },
  'daemonSession finish': { client: '-', daemon: 'subscribe' },
  'daemonSession drain': { client: '-', daemon: 'subscribe' },
  'daemonSession output': { client: '-', daemon: 'subscribe' },
  'pull pull': { client: 'publish', daemon: '-' },
  'event event': { client: 'subscribe', daemon: '-' },
  'output output': { client: 'subscribe', daemon: 'publish' },
  'actors list': { client: 'publish', daemon: '-' },
  'actors inspect': { client: 'publish', daemon: '-' },
  'actors history': { client: 'publish', daemon: '-' },
  'actor get': { client: 'publish', daemon: '-' },
  'actor journal': { client: 'publish', daemon: '-' },
  'actor diff': { client: 'publish', daemon: '-' },
  'actor next': { client: 'publish', daemon: '-' },
  'actor try': { client: 'publish', daemon: '-' },
  'actor past': { client: 'publish', daemon: '-' },
  'inspect inspect': { client: 'subscribe', daemon: '-' },
  'sys inspect': { client: '-', daemon: '-' },
  'sys inspecting': { client: '-', daemon: '-' },
  'sys moved': { client: '-', daemon: '-' },
}

interface Line {
  row: string
  subject: string
}

/** Every declared message as a subject of this owner, daemon and so on. */
const linesFor = (owner: string, daemon: string): Line[] =>
  Object.entries(subjects).flatMap(([name, { template, messages }]) => {
    const of = name === 'daemon' || name === 'daemonSession' ? daemon : 'x'
    const tokens: Record<string, string> = { owner, daemon, shard: '7', id: of, '...rest': 'a.b' }
    return Object.keys(messages).map((verb) => {
      const text = template.replace('{noun}.{verb}', verb).replace('{verb}', verb)
      return {
        row: `${name} ${verb}`,
        subject: text.replaceAll(/\{([^}]+)\}/g, (_, token: string) => tokens[token] ?? 'x'),
      }
    })
  })

const may = (lines: readonly Line[], who: 'client' | 'daemon', what: string): string[] =>
  lines.filter(({ row }) => table[row]?.[who] === what).map(({ subject }) => subject)

const password = 'test'
const everybody = ['c_default', 'c_other', 'd_default__one', 'd_default__two', 'd_other__one']
let folders: Folders
let server: NatsServer
const open: NatsConnection[] = []

beforeAll(async () => {
  folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-who-')), env: {} })
  const users = [{ user: 'all', password }, ...permissionsOf(everybody).map((user) => ({ ...user, password }))]
  server = await startNats({ folders, users, log: () => undefined, port: 0, durable: false })
})
afterAll(async () => {
  await Promise.all(open.map((connection) => connection.close()))
  await server.stop()
  await wipe(folders)
})

interface Someone {
  connection: NatsConnection
  /** `publish <subject>` and `subscribe <subject>` that were refused. */
  refused: string[]
}

const as = async (user: string): Promise<Someone> => {
  const servers = `127.0.0.1:${server.port}`
  const connection = await connect({ servers, user, pass: password, reconnect: false, noAsyncTraces: true })
  open.push(connection)
  const refused: string[] = []
  void (async () => {
    for await (const status of connection.status()) {
      const error = status.type === 'error' ? status.error : null
      if (error instanceof PermissionViolationError) refused.push(`${error.operation} ${error.subject}`)
    }
  })()
  return { connection, refused }
}

/** What of `tried` arrives when this user publishes it. */
const arriving = async (user: string, tried: readonly string[]): Promise<string[]> => {
  const [all, { connection }] = await Promise.all([as('all'), as(user)])
  const heard: string[] = []
  all.connection.subscribe('>', { callback: (_error, { subject }) => void heard.push(subject) })
  await all.connection.flush()
  for (const subject of tried) connection.publish(subject, '{}')
  await connection.flush()
  await all.connection.flush()
  await Promise.all([all.connection.close(), connection.close()])
  return tried.filter((subject) => heard.includes(subject))
}

/** What of `tried` this user hears when it listens on each and another publishes it. */
const heardBy = async (user: string, tried: readonly string[], queue?: string): Promise<string[]> => {
  const [all, { connection }] = await Promise.all([as('all'), as(user)])
  const heard: string[] = []
  for (const subject of tried)
    connection.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => void (error ?? heard.push(message.subject)),
    })
  await connection.flush()
  for (const subject of tried) all.connection.publish(subject, '{}')
  await all.connection.flush()
  await connection.flush()
  await Promise.all([all.connection.close(), connection.close()])
  return tried.filter((subject) => heard.includes(subject))
}

const everything = ['default', 'other'].flatMap((owner) => ['one', 'two'].flatMap((daemon) => linesFor(owner, daemon)))
const allSubjects = [...new Set(everything.map(({ subject }) => subject))]
const ownLines = linesFor('default', 'one')

/** The client's owner has two daemons; all of its subjects are the client's, whichever of them they name. */
const expectations = {
  client: { user: 'c_default', lines: [...ownLines, ...linesFor('default', 'two')] },
  daemon: { user: 'd_default__one', lines: ownLines },
} as const

test('the table has a line for every message that is declared, and for no other', () => {
  expect(Object.keys(table).toSorted()).toEqual(ownLines.map(({ row }) => row).toSorted())
  for (const { client, daemon } of Object.values(table))
    expect(['publish', 'subscribe', '-']).toEqual(expect.arrayContaining([client, daemon]))
})

describe.each(Object.entries(expectations))('a %s', (kind, { user, lines }) => {
  const who = kind as keyof typeof expectations

  test('publishes what the table says, and nothing else of any owner or daemon', async () => {
    expect(await arriving(user, allSubjects)).toEqual(
      allSubjects.filter((subject) => may(lines, who, 'publish').includes(subject)),
    )
  })

  test('hears what the table says, and nothing else, alone and in a queue group', async () => {
    const expected = allSubjects.filter((subject) => may(lines, who, 'subscribe').includes(subject))
    expect(await heardBy(user, allSubjects)).toEqual(expected)
    expect(await heardBy(user, allSubjects, 'shard-7')).toEqual(expected)
    expect(await heardBy(user, allSubjects, 'api')).toEqual(expected)
  })

  test.each([undefined, 'api'])('no wildcard widens what it hears (queue group %s)', async (queue) => {
    const { connection, refused } = await as(user)
    const own = [...lines].map(({ subject }) => subject.split('.'))
    const wide = ['>', '*', 'writ.>', 'writ.v1.>', 'writ.v1.*.>', 'writ.v1.default.>', 'writ.v1.default.*']
    // Each token of each subject as a star, and each rest: what is refused must not be had by a wider pattern.
    const patterns = own.flatMap((tokens) => [
      ...tokens.slice(0, 3).map((_, at) => tokens.with(at, '*').join('.')),
      ...tokens.slice(0, 3).map((_, at) => [...tokens.slice(0, at), '>'].join('.')),
    ])
    const tried = [...new Set([...wide, ...patterns, ...foreign])]
    const options = queue === undefined ? {} : { queue }
    for (const pattern of tried) connection.subscribe(pattern, { ...options, callback: () => undefined })
    await connection.flush()
    await expect.poll(() => new Set(refused).size).toBe(tried.length)
  })

  test('reaches nothing of the server: JetStream, system, acknowledgements, inboxes', async () => {
    const reserved = [
      ...['INFO', 'STREAM.NAMES', 'STREAM.DELETE.WRIT_PUBLISHED', 'STREAM.CREATE.EVIL'].map((end) => `$JS.API.${end}`),
      ...['STREAM.MSG.GET', 'DIRECT.GET', 'CONSUMER.MSG.NEXT'].map((verb) => `$JS.API.${verb}.WRIT_PUBLISHED.x`),
      '$JS.ACK.WRIT_PUBLISHED.node_1.1.1.1.1.0',
      ...['$SYS.REQ.SERVER.PING', '$SYS.REQ.ACCOUNT.PING.CONNZ', '$SYS.REQ.USER.INFO.x', '$SRV.EVIL', '$KV.x.y'],
      ...['_INBOX.x', '_INBOX_c_default.x', '_INBOX_c_other.x', '_INBOX_d_default__one.x', '_INBOX_d_default__two.x'],
      ...['writ.v1.sys.n1.look', 'writ.v1.sys.api.directive.list', 'writ.v2.default.api.directive.list', 'evil'],
      ...['writ.v1.*.api.directive.list', 'writ.v1.>', '>', '*', 'writ.v1.default.>', 'writ.v1.default.event.>'],
      ...[
        'writ.v1.default.directive.7.x.create.more',
        'writ.v1.default.api.x',
        'writ.v1.default',
        'writ.v1.default.pull.x',
      ],
    ]
    const { connection, refused } = await as(user)
    for (const subject of reserved) connection.publish(subject, '{}')
    await connection.flush()
    await expect.poll(() => refused.toSorted()).toEqual(reserved.map((subject) => `publish ${subject}`).toSorted())
  })
})

/** Patterns of others, and of the server. */
const foreign = [
  ...['$JS.>', '$JS.API.>', '$JS.EVENT.>', '$SYS.>', '$SRV.>', '$SRV.PING', '$KV.>', '_INBOX.>', '_INBOX.*'],
  ...['_INBOX_c_other.>', '_INBOX_d_default__two.>', '_INBOX_d_other__one.>', '_INBOX_node.>', '_INBOX_*.>'],
  ...[
    'writ.v1.sys.>',
    'writ.v1.other.event.>',
    'writ.v1.*.event.>',
    'writ.v1.default.report.>',
    'writ.v1.default.daemon.>',
  ],
]

test('a node publishes and hears all of it, and has of JetStream only what it asks and acknowledges', async () => {
  expect(await arriving('node', allSubjects)).toEqual(allSubjects)
  expect(await heardBy('node', allSubjects)).toEqual(allSubjects)
  const { connection, refused } = await as('node')
  for (const pattern of ['>', '$JS.>', '$SYS.>', '_INBOX_c_default.>', '_INBOX_d_default__one.>'])
    connection.subscribe(pattern, { callback: () => undefined })
  for (const subject of ['$SYS.REQ.SERVER.PING', '$SRV.PING', 'evil']) connection.publish(subject, '{}')
  await connection.flush()
  await expect.poll(() => refused.length).toBe(8)
})

test('a client reports what it pulled, under any name but that of a daemon with a user of its own', async () => {
  const at = (daemon: string): string =>
    subjects.report.at({ owner: 'default', shard: 7, id: 'x', daemon, verb: 'done' })
  expect(await arriving('c_default', ['pull-x', 'script', 'one', 'two'].map(at))).toEqual(['pull-x', 'script'].map(at))
  const alone = clientOf('other', [])
  expect(JSON.stringify(alone)).not.toContain('report.*.*.one')
})

test("a client asks for nodes' services by name, and everybody hears on an inbox of its own", async () => {
  const services = ['$SRV.PING', '$SRV.INFO', '$SRV.STATS', '$SRV.PING.writ', '$SRV.INFO.writ.n1', '$SRV.STATS.writ.n1']
  expect(await arriving('c_default', services)).toEqual(services)
  expect(await arriving('d_default__one', services)).toEqual([])
  for (const user of ['c_default', 'd_default__one'])
    expect(await heardBy(user, [`_INBOX_${user}.a`, `_INBOX_${user}.a.b`])).toHaveLength(2)
})

test('a daemon answers who asked it once, and nobody who did not', async () => {
  const [node, daemon] = await Promise.all([as('node'), as('d_default__one')])
  const spawn = subjects.daemonSession.at({ owner: 'default', id: 'one', session: 's', verb: 'spawn' })
  daemon.connection.subscribe(spawn, {
    callback: (_error, message) => {
      message.respond('first')
      message.respond('second')
    },
  })
  await daemon.connection.flush()
  const answer = await node.connection.request(spawn, '{}', { timeout: 5_000 })
  expect(answer.string()).toBe('first')
  await expect.poll(() => daemon.refused.filter((line) => line.startsWith('publish _INBOX.'))).toHaveLength(1)
})

test('a name says whose user it is, and no two pairs of owner and daemon make the same one', () => {
  expect(readUser('c_a_b')).toEqual({ owner: 'a_b', daemon: null })
  expect(readUser('d_a_b__c_d')).toEqual({ owner: 'a_b', daemon: 'c_d' })
  for (const bad of ['node', 'c_', 'c_sys', 'd_sys__x', 'd_a', 'd_a__', 'c_a__b', 'd_a__b__c', 'x_a', 'c_*', ''])
    expect({ bad, read: readUser(bad) }).toEqual({ bad, read: null })
  expect(inboxPrefixOfUrl(`nats://${daemonUser('a', 'b')}:x@h:4222`)).toBe('_INBOX_d_a__b')
  expect(daemonOf('a', 'b').user).toBe('d_a__b')
})

test('the fragment for a server of the operator is configuration that nats-server takes, and not without passwords', () => {
  const { file } = findNats({ path: process.env['PATH'], packageFolder: undefined })
  const config = join(folders.run, 'fragment.conf')
  writeFileSync(config, permissionsFragment(['c_default', 'd_default__one', 'd_my-owner__two']))
  const check = (env: NodeJS.ProcessEnv): string =>
    execFileSync(file, ['-t', '-c', config], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const names = ['node', 'c_default', 'd_default__one', 'd_my-owner__two'].map(passwordVariable)
  expect(() => check(Object.fromEntries(names.map((name) => [name, 'long-enough'])))).not.toThrow()
  expect(() => check({})).toThrow(/NATS_PASSWORD_NODE/)
})

test('each user of a fragment has a password variable of its own, and a name in small letters is readable in it', () => {
  const plain = ['NODE', 'C_TEAM', 'D_TEAM__A_B', 'D_MY_OWNER__TWO'].map((name) => `NATS_PASSWORD_${name}`)
  expect(['node', 'c_team', 'd_team__a_b', 'd_my_owner__two'].map(passwordVariable)).toEqual(plain)
  const alike = ['a-b', 'a_b', 'A_b', 'A-B'].flatMap((name) => [daemonUser('team', name), daemonUser('Team', name)])
  const variables = [...alike, 'c_team', 'c_Team', 'c_TEAM'].map(passwordVariable)
  expect(new Set(variables).size).toBe(variables.length)
  for (const variable of variables) expect(variable).toMatch(/^NATS_PASSWORD_[CD]_[A-Z0-9_]+$/)
  const text = permissionsFragment(alike)
  for (const user of alike) expect(text.split(`password: $${passwordVariable(user)}\n`)).toHaveLength(2)
})
