/** The public API as a program of somebody else's uses it: the package installed, real servers, and the README's own daemon. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { connect, type Definition, WritClient } from '../../src/index.ts'
import { environment, root, startWrit, type Started, writ } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-sdk-'))
const data = join(folder, 'data')
let up: Started
let program: ChildProcess | null = null

const urlFor = async (...as: string[]): Promise<string> => {
  const login = await writ('env', '--data-dir', data, '--json', ...as)
  return (JSON.parse(login) as { NATS_URL: string }).NATS_URL
}

beforeAll(async () => {
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/writ'))
  symlinkSync(join(root, 'node_modules/@types'), join(folder, 'node_modules/@types'))
  up = startWrit('up', '--data-dir', data)
  await up.says('Ctrl-C')
}, 60_000)
afterEach(() => {
  program?.kill('SIGKILL')
  program = null
})
afterAll(async () => {
  up.process.kill('SIGTERM')
  await up.ended
  await writ('down', '--data-dir', data)
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** The README's block that names this file in its first line. */
const fromReadme = (file: string): string => {
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)]
  return (
    blocks.map(([, code = '']) => code).find((code) => code.startsWith(`// ${file}`)) ??
    expect.unreachable(`the README has no ${file}`)
  )
}

it("the README's daemon is about 20 lines, fits the package's types, and a directive ends through it", async () => {
  const code = fromReadme('greeter.mjs')
  expect(code.split('\n').filter((line) => !/^(\/\/|import|$)/.test(line)).length).toBeLessThanOrEqual(20)
  writeFileSync(join(folder, 'greeter.mts'), code)
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
  const tsc = join(root, 'node_modules/.bin/tsc')
  execFileSync(tsc, [...options, '--skipLibCheck', 'greeter.mts'], { cwd: folder, encoding: 'utf8' })

  writeFileSync(join(folder, 'greeter.mjs'), code)
  const env = {
    ...environment(),
    NATS_URL: await urlFor('--daemon', 'greeter'),
    WRIT_DAEMON_HOME: join(folder, 'home'),
  }
  program = spawn(process.execPath, ['greeter.mjs'], { cwd: folder, env, stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => program?.once('close', resolve))

  const bus = await connect({ url: await urlFor(), name: 'somebody' })
  const client = new WritClient(bus, 'default')
  const input = {
    id: 'greeted',
    title: 'Greetings',
    goal: 'Greet everybody.',
    evaluate: false,
    plan: {
      steps: [
        { name: 'world', description: 'Greet it', task_plan: 'world' },
        { name: 'moon', description: 'Greet it', task_plan: 'moon', depends_on: ['world'] },
      ],
    },
  }
  await client.createDirective(input)
  expect((await client.createDirective(input)).directive).toMatchObject({ id: 'greeted', status: 'draft' })
  await client.directive('greeted').start({ command: 'go' })
  const view = await client.wait('greeted', { signal: AbortSignal.timeout(60_000) })
  expect([view.status, view.passed, view.counts.passed]).toEqual(['completed', 2, 2])
  const definition: Definition = view.definition
  expect(definition.title).toBe('Greetings')
  // The same command once more is the same answer, although the directive has ended.
  expect((await client.directive('greeted').start({ command: 'go' })).directive.status).toBe('active')

  const { lines } = await client.listTasks({ text: 'greeted' })
  const results = await Promise.all(
    lines.map(async ({ address, daemon }) => [daemon, (await client.task(address).get()).attempts[0]?.result]),
  )
  expect(new Set(results.map(String))).toEqual(new Set(['greeter,Hello, world', 'greeter,Hello, moon']))
  const types: string[] = []
  for await (const { number, type } of client.events('greeted')) {
    types.push(type)
    if (number === view.events) break
  }
  expect(types.at(-1)).toBe('directive_completed')
  await bus.close()

  program.kill('SIGTERM')
  expect(await ended).toBe(0)
}, 120_000)
