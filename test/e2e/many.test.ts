import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWrit, type Started, writ } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-many-'))
const data = join(folder, 'data')
const started: Started[] = []

const start = (...args: string[]): Started => {
  const one = startWrit(...args)
  started.push(one)
  return one
}

beforeAll(async () => {
  await start('up', '--daemon', '--slots', '2', '--data-dir', data).says('Ctrl-C')
}, 60_000)

afterAll(async () => {
  for (const { process, ended } of started.toReversed()) {
    process.kill('SIGTERM')
    await ended
  }
  await writ('down', '--data-dir', data)
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const runHello = (): Promise<number | string> => start('run', 'examples/hello/directive.yaml', '--data-dir', data).ended

it('two directives at once on one daemon with two slots both end', async () => {
  expect(await Promise.all([runHello(), runHello()])).toEqual([0, 0])
}, 60_000)

it('ten directives on two daemons all end, and both daemons had work', async () => {
  await start(
    'daemon',
    'run',
    '--name',
    'second',
    '--slots',
    '2',
    '--home',
    join(folder, 'second'),
    '--data-dir',
    data,
  ).says('it takes tasks now')
  expect(await Promise.all(Array.from({ length: 10 }, runHello))).toEqual(Array.from({ length: 10 }, () => 0))
  const tasks = (await writ('task', 'list', '--json', '--data-dir', data)).trim()
  expect(tasks).toContain('"daemon":"second"')
  expect(tasks).toContain('"daemon":"local"')
}, 120_000)
