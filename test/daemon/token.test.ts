/** A task's token against a hostile task: what it may ask of whom, how long, and what it can find beside it. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import { askSocket } from '../../src/daemon/socket-client.ts'
import type { SocketVerb } from '../../src/daemon/socket-client.ts'
import { payloadBytesMax } from '../../src/protocol/limits.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import type { Node } from './support.ts'
import { openNode, spawnOf, startDaemon, temporaryFolder, until } from './support.ts'

type Environment = Record<string, string>

/** Runs a script as a task that stays, and returns its environment. */
const stay = async (node: Node, spawn: Spawn, script = ':'): Promise<Environment> => {
  const file = join(temporaryFolder(), 'env')
  const plan = `${script}\nenv > ${file}.half; mv ${file}.half ${file}; sleep 1000`
  await node.order('spawn', { ...spawn, task: { ...spawn.task, plan } })
  await until(() => existsSync(file))
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

/** Everything that goes through to a node, of any owner. */
const through = (node: Node): string[] => {
  const asked: string[] = []
  for (const subject of [subjects.contract, subjects.directive])
    node.bus.answer(subject.pattern(), (on) => {
      asked.push(on)
      return { fine: true }
    })
  return asked
}

const asking =
  (env: Environment) =>
  (verb: SocketVerb, body: object = {}, contract?: string): Promise<unknown> =>
    askSocket(String(env['WRIT_SOCKET']), String(env['WRIT_TOKEN']), verb, body, contract)

/** Sends bytes as they are; what came back before the daemon hung up. */
const sent = (path: string, bytes: string | Buffer): Promise<string> =>
  new Promise((done) => {
    const socket = connect(path)
    let answer = ''
    socket.on('data', (piece) => {
      answer += piece.toString()
    })
    // A daemon that has heard enough hangs up in the middle of what is sent.
    socket.on('error', () => undefined)
    socket.on('close', () => done(answer))
    socket.write(bytes)
  })

const foreign = [
  'other',
  'other__c1',
  '7.other__c1',
  '7.other__1_0__c1',
  '8.d__1_0__c1',
  '7.d',
  '7.d__1_0',
  '7.d__1_0__t1',
  'd__1_0__c1.put',
  '7.d__1_0__c1.put',
  'd__c1.x',
  'd__c1/../../other__c1',
  '../other__c1',
  '7.*',
  '7.>',
  '*',
  '>',
  'd__*__c1',
  'd__c1\r\nPUB writ.v1.default.directive.7.d.cancel 0\r\n',
  'd__c1\0',
  'writ.v1.other.contract.7.d__c1',
  'other/d__c1',
  'd_x__c1',
  'dd__c1',
  'D__c1',
  '__registry',
  '',
  ' ',
]

test('no name of a contract leads out of its directive, for reading or for writing', async () => {
  const node = openNode()
  const asked = through(node)
  await startDaemon(node)
  const ask = asking(await stay(node, spawnOf('t1')))
  for (const name of foreign) {
    for (const verb of ['files', 'file'] as const) {
      const answer = await ask(verb, { name: 'x' }, name).catch((error: { code: string }) => error.code)
      expect({ name, answer }).toEqual({ name, answer: expect.stringMatching(/^(NOT_FOUND|BAD_INPUT)$/) })
    }
    await ask('put', { name: 'x', offset: 0, total: 0, data: '' }, name).catch(() => undefined)
    await ask('finish', {}, name).catch(() => undefined)
  }
  // Whatever a write names, it reaches its own contract or none.
  expect(
    asked.filter((subject) => !/^writ\.v1\.default\.contract\.7\.d__1_0__c1\.(put|finish)$/.test(subject)),
  ).toEqual([])
})

test('no body changes whom a request is for', async () => {
  const node = openNode()
  const asked = through(node)
  await startDaemon(node)
  const ask = asking(await stay(node, spawnOf('t1', { executor: 'shell', task: { role: 'planner' } })))
  const hostile = {
    owner: 'other',
    id: 'other',
    directive: 'other',
    contract: 'other__c1',
    address: '7.other',
    shard: 9,
    verb: 'cancel',
  }
  for (const verb of ['files', 'file', 'put', 'finish', 'get', 'plan'] as const)
    await ask(verb, { ...hostile, name: '../../secrets/nats-node', plan: {} })
  const own = ['contract.7.d__1_0__c1.files', 'contract.7.d__1_0__c1.file', 'contract.7.d__1_0__c1.put']
  expect(asked).toEqual(
    [...own, 'contract.7.d__1_0__c1.finish', 'directive.7.d.get', 'directive.7.d.plan'].map(
      (end) => `writ.v1.default.${end}`,
    ),
  )
})

test('a token is for its own attempt: not for that of another task, and for none when it has ended', async () => {
  const node = openNode()
  const asked = through(node)
  await startDaemon(node)
  const other = {
    contract: { id: 'e__1_0__c1', address: '9.e__1_0__c1', name: 'e' },
    directive: { id: 'e', address: '9.e', title: 'E' },
  }
  const [one, two] = [await stay(node, spawnOf('t1')), await stay(node, spawnOf('t2', other))]
  expect(one['WRIT_TOKEN']).not.toBe(two['WRIT_TOKEN'])
  await asking(two)('files')
  await expect(asking(two)('files', {}, '7.d__1_0__c1')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await asking(one)('files')
  expect(asked).toEqual(['writ.v1.default.contract.9.e__1_0__c1.files', 'writ.v1.default.contract.7.d__1_0__c1.files'])
  await node.order('cancel', { task: 't1', attempt: 1, nonce: 'nonce-t1' })
  await node.outcome('t1')
  for (const verb of ['files', 'put', 'finish', 'get', 'progress'] as const)
    await expect(asking(one)(verb, { name: 'x' })).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  const again = await stay(node, spawnOf('t1', { task: { attempt: 2, nonce: 'second' } }))
  expect(again['WRIT_TOKEN']).not.toBe(one['WRIT_TOKEN'])
  await expect(asking(one)('get')).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  await expect(asking({ ...one, WRIT_TOKEN: '__proto__' })('get')).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  await asking(again)('get')
})

test('frames that are too large, broken, deep or poisoned are refused, and the next request is answered', async () => {
  const node = openNode()
  const asked = through(node)
  await startDaemon(node)
  const env = await stay(node, spawnOf('t1'))
  const [path, token] = [String(env['WRIT_SOCKET']), String(env['WRIT_TOKEN'])]
  const framed = (rest: string): string => `{"token":"${token}",${rest}}\n`
  const frames: [string | Buffer, RegExp][] = [
    ['x'.repeat(payloadBytesMax + 1), /TOO_LARGE/],
    [framed(`"verb":"put","body":{"data":"${'A'.repeat(payloadBytesMax)}"}`), /TOO_LARGE/],
    [framed(`"verb":"put","body":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), /BAD_INPUT|TOO_LARGE/],
    [Buffer.from([0xff, 0xfe, 0x00, 0x0a]), /BAD_INPUT/],
    ['\n', /BAD_INPUT/],
    ['null\n', /BAD_INPUT/],
    [framed('"verb":"cancel"'), /BAD_INPUT/],
    [framed('"verb":["get"]'), /BAD_INPUT/],
    [framed('"verb":"get","body":[]'), /BAD_INPUT/],
    [`{"token":"${'x'.repeat(1000)}","verb":"get"}\n`, /BAD_INPUT/],
    [`{"token":{"length":5},"verb":"get"}\n`, /BAD_INPUT/],
  ]
  for (const [frame, answer] of frames) expect(await sent(path, frame)).toMatch(answer)
  expect(asked).toEqual([])
  // One request a connection: what follows the first line is nobody's.
  await sent(path, `${framed('"verb":"get"')}${framed('"verb":"finish"')}`)
  expect(asked).toEqual(['writ.v1.default.directive.7.d.get'])
})

test('a task finds no credentials of its daemon: in its environment, its processes, or the files that it is led to', async () => {
  const canary = 'canary-4f1c'
  const secrets = {
    WRIT_NATS_URL: `nats://d_default__tester:${canary}@127.0.0.1:4222`,
    WRIT_DATABASE_URL: `postgres://writ:${canary}@127.0.0.1/writ`,
    NATS_URL: `nats://x:${canary}@127.0.0.1`,
    NATS_PASSWORD: canary,
    PGPASSWORD: canary,
    DATABASE_URL: canary,
    GITHUB_TOKEN: canary,
    SSH_AUTH_SOCK: `/tmp/${canary}`,
    NODE_OPTIONS: `--title=${canary}`,
  }
  Object.assign(process.env, secrets)
  const node = openNode()
  const { home } = await startDaemon(node, {
    passEnvironment: ['WRIT_NATS_URL', 'NATS_PASSWORD', 'PGPASSWORD', 'DATABASE_URL'],
  })
  for (const name of Object.keys(secrets)) delete process.env[name]
  const file = join(temporaryFolder(), 'seen')
  const env = await stay(
    node,
    spawnOf('t1'),
    `{ env; set; cat /proc/self/environ /proc/$$/environ /proc/$$/cmdline /proc/$PPID/cmdline; ls -l /proc/$$/fd; } > ${file} 2>/dev/null`,
  )
  expect(readFileSync(file, 'utf8')).toContain('WRIT_TOKEN')
  expect(readFileSync(file, 'utf8')).not.toContain(canary)
  expect(JSON.stringify(env)).not.toContain(canary)
  const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  expect(files.length).toBeGreaterThan(0)
  for (const { parentPath, name } of files) expect(readFileSync(join(parentPath, name), 'latin1')).not.toContain(canary)
  expect(statSync(String(env['WRIT_PLAN_FILE'])).mode & 0o077).toBe(0)
})
