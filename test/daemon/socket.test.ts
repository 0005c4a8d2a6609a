import { existsSync, readFileSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import { askSocket } from '../../src/daemon/socket-client.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import type { Node } from './support.ts'
import { openNode, spawnOf, startDaemon, temporaryFolder, until, writeFiles } from './support.ts'

/** Starts a task that shows its environment and stays, and returns what it saw. */
const stay = async (node: Node, home: string, spawn: Spawn): Promise<Record<string, string>> => {
  const file = join(home, `env-${spawn.task.id}`)
  await node.order('spawn', {
    ...spawn,
    task: { ...spawn.task, plan: `env > ${file}.half; mv ${file}.half ${file}; sleep 1000` },
  })
  await until(() => existsSync(file))
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return Object.fromEntries(lines.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]))
}

describe("a task's environment", () => {
  test('is an allow-list with what the task needs, and without the way into NATS or the database', async () => {
    const secrets = {
      WRIT_NATS_URL: 'nats://secret',
      WRIT_DATABASE_URL: 'postgres://secret',
      SECRET_TOKEN: 'secret',
      PASSED: 'yes',
      LC_TEST: 'C',
    }
    Object.assign(process.env, secrets)
    const node = openNode()
    const { home } = await startDaemon(node, { passEnvironment: ['PASSED', 'WRIT_NATS_URL'] })
    for (const name of Object.keys(secrets)) delete process.env[name]
    const env = await stay(
      node,
      home,
      spawnOf('t1', { feedback: { round: 2, text: 'again' }, task: { attempt: 4711 } }),
    )
    expect(env).toMatchObject({
      WRIT_TASK: 't1',
      WRIT_CONTRACT: 'd__1_0__c1',
      WRIT_DIRECTIVE: 'd',
      WRIT_STEP: 'first',
      WRIT_ROLE: 'worker',
      PASSED: 'yes',
      LC_TEST: 'C',
      TERM: 'dumb',
    })
    expect(readFileSync(String(env['WRIT_FEEDBACK_FILE']), 'utf8')).toBe('again')
    expect(env['WRIT_WORKSPACE']).toBe(env['PWD'])
    expect(JSON.stringify(env)).not.toContain('secret')
    expect(Object.entries(env).filter(([, value]) => value === '4711')).toEqual([])
    expect(
      Object.keys(env)
        .filter((name) => name.startsWith('WRIT_'))
        .toSorted(),
    ).toEqual(
      [
        'CONTRACT',
        'DIRECTIVE',
        'FEEDBACK_FILE',
        'PLAN_FILE',
        'ROLE',
        'SOCKET',
        'STEP',
        'TASK',
        'TOKEN',
        'WORKSPACE',
      ].map((name) => `WRIT_${name}`),
    )
  })

  test('has the writ command on its PATH, run by the same Node', async () => {
    const cli = join(temporaryFolder(), "it's main.mjs")
    writeFiles(dirname(cli), { "it's main.mjs": 'console.log("asked", process.argv.slice(2).join())' })
    const node = openNode()
    await startDaemon(node, { cliPath: cli })
    await node.order('spawn', spawnOf('t1', { task: { plan: 'writ contract "a b"' } }))
    expect((await node.outcome('t1')).body['result']).toBe('asked contract,a b')
  })
})

describe("a task's socket", () => {
  const answers = (node: Node): unknown[] => {
    const asked: unknown[] = []
    const echo = (subject: string, body: unknown): object => {
      asked.push([subject.replace('writ.v1.default.', ''), body])
      return { fine: true }
    }
    node.bus.answer(subjects.contract.pattern({ owner: 'default' }), echo)
    node.bus.answer(subjects.directive.pattern({ owner: 'default' }), echo)
    return asked
  }

  test("passes on requests to the task's own contract and directive, and to no other's", async () => {
    const node = openNode()
    const asked = answers(node)
    const { home } = await startDaemon(node)
    const env = await stay(node, home, spawnOf('t1'))
    const [path, token] = [String(env['WRIT_SOCKET']), String(env['WRIT_TOKEN'])]
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(100)
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
    expect(await askSocket(path, token, 'put', { name: 'x', offset: 0, total: 1, data: 'eA==' })).toEqual({
      fine: true,
    })
    await askSocket(path, token, 'finish', {})
    await askSocket(path, token, 'get', {})
    await askSocket(path, token, 'file', { name: 'x' }, 'd__1_3__c2')
    await askSocket(path, token, 'files', {}, '7.d__c1')
    expect(asked).toEqual([
      ['contract.7.d__1_0__c1.put', { name: 'x', offset: 0, total: 1, data: 'eA==' }],
      ['contract.7.d__1_0__c1.finish', {}],
      ['directive.7.d.get', {}],
      ['contract.7.d__1_3__c2.file', { name: 'x' }],
      ['contract.7.d__c1.files', {}],
    ])
    await expect(askSocket(path, token, 'files', {}, '7.other__c1')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    for (const verb of ['put', 'finish'] as const)
      await expect(askSocket(path, token, verb, {}, 'd__1_3__c2')).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    await expect(askSocket(path, token, 'plan', { plan: {} })).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    await expect(askSocket(path, 'guessed', 'get', {})).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    await askSocket(path, token, 'progress', { text: 'half way' })
    await until(() => node.reports.some(({ verb, body }) => verb === 'progress' && body['text'] === 'half way'))
  })

  test('a planner submits a plan; a token is worth nothing once its task has ended', async () => {
    const node = openNode()
    const asked = answers(node)
    const { home } = await startDaemon(node)
    const env = await stay(node, home, spawnOf('t1', { executor: 'shell', task: { role: 'planner' } }))
    const [path, token] = [String(env['WRIT_SOCKET']), String(env['WRIT_TOKEN'])]
    await askSocket(path, token, 'plan', { plan: { steps: [] } })
    expect(asked).toEqual([['directive.7.d.plan', { plan: { steps: [] } }]])
    await node.order('cancel', { task: 't1', attempt: 1, nonce: 'nonce-t1' })
    await node.outcome('t1')
    await expect(askSocket(path, token, 'get', {})).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  test('nonsense is answered with a clear error, and too much of it as well', async () => {
    const node = openNode()
    const { home } = await startDaemon(node)
    const path = String((await stay(node, home, spawnOf('t1')))['WRIT_SOCKET'])
    const send = (text: string): Promise<string> =>
      new Promise((done) => {
        const socket = connect(path)
        let answer = ''
        socket.on('data', (piece) => {
          answer += piece.toString()
        })
        socket.on('error', () => done(answer))
        socket.on('close', () => done(answer))
        socket.write(text)
      })
    expect(await send('not json\n')).toContain('BAD_INPUT')
    expect(await send('{"token":"x","verb":"shutdown"}\n')).toContain('BAD_INPUT')
    expect(await send('x'.repeat(600 * 1024))).toContain('TOO_LARGE')
  })
})
