/** A second node on the servers of a running `writ up`: it shares the work, and does it alone when the first is gone. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWrit, type Started, writ } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-join-'))
const data = join(folder, 'data')
const started: Started[] = []

const start = (...args: string[]): Started => {
  const one = startWrit(...args, '--data-dir', data)
  started.push(one)
  return one
}

let first: Started
beforeAll(async () => {
  first = start('up', '--threads', '1')
  await first.says('Ctrl-C')
}, 60_000)

afterAll(async () => {
  for (const { process, ended } of started.toReversed()) {
    if (process.exitCode === null && process.signalCode === null) process.kill('SIGTERM')
    await ended
  }
  await writ('down', '--data-dir', data)
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

it('a second writ up on one data folder is refused, with 4', async () => {
  const up = start('up')
  expect([await up.ended, up.printed()]).toEqual([
    4,
    expect.stringMatching(/process \d+ uses the data folder .* \[LOCKED\]/),
  ])
})

it('a node joins, takes over what the first one held when that is killed, and a directive gets done', async () => {
  const second = start('up', '--join', '--threads', '1')
  await second.says(/Postgres +postgres:.*\(joined\)[^]*Ctrl-C/)
  const daemon = start('daemon', 'run', '--name', 'd', '--home', join(folder, 'd'))
  await daemon.says('it takes tasks now')
  const run = start('run', 'examples/hello/directive.yaml')
  await run.says('hello')
  first.process.kill('SIGKILL')
  expect(await run.ended).toBe(0)
}, 120_000)

it('where nothing runs, there is nothing to join', async () => {
  const alone = startWrit('up', '--join', '--data-dir', join(folder, 'elsewhere'))
  expect(await alone.ended).toBe(3)
  expect(alone.printed()).toMatch(/there is nothing to join: no writ up serves the data folder .* \[UNREACHABLE\]/)
})
